//! Numbers that only one run at a time may use: TCP ports and pod ranges.
//!
//! Both leases are sockets, so that the kernel ends them with the process, however it dies.

use crate::KeeperError;
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_reuseport;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, getsockname, socket_with};
use rustix::process::getuid;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;

/// A TCP port on 127.0.0.1 that no one else gets while this is held.
///
/// The port is bound with `SO_REUSEPORT` and never listens: a server of the same user that asks for port sharing may
/// bind and serve it, everyone else is told that the address is in use.
#[derive(Debug)]
pub struct PortLease {
    port: u16,
    _socket: OwnedFd,
}

impl PortLease {
    /// Leases a free port, chosen by the kernel.
    ///
    /// # Errors
    /// If the kernel has no free port or no free descriptor.
    pub fn acquire() -> Result<Self, KeeperError> {
        let lease = || -> Result<Self, Errno> {
            let socket = socket_with(
                AddressFamily::INET,
                SocketType::STREAM,
                SocketFlags::CLOEXEC,
                None,
            )?;
            set_socket_reuseport(&socket, true)?;
            bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
            let address = SocketAddr::try_from(getsockname(&socket)?)?;
            Ok(Self {
                port: address.port(),
                _socket: socket,
            })
        };
        lease().map_err(KeeperError::system("lease a port on 127.0.0.1"))
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

/// A number in `0..=255` that no other run of this user on this machine has: the third byte of its pods' addresses.
#[derive(Debug)]
pub struct PodRange {
    number: u8,
    _socket: OwnedFd,
}

impl PodRange {
    /// Leases the lowest free number.
    ///
    /// # Errors
    /// If all 256 are leased.
    pub fn lease() -> Result<Self, KeeperError> {
        let user = getuid().as_raw();
        for number in 0..=u8::MAX {
            match Self::bind(format!("plumbline/{user}/pods/{number}").as_bytes()) {
                Ok(socket) => {
                    return Ok(Self {
                        number,
                        _socket: socket,
                    });
                }
                Err(Errno::ADDRINUSE) => {}
                Err(error) => return Err(KeeperError::system("lease a pod range")(error)),
            }
        }
        Err(KeeperError::NoPodRange)
    }

    fn bind(name: &[u8]) -> Result<OwnedFd, Errno> {
        let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
        bind(&socket, &SocketAddrUnix::new_abstract_name(name)?)?;
        Ok(socket)
    }

    /// The leased number.
    #[must_use]
    pub const fn number(&self) -> u8 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::{PodRange, PortLease};
    use std::collections::HashSet;
    use std::net::TcpListener;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the test is the stranger who tries to take the port"
    )]
    fn leased_port_is_refused_to_strangers() {
        let lease = PortLease::acquire().unwrap();
        let port = lease.port();
        assert!(TcpListener::bind(("127.0.0.1", port)).is_err());
        assert!(PortLease::acquire().unwrap().port() != port);
    }

    #[test]
    fn pod_ranges_are_distinct_while_held() {
        let held: Vec<_> = (0..8).map(|_| PodRange::lease().unwrap()).collect();
        let numbers: HashSet<_> = held.iter().map(PodRange::number).collect();
        assert_eq!(numbers.len(), held.len());
    }
}
