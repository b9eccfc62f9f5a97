//! Following a child: its lines as it writes them.

use crate::service::KillOnDrop;
use crate::{Command, Keeper, KeeperError, Output};
use std::process::ExitStatus;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Split};

/// A line and the stream that it was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'text> {
    /// Of standard output.
    Output(&'text str),
    /// Of standard error.
    Error(&'text str),
}

impl Keeper {
    /// Starts a child, hands over each line as it is written, without its end, and waits for the child's end. If the
    /// returned future is dropped, the child is killed.
    ///
    /// # Errors
    /// As of [`Keeper::spawn`]. A child that fails is no error: see its status.
    pub async fn follow(
        &self,
        command: Command,
        mut each: impl FnMut(Line<'_>),
    ) -> Result<ExitStatus, KeeperError> {
        let child = self.spawn(command.output(Output::Piped)).await?;
        let _guard = KillOnDrop(&child);
        let mut output = child.take_stdout().map(lines);
        let mut error = child.take_stderr().map(lines);
        while output.is_some() || error.is_some() {
            tokio::select! {
                line = next(&mut output) => if let Some(line) = line { each(Line::Output(&line)) },
                line = next(&mut error) => if let Some(line) = line { each(Line::Error(&line)) },
            }
        }
        Ok(child.wait().await)
    }
}

fn lines<Stream: AsyncRead + Unpin>(stream: Stream) -> Split<BufReader<Stream>> {
    BufReader::new(stream).split(b'\n')
}

/// The next line; at the end of the stream, or when it cannot be read any more, `None`, and `stream` becomes `None`.
async fn next<Stream: AsyncRead + Unpin>(stream: &mut Option<Split<BufReader<Stream>>>) -> Option<String> {
    let Some(open) = stream else {
        return std::future::pending().await;
    };
    match open.next_segment().await {
        Ok(Some(line)) => Some(String::from_utf8_lossy(&line).trim_end().to_owned()),
        Ok(None) | Err(_) => {
            *stream = None;
            None
        }
    }
}
