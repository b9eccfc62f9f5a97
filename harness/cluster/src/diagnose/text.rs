//! Bounded texts about objects and logs.

use crate::kubernetes::Object;
use serde_json::Value;

/// No attachment is longer than this.
const LONGEST: usize = 8 * 1024;

/// No line of a log is longer than this, in characters.
const LONGEST_LINE: usize = 400;

/// `text`, with its middle cut out when it is too long.
pub(super) fn bounded(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let head = (0..=LONGEST / 4)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    let from = text.len() - LONGEST * 3 / 4;
    let tail = (from..=text.len())
        .find(|start| text.is_char_boundary(*start))
        .unwrap_or(text.len());
    format!(
        "{}\n… {} bytes left out …\n{}",
        &text[..head],
        tail - head,
        &text[tail..]
    )
}

/// Generation, revision and conditions of an object, a line each.
pub(super) fn conditions(object: &Object) -> String {
    let mut lines = vec![];
    if object.is_terminating() {
        lines.push(format!(
            "being deleted since {}",
            object.text_at("/metadata/deletionTimestamp").unwrap_or("?")
        ));
    }
    if let Some(generation) = object.generation() {
        let observed = object.number_at("/status/observedGeneration");
        let observed = observed.map_or_else(|| "none".to_owned(), |observed| observed.to_string());
        lines.push(format!("generation {generation}, observed {observed}"));
    }
    if let Some(asked) = asked_for(object) {
        lines.push(asked);
    }
    for field in [
        "lastAppliedRevision",
        "lastAttemptedRevision",
        "lastHandledReconcileAt",
        "phase",
    ] {
        if let Some(value) = object.text_at(&format!("/status/{field}")) {
            lines.push(format!("{field}: {value}"));
        }
    }
    if let Some(revision) = object.text_at("/status/artifact/revision") {
        lines.push(format!("artifact: {revision}"));
    }
    lines.extend(object.conditions().map(|condition| condition.to_string()));
    if lines.is_empty() {
        "no status".into()
    } else {
        lines.join("\n")
    }
}

/// The plain fields of the spec of a Flux object: whether it prunes, is suspended, how often it looks.
fn asked_for(object: &Object) -> Option<String> {
    let group = object.text_at("/apiVersion").unwrap_or_default();
    let fields = object
        .at("/spec")
        .and_then(Value::as_object)
        .filter(|_| group.contains("fluxcd"))?;
    let plain = fields
        .iter()
        .filter(|(_, value)| !value.is_object() && !value.is_array());
    let said: Vec<_> = plain
        .map(|(field, value)| {
            format!(
                "{field}: {}",
                value.as_str().map_or_else(|| value.to_string(), str::to_owned)
            )
        })
        .collect();
    (!said.is_empty()).then(|| format!("spec: {}", said.join(", ")))
}

/// Events, oldest first, a line each.
pub(super) fn events(events: &[Object]) -> String {
    let time = |event: &Object| {
        let fields = [
            "/lastTimestamp",
            "/series/lastObservedTime",
            "/eventTime",
            "/metadata/creationTimestamp",
        ];
        fields
            .iter()
            .find_map(|field| event.text_at(field))
            .unwrap_or_default()
            .to_owned()
    };
    let mut sorted: Vec<&Object> = events.iter().collect();
    sorted.sort_by_key(|event| time(event));
    let line = |event: &&Object| {
        let text = |pointer| event.text_at(pointer).unwrap_or_default();
        let count = event
            .at("/count")
            .and_then(Value::as_u64)
            .filter(|count| *count > 1);
        let count = count.map_or_else(String::new, |count| format!(" (×{count})"));
        format!(
            "{} {} {}{count}: {}",
            time(event),
            text("/type"),
            text("/reason"),
            text("/message").trim()
        )
    };
    sorted.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The last lines that are about an object, each in a form that people read.
pub(super) fn relevant(lines: &[String], name: &str, count: usize) -> String {
    let about: Vec<_> = lines.iter().filter(|line| line.contains(name)).collect();
    if about.is_empty() {
        return format!("no line of it is about {name}");
    }
    let chosen = &about[about.len().saturating_sub(count)..];
    chosen
        .iter()
        .map(|line| readable(line))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A line of a controller's JSON log as time, level, message and error; any other line as it is. Neither is long.
fn readable(line: &str) -> String {
    let said = serde_json::from_str::<Value>(line).ok().and_then(|entry| {
        let text = |field: &str| entry.get(field).and_then(Value::as_str);
        let mut said = format!("{} {} {}", text("ts")?, text("level")?, text("msg")?);
        for field in ["error", "revision", "output"] {
            if let Some(value) = entry.get(field) {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                said = format!("{said}; {field}: {value}");
            }
        }
        Some(said)
    });
    let said = said.unwrap_or_else(|| line.to_owned());
    match said.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", &said[..end]),
        None => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn conditions_show_what_was_asked_for_and_what_is_there() {
        let object = Object::from(
            json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 1,
            "lastAttemptedRevision": "dev@sha1:ab", "conditions": [
                {"type": "Ready", "status": "False", "reason": "BuildFailed", "message": "no file"}]}}),
        );
        assert_eq!(
            conditions(&object),
            "generation 2, observed 1\nlastAttemptedRevision: dev@sha1:ab\nReady=False BuildFailed: no file"
        );
        assert_eq!(conditions(&Object::from(json!({}))), "no status");
    }

    #[test]
    fn the_spec_of_a_flux_object_says_what_was_asked_of_it() {
        let object = Object::from(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "spec": {"prune": false, "path": "./a", "sourceRef": {"name": "x"}},
        }));
        assert_eq!(conditions(&object), "spec: path: ./a, prune: false");
    }

    #[test]
    fn a_line_of_json_is_told_in_words_and_a_long_one_is_cut() {
        let line = r#"{"level":"error","ts":"T","msg":"failed","error":"no ledger","logger":"x"}"#;
        assert_eq!(
            relevant(&[line.to_owned()], "ledger", 3),
            "T error failed; error: no ledger"
        );
        let long = format!("ledger {}", "é".repeat(LONGEST_LINE));
        assert_eq!(relevant(&[long], "ledger", 1).chars().count(), LONGEST_LINE + 1);
    }

    #[test]
    fn events_are_told_in_order() {
        let event = |time: &str, count: u64| {
            Object::from(
                json!({"lastTimestamp": time, "type": "Warning", "reason": "BackOff",
                "message": "again\n", "count": count}),
            )
        };
        let told = events(&[event("2026-01-01T00:00:02Z", 3), event("2026-01-01T00:00:01Z", 1)]);
        assert_eq!(
            told,
            "2026-01-01T00:00:01Z Warning BackOff: again\n2026-01-01T00:00:02Z Warning BackOff (×3): again"
        );
    }

    #[test]
    fn lines_about_the_object_are_preferred() {
        let lines: Vec<String> = ["a ledger", "b", "c ledger", "d"].map(Into::into).to_vec();
        assert_eq!(relevant(&lines, "ledger", 1), "c ledger");
        assert_eq!(relevant(&lines, "nobody", 2), "no line of it is about nobody");
    }

    proptest! {
        #[test]
        fn no_text_is_longer_than_its_bound(text in "\\PC{0,20000}") {
            let short = bounded(&text);
            prop_assert!(short.len() <= LONGEST + 64);
            prop_assert!(text.len() > LONGEST || short == text);
        }
    }
}
