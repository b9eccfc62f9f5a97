//! From the kubeconfig that kind writes to how we reach the API server.

use super::KindError;
use crate::kubernetes::Access;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use plumbline_model::Secret;
use serde::Deserialize;
use std::{fs, path::Path};

/// As much of a kubeconfig as kind fills in.
#[derive(Deserialize)]
struct Kubeconfig {
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
}

#[derive(Deserialize)]
struct NamedCluster {
    cluster: Cluster,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority_data: String,
}

#[derive(Deserialize)]
struct NamedUser {
    user: User,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    client_certificate_data: String,
    client_key_data: String,
}

/// Reads the kubeconfig of one cluster and one user.
pub(super) fn read(path: &Path) -> Result<Access, KindError> {
    let read = || access(&fs::read_to_string(path).map_err(|error| error.to_string())?);
    read().map_err(|why| KindError::Kubeconfig {
        path: path.to_owned(),
        why,
    })
}

fn access(text: &str) -> Result<Access, String> {
    // An error of the parser would show the text, and with it the key.
    let kubeconfig: Kubeconfig = serde_saphyr::from_str(text)
        .map_err(|_| "it is not a kubeconfig with a cluster and a user".to_owned())?;
    let [NamedCluster { cluster }] = &kubeconfig.clusters[..] else {
        return Err(format!("it has {} clusters, not one", kubeconfig.clusters.len()));
    };
    let [NamedUser { user }] = &kubeconfig.users[..] else {
        return Err(format!("it has {} users, not one", kubeconfig.users.len()));
    };
    let decode = |what: &str, text: &str| {
        let bytes = STANDARD.decode(text).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.ok_or_else(|| format!("its {what} is not PEM in base64"))
    };
    Ok(Access {
        server: cluster.server.clone(),
        authority_pem: decode("certificate authority", &cluster.certificate_authority_data)?,
        certificate_pem: decode("client certificate", &user.client_certificate_data)?,
        key_pem: Secret::new(decode("client key", &user.client_key_data)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(key: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- cluster: {{certificate-authority-data: {0}, server: \"https://127.0.0.1:1\"}}\n  name: kind-a\nusers:\n- name: kind-a\n  user: {{client-certificate-data: {1}, client-key-data: {key}}}\n",
            STANDARD.encode("authority"),
            STANDARD.encode("certificate"),
        )
    }

    #[test]
    fn what_kind_writes_is_read() {
        let access = access(&text(&STANDARD.encode("key"))).unwrap();
        assert_eq!(access.server, "https://127.0.0.1:1");
        assert_eq!(access.authority_pem, "authority");
        assert_eq!(access.certificate_pem, "certificate");
        assert_eq!(access.key_pem.reveal(), "key");
    }

    #[test]
    fn no_error_shows_the_key() {
        for text in [text("hunter2-"), "users: [{user: hunter2-}]".to_owned()] {
            let error = access(&text).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
