//! Output kept in memory: its beginning and its end, never more.

use std::collections::VecDeque;
use std::fmt;
use std::process::ExitStatus;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How much of the beginning, and how much of the end, is kept.
const KEPT: usize = 512 * 1024;

/// What a stream held, with a gap in the middle if it held more than a mebibyte.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Captured {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Captured {
    /// The bytes; where some were left out, a line in the middle says how many.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        if self.is_truncated() {
            let missing = self.total - (self.head.len() + self.tail.len()) as u64;
            bytes.extend(format!("\n… {missing} bytes left out …\n").into_bytes());
        }
        bytes.extend(&self.tail);
        bytes
    }

    /// The bytes as text; what is no UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// How many bytes the stream held.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Whether bytes were left out.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.total > (self.head.len() + self.tail.len()) as u64
    }

    fn add(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (head, rest) = bytes.split_at(bytes.len().min(KEPT - self.head.len()));
        self.head.extend(head);
        self.tail.extend(rest);
        let surplus = self.tail.len().saturating_sub(KEPT);
        self.tail.drain(..surplus);
    }
}

impl fmt::Debug for Captured {
    /// Shows the size only: output may hold secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Captured({} bytes)", self.total)
    }
}

/// A child that has ended, with what it wrote.
#[derive(Debug, Clone)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Captured,
    /// Its standard error.
    pub stderr: Captured,
}

/// Reads a stream to its end into `captured`, whatever its length; a read error is an end.
pub(crate) async fn capture(mut stream: impl AsyncRead + Unpin, captured: &std::sync::Mutex<Captured>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length) = stream.read(&mut buffer).await {
        if length == 0 {
            return;
        }
        captured
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .add(&buffer[..length]);
    }
}

#[cfg(test)]
mod tests {
    use super::{Captured, KEPT};
    use proptest::prelude::*;

    #[test]
    fn long_output_keeps_its_ends_and_says_what_is_missing() {
        let mut captured = Captured::default();
        captured.add(b"begin ");
        captured.add(&vec![b'.'; 3 * KEPT]);
        captured.add(b" end");
        let text = captured.text();
        assert!(text.starts_with("begin ") && text.ends_with(" end"));
        assert!(
            text.contains(&format!("… {} bytes left out …", KEPT + 10)),
            "{}",
            captured.total()
        );
    }

    proptest! {
        #[test]
        fn short_output_is_kept_whole(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..10)) {
            let mut captured = Captured::default();
            for piece in &pieces {
                captured.add(piece);
            }
            prop_assert!(!captured.is_truncated());
            prop_assert_eq!(captured.bytes(), pieces.concat());
        }
    }
}
