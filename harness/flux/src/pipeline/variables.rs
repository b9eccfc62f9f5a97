//! The variables of a job, and filling them in where a pipeline says `$(name)`.

use plumbline_model::{Masker, Secret};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Variables by name. Those that are secret reach a step only through its `env`.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    plain: BTreeMap<String, String>,
    secret: BTreeMap<String, Secret<String>>,
    /// What tells a file with a secret from others: the file's other lines are nobody's secret.
    parts: Vec<Secret<String>>,
}

impl Variables {
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.plain.insert(name.to_owned(), value.into());
    }

    pub(super) fn set_secret(&mut self, name: &str, value: Secret<String>) {
        self.parts.push(value.clone());
        self.secret.insert(name.to_owned(), value);
    }

    /// A secret that is a whole file, of which only `part` is not to be seen.
    pub(super) fn set_secret_file(&mut self, name: &str, content: Secret<String>, part: Secret<String>) {
        self.parts.push(part);
        self.secret.insert(name.to_owned(), content);
    }

    /// Finds every secret in what steps print and leave behind.
    pub(super) fn masker(&self) -> Masker {
        let mut masker = Masker::default();
        for part in &self.parts {
            // Too short to be masked is too short to be a secret.
            let _ = masker.add(part);
        }
        masker
    }

    /// The variables that conditions may ask for.
    pub(super) fn readable(&self) -> Map<String, Value> {
        let entries = self.plain.iter();
        entries
            .map(|(name, value)| (name.clone(), Value::String(value.clone())))
            .collect()
    }

    /// What a step's `env` holds with its variables filled in. There is nothing else that `$(…)` could mean there.
    ///
    /// # Errors
    /// There is no such variable.
    pub(super) fn fill(&self, text: &str) -> Result<String, String> {
        self.replace(text, |name| match (self.plain.get(name), self.secret.get(name)) {
            (Some(value), _) => Ok(Some(value.clone())),
            (None, Some(secret)) => Ok(Some(secret.reveal().clone())),
            (None, None) => Err(format!("there is no variable `{name}`")),
        })
    }

    /// A script with its variables filled in; to bash, any other `$(…)` is a command.
    ///
    /// # Errors
    /// It would have a secret in it, where everybody who sees the script sees that too.
    pub(super) fn fill_script(&self, text: &str) -> Result<String, String> {
        self.replace(text, |name| match (self.plain.get(name), self.secret.get(name)) {
            (Some(value), _) => Ok(Some(value.clone())),
            (None, Some(_)) => Err(format!(
                "the secret `{name}` would be a part of the script; hand it over in `env`"
            )),
            (None, None) => Ok(None),
        })
    }

    fn replace(
        &self,
        text: &str,
        value: impl Fn(&str) -> Result<Option<String>, String>,
    ) -> Result<String, String> {
        let is_part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_');
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("$(") {
            out.push_str(before);
            let end = after.find(|character| !is_part(character)).unwrap_or(after.len());
            let name = &after[..end];
            let filled = match after[end..].strip_prefix(')') {
                Some(behind) if !name.is_empty() => value(name)?.map(|value| (value, behind)),
                _ => None,
            };
            match filled {
                Some((value, behind)) => {
                    out.push_str(&value);
                    rest = behind;
                }
                None => {
                    out.push_str("$(");
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        let mut variables = Variables::default();
        variables.set("registry", "registry.example");
        variables.set("Agent.TempDirectory", "/agent/temp");
        variables.set_secret("password", Secret::new("open-sesame".into()));
        variables
    }

    #[test]
    fn an_environment_takes_any_variable_that_there_is() {
        let variables = variables();
        assert_eq!(
            variables.fill("$(Agent.TempDirectory)/$(registry)$").unwrap(),
            "/agent/temp/registry.example$"
        );
        assert_eq!(variables.fill("$(password)").unwrap(), "open-sesame");
        assert_eq!(
            variables.fill("$(pasword)").unwrap_err(),
            "there is no variable `pasword`"
        );
    }

    #[test]
    fn a_script_keeps_its_own_commands_and_gets_no_secret() {
        let variables = variables();
        let script = "crane ls $(registry) && echo $(pwd) $(crane digest \"$image\") $((1 + 1)) $(";
        assert_eq!(
            variables.fill_script(script).unwrap(),
            "crane ls registry.example && echo $(pwd) $(crane digest \"$image\") $((1 + 1)) $("
        );
        assert!(
            variables
                .fill_script("echo $(password)")
                .unwrap_err()
                .contains("hand it over in `env`")
        );
        assert!(!variables.readable().contains_key("password"));
        assert_eq!(variables.masker().mask("say open-sesame"), "say ***");
    }
}
