//! What the first bytes of a connection say about whom it is for.

use rustls::server::Acceptor;

/// More than any greeting needs.
pub(super) const LONGEST: usize = 32 * 1024;
/// How many headers a first request may have.
const HEADERS: usize = 64;
/// The first byte of every TLS connection.
const TLS_HANDSHAKE: u8 = 0x16;

/// Whom a connection is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Greeting {
    /// This host and port.
    For(String, u16),
    /// More bytes are needed to tell.
    Unfinished,
    /// It does not say, or is no protocol that is known here.
    Silent,
}

impl Greeting {
    /// Reads the bytes that have come so far.
    pub(super) fn read(bytes: &[u8]) -> Self {
        match bytes.first() {
            None => Self::Unfinished,
            Some(&TLS_HANDSHAKE) => of_tls(bytes),
            Some(_) => of_http(bytes),
        }
    }
}

fn of_tls(mut bytes: &[u8]) -> Greeting {
    let mut acceptor = Acceptor::default();
    while !bytes.is_empty() {
        if !matches!(acceptor.read_tls(&mut bytes), Ok(count) if count > 0) {
            return Greeting::Silent;
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => {
                let hello = accepted.client_hello();
                return match hello.server_name() {
                    Some(name) => Greeting::For(name.to_ascii_lowercase(), 443),
                    None => Greeting::Silent,
                };
            }
            Ok(None) => {}
            Err(_) => return Greeting::Silent,
        }
    }
    Greeting::Unfinished
}

fn of_http(bytes: &[u8]) -> Greeting {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Partial) => Greeting::Unfinished,
        Err(_) => Greeting::Silent,
        Ok(httparse::Status::Complete(_)) => {
            let host = headers
                .iter()
                .find(|header| header.name.eq_ignore_ascii_case("host"))
                .and_then(|header| std::str::from_utf8(header.value).ok());
            let name = host.map(|host| host.split_once(':').map_or(host, |(name, _)| name));
            match name {
                Some(name) if !name.is_empty() => Greeting::For(name.to_ascii_lowercase(), 80),
                _ => Greeting::Silent,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, crypto::aws_lc_rs};
    use std::sync::Arc;

    fn hello(name: &str) -> Vec<u8> {
        let configuration = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let name = name.to_owned().try_into().unwrap();
        let mut client = ClientConnection::new(Arc::new(configuration), name).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_greeting_names_its_host_once_it_is_whole() {
        let request = b"GET / HTTP/1.1\r\nhOst: Hooks.Plumbline.Test:80\r\n\r\n".to_vec();
        for (bytes, name, port) in [
            (hello("git.plumbline.test"), "git.plumbline.test", 443),
            (request, "hooks.plumbline.test", 80),
        ] {
            assert_eq!(Greeting::read(&bytes), Greeting::For(name.to_owned(), port));
            for end in 0..bytes.len() {
                assert_eq!(Greeting::read(&bytes[..end]), Greeting::Unfinished, "{end}");
            }
        }
    }

    #[test]
    fn a_greeting_without_a_host_is_silent() {
        for bytes in [
            &b"GET / HTTP/1.0\r\n\r\n"[..],
            b"SSH-2.0-x\r\n\r\n",
            &[TLS_HANDSHAKE; 64],
        ] {
            assert_eq!(Greeting::read(bytes), Greeting::Silent, "{bytes:?}");
        }
        assert_eq!(Greeting::read(&hello("127.0.0.1")), Greeting::Silent);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, is_tls: bool) {
            let mut bytes = bytes;
            if is_tls {
                bytes.insert(0, TLS_HANDSHAKE);
            }
            let _ = Greeting::read(&bytes);
        }
    }
}
