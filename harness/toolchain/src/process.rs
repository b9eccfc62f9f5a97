//! Running short commands through the keeper: with a deadline, and line by line where somebody watches.

use crate::ToolchainError;
use plumbline_keeper::{Command, Finished, Keeper, Line};
use std::{process::ExitStatus, time::Duration};

/// Runs a command to its end and hands over each line as it is written.
pub(crate) async fn follow(
    keeper: &Keeper,
    command: Command,
    deadline: Duration,
    each: impl FnMut(Line<'_>),
) -> Result<ExitStatus, ToolchainError> {
    let what = command.name().to_owned();
    tokio::time::timeout(deadline, keeper.follow(command, each))
        .await
        .map_err(|_| ToolchainError::overdue(&what, deadline))?
        .map_err(ToolchainError::process(&what))
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
