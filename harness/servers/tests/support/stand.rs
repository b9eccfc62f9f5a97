//! Registries under test: with content of their own, or as the front of another one, which has a certificate and a login.

use plumbline_servers::{
    CertificateAuthority, Credentials, OtherRegistry, Registry, RegistryContent, RegistryOptions,
};
use std::path::Path;

/// Where a registry has its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    Own,
    Front,
}

/// The options of a registry over plain HTTP that asks nobody for a login.
pub fn options(content: RegistryContent) -> RegistryOptions {
    RegistryOptions {
        name: "test".into(),
        content,
        credentials: None,
        tls: None,
        address: ([127, 0, 0, 1], 0).into(),
    }
}

impl Stand {
    /// A registry whose content is in `directory` in the end; the second one, if there is one, is behind the first.
    pub async fn registry(
        self,
        directory: &Path,
        credentials: Option<Credentials>,
    ) -> (Registry, Option<Registry>) {
        let own = RegistryContent::Directory(directory.to_owned());
        if self == Self::Own {
            let options = RegistryOptions {
                credentials,
                ..options(own)
            };
            return (Registry::start(options).await.unwrap(), None);
        }
        let authority = CertificateAuthority::new("behind").unwrap();
        let login = Credentials::generate("front");
        let behind = Registry::start(RegistryOptions {
            credentials: Some(login.clone()),
            tls: Some(authority.server_config(&["127.0.0.1"]).unwrap()),
            ..options(own)
        });
        let behind = behind.await.unwrap();
        let front = Registry::start(RegistryOptions {
            credentials,
            ..options(RegistryContent::Another)
        });
        let front = front.await.unwrap();
        let other = OtherRegistry {
            address: behind.address(),
            authority_pem: Some(authority.pem().to_owned()),
            credentials: Some(login),
        };
        other.ask().await.unwrap();
        front.stand_before(&other).unwrap();
        (front, Some(behind))
    }
}
