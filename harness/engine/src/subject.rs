//! What is under test and with which scenarios, as it is seen and never as it is declared, for the log.

use crate::{EventLog, set_up::ours};
use plumbline_flux::Platform;
use plumbline_keeper::{Command, Keeper};
use plumbline_model::{Event, Fault, FaultClass};
use std::{ffi::OsStr, path::Path, time::Duration};

/// How long the cluster may take to tell what it is.
const SUBJECT_WITHIN: Duration = Duration::from_secs(30);
/// How long Git may take to tell a commit, and whether files differ from it.
const REVISION_WITHIN: Duration = Duration::from_secs(10);

/// Tells what the platform is now. It is called once the platform stands, and again when all scenarios are over.
pub(crate) async fn observe(platform: &Platform, log: &EventLog) {
    let fault = match tokio::time::timeout(SUBJECT_WITHIN, platform.subject()).await {
        Ok(Ok(subject)) => {
            log.emit(Event::SubjectObserved {
                subject: Box::new(subject),
            });
            return;
        }
        Ok(Err(error)) => ours(error),
        Err(_) => Fault {
            class: FaultClass::Cluster,
            message: format!("no answer within {} s", SUBJECT_WITHIN.as_secs()),
            attachments: Vec::new(),
        },
    };
    let message = format!("the cluster does not tell what is under test: {}", fault.message);
    log.emit(Event::RunErrored {
        fault: Fault { message, ..fault },
    });
}

/// Tells at which commit the scenarios are. Those that are in no repository, or whose Git does not answer, are at none.
pub(crate) async fn locate_suite(keeper: &Keeper, program: &Path, project: &Path, log: &EventLog) {
    let git = Git {
        keeper,
        program,
        project,
    };
    let Some(commit) = git.says(&["rev-parse", "--verify", "HEAD"]).await else {
        return;
    };
    let Some(changes) = git.says(&["status", "--porcelain", "--", "scenarios"]).await else {
        return;
    };
    let dirty = if changes.is_empty() { "" } else { "-dirty" };
    log.emit(Event::SuiteLocated {
        revision: format!("{commit}{dirty}"),
    });
}

struct Git<'a> {
    keeper: &'a Keeper,
    program: &'a Path,
    project: &'a Path,
}

impl Git<'_> {
    /// What Git prints; nothing when it refuses.
    async fn says(&self, arguments: &[&str]) -> Option<String> {
        // Nothing that the repository's configuration names is run, and nothing of it is written.
        let environment: [(&str, &OsStr); 10] = [
            ("GIT_CONFIG_NOSYSTEM", "1".as_ref()),
            ("GIT_CONFIG_GLOBAL", "/dev/null".as_ref()),
            ("GIT_CONFIG_COUNT", "2".as_ref()),
            ("GIT_CONFIG_KEY_0", "core.fsmonitor".as_ref()),
            ("GIT_CONFIG_VALUE_0", "false".as_ref()),
            ("GIT_CONFIG_KEY_1", "safe.directory".as_ref()),
            ("GIT_CONFIG_VALUE_1", "*".as_ref()),
            ("GIT_OPTIONAL_LOCKS", "0".as_ref()),
            ("LC_ALL", "C".as_ref()),
            // Git looks for its own helpers beside itself.
            ("PATH", self.program.parent().unwrap_or(Path::new("/")).as_ref()),
        ];
        let command = Command::new("git", self.program)
            .arguments(arguments)
            .environment(environment)
            .directory(self.project);
        let finished = tokio::time::timeout(REVISION_WITHIN, self.keeper.output(command));
        let finished = finished.await.ok()?.ok()?;
        finished
            .status
            .success()
            .then(|| finished.stdout.text().trim().to_owned())
    }
}
