//! Where registries are: those of a run at loopback addresses under stable names, all others where their names say.

use crate::{
    access::Access,
    error::ImageError,
    name::ImageName,
    registry::{Place, Registry},
};
use plumbline_model::Secret;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// A user of a registry.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The name of the user.
    pub user: String,
    /// The password.
    pub password: Secret<String>,
}

/// The address at which one registry is served, and how to get in.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The address; its certificate must cover the IP address.
    pub address: SocketAddr,
    /// The only certificate authority that is trusted for this endpoint; without one, plain HTTP is spoken.
    pub tls_ca_pem: Option<String>,
    /// The user, where the registry wants one.
    pub credentials: Option<Credentials>,
}

/// Maps the names of registries to their endpoints; cheap to clone, and clones share connections.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    registries: BTreeMap<String, Registry>,
    others: Option<Others>,
}

/// The registries that no endpoint was given for, made when they are first asked for.
#[derive(Clone, Debug)]
struct Others {
    access: Arc<Access>,
    met: Arc<Mutex<BTreeMap<String, Registry>>>,
}

impl Endpoints {
    /// No endpoint at all: every registry is unknown.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every registry that there is, each at the host that its name says.
    #[must_use]
    pub fn everywhere(access: Access) -> Self {
        Self {
            registries: BTreeMap::new(),
            others: Some(Others {
                access: Arc::new(access),
                met: Arc::default(),
            }),
        }
    }

    /// Adds the endpoint at which the registry `name` is served, replacing an earlier one.
    ///
    /// # Errors
    ///
    /// The certificate authority of the endpoint can't be read.
    pub fn with(mut self, name: impl Into<String>, endpoint: &Endpoint) -> Result<Self, ImageError> {
        let name = name.into();
        let registry = Registry::new(&name, Place::of_endpoint(endpoint))?;
        self.registries.insert(name, registry);
        Ok(self)
    }

    /// Adds one endpoint that stands for several registries, as the upstream one does for all public registries.
    ///
    /// # Errors
    ///
    /// The certificate authority of the endpoint can't be read.
    pub fn with_all<'a>(
        self,
        names: impl IntoIterator<Item = &'a str>,
        endpoint: &Endpoint,
    ) -> Result<Self, ImageError> {
        names
            .into_iter()
            .try_fold(self, |endpoints, name| endpoints.with(name, endpoint))
    }

    /// The names of the registries that endpoints were given for, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.registries.keys().map(String::as_str)
    }

    pub(crate) fn registry(&self, image: &ImageName) -> Result<Registry, ImageError> {
        let name = image.registry();
        if let Some(registry) = self.registries.get(name) {
            return Ok(registry.clone());
        }
        match &self.others {
            Some(others) => others.registry(name),
            None => Err(ImageError::UnknownRegistry {
                registry: name.to_owned(),
                known: if self.registries.is_empty() {
                    "none".to_owned()
                } else {
                    self.names().collect::<Vec<_>>().join(", ")
                },
            }),
        }
    }
}

impl Others {
    fn registry(&self, name: &str) -> Result<Registry, ImageError> {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(registry) = met.get(name) {
            return Ok(registry.clone());
        }
        let registry = Registry::new(name, Place::of_name(name, &self.access)?)?;
        met.insert(name.to_owned(), registry.clone());
        Ok(registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_registry_is_named_together_with_the_known_ones() {
        let endpoint = Endpoint {
            address: ([127, 0, 0, 1], 1).into(),
            tls_ca_pem: None,
            credentials: None,
        };
        let endpoints = Endpoints::new()
            .with_all(["quay.io", "ghcr.io"], &endpoint)
            .unwrap();
        let error = endpoints
            .registry(&"alpine".parse().unwrap())
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "no registry is served under the name `docker.io` in this run; served are: ghcr.io, quay.io"
        );
    }

    #[test]
    fn a_password_is_not_shown() {
        let credentials = Credentials {
            user: "u".into(),
            password: Secret::new("hunter22".into()),
        };
        let endpoint = Endpoint {
            address: ([127, 0, 0, 1], 1).into(),
            tls_ca_pem: None,
            credentials: Some(credentials),
        };
        let endpoints = Endpoints::new().with("ghcr.io", &endpoint).unwrap();
        assert!(!format!("{endpoint:?} {endpoints:?}").contains("hunter22"));
    }

    #[test]
    fn a_broken_certificate_authority_is_an_error() {
        let tls_ca_pem = Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned());
        let endpoint = Endpoint {
            address: ([127, 0, 0, 1], 1).into(),
            tls_ca_pem,
            credentials: None,
        };
        let error = Endpoints::new().with("ghcr.io", &endpoint).unwrap_err();
        assert!(matches!(error, ImageError::Client { .. }), "{error:?}");
    }
}
