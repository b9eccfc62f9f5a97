//! Conditions of scenario files, judged over JSON: pure functions that say what was seen instead.

mod mentions;
mod part;
mod shown;

pub(crate) use mentions::paths;
pub(crate) use part::{Difference, differences};
pub(crate) use shown::shortened;

use plumbline_cluster::conditions::Verdict;
use plumbline_scenario::{Predicate, steps::Condition};
use serde_json::{Map, Value};

/// What is seen of an object that is not there.
pub(crate) const ABSENT: &str = "absent";

/// The condition in words.
pub(crate) fn words(condition: &Condition) -> String {
    match condition {
        Condition::That(predicate) => predicate.value.source().to_owned(),
        Condition::Matches(part) => format!("matches {}", Value::Object(part.clone())),
        Condition::Absent => ABSENT.to_owned(),
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
        (Condition::Absent, None) | (Condition::Never(_), None) => Verdict::Met,
        (Condition::Absent, Some(value)) => Verdict::NotYet(format!("present: {}", identity(&value))),
        (_, None) => Verdict::NotYet(ABSENT.into()),
        (Condition::That(predicate), Some(value)) => {
            variables.insert(name.to_owned(), value);
            that(&predicate.value, &variables)
        }
        (Condition::Never(predicate), Some(value)) => {
            variables.insert(name.to_owned(), value);
            never(&predicate.value, &variables)
        }
        (Condition::Matches(part), Some(value)) => {
            let differences = differences(part, &value);
            if differences.is_empty() {
                return Verdict::Met;
            }
            let words: Vec<String> = differences.iter().map(Difference::to_string).collect();
            Verdict::NotYet(words.join("; "))
        }
        (Condition::Count(count), Some(_)) => counted(*count, 1),
        (Condition::Text(condition), Some(value)) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            match condition.value.holds(&text) {
                Ok(true) => Verdict::Met,
                Ok(false) => Verdict::NotYet(shortened(&text)),
                Err(reason) => Verdict::Never(reason),
            }
        }
    }
}

/// Judges a list as a whole, or whatever else the variables are about.
pub(crate) fn set(condition: &Condition, variables: &Map<String, Value>, count: usize) -> Verdict {
    match condition {
        Condition::That(predicate) => that(&predicate.value, variables),
        Condition::Never(predicate) => never(&predicate.value, variables),
        Condition::Absent => counted(0, count),
        Condition::Count(expected) => counted(*expected, count),
        Condition::Matches(_) | Condition::Text(_) => {
            Verdict::Never("the condition is about one object, not about several".into())
        }
    }
}

/// Judges several values of which one must satisfy the condition; none may where it says never.
pub(crate) fn any_of(
    condition: &Condition,
    name: &str,
    values: &[Value],
    variables: &Map<String, Value>,
) -> Verdict {
    match condition {
        Condition::Absent => return counted(0, values.len()),
        Condition::Count(expected) => return counted(*expected, values.len()),
        Condition::Never(_) => {
            let judged = values
                .iter()
                .map(|value| one(condition, name, Some(value.clone()), variables.clone()));
            return judged
                .into_iter()
                .find(|verdict| !verdict.is_met())
                .unwrap_or(Verdict::Met);
        }
        Condition::That(_) | Condition::Matches(_) | Condition::Text(_) => {}
    }
    let mut seen = "there is none".to_owned();
    for value in values {
        match one(condition, name, Some(value.clone()), variables.clone()) {
            Verdict::Met => return Verdict::Met,
            Verdict::NotYet(instead) | Verdict::Never(instead) => {
                seen = match values.len() {
                    1 => format!("there is one: {instead}"),
                    count => format!("there are {count}, the last one: {instead}"),
                };
            }
        }
    }
    Verdict::NotYet(seen)
}

/// Judges several values of which each must satisfy the condition; there may be none.
pub(crate) fn each_of(
    condition: &Condition,
    name: &str,
    values: &[Value],
    variables: &Map<String, Value>,
) -> Verdict {
    const SHOWN: usize = 3;

    let mut others = Vec::new();
    for value in values {
        match one(condition, name, Some(value.clone()), variables.clone()) {
            Verdict::Met => {}
            Verdict::NotYet(seen) | Verdict::Never(seen) => {
                let called = shown::label(value).unwrap_or_else(|| "one".to_owned());
                others.push(format!("{called}: {seen}"));
            }
        }
    }
    if others.is_empty() {
        return Verdict::Met;
    }
    let (count, all) = (others.len(), values.len());
    let more = match count.saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    others.truncate(SHOWN);
    Verdict::NotYet(format!(
        "{count} of {all} are not so: {}{more}",
        others.join("; ")
    ))
}

fn counted(expected: usize, count: usize) -> Verdict {
    if expected == count {
        Verdict::Met
    } else {
        Verdict::NotYet(format!("there are {count}"))
    }
}

