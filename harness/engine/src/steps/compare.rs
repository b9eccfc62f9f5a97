//! Remembering objects as they are, and comparing them with what they have become.

use super::{Look, state::target};
use crate::judge::{ABSENT, shortened};
use plumbline_cluster::{
    Object,
    conditions::Verdict,
    watch::{View, WaitError, Watches},
};
use plumbline_flux::{VerbError, unmet};
use plumbline_scenario::{
    ObjectSet,
    steps::{Compare, Comparison, Snapshot},
};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How many differences a failure shows.
const SHOWN: usize = 20;

/// The objects of one set as they were, by reference.
pub(crate) struct Remembered {
    set: ObjectSet,
    objects: BTreeMap<String, Object>,
}

pub(super) async fn snapshot(snapshot: &Snapshot, watches: &Watches) -> Result<Vec<Remembered>, VerbError> {
    let mut remembered = Vec::new();
    for set in &snapshot.objects {
        let what = format!("{set} to be there");
        let there = |view: &View| match view.objects().len() {
            0 => Verdict::NotYet("absent".into()),
            _ => Verdict::Met,
        };
        let observed = watches
            .hold(target(set), there, Duration::ZERO)
            .await
            .map_err(|error| unmet(&what, error))?;
        remembered.push(Remembered {
            set: set.clone(),
            objects: by_reference(&observed.view),
        });
    }
    Ok(remembered)
}

pub(super) async fn compare(
    compare: &Compare,
    snapshots: &BTreeMap<String, Vec<Remembered>>,
    look: &Look<'_>,
) -> Result<(), VerbError> {
    let Some(remembered) = snapshots.get(&compare.with.value) else {
        return Err(VerbError::unmet(format!(
            "there is no snapshot `{}`",
            compare.with
        )));
    };
    let watches = look.watches;
    for before in remembered {
        let same = |view: &View| {
            let differences = differences(&before.objects, &by_reference(view), compare.that);
            if differences.is_empty() {
                return Verdict::Met;
            }
            let more = differences.len().saturating_sub(SHOWN);
            let mut shown = differences[..differences.len() - more].join("\n");
            if more > 0 {
                shown = format!("{shown}\nand {more} more");
            }
            Verdict::NotYet(shown)
        };
        let compared: Result<_, VerbError> = match &compare.within {
            Some(within) => {
                let waiting = look.waiting.clone();
                let observe = move |waiting_for: &str, last_seen: &str| waiting.saw(waiting_for, last_seen);
                let patience = look.patience(within.value.0, &observe);
                patience
                    .wait(watches, target(&before.set), words(compare.that), same)
                    .await
            }
            None => watches
                .hold(target(&before.set), same, Duration::ZERO)
                .await
                .map_err(|error: WaitError| unmet(words(compare.that), error)),
        };
        compared?;
    }
    Ok(())
}

const fn words(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::NoWrites => "the same objects with the same resourceVersions",
        Comparison::SameSpec => "the same objects with the same desired state",
        Comparison::SameDigests => "the same container images by digest",
    }
}

fn by_reference(view: &View) -> BTreeMap<String, Object> {
    view.objects()
        .map(|object| (object.reference().short(), object.clone()))
        .collect()
}

fn differences(
    before: &BTreeMap<String, Object>,
    now: &BTreeMap<String, Object>,
    comparison: Comparison,
) -> Vec<String> {
    let mut differences = Vec::new();
    for (reference, before) in before {
        match now.get(reference) {
            None => differences.push(format!("{reference} is gone")),
            Some(now) => differences.extend(difference(reference, before, now, comparison)),
        }
    }
    let added = now.keys().filter(|reference| !before.contains_key(*reference));
    differences.extend(added.map(|reference| format!("{reference} was not there before")));
    differences
}

