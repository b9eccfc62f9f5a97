//! A socket that carries whole messages together with descriptors.

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Serialize, de::DeserializeOwned};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use tokio::io::unix::AsyncFd;

/// No message is longer: whatever could be travels in a file.
const LONGEST_MESSAGE: usize = 64 * 1024;

/// The descriptors that one message can carry.
const MOST_DESCRIPTORS: usize = 4;

/// One end of a connected pair of sequenced-packet sockets.
#[derive(Debug)]
pub(crate) struct PacketSocket {
    socket: AsyncFd<OwnedFd>,
}

/// A connected pair, both ends non-blocking and closed on exec.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        flags,
        None,
    )?)
}

impl PacketSocket {
    /// Takes one end of a [`pair`]; needs a tokio runtime.
    #[expect(
        deprecated,
        reason = "its replacement is unsafe; an owned descriptor upholds what it asks for"
    )]
    pub(crate) fn new(socket: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            socket: AsyncFd::new(socket)?,
        })
    }

    /// Sends one message.
    pub(crate) async fn send(&self, message: &impl Serialize, descriptors: &[OwnedFd]) -> io::Result<()> {
        let bytes = serde_json::to_vec(message)?;
        if bytes.len() > LONGEST_MESSAGE {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "message too long"));
        }
        let borrowed: Vec<BorrowedFd<'_>> = descriptors.iter().map(|descriptor| descriptor.as_fd()).collect();
        loop {
            let mut ready = self.socket.writable().await?;
            if let Ok(result) = ready.try_io(|socket| Ok(send_now(socket.get_ref(), &bytes, &borrowed)?)) {
                return result;
            }
        }
    }

    /// Receives one message; `None` at the end of the connection.
    pub(crate) async fn receive<M: DeserializeOwned>(&self) -> io::Result<Option<(M, Vec<OwnedFd>)>> {
        let mut buffer = vec![0; LONGEST_MESSAGE];
        loop {
            let mut ready = self.socket.readable().await?;
            let Ok(result) = ready.try_io(|socket| Ok(receive_now(socket.get_ref(), &mut buffer)?)) else {
                continue;
            };
            let (length, descriptors) = match result {
                Ok((0, _)) => return Ok(None),
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error),
            };
            return Ok(Some((serde_json::from_slice(&buffer[..length])?, descriptors)));
        }
    }
}

/// Sends a message without descriptors at once, or not at all.
pub(crate) fn send_last(socket: &OwnedFd, message: &impl Serialize) -> io::Result<()> {
    Ok(send_now(socket, &serde_json::to_vec(message)?, &[])?)
}

fn send_now(socket: &OwnedFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(Errno::INVAL);
    }
    loop {
        match sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            other => return other.map(|_| ()),
        }
    }
}

fn receive_now(socket: &OwnedFd, buffer: &mut [u8]) -> Result<(usize, Vec<OwnedFd>), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match recvmsg(
            socket,
            &mut [IoSliceMut::new(buffer)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        ) {
            Err(Errno::INTR) => {}
            other => break other?,
        }
    };
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    Ok((received.bytes, descriptors))
}

#[cfg(test)]
mod tests {
    use super::{PacketSocket, pair};
    use std::fs::File;
    use std::io::{Read as _, Seek as _, Write as _};

    #[tokio::test]
    async fn messages_keep_their_bounds_and_their_descriptors() {
        let (left, right) = pair().unwrap();
        let (left, right) = (
            PacketSocket::new(left).unwrap(),
            PacketSocket::new(right).unwrap(),
        );
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"by descriptor").unwrap();
        file.rewind().unwrap();
        left.send(&"first", &[file.into()]).await.unwrap();
        left.send(&"second", &[]).await.unwrap();
        drop(left);
        let (first, descriptors): (String, _) = right.receive().await.unwrap().unwrap();
        assert_eq!((first.as_str(), descriptors.len()), ("first", 1));
        let mut text = String::new();
        File::from(descriptors.into_iter().next().unwrap())
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "by descriptor");
        let (second, none): (String, Vec<_>) = right.receive().await.unwrap().unwrap();
        assert_eq!((second.as_str(), none.len()), ("second", 0));
        assert!(right.receive::<String>().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_message_that_is_too_long_is_refused() {
        let (left, _right) = pair().unwrap();
        let left = PacketSocket::new(left).unwrap();
        assert!(left.send(&"x".repeat(super::LONGEST_MESSAGE), &[]).await.is_err());
    }
}
