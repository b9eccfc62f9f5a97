//! Conditions of scenario files, judged over JSON: pure functions that say what was seen instead.

use plumbline_cluster::conditions::Verdict;
use plumbline_scenario::steps::Condition;
use serde_json::{Map, Value};

/// How much of a value a verdict shows.
const SHOWN: usize = 300;

/// The condition in words.
pub(crate) fn words(condition: &Condition) -> String {
    match condition {
        Condition::That(predicate) => predicate.value.source().to_owned(),
        Condition::Matches(part) => format!("matches {}", Value::Object(part.clone())),
        Condition::Absent => "absent".to_owned(),
        Condition::Never(predicate) => format!("never {}", predicate.value.source()),
        Condition::Text(condition) => condition.value.to_string(),
        Condition::Count(count) => format!("exactly {count}"),
    }
}

/// Judges one value under `name`, which may not be there.
pub(crate) fn one(
    condition: &Condition,
    name: &str,
    value: Option<Value>,
    mut variables: Map<String, Value>,
) -> Verdict {
    match (condition, value) {
        (Condition::Absent, None) => Verdict::Met,
        (Condition::Absent, Some(value)) => Verdict::NotYet(format!("present: {}", identity(&value))),
        (_, None) => Verdict::NotYet("absent".into()),
        (Condition::That(predicate), Some(value)) => {
            variables.insert(name.to_owned(), value);
            that(
                predicate.value.source(),
                predicate.value.evaluate(&variables),
                &variables,
            )
        }
        (Condition::Matches(part), Some(value)) => {
            let mut differences = Vec::new();
            compare("", &Value::Object(part.clone()), &value, &mut differences);
            if differences.is_empty() {
                Verdict::Met
            } else {
                Verdict::NotYet(differences.join("; "))
            }
        }
        (Condition::Count(count), Some(_)) => counted(*count, 1),
        (Condition::Never(_) | Condition::Text(_), Some(_)) => Verdict::Never("not built yet".into()),
    }
}

/// Judges a list as a whole.
pub(crate) fn set(condition: &Condition, variables: &Map<String, Value>, count: usize) -> Verdict {
    match condition {
        Condition::That(predicate) => that(
            predicate.value.source(),
            predicate.value.evaluate(variables),
            variables,
        ),
        Condition::Absent => counted(0, count),
        Condition::Count(expected) => counted(*expected, count),
        Condition::Matches(_) | Condition::Never(_) | Condition::Text(_) => {
            Verdict::Never("`matches` is for one object".into())
        }
    }
}

/// Judges several values of which one must satisfy the condition.
pub(crate) fn any_of(
    condition: &Condition,
    name: &str,
    values: &[Value],
    variables: &Map<String, Value>,
) -> Verdict {
    if let Condition::Absent = condition {
        return counted(0, values.len());
    }
    if let Condition::Count(expected) = condition {
        return counted(*expected, values.len());
    }
    let mut seen = "none received".to_owned();
    for value in values {
        match one(condition, name, Some(value.clone()), variables.clone()) {
            Verdict::Met => return Verdict::Met,
            Verdict::NotYet(instead) | Verdict::Never(instead) => {
                seen = format!("{} received, the last one: {instead}", values.len());
            }
        }
    }
    Verdict::NotYet(seen)
}

fn counted(expected: usize, count: usize) -> Verdict {
    if expected == count {
        Verdict::Met
    } else {
        Verdict::NotYet(format!("there are {count}"))
    }
}

fn that(source: &str, result: Result<bool, String>, variables: &Map<String, Value>) -> Verdict {
    match result {
        Ok(true) => Verdict::Met,
        Ok(false) => Verdict::NotYet(values_of(source, variables)),
        Err(reason) => Verdict::NotYet(format!("{reason} ({})", values_of(source, variables))),
    }
}

/// The values of the paths that an expression names, such as `object.data.mode`: what a reader asks first when it is
/// false.
fn values_of(source: &str, variables: &Map<String, Value>) -> String {
    let mut shown: Vec<String> = Vec::new();
    for path in paths(source) {
        let mut parts = path.split('.');
        let Some(root) = parts.next().and_then(|root| variables.get(root)) else {
            continue;
        };
        let mut value = Some(root);
        for part in parts {
            value = value.and_then(|value| value.get(part));
        }
        let text = value.map_or_else(|| "absent".to_owned(), |value| shortened(&value.to_string()));
        let line = format!("{path} is {text}");
        if !shown.contains(&line) {
            shown.push(line);
        }
    }
    if shown.is_empty() {
        "false".to_owned()
    } else {
        shown.join(", ")
    }
}

