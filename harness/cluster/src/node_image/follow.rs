//! Following a long command: its steps as they begin, and the end of what it says for when it fails.

use super::NodeImageError;
use plumbline_keeper::{Command, Keeper, Line};
use plumbline_model::Progress;
use std::{collections::VecDeque, time::Duration};

/// How much of what was said an error quotes.
const QUOTED_LINES: usize = 15;

/// A long command.
#[derive(Debug)]
pub(super) struct Long<'command> {
    /// What is being done from the start: a verb in its continuous form, with its object.
    pub(super) step: &'command str,
    /// Whether each line of the command's standard output is the next step, in the same form.
    pub(super) tells_steps: bool,
    /// How long it may take.
    pub(super) within: Duration,
    /// Where it gets packages from.
    pub(super) mirror: &'command str,
}

impl Long<'_> {
    /// Runs it to its end.
    pub(super) async fn follow(
        &self,
        keeper: &Keeper,
        command: Command,
        progress: &Progress,
    ) -> Result<(), NodeImageError> {
        let mut step = self.step.to_owned();
        let mut task = progress.task(step.clone());
        let mut tail = VecDeque::new();
        let followed = keeper.follow(command, |line| match line {
            Line::Output(line) if self.tells_steps => {
                line.clone_into(&mut step);
                task = progress.task(line);
            }
            Line::Output(line) | Line::Error(line) => {
                task.note(line);
                tail.push_back(line.to_owned());
                if tail.len() > QUOTED_LINES {
                    tail.pop_front();
                }
            }
        });
        let ended = tokio::time::timeout(self.within, followed).await;
        let said = Vec::from(tail).join("\n");
        match ended {
            Ok(status) => match status? {
                status if status.success() => Ok(()),
                status => Err(NodeImageError::of(&step, &status.to_string(), &said, self.mirror)),
            },
            Err(_) => Err(NodeImageError::Overdue {
                step,
                minutes: self.within.as_secs() / 60,
                said,
            }),
        }
    }
}
