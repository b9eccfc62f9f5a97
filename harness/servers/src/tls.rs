//! The certificate authority of one run, and the identities it issues.
//!
//! Keys are P-256, which Go's FIPS mode accepts too. Certificates are valid for less than a day, from one hour ago
//! (clocks of containers may lag), so that nothing made here is worth stealing.

use crate::ServerError;
use plumbline_model::Secret;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
    server::WebPkiClientVerifier,
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const BACKDATED: Duration = Duration::from_secs(60 * 60);
const VALIDITY: Duration = Duration::from_secs(23 * 60 * 60);

/// Signs the certificates of one run; its key never leaves this process.
pub struct CertificateAuthority {
    certificate: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// What a server needs to prove its names.
#[derive(Clone, Debug)]
pub struct ServerIdentity {
    /// The certificate.
    pub certificate_pem: String,
    /// Its key, PKCS#8.
    pub key_pem: Secret<String>,
}

/// What a client needs to prove who it is.
#[derive(Clone, Debug)]
pub struct ClientIdentity {
    /// The certificate.
    pub certificate_pem: String,
    /// Its key, PKCS#8.
    pub key_pem: Secret<String>,
}

impl CertificateAuthority {
    /// A new authority called `name`.
    pub fn new(name: &str) -> Result<Self, ServerError> {
        let failed = |source| ServerError::Certificate {
            subject: name.to_owned(),
            source,
        };
        let mut parameters = parameters(&[] as &[&str], name).map_err(failed)?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let key = new_key().map_err(failed)?;
        let certificate = parameters.self_signed(&key).map_err(failed)?;
        Ok(Self {
            pem: certificate.pem(),
            certificate: certificate.into(),
            issuer: Issuer::new(parameters, key),
        })
    }

    /// The authority's own certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Issues a server certificate for `names`: DNS names or IP addresses. The first is also its common name.
    pub fn issue_server<S: AsRef<str>>(&self, names: &[S]) -> Result<ServerIdentity, ServerError> {
        let (certificate, key) = self.sign_server(names)?;
        Ok(ServerIdentity {
            certificate_pem: certificate.pem(),
            key_pem: Secret::new(key.serialize_pem()),
        })
    }

    /// Issues a client certificate; Kubernetes reads `common_name` as the user and the
    /// organization, at most one, as its group.
    pub fn issue_client<S: AsRef<str>>(
        &self,
        common_name: &str,
        organizations: &[S],
    ) -> Result<ClientIdentity, ServerError> {
        let failed = |source| ServerError::Certificate {
            subject: common_name.to_owned(),
            source,
        };
        let mut parameters = parameters(&[] as &[&str], common_name).map_err(failed)?;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        match organizations {
            [] => {}
            [organization] => {
                parameters
                    .distinguished_name
                    .push(DnType::OrganizationName, organization.as_ref());
            }
            // The certificate library keeps one value per kind of name: a second would silently replace the first.
            _ => {
                return Err(ServerError::Name {
                    what: "client certificate",
                    name: common_name.to_owned(),
                    reason: "it can carry one organization at most",
                });
            }
        }
        let (certificate, key) = self.sign_leaf(parameters).map_err(failed)?;
        Ok(ClientIdentity {
            certificate_pem: certificate.pem(),
            key_pem: Secret::new(key.serialize_pem()),
        })
    }

    /// A TLS configuration for a server of ours that answers to `names` and asks no client for a certificate.
    pub fn server_config<S: AsRef<str>>(&self, names: &[S]) -> Result<Arc<ServerConfig>, ServerError> {
        self.configure(names, None)
    }

    /// As [`Self::server_config`], but refuses every client without a certificate of this authority.
    pub fn server_config_for_known_clients<S: AsRef<str>>(
        &self,
        names: &[S],
    ) -> Result<Arc<ServerConfig>, ServerError> {
        let mut roots = RootCertStore::empty();
        roots
            .add(self.certificate.clone())
            .map_err(|source| ServerError::Tls {
                subject: subject(names),
                source,
            })?;
        self.configure(names, Some(roots))
    }

