//! How to see a result again.

use crate::{ScenarioResult, Summary};
use plumbline_model::FlakyResult;

impl Summary {
    /// The command that runs this scenario again, with what it needs, as this run did.
    #[must_use]
    pub fn reproduction(&self, result: &ScenarioResult) -> String {
        self.run_again(&result.scenario)
    }

    /// The command that runs the scenario of this id, which may never have begun.
    pub(crate) fn run_again(&self, id: &str) -> String {
        let id = quoted(id);
        let seed = self
            .options
            .seed
            .map_or_else(String::new, |seed| format!(" --shuffle={seed}"));
        format!("plumbline run{} -n {id}{seed}", self.on())
    }

    /// The flags that choose the kind of cluster, where it is not the usual one; of one that was there before also which, and what is done
    /// there.
    fn on(&self) -> String {
        let provider = match self.provider.as_str() {
            "" | "embedded" => return String::new(),
            provider => format!(" --on {}", quoted(provider)),
        };
        let context = self.facts.get("context");
        let context = context.map_or_else(String::new, |name| format!(" --context {}", quoted(name)));
        let writes = match self.facts.contains_key("writes") {
            true => " --allow-writes",
            false => "",
        };
        format!("{provider}{context}{writes}")
    }

    /// The commands that do the whole run again and write its conformance report.
    #[must_use]
    pub(crate) fn whole_reproduction(&self) -> Vec<String> {
        let mut command = format!("plumbline run{}", self.on());
        for chosen in &self.options.selection {
            // A flag of the selection stands together with what it takes.
            command += &match chosen.split_once(' ').filter(|_| chosen.starts_with('-')) {
                Some((flag, taken)) => format!(" {flag} {}", quoted(taken)),
                None => format!(" {}", quoted(chosen)),
            };
        }
        if self.options.parallel > 0 {
            command += &format!(" --parallel {}", self.options.parallel);
        }
        if let Some(seed) = self.options.seed {
            command += &format!(" --shuffle={seed}");
        }
        if let Some(shard) = self.options.shard {
            command += &format!(" --shard {shard}");
        }
        if self.options.fail_fast {
            command += " --fail-fast";
        }
        if self.options.flaky == FlakyResult::Fail {
            command += " --flaky fail";
        }
        command += " --conformance conformance.json";
        let revision = self.suite.revision.as_deref();
        let checkout = revision
            .filter(|revision| !revision.ends_with("-dirty"))
            .map(|revision| format!("git checkout {}", quoted(revision)));
        checkout.into_iter().chain([command]).collect()
    }
}

/// `word` as one word of a shell's command.
fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "/_.-".contains(character);
    if word.chars().all(plain) && !word.starts_with('-') && !word.is_empty() {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::{finished, log};
    use plumbline_model::Outcome;

    #[test]
    fn a_run_can_be_done_again_as_it_was() {
        let mut summary = Summary::default();
        assert_eq!(
            summary.whole_reproduction(),
            ["plumbline run --conformance conformance.json"]
        );
        summary.suite.revision = Some("0123abc".into());
        summary.options.selection = vec!["scenarios/my own".into(), "-n drift".into(), "--tag !slow".into()];
        summary.options.parallel = 8;
        summary.options.seed = Some(7);
        summary.options.flaky = FlakyResult::Fail;
        assert_eq!(
            summary.whole_reproduction(),
            [
                "git checkout 0123abc",
                "plumbline run 'scenarios/my own' -n drift --tag '!slow' --parallel 8 --shuffle=7 --flaky fail --conformance conformance.json",
            ]
        );
        summary.suite.revision = Some("0123abc-dirty".into());
        assert_eq!(summary.whole_reproduction().len(), 1);
    }

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        let ids = [
            "gitops/drift",
            "onboard/life[environment=dev,system=a]",
            "it's",
            "-x",
        ];
        let events = ids.map(|id| finished(id, "GITOPS-05", Outcome::Passed));
        let mut summary = Summary::fold(&log(events.into()));
        summary.options.seed = Some(42);
        let commands: Vec<_> = summary
            .scenarios
            .iter()
            .map(|result| summary.reproduction(result))
            .collect();
        assert_eq!(
            commands,
            [
                "plumbline run -n gitops/drift --shuffle=42",
                "plumbline run -n 'onboard/life[environment=dev,system=a]' --shuffle=42",
                r"plumbline run -n 'it'\''s' --shuffle=42",
                "plumbline run -n '-x' --shuffle=42",
            ]
        );
    }
}