/// Dotted paths in an expression; the name of a method that is called is not part of one.
fn paths(source: &str) -> Vec<&str> {
    let mut paths = Vec::new();
    let mut rest = source;
    let mut quote: Option<char> = None;
    let in_path = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '.';
    while let Some(character) = rest.chars().next() {
        if let Some(open) = quote {
            quote = (character != open).then_some(open);
        } else if character == '"' || character == '\'' {
            quote = Some(character);
        } else if character.is_ascii_alphabetic() {
            let end = rest.find(|character| !in_path(character)).unwrap_or(rest.len());
            let (mut path, after) = rest.split_at(end);
            if after.starts_with('(') {
                path = path.rsplit_once('.').map_or("", |(before, _)| before);
            }
            let path = path.trim_end_matches('.');
            if !path.is_empty() {
                paths.push(path);
            }
            rest = after;
            continue;
        }
        rest = &rest[character.len_utf8()..];
    }
    paths
}

/// Every field of `part` must be in `value` with the same value; lists match element by element.
fn compare(path: &str, part: &Value, value: &Value, differences: &mut Vec<String>) {
    match (part, value) {
        (Value::Object(part), Value::Object(value)) => {
            for (key, part) in part {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                match value.get(key) {
                    Some(value) => compare(&path, part, value, differences),
                    None => differences.push(format!("{path} is absent")),
                }
            }
        }
        (Value::Array(part), Value::Array(value)) if part.len() == value.len() => {
            for (index, (part, value)) in part.iter().zip(value).enumerate() {
                compare(&format!("{path}[{index}]"), part, value, differences);
            }
        }
        (part, value) if part == value => {}
        (_, value) => differences.push(format!("{path} is {}", shortened(&value.to_string()))),
    }
}

fn identity(value: &Value) -> String {
    let text = |pointer| value.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
    format!(
        "uid {}, resourceVersion {}",
        text("/metadata/uid"),
        text("/metadata/resourceVersion")
    )
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_false_expression_shows_the_values_that_it_names() {
        let variables = json!({"object": {"data": {"mode": "hacked"}}, "outputs": {"a": {"b": "x"}}});
        let shown = values_of(
            "object.data.mode == 'calm.object' && object.data.none.startsWith(outputs.a.b)",
            variables.as_object().unwrap(),
        );
        assert_eq!(
            shown,
            r#"object.data.mode is "hacked", object.data.none is absent, outputs.a.b is "x""#
        );
    }

    #[test]
    fn a_part_that_does_not_match_names_each_difference() {
        let part = json!({"spec": {"replicas": 2, "list": [1, 2]}, "data": {"a": "b"}});
        let value = json!({"spec": {"replicas": 3, "list": [1, 5], "other": true}});
        let Condition::Matches(part) = Condition::Matches(part.as_object().unwrap().clone()) else {
            unreachable!()
        };
        let verdict = one(&Condition::Matches(part), "object", Some(value), Map::new());
        assert_eq!(
            verdict,
            Verdict::NotYet("data is absent; spec.list[1] is 5; spec.replicas is 3".into())
        );
    }

    #[test]
    fn of_several_payloads_one_is_enough() {
        let condition = Condition::Matches(json!({"severity": "error"}).as_object().unwrap().clone());
        let payload = |severity: &str| json!({"severity": severity});
        let judged = |values: &[Value]| any_of(&condition, "payload", values, &Map::new());
        assert_eq!(judged(&[]), Verdict::NotYet("none received".into()));
        assert_eq!(
            judged(&[payload("info")]),
            Verdict::NotYet("1 received, the last one: severity is \"info\"".into())
        );
        assert_eq!(judged(&[payload("error"), payload("info")]), Verdict::Met);
        assert_eq!(
            any_of(&Condition::Absent, "payload", &[], &Map::new()),
            Verdict::Met
        );
    }

    proptest! {
        #[test]
        fn no_expression_panics_the_scan(source in any::<String>()) {
            for path in paths(&source) {
                prop_assert!(source.contains(path));
            }
        }
    }
}