fn difference(reference: &str, before: &Object, now: &Object, comparison: Comparison) -> Option<String> {
    match comparison {
        Comparison::NoWrites => (before.version() != now.version()).then(|| {
            let (then, now) = (before.version(), now.version());
            format!("{reference} was written: resourceVersion {then}, now {now}")
        }),
        Comparison::SameSpec => {
            let (before, now) = (desired(before.value()), desired(now.value()));
            (before != now).then(|| {
                let mut differences = Vec::new();
                differing_paths("", &Value::Object(before), &Value::Object(now), &mut differences);
                format!("{reference}: {}", differences.join(", "))
            })
        }
        Comparison::SameDigests => {
            let (before, now) = (digests(before.value()), digests(now.value()));
            (before != now).then(|| format!("{reference} had {}, has {}", before.join(", "), now.join(", ")))
        }
    }
}

/// Everything but metadata and status: `spec`, or `data`, `rules` and the like.
fn desired(object: &Value) -> Map<String, Value> {
    let fields = object.as_object().into_iter().flatten();
    fields
        .filter(|(field, _)| !matches!(field.as_str(), "apiVersion" | "kind" | "metadata" | "status"))
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect()
}

/// The fields that differ, each with what it was and what it is.
fn differing_paths(path: &str, before: &Value, now: &Value, differences: &mut Vec<String>) {
    let text = |value: Option<&Value>| {
        value.map_or_else(|| ABSENT.to_owned(), |value| shortened(&value.to_string()))
    };
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            let fields: BTreeSet<_> = before.keys().chain(now.keys()).collect();
            for field in fields {
                let path = if path.is_empty() {
                    field.clone()
                } else {
                    format!("{path}.{field}")
                };
                match (before.get(field), now.get(field)) {
                    (Some(before), Some(now)) => differing_paths(&path, before, now, differences),
                    (before, now) => {
                        differences.push(format!("{path} was {}, is {}", text(before), text(now)));
                    }
                }
            }
        }
        (Value::Array(before), Value::Array(now)) if before.len() == now.len() => {
            for (index, (before, now)) in before.iter().zip(now).enumerate() {
                differing_paths(&format!("{path}[{index}]"), before, now, differences);
            }
        }
        (before, now) if before == now => {}
        (before, now) => {
            differences.push(format!(
                "{path} was {}, is {}",
                text(Some(before)),
                text(Some(now))
            ));
        }
    }
}

/// The digests in all `image` fields, sorted; an image without a digest counts by its whole name.
fn digests(object: &Value) -> Vec<String> {
    let mut digests = Vec::new();
    collect_digests(object, &mut digests);
    digests.sort();
    digests.dedup();
    digests
}

fn collect_digests(value: &Value, digests: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                match (field.as_str(), value) {
                    ("image", Value::String(image)) => {
                        digests.push(
                            image
                                .split_once('@')
                                .map_or(image.as_str(), |(_, digest)| digest)
                                .to_owned(),
                        );
                    }
                    _ => collect_digests(value, digests),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_digests(value, digests)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn objects(version: &str, mode: &str, image: &str) -> BTreeMap<String, Object> {
        let object = Object::from(json!({
            "kind": "Deployment", "metadata": {"name": "a", "namespace": "n", "resourceVersion": version},
            "spec": {"mode": mode, "containers": [{"image": image}]}, "status": {"replicas": 1},
        }));
        BTreeMap::from([("Deployment n/a".to_owned(), object)])
    }

    #[test]
    fn each_comparison_sees_its_own_differences_only() {
        let before = objects("1", "calm", "r/a:1@sha256:aa");
        let written = objects("2", "calm", "r/b:2@sha256:aa");
        let words = |now: &_, comparison| differences(&before, now, comparison).join("|");
        assert_eq!(
            words(&written, Comparison::NoWrites),
            "Deployment n/a was written: resourceVersion 1, now 2"
        );
        assert_eq!(words(&written, Comparison::SameDigests), "");
        assert_eq!(
            words(&objects("2", "wild", "r/a:1@sha256:aa"), Comparison::SameSpec),
            "Deployment n/a: spec.mode was \"calm\", is \"wild\""
        );
        assert_eq!(
            words(&BTreeMap::new(), Comparison::SameSpec),
            "Deployment n/a is gone"
        );
        let mut more = before.clone();
        more.extend([("ConfigMap n/b".to_owned(), Object::from(json!({})))]);
        assert_eq!(
            words(&more, Comparison::SameSpec),
            "ConfigMap n/b was not there before"
        );
    }
}
