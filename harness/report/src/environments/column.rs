//! One environment: what stands in its cells.

use super::notes::Notes;
use crate::{
    RequirementResult, RequirementStatus, Summary, Trouble,
    markdown::cell,
    terminal::{Palette, message, one_line, verdict},
};
use plumbline_model::{ExitCode, Outcome};

/// How long a reason may be that stands in the cell itself.
const SHORT: usize = 40;

/// The statuses, in the order in which a column's sum names them.
const STATUSES: [RequirementStatus; 7] = [
    RequirementStatus::Passed,
    RequirementStatus::Flaky,
    RequirementStatus::Simulated,
    RequirementStatus::Failed,
    RequirementStatus::Errored,
    RequirementStatus::Skipped,
    RequirementStatus::NotRun,
];

/// The run of one environment.
pub(super) struct Column<'run> {
    run: &'run Summary,
    name: &'run str,
    /// What the run found, in the order of the specification.
    pub(super) results: Vec<RequirementResult>,
}

impl<'run> Column<'run> {
    pub(super) fn of(run: &'run Summary, name: &'run str) -> Self {
        Self {
            run,
            name,
            results: run.requirements(),
        }
    }

    /// The environment, what was tested there, when, and with what result.
    pub(super) fn head(&self, notes: &mut Notes) -> [String; 6] {
        let run = self.run;
        let subject = run.subject.as_ref();
        let told = |text: Option<&String>| match text {
            Some(text) if !text.is_empty() => cell(text),
            _ => "not told".to_owned(),
        };
        let mut scenarios = cell(&verdict(run, Palette::Plain));
        scenarios += &notes.cite(troubles(run));
        if !run.options.selection.is_empty() {
            scenarios += &format!("; chosen by {}", cell(&run.options.selection.join(" ")));
        }
        [
            cell(self.name),
            told(subject.map(|subject| &subject.kubernetes.version)),
            told(subject.and_then(|subject| Some(&subject.flux.as_ref()?.version))),
            told(subject.and_then(|subject| Some(&subject.operator.as_ref()?.version))),
            told(Some(&run.started)),
            scenarios,
        ]
    }

    /// What was found of one requirement: the word of every report, and why it is no other.
    pub(super) fn cell(&self, result: &RequirementResult, notes: &mut Notes) -> String {
        let word = result.status.word();
        match result.status {
            RequirementStatus::Skipped => self.skipped(result, notes),
            RequirementStatus::Failed | RequirementStatus::Errored | RequirementStatus::Flaky => {
                let ends = result.deciding.iter().filter_map(|id| {
                    let message = message(&self.run.scenario(id)?.outcome)?;
                    Some(format!("{id}: {message}"))
                });
                let cited = notes.cite(ends);
                format!("**{word}**{cited}{}", self.partly_skipped(result, notes))
            }
            RequirementStatus::Passed | RequirementStatus::Simulated | RequirementStatus::NotRun => {
                format!("{word}{}", self.partly_skipped(result, notes))
            }
        }
    }

    fn skipped(&self, result: &RequirementResult, notes: &mut Notes) -> String {
        let word = result.status.word();
        let reasons = self.reasons(&result.deciding);
        let is_short = |reason: &String| one_line(reason).chars().count() <= SHORT;
        let why = match reasons.split_first() {
            Some((reason, others)) if is_short(reason) && others.iter().all(|other| other == reason) => {
                format!(": {}", cell(reason))
            }
            _ => notes.cite(reasons),
        };
        // What was seen is told, though it is not enough.
        let passed = self.ended(result, |outcome| {
            matches!(outcome, Outcome::Passed | Outcome::Flaky { .. })
        });
        let seen = match passed.len() {
            0 => String::new(),
            count => format!(", {count} of {} scenarios passed", result.scenarios.len()),
        };
        format!("{word}{why}{seen}")
    }

    /// How many scenarios about the requirement this environment left out, where others decided.
    fn partly_skipped(&self, result: &RequirementResult, notes: &mut Notes) -> String {
        let skipped = self.ended(result, |outcome| matches!(outcome, Outcome::Skipped(_)));
        match skipped.len() {
            0 => String::new(),
            count => {
                let cited = notes.cite(self.reasons(&skipped));
                format!(", {count} of {} scenarios skipped{cited}", result.scenarios.len())
            }
        }
    }

    /// The scenarios about the requirement that ended in this way.
    fn ended(&self, result: &RequirementResult, so: impl Fn(&Outcome) -> bool) -> Vec<String> {
        let ended_so = |id: &&String| {
            self.run
                .scenario(id)
                .is_some_and(|scenario| so(&scenario.outcome))
        };
        result.scenarios.iter().filter(ended_so).cloned().collect()
    }

    /// Why these scenarios ended as they did.
    fn reasons(&self, scenarios: &[String]) -> Vec<String> {
        let results = scenarios.iter().filter_map(|id| self.run.scenario(id));
        results.filter_map(|result| message(&result.outcome)).collect()
    }

    /// How many requirements have which status.
    pub(super) fn sum(&self) -> String {
        let counts = STATUSES.iter().filter_map(|status| {
            let with = self.results.iter().filter(|result| result.status == *status);
            match with.count() {
                0 => None,
                count => Some(format!("{count} {}", status.word())),
            }
        });
        counts.collect::<Vec<_>>().join(", ")
    }
}

/// What else kept the run from being green. Which scenarios never ended, and which signal came, the verdict tells.
fn troubles(run: &Summary) -> Vec<String> {
    let unfinished = run.unfinished();
    let is_told = |trouble: &Trouble| {
        unfinished.contains(&trouble.subject.as_str())
            || matches!(trouble.code, ExitCode::Interrupted | ExitCode::Terminated)
    };
    let others = run.troubles().into_iter().filter(|trouble| !is_told(trouble));
    others
        .map(|trouble| format!("{}: {}", trouble.subject, trouble.message))
        .collect()
}
