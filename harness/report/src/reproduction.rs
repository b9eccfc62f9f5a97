//! How to see a result again.

use crate::{ScenarioResult, Summary};

impl Summary {
    /// The command that runs this scenario again, with what it needs, as this run did.
    #[must_use]
    pub fn reproduction(&self, result: &ScenarioResult) -> String {
        self.run_again(&result.scenario)
    }

    /// The command that runs the scenario of this id, which may never have begun.
    pub(crate) fn run_again(&self, id: &str) -> String {
        let plain = |character: char| character.is_ascii_alphanumeric() || "/_.-".contains(character);
        let id = if id.chars().all(plain) && !id.starts_with('-') {
            id.to_owned()
        } else {
            format!("'{}'", id.replace('\'', r"'\''"))
        };
        let seed = self
            .options
            .seed
            .map_or_else(String::new, |seed| format!(" --shuffle={seed}"));
        format!("plumbline run -n {id}{seed}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::{finished, log};
    use plumbline_model::Outcome;

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
