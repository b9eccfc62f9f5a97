//! What a client asks to be connected with.

use http::uri::Authority;
use std::fmt;

/// A host and port in their one form: lower case, no final dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Destination {
    /// Reads `authority`; without a port it is `default_port`.
    pub(super) fn new(authority: &Authority, default_port: Option<u16>) -> Option<Self> {
        let host = authority.host();
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        // `as_str` may have a port that is no number, which `port_u16` takes for none.
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None if authority.as_str().ends_with(authority.host()) => default_port?,
            None => return None,
        };
        (!host.is_empty() && port != 0).then_some(Self { host, port })
    }

    /// The service and its namespace, if the host is the name of one.
    pub(super) fn service(&self) -> Option<(&str, &str)> {
        let host = self.host.strip_suffix(".cluster.local").unwrap_or(&self.host);
        let (service, namespace) = host.strip_suffix(".svc")?.split_once('.')?;
        let plain = |label: &str| !label.is_empty() && !label.contains('.');
        (plain(service) && plain(namespace)).then_some((service, namespace))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn destination(text: &str) -> Option<Destination> {
        Destination::new(&text.parse().ok()?, Some(80))
    }

    #[test]
    fn hosts_have_one_form() {
        for text in [
            "Git.Plumbline.Test",
            "git.plumbline.test.:80",
            "git.plumbline.test:80",
        ] {
            let expected = Destination {
                host: "git.plumbline.test".into(),
                port: 80,
            };
            assert_eq!(destination(text), Some(expected), "{text}");
        }
        for text in [".", ":80", "a:0", "a:99999"] {
            assert_eq!(destination(text), None, "{text}");
        }
        assert_eq!(Destination::new(&"a".parse().unwrap(), None), None);
    }

    #[test]
    fn services_are_recognised_in_all_their_forms() {
        for text in ["s.n.svc", "s.n.svc.cluster.local", "s.n.svc.cluster.local."] {
            assert_eq!(destination(text).unwrap().service(), Some(("s", "n")), "{text}");
        }
        for text in [
            "s.n",
            "s.svc",
            ".n.svc",
            "a.s.n.svc",
            "s.n.svc.example.test",
            "svc",
            "s.n.svc.cluster.local.x",
        ] {
            assert_eq!(
                destination(text).and_then(|found| found.service().map(|_| ())),
                None,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_authority_is_read_or_refused(text in "[a-zA-Z.:@\\[\\]0-9]{0,24}") {
            if let Some(destination) = destination(&text) {
                prop_assert!(!destination.host.is_empty() && destination.port != 0);
            }
        }
    }
}
