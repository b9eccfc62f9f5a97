//! What the gateway's container reports: a line each.

use std::net::Ipv4Addr;

/// More than any report needs.
pub(super) const LONGEST: usize = 64;

/// A line of the container's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// It is ready, at this address.
    Here(Ipv4Addr),
    /// Somebody tried to reach this address and port.
    Try(Ipv4Addr, u16),
}

impl Report {
    /// Reads a line.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["here", address] => Some(Self::Here(address.parse().ok()?)),
            ["try", address, port] => Some(Self::Try(address.parse().ok()?, port.parse().ok()?)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reports_are_read_and_anything_else_is_not() {
        let address = Ipv4Addr::new(192, 0, 2, 1);
        for (line, report) in [
            ("here 192.0.2.1\n", Some(Report::Here(address))),
            ("try 192.0.2.1 443\n", Some(Report::Try(address, 443))),
            ("try 192.0.2.1\n", None),
            ("try 192.0.2.1 65536\n", None),
            ("try outside.example 443\n", None),
            ("there 192.0.2.1\n", None),
            ("", None),
        ] {
            assert_eq!(Report::read(line.as_bytes()), report, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let _ = Report::read(&bytes);
        }
    }
}
