//! Running short commands through the keeper: with a deadline, and line by line where somebody watches.

use crate::ToolchainError;
use plumbline_keeper::{Child, Command, Finished, Keeper, Output, Signal};
use std::{process::ExitStatus, time::Duration};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Split};

/// A line and the stream that it was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'text> {
    Output(&'text str),
    Error(&'text str),
}

/// Runs a command to its end and hands over each line as it is written.
pub(crate) async fn follow(
    keeper: &Keeper,
    command: Command,
    deadline: Duration,
    mut each: impl FnMut(Line<'_>),
) -> Result<ExitStatus, ToolchainError> {
    let what = command.name().to_owned();
    let followed = async {
        let child = Owned(
            keeper
                .spawn(command.output(Output::Piped))
                .await
                .map_err(ToolchainError::process(&what))?,
        );
        let mut output = child.0.take_stdout().map(lines);
        let mut error = child.0.take_stderr().map(lines);
        while output.is_some() || error.is_some() {
            tokio::select! {
                line = next(&mut output) => if let Some(line) = line { each(Line::Output(&line)) },
                line = next(&mut error) => if let Some(line) = line { each(Line::Error(&line)) },
            }
        }
        Ok(child.0.wait().await)
    };
    tokio::time::timeout(deadline, followed)
        .await
        .map_err(|_| ToolchainError::overdue(&what, deadline))?
}

/// A child that is killed when nobody follows it any more: at the deadline, or when the whole fetch is dropped.
struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        if self.0.status().is_none() {
            self.0.signal(Signal::KILL);
        }
    }
}

/// Runs a command to its end and keeps what it printed.
pub(crate) async fn capture(
    keeper: &Keeper,
    command: Command,
    deadline: Duration,
) -> Result<Finished, ToolchainError> {
    let what = command.name().to_owned();
    tokio::time::timeout(deadline, keeper.output(command))
        .await
        .map_err(|_| ToolchainError::overdue(&what, deadline))?
        .map_err(ToolchainError::process(&what))
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