fn that(predicate: &Predicate, variables: &Map<String, Value>) -> Verdict {
    match predicate.evaluate(variables) {
        Ok(true) => Verdict::Met,
        Ok(false) => Verdict::NotYet(shown::values_of(predicate.source(), variables)),
        Err(reason) => Verdict::NotYet(format!(
            "{reason} ({})",
            shown::values_of(predicate.source(), variables)
        )),
    }
}

/// What cannot be said, because a key is not there, has not become true.
fn never(predicate: &Predicate, variables: &Map<String, Value>) -> Verdict {
    match predicate.evaluate(variables) {
        Ok(true) => {
            let values = shown::mentioned(predicate.source(), variables);
            Verdict::NotYet(format!("it became true: {}", values.join(", ")))
        }
        Ok(false) | Err(_) => Verdict::Met,
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

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_scenario::{Located, Span};
    use serde_json::json;

    fn located<T>(value: T) -> Located<T> {
        Located {
            value,
            span: Span::default(),
        }
    }

    fn matching(part: &Value) -> Condition {
        Condition::Matches(part.as_object().unwrap().clone())
    }

    fn never_true(source: &str) -> Condition {
        Condition::Never(located(Predicate::new(source)))
    }

    #[test]
    fn a_part_that_does_not_match_names_each_difference() {
        let part = json!({"spec": {"replicas": 2, "list": [1, 2]}, "data": {"a": "b"}});
        let value = json!({"spec": {"replicas": 3, "list": [1, 5], "other": true}});
        let verdict = one(&matching(&part), "object", Some(value), Map::new());
        assert_eq!(
            verdict,
            Verdict::NotYet(
                "data is absent, not {\"a\":\"b\"}; spec.list[1] is 5, not 2; spec.replicas is 3, not 2"
                    .into()
            )
        );
    }

    #[test]
    fn of_several_payloads_one_is_enough() {
        let condition = matching(&json!({"severity": "error"}));
        let payload = |severity: &str| json!({"severity": severity});
        let judged = |values: &[Value]| any_of(&condition, "payload", values, &Map::new());
        assert_eq!(judged(&[]), Verdict::NotYet("there is none".into()));
        assert_eq!(
            judged(&[payload("info")]),
            Verdict::NotYet("there is one: severity is \"info\", not \"error\"".into())
        );
        assert_eq!(judged(&[payload("error"), payload("info")]), Verdict::Met);
        assert_eq!(
            any_of(&Condition::Absent, "payload", &[], &Map::new()),
            Verdict::Met
        );
    }

    #[test]
    fn never_is_met_by_what_is_absent_and_by_what_cannot_be_said() {
        let condition = never_true("object.data.mode == 'wild'");
        let judged = |value| one(&condition, "object", value, Map::new());
        assert_eq!(judged(None), Verdict::Met);
        assert_eq!(judged(Some(json!({}))), Verdict::Met);
        assert_eq!(judged(Some(json!({"data": {"mode": "calm"}}))), Verdict::Met);
        assert_eq!(
            judged(Some(json!({"data": {"mode": "wild"}}))),
            Verdict::NotYet("it became true: object.data.mode is \"wild\"".into())
        );
    }

    #[test]
    fn never_of_several_is_broken_by_one() {
        let condition = never_true("event.type == 'Warning'");
        let judged = |values: &[Value]| any_of(&condition, "event", values, &Map::new());
        let event = |kind: &str| json!({ "type": kind });
        assert_eq!(judged(&[event("Normal")]), Verdict::Met);
        assert!(!judged(&[event("Warning"), event("Normal")]).is_met());
    }

    #[test]
    fn every_one_must_be_so_and_those_that_are_not_are_named() {
        let condition = Condition::That(located(Predicate::new("object.spec.prune == true")));
        let judged = |values: &[Value]| each_of(&condition, "object", values, &Map::new());
        let object = |name: &str, prune: bool| {
            json!({
                "kind": "Kustomization", "metadata": {"namespace": "a", "name": name}, "spec": {"prune": prune},
            })
        };
        assert_eq!(judged(&[]), Verdict::Met);
        assert_eq!(judged(&[object("x", true)]), Verdict::Met);
        assert_eq!(
            judged(&[object("x", true), object("y", false)]),
            Verdict::NotYet("1 of 2 are not so: Kustomization a/y: object.spec.prune is false".into())
        );
        let many: Vec<Value> = (0..5).map(|number| object(&number.to_string(), false)).collect();
        assert!(
            judged(&many).seen().ends_with("; and 2 more"),
            "{:?}",
            judged(&many)
        );
    }

    #[test]
    fn a_broken_pattern_ends_a_wait_for_a_line() {
        let condition = Condition::Text(located(plumbline_scenario::TextCondition::Matches("(".into())));
        let verdict = one(&condition, "line", Some("x".into()), Map::new());
        assert!(matches!(verdict, Verdict::Never(_)), "{verdict:?}");
    }
}
