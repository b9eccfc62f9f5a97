//! One running program of the control plane: its process, its log, and what to say when it ends unasked.

use super::StartError;
use plumbline_keeper::{Child, Command, Keeper, KeeperError, Output, log};
use plumbline_model::{Attachment, Fault, FaultClass};
use std::{path::PathBuf, time::Duration};

/// How many lines of a log tell why its program ended.
const TAIL: usize = 20;

/// The data is thrown away, so nobody has to wait for a tidy end; the API server would take seconds for its.
const GRACE: Duration = Duration::from_millis(100);

/// For Go's collector: it seldom runs while the heap is small, which the start needs most, and works against the limit
/// later. A limit below what the API server really holds with a few dozen releases (200 MiB was tried) makes it collect
/// all the time and the whole run a third slower.
const MEMORY: [(&str, &str); 2] = [("GOGC", "200"), ("GOMEMLIMIT", "400MiB")];

/// A program that was started.
#[derive(Clone)]
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) child: Child,
    pub(super) log: PathBuf,
}

impl Program {
    /// Starts `path` in `directory`, with nothing in its environment but what bounds its memory. Programs of a lower `stop_order` are stopped first.
    pub(super) async fn start(
        keeper: &Keeper,
        name: &'static str,
        path: PathBuf,
        arguments: Vec<String>,
        (directory, log): (PathBuf, PathBuf),
        stop_order: u8,
    ) -> Result<Self, KeeperError> {
        let command = Command::new(name, path)
            .arguments(arguments)
            .environment(MEMORY)
            .directory(directory)
            .output(Output::Log(log.clone()))
            .grace(GRACE)
            .stop_order(stop_order);
        Ok(Self {
            name,
            child: keeper.spawn(command).await?,
            log,
        })
    }

    /// The end of its log.
    pub(super) fn tail(&self) -> String {
        match log::tail(&self.log, TAIL) {
            Ok(tail) => tail.lines.join("\n"),
            Err(error) => error.to_string(),
        }
    }

    /// Waits for the program to end, which it should not while the control plane starts.
    pub(super) async fn ended(&self) -> StartError {
        let status = self.child.wait().await.to_string();
        StartError::Ended {
            program: self.name,
            status,
            log: self.log.clone(),
            tail: self.tail(),
        }
    }

    /// The fault of a program that ended while it was needed.
    pub(super) async fn fault(&self) -> Fault {
        let status = self.child.wait().await;
        Fault {
            class: FaultClass::Cluster,
            message: format!(
                "{} ended while it was needed ({status}); nothing that was waited for can happen any more",
                self.name
            ),
            attachments: vec![Attachment {
                title: format!("last {TAIL} lines of {}", self.log.display()),
                text: self.tail(),
            }],
        }
    }
}
