//! The secrets of a scenario: had before the first step, and masked before anything else hears of them.

use crate::steps::ScenarioState;
use base64::Engine as _;
use plumbline_flux::{VerbError, chain};
use plumbline_model::{FaultClass, Secret};
use plumbline_scenario::SecretSource;
use rand::{Rng as _, distr::Alphanumeric};
use serde_json::Value;
use std::collections::BTreeMap;

/// How many characters are made up.
const LENGTH: usize = 24;

/// Gives every secret of the scenario its value.
///
/// # Errors
/// The environment has no such variable, or its value is too short to be masked.
pub(crate) fn prepare(
    state: &mut ScenarioState,
    environment: &BTreeMap<String, String>,
) -> Result<(), VerbError> {
    let scenario = state.scenario.clone();
    for (name, source) in &scenario.secrets {
        let refused = |why: String| {
            let message = format!("the secret `{name}` of {}: {why}", scenario.id);
            VerbError::fault(FaultClass::Environment, message)
        };
        let value = match source {
            SecretSource::Generated => rand::rng()
                .sample_iter(Alphanumeric)
                .take(LENGTH)
                .map(char::from)
                .collect(),
            SecretSource::Environment(variable) => environment
                .get(variable)
                .cloned()
                .ok_or_else(|| refused(format!("set the environment variable {variable}")))?,
        };
        let value = Secret::new(value);
        state.log.mask(&value).map_err(|error| refused(chain(&error)))?;
        state.variables.secrets.insert(name.clone(), value);
    }
    Ok(())
}

/// The values that a manifest of a Secret holds, as they are and as they were before they were encoded.
pub(crate) fn values_of(manifest: &Value) -> Vec<Secret<String>> {
    if manifest["kind"] != "Secret" {
        return Vec::new();
    }
    let texts = |field: &str| {
        let values = manifest[field].as_object();
        let values = values.into_iter().flat_map(|values| values.values());
        values.filter_map(Value::as_str).map(str::to_owned)
    };
    let decode = |text: &String| {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
        String::from_utf8(bytes).ok()
    };
    let encoded: Vec<String> = texts("data").collect();
    let decoded: Vec<String> = encoded.iter().filter_map(decode).collect();
    let all = encoded.into_iter().chain(decoded).chain(texts("stringData"));
    all.map(Secret::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_s_values_are_known_in_both_forms() {
        let manifest = json!({
            "apiVersion": "v1", "kind": "Secret", "data": {"a": "aHVudGVyMjI="}, "stringData": {"b": "correct horse"},
        });
        let values: Vec<_> = values_of(&manifest)
            .into_iter()
            .map(|value| value.reveal().clone())
            .collect();
        assert_eq!(values, ["aHVudGVyMjI=", "hunter22", "correct horse"]);
        assert!(values_of(&json!({"kind": "ConfigMap", "data": {"a": "b"}})).is_empty());
    }
}
