//! A kubeconfig that needs no other file, for kubectl, flux and the controller manager.

use crate::kubernetes::Access;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The kubeconfig of one user of one cluster called `plumbline`. Every value is base64, a URL, or a word of ours, so
/// nothing needs quoting.
pub(super) fn render(access: &Access, user: &str) -> String {
    format!(
        "\
apiVersion: v1
kind: Config
clusters:
  - name: plumbline
    cluster:
      server: {server}
      certificate-authority-data: {authority}
users:
  - name: {user}
    user:
      client-certificate-data: {certificate}
      client-key-data: {key}
contexts:
  - name: plumbline
    context:
      cluster: plumbline
      user: {user}
current-context: plumbline
",
        server = access.server,
        authority = STANDARD.encode(&access.authority_pem),
        certificate = STANDARD.encode(&access.certificate_pem),
        key = STANDARD.encode(access.key_pem.reveal()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_model::Secret;

    #[test]
    fn kube_reads_what_is_rendered() {
        let access = Access {
            server: "https://127.0.0.1:6443".into(),
            authority_pem: "authority".into(),
            certificate_pem: "certificate".into(),
            key_pem: Secret::new("key".into()),
        };
        let read = kube::config::Kubeconfig::from_yaml(&render(&access, "somebody")).unwrap();
        assert_eq!(read.current_context.as_deref(), Some("plumbline"));
        let cluster = read.clusters[0].cluster.as_ref().unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://127.0.0.1:6443"));
        let user = read.auth_infos[0].auth_info.as_ref().unwrap();
        assert_eq!(
            user.client_certificate_data.as_deref(),
            Some(STANDARD.encode("certificate").as_str())
        );
    }
}
