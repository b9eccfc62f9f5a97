//! Whether a run is green, and what keeps it from that.
//!
//! | found | exit code |
//! |---|---|
//! | a scenario failed; one was flaky and `options.flaky` is `fail` | 1 |
//! | a scenario errored, or never ended; the set-up or the run did; the log breaks off; a shard is missing | 3 |
//! | every scenario was skipped, and nothing else went wrong: nothing ran, so nothing is proven | 4 |
//! | something was left behind | 5 |
//! | a signal came | 130, 143 |
//!
//! A skipped scenario beside others that ran changes nothing: the report tells it with its reason. One shard alone may have nothing
//! but skipped scenarios; that is judged when the shards are merged.

use super::{ScenarioResult, Summary, Trouble};
use plumbline_model::{ExitCode, Fault, FlakyResult, Outcome, SkipCause};

impl Summary {
    /// The exit code that the log earns: that of its scenarios and of every [`Trouble`].
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        self.troubles()
            .iter()
            .fold(self.scenarios_code(), |code, trouble| code.and(trouble.code))
    }

    /// The verdict in words.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        match self.exit_code() {
            ExitCode::Passed => "passed",
            ExitCode::NothingSelected => "nothing ran",
            _ => "not passed",
        }
    }

    /// What this scenario alone makes of the exit code.
    #[must_use]
    pub fn code_of(&self, result: &ScenarioResult) -> ExitCode {
        match *result.outcome {
            Outcome::Passed | Outcome::Skipped(_) => ExitCode::Passed,
            Outcome::Flaky { .. } if self.options.flaky == FlakyResult::Pass => ExitCode::Passed,
            Outcome::Flaky { .. } | Outcome::Failed(_) => ExitCode::Failed,
            Outcome::Errored(_) => ExitCode::Environment,
            Outcome::Interrupted => self.interruption().unwrap_or(ExitCode::Environment),
        }
    }

    /// Everything beside the results of scenarios that keeps the run from being green.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        let mut troubles = self.unfinished_scenarios();
        for phase in &self.phases {
            let shard = phase
                .shard
                .map_or_else(String::new, |shard| format!(" of shard {shard}"));
            let subject = format!("set-up: {}{shard}", phase.phase);
            match &phase.outcome {
                Outcome::Errored(fault) => troubles.push(of_fault(subject, fault)),
                Outcome::Failed(failure) => troubles.push(Trouble {
                    attachments: failure.attachments.clone(),
                    ..trouble(ExitCode::Environment, subject, failure.message.clone())
                }),
                _ => {}
            }
        }
        troubles.extend(self.faults.iter().map(|fault| of_fault("run".to_owned(), fault)));
        troubles.extend(self.missing.iter().map(|shard| {
            let message = format!("shard {shard} is missing: give its log too");
            trouble(ExitCode::Environment, "run", message)
        }));
        troubles.extend(self.left_overs());
        if let Some(code) = self.interruption() {
            let signal = self.interrupted.as_deref().unwrap_or_default();
            troubles.push(trouble(code, "run", format!("stopped by {signal}")));
        }
        let code = troubles
            .iter()
            .fold(self.scenarios_code(), |code, trouble| code.and(trouble.code));
        troubles.extend(self.contradiction(code));
        troubles
    }

    fn scenarios_code(&self) -> ExitCode {
        self.scenarios
            .iter()
            .fold(ExitCode::Passed, |code, result| code.and(self.code_of(result)))
    }

    fn interruption(&self) -> Option<ExitCode> {
        Some(match self.interrupted.as_deref()? {
            "SIGTERM" | "SIGHUP" => ExitCode::Terminated,
            _ => ExitCode::Interrupted,
        })
    }

    /// A scenario that was planned and never ended proves nothing: that is never a green run.
    fn unfinished_scenarios(&self) -> Vec<Trouble> {
        let code = self.interruption().unwrap_or(ExitCode::Environment);
        self.unfinished()
            .into_iter()
            .map(|scenario| trouble(code, scenario, "the run ended before this scenario did"))
            .collect()
    }

    /// What is still there; most of it is told twice, of the scenario and of the run.
    fn left_overs(&self) -> Vec<Trouble> {
        let of_run = self.left_behind.iter().map(|what| ("clean-up".to_owned(), what));
        let of_scenarios = self.scenarios.iter().flat_map(|result| {
            let left = result.clean_ups.iter().flat_map(|clean_up| &clean_up.left);
            left.filter(|what| !self.left_behind.iter().any(|told| told.contains(what.as_str())))
                .map(|what| (format!("clean-up of {}", result.scenario), what))
        });
        of_run
            .chain(of_scenarios)
            .map(|(subject, what)| trouble(ExitCode::LeftBehind, subject, format!("left behind: {what}")))
            .collect()
    }

    /// What is wrong although nothing else is, given the code that all the rest earns.
    fn contradiction(&self, code: ExitCode) -> Option<Trouble> {
        if code == ExitCode::Passed {
            let stopped = |result: &ScenarioResult| matches!(&*result.outcome, Outcome::Skipped(skip) if skip.cause == SkipCause::Stopped);
            if self.scenarios.iter().any(stopped) {
                let message = "the run stopped early, and nothing in the log tells why";
                return Some(trouble(ExitCode::Environment, "run", message));
            }
            if self.nothing_ran() && self.options.shard.is_none() {
                let message = "nothing ran: every scenario was skipped, so nothing is proven";
                return Some(trouble(ExitCode::NothingSelected, "run", message));
            }
        }
        let told = self
            .shards
            .iter()
            .map(|part| (part.exit, format!("shard {} alone", part.shard)))
            .chain(self.told_exit.map(|exit| (exit, "the run".to_owned())));
        let (exit, who) = told
            .filter(|(exit, _)| code.and(*exit) != code)
            .reduce(|worst, next| {
                if worst.0.and(next.0) == worst.0 {
                    worst
                } else {
                    next
                }
            })?;
        let message = format!(
            "{who} ended with exit code {}, for a reason that is not told here",
            exit.number()
        );
        Some(trouble(exit, "run", message))
    }
}

fn of_fault(subject: String, fault: &Fault) -> Trouble {
    Trouble {
        attachments: fault.attachments.clone(),
        ..trouble(ExitCode::Environment, subject, fault.message.clone())
    }
}

fn trouble(code: ExitCode, subject: impl Into<String>, message: impl Into<String>) -> Trouble {
    Trouble {
        code,
        subject: subject.into(),
        message: message.into(),
        attachments: Vec::new(),
    }
}