    fn configure<S: AsRef<str>>(
        &self,
        names: &[S],
        clients: Option<RootCertStore>,
    ) -> Result<Arc<ServerConfig>, ServerError> {
        let failed = |source| ServerError::Tls {
            subject: subject(names),
            source,
        };
        let (certificate, key) = self.sign_server(names)?;
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(failed)?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(roots) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
                    .build()
                    .map_err(|error| failed(rustls::Error::General(error.to_string())))?,
            ),
        };
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let mut configuration = builder
            .with_single_cert(vec![certificate.into()], key)
            .map_err(failed)?;
        configuration.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(configuration))
    }

    fn sign_server<S: AsRef<str>>(&self, names: &[S]) -> Result<(Certificate, KeyPair), ServerError> {
        let failed = |source| ServerError::Certificate {
            subject: subject(names),
            source,
        };
        let common_name = names.first().map_or("server", |name| name.as_ref());
        let mut parameters = parameters(names, common_name).map_err(failed)?;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign_leaf(parameters).map_err(failed)
    }

    fn sign_leaf(&self, mut parameters: CertificateParams) -> Result<(Certificate, KeyPair), rcgen::Error> {
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.use_authority_key_identifier_extension = true;
        let key = new_key()?;
        Ok((parameters.signed_by(&key, &self.issuer)?, key))
    }
}

/// A TLS configuration for a client that trusts the authority `authority_pem` alone and proves itself by `identity`, if it has
/// one. `subject` is what errors call it.
pub(crate) fn client_config(
    subject: &str,
    authority_pem: &str,
    identity: Option<&ClientIdentity>,
) -> Result<Arc<ClientConfig>, ServerError> {
    let failed = |source| ServerError::Tls {
        subject: subject.to_owned(),
        source,
    };
    let unreadable = |error: pem::Error| failed(rustls::Error::General(error.to_string()));
    let certificates = |pem: &str| {
        CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(unreadable)
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authority_pem)? {
        roots.add(certificate).map_err(failed)?;
    }
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_root_certificates(roots);
    let mut configuration = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let key =
                PrivateKeyDer::from_pem_slice(identity.key_pem.reveal().as_bytes()).map_err(unreadable)?;
            builder
                .with_client_auth_cert(certificates(&identity.certificate_pem)?, key)
                .map_err(failed)?
        }
    };
    configuration.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(configuration))
}

/// The one cryptography provider of plumbline; named explicitly, because rustls panics when two are compiled in.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn new_key() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
}

fn subject<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

fn parameters<S: AsRef<str>>(names: &[S], common_name: &str) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<String> = names.iter().map(|name| name.as_ref().to_owned()).collect();
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters
        .distinguished_name
        .push(DnType::CommonName, common_name);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    parameters.not_before = epoch + now.saturating_sub(BACKDATED);
    parameters.not_after = epoch + (now.saturating_sub(BACKDATED) + VALIDITY);
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cannot_be_in_a_certificate_are_refused() {
        let authority = CertificateAuthority::new("test").unwrap();
        assert!(matches!(
            authority.issue_server(&["käse"]),
            Err(ServerError::Certificate { .. })
        ));
        assert!(matches!(
            authority.issue_client("admin", &["a", "b"]),
            Err(ServerError::Name { .. })
        ));
    }

    #[test]
    fn identities_are_pem_and_their_keys_are_secret() {
        let authority = CertificateAuthority::new("test").unwrap();
        let server = authority
            .issue_server(&["registry.plumbline.test", "127.0.0.1"])
            .unwrap();
        let client = authority.issue_client("admin", &["system:masters"]).unwrap();
        for (certificate, key) in [
            (&server.certificate_pem, &server.key_pem),
            (&client.certificate_pem, &client.key_pem),
        ] {
            assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"));
            assert!(key.reveal().starts_with("-----BEGIN PRIVATE KEY-----"));
        }
        assert!(!format!("{server:?}{client:?}").contains("PRIVATE KEY"));
    }
}
