//! Runs one of the platform's programs.

use crate::{Located, Predicate, TextCondition, Timespan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{fmt, time::Duration};

/// Runs one of the platform's programs with the arguments as they are written; there is no shell. Output: `exit`, `stdout`, `stderr`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// The program's name: `crane`, `cosign`, `helm`, `kubectl`, `git`.
    pub program: Located<String>,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// What must come out; without it the program must end with exit code 0, which alone counts as no expectation.
    #[serde(default)]
    pub expect: Option<ExecExpectation>,
    /// How long it may take.
    #[serde(default)]
    pub within: Option<Located<Timespan>>,
    /// The name under which later steps find the output.
    #[serde(default, rename = "as")]
    pub output: Option<Located<String>>,
}

/// What must come out of a program.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecExpectation {
    /// The exit code; 0 if absent, unless `that` judges it.
    #[serde(default)]
    pub exit: Option<u8>,
    /// What it must write to standard output.
    #[serde(default)]
    pub stdout: Option<Located<TextCondition>>,
    /// What it must write to standard error.
    #[serde(default)]
    pub stderr: Option<Located<TextCondition>>,
    /// A CEL expression over `exit`, `stdout` and `stderr`.
    #[serde(default)]
    pub that: Option<Located<Predicate>>,
}

impl ExecExpectation {
    /// The exit code that it must be; `None` if `that` judges it.
    #[must_use]
    pub fn exit(&self) -> Option<u8> {
        self.exit.or(self.that.is_none().then_some(0))
    }
}

impl Exec {
    /// How long it may take unless the step says otherwise.
    pub const WITHIN: Duration = Duration::from_secs(60);
    /// What later steps can read.
    pub const OUTPUT: &'static [&'static str] = &["exit", "stdout", "stderr"];
}

impl fmt::Display for Exec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "run {}", self.program)?;
        self.arguments
            .iter()
            .try_for_each(|argument| write!(formatter, " {argument}"))
    }
}
