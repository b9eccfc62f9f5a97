//! Sending a request as someone outside the cluster does: to the servers of the run and to Services of the cluster, by
//! their own names.

use crate::{
    Platform, VerbError, chain,
    names::{GIT_SERVER, PRIVATE_REGISTRY, PUBLIC_REGISTRIES, WEBHOOK_SINK},
};
use plumbline_servers::ServiceProxy;
use reqwest::{Certificate, Client, Method, Proxy, Url, redirect::Policy};
use std::{collections::BTreeMap, time::Duration};

/// How much of a body is kept.
const LARGEST: usize = 1 << 20;

/// A request.
#[derive(Clone, Debug, Default)]
pub struct HttpRequest {
    /// `GET`.
    pub method: String,
    /// An absolute URL.
    pub url: String,
    /// Headers by name.
    pub headers: BTreeMap<String, String>,
    /// What is sent along.
    pub body: Option<String>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// Headers by name in lower case; one that is there several times has its values with commas between them.
    pub headers: BTreeMap<String, String>,
    /// The body, the first mebibyte of it; bytes that are not UTF-8 are replaced.
    pub body: String,
}

/// A client outside the cluster.
pub struct HttpClient {
    client: Client,
    // Serves as long as it is held.
    _proxy: ServiceProxy,
}

impl Platform {
    /// A client that knows the names of the platform and trusts its authority.
    ///
    /// # Errors
    /// No socket can be had.
    pub async fn http_client(&self) -> Result<HttpClient, VerbError> {
        let services = self.services();
        let proxy = services.outside_proxy(self.service_names()).await?;
        let environment = |error: reqwest::Error| VerbError::environment(&error);
        let authority = Certificate::from_pem(services.authority.pem().as_bytes()).map_err(environment)?;
        let way = Proxy::all(format!("http://{}", proxy.address())).map_err(environment)?;
        let client = Client::builder()
            .proxy(way)
            .tls_certs_only([authority])
            .redirect(Policy::none())
            .build()
            .map_err(environment)?;
        Ok(HttpClient {
            client,
            _proxy: proxy,
        })
    }
}

impl HttpClient {
    /// Sends a request once. That nothing came back is said in words, for the same request may be answered later.
    ///
    /// # Errors
    /// It cannot be sent at all: no such URL, host, method or header.
    pub async fn send(
        &self,
        request: &HttpRequest,
        within: Duration,
    ) -> Result<Result<HttpAnswer, String>, VerbError> {
        let wrong = |what: &str, error: &dyn std::error::Error| {
            VerbError::unmet(format!("{what} cannot be sent: {}", chain(error)))
        };
        let url: Url = request
            .url
            .parse()
            .map_err(|error| wrong(&format!("a request to `{}`", request.url), &error))?;
        check_host(&url)?;
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|error| wrong(&format!("the method `{}`", request.method), &error))?;
        let mut sending = self.client.request(method, url).timeout(within);
        for (name, value) in &request.headers {
            sending = sending.header(name, value);
        }
        if let Some(body) = &request.body {
            sending = sending.body(body.clone());
        }
        let sending = sending
            .build()
            .map_err(|error| wrong("the request", &error.without_url()))?;
        Ok(self
            .answer(sending)
            .await
            .map_err(|error| chain(&error.without_url())))
    }

    async fn answer(&self, request: reqwest::Request) -> Result<HttpAnswer, reqwest::Error> {
        let mut response = self.client.execute(request).await?;
        let status = response.status().as_u16();
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in response.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            let known = headers.entry(name.as_str().to_owned()).or_default();
            if !known.is_empty() {
                known.push_str(", ");
            }
            known.push_str(&value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk[..chunk.len().min(LARGEST - body.len())]);
            if body.len() == LARGEST {
                break;
            }
        }
        Ok(HttpAnswer {
            status,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}

/// Nothing else is served; to try it until the deadline would only hide the mistake.
fn check_host(url: &Url) -> Result<(), VerbError> {
    let host = url.host_str().unwrap_or_default();
    let known = [PRIVATE_REGISTRY, GIT_SERVER, WEBHOOK_SINK];
    let is_service = host.ends_with(".svc") || host.ends_with(".svc.cluster.local");
    if known.contains(&host) || PUBLIC_REGISTRIES.contains(&host) || is_service {
        return Ok(());
    }
    Err(VerbError::unmet(format!(
        "`{host}` is not part of the platform; there are {}, {}, and Services as `<name>.<namespace>.svc.cluster.local`",
        known.join(", "),
        PUBLIC_REGISTRIES.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_platform_is_reached() {
        for url in [
            "https://git.plumbline.test/k8s-gitops.git",
            "http://webhook-receiver.flux-system.svc.cluster.local/hook/1",
            "http://webhook-receiver.flux-system.svc:80",
            "https://ghcr.io/v2/",
        ] {
            assert!(check_host(&url.parse().unwrap()).is_ok(), "{url}");
        }
        for url in ["https://example.com", "http://127.0.0.1:1", "http://svc.example"] {
            assert!(check_host(&url.parse().unwrap()).is_err(), "{url}");
        }
    }
}
