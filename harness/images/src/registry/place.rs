//! Where a registry is, and how it is reached.

use crate::{
    access::{Access, Identity},
    endpoint::Endpoint,
    error::ImageError,
};
use reqwest::{Certificate, Client};
use std::time::Duration;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// Where a registry is, and how it is reached.
pub(crate) struct Place {
    /// `host` or `host:port`.
    host: String,
    plain_http: bool,
    /// In PEM form.
    authorities: Option<String>,
    /// Whether it is one of a run: only its own certificate authority is trusted.
    is_of_run: bool,
    pub(super) identity: Identity,
}

impl Place {
    /// Of a registry of a run.
    pub fn of_endpoint(endpoint: &Endpoint) -> Self {
        Self {
            host: endpoint.address.to_string(),
            plain_http: endpoint.tls_ca_pem.is_none(),
            authorities: endpoint.tls_ca_pem.clone(),
            is_of_run: true,
            identity: endpoint
                .credentials
                .clone()
                .map_or(Identity::Anonymous, Identity::Password),
        }
    }

    /// Of a registry that is where its name says.
    ///
    /// # Errors
    ///
    /// The login of the user for it can't be had.
    pub fn of_name(name: &str, access: &Access) -> Result<Self, ImageError> {
        // Docker Hub alone is not where its name says.
        let host = if name == "docker.io" {
            "registry-1.docker.io"
        } else {
            name
        };
        Ok(Self {
            host: host.to_owned(),
            plain_http: access.plain_http.contains(name),
            authorities: access.authorities.clone(),
            is_of_run: false,
            identity: access.logins.identity(name)?,
        })
    }

    /// The beginning of every URL: scheme and host.
    pub(super) fn base(&self) -> String {
        let scheme = if self.plain_http { "http" } else { "https" };
        format!("{scheme}://{}", self.host)
    }

    /// The client for the registry `name`.
    pub(super) fn client(&self, name: &str) -> Result<Client, ImageError> {
        let failed = |error| ImageError::Client {
            registry: name.to_owned(),
            source: Box::new(error),
        };
        let certificates = match &self.authorities {
            Some(pem) => Certificate::from_pem_bundle(pem.as_bytes()).map_err(failed)?,
            None => Vec::new(),
        };
        // Content must arrive as it is stored, so nothing may be unpacked on the way.
        let mut builder = Client::builder()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .connect_timeout(CONNECT)
            .user_agent(concat!("plumbline/", env!("CARGO_PKG_VERSION")));
        builder = match self.is_of_run && !self.plain_http {
            true => builder.tls_certs_only(certificates),
            false => builder.tls_certs_merge(certificates),
        };
        // A proxy of the machine is no way to the machine itself.
        if self.is_of_run || self.is_loopback() {
            builder = builder.no_proxy();
        }
        builder.build().map_err(failed)
    }

    fn is_loopback(&self) -> bool {
        let host = self
            .host
            .rsplit_once(':')
            .map_or(self.host.as_str(), |(host, _)| host);
        host == "localhost"
            || host
                .parse()
                .is_ok_and(|address: std::net::Ipv4Addr| address.is_loopback())
    }
}
