//! Objects of the cluster: waits over the shared watches.

use super::super::{Look, state::selector};
use crate::judge::{self, Difference};
use plumbline_cluster::{
    ObjectReference,
    conditions::Verdict,
    kubernetes::KindSelector,
    watch::{Target, View},
};
use plumbline_flux::{VerbError, unmet};
use plumbline_model::Failure;
use plumbline_scenario::{
    ObjectSelector,
    steps::{Condition, Expect},
};
use serde_json::Value;
use std::sync::{Mutex, PoisonError};

/// How many names of other objects a failure shows when the one that is asked for is not there.
const OTHERS: usize = 10;

pub(super) async fn one(expect: &Expect, object: ObjectReference, look: &Look<'_>) -> Result<(), VerbError> {
    let variables = look.readable;
    let places = Mutex::new(Vec::new());
    let condition = |view: &View| {
        let value = view.object().map(|object| object.value().clone());
        if let Condition::Matches(part) = &expect.condition {
            let found = value.as_ref().map(|value| judge::differences(part, value));
            *places.lock().unwrap_or_else(PoisonError::into_inner) = found.unwrap_or_default();
        }
        judge::one(&expect.condition, "object", value, variables.clone())
    };
    let judged = wait(expect, Target::Object(object.clone()), look, condition).await;
    let Err(VerbError::Unmet(failure)) = judged else {
        return judged;
    };
    let places = places.into_inner().unwrap_or_else(PoisonError::into_inner);
    let failure = side_by_side(*failure, &places);
    Err(VerbError::Unmet(Box::new(
        with_others(failure, &object, look).await,
    )))
}

pub(super) async fn several(
    expect: &Expect,
    chosen: &ObjectSelector,
    look: &Look<'_>,
) -> Result<(), VerbError> {
    let condition = |view: &View| {
        let objects = values(view);
        let count = objects.len();
        let mut variables = look.readable.clone();
        variables.insert("objects".into(), objects.into());
        judge::set(&expect.condition, &variables, count)
    };
    wait(expect, Target::Set(selector(chosen)), look, condition).await
}

pub(super) async fn every(
    expect: &Expect,
    chosen: &ObjectSelector,
    look: &Look<'_>,
) -> Result<(), VerbError> {
    let condition = |view: &View| {
        let objects = values(view);
        judge::each_of(&expect.condition, "object", &objects, look.readable)
    };
    wait(expect, Target::Set(selector(chosen)), look, condition).await
}

/// The objects of a view as conditions read them.
fn values(view: &View) -> Vec<Value> {
    view.objects().map(|object| object.value().clone()).collect()
}

/// Waits until the condition is met, and then that it stays so, as far as the author asks for either.
pub(super) async fn wait(
    expect: &Expect,
    target: Target,
    look: &Look<'_>,
    condition: impl Fn(&View) -> Verdict,
) -> Result<(), VerbError> {
    let watches = look.watches;
    let what = judge::words(&expect.condition);
    let waiting = look.waiting.clone();
    let observe = move |waiting_for: &str, last_seen: &str| waiting.saw(waiting_for, last_seen);
    if expect.within.is_some() || expect.holds.is_none() {
        let patience = look.patience(expect.deadline(), &observe);
        patience.wait(watches, target.clone(), &what, &condition).await?;
    }
    if let Some(holds) = &expect.holds {
        let waiting_for = format!("{what}, for {holds}");
        look.waiting.saw(&waiting_for, "so far it holds");
        watches
            .hold(target, &condition, holds.value.0)
            .await
            .map_err(|error| unmet(&what, error))?;
    }
    Ok(())
}

/// What was asserted and what is there, line by line, for the fields that differ and no others.
fn side_by_side(mut failure: Failure, places: &[Difference]) -> Failure {
    if places.is_empty() {
        return failure;
    }
    let lines = |side: &dyn Fn(&Difference) -> String| {
        let lines: Vec<String> = places
            .iter()
            .map(|place| format!("{}: {}", place.path, side(place)))
            .collect();
        Some(lines.join("\n"))
    };
    failure.expected = lines(&|place| place.expected.clone());
    failure.actual = lines(&|place| place.actual.clone());
    failure
}

/// Says which objects there are in place of one that is not there: most often it was misspelt, or is elsewhere.
async fn with_others(mut failure: Failure, object: &ObjectReference, look: &Look<'_>) -> Failure {
    if failure.actual.as_deref() != Some(judge::ABSENT) {
        return failure;
    }
    let selector = KindSelector {
        kind: object.kind.clone(),
        namespace: object.namespace.clone(),
        labels: Default::default(),
    };
    // It only adds to a failure that stands without it.
    let Ok(others) = look.watches.kubernetes().list(&selector).await else {
        return failure;
    };
    let names: Vec<&str> = others.iter().map(|other| other.name()).collect();
    failure.actual = Some(others_in_words(object, &names));
    failure
}

fn others_in_words(object: &ObjectReference, names: &[&str]) -> String {
    let kind = &object.kind.kind;
    let place = match &object.namespace {
        Some(namespace) => format!("in {namespace}"),
        None => "in the cluster".to_owned(),
    };
    if names.is_empty() {
        return format!("{}; there is no {kind} at all {place}", judge::ABSENT);
    }
    let mut nearest = names.to_vec();
    nearest.sort_by_key(|name| (strsim::damerau_levenshtein(name, &object.name), *name));
    let shown = nearest.len().min(OTHERS);
    let more = match nearest.len() - shown {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "{}; each {kind} {place}: {}{more}",
        judge::ABSENT,
        nearest[..shown].join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_come_first() {
        let object: ObjectReference = "ConfigMap shop/setings".parse().unwrap();
        assert_eq!(
            others_in_words(&object, &["kube-root-ca.crt", "settings"]),
            "absent; each ConfigMap in shop: settings, kube-root-ca.crt"
        );
        assert_eq!(
            others_in_words(&object, &[]),
            "absent; there is no ConfigMap at all in shop"
        );
        let many: Vec<String> = (0..12).map(|number| format!("s{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(others_in_words(&object, &many).ends_with("and 2 more"));
    }

    #[test]
    fn only_what_differs_is_shown_side_by_side() {
        let place = |path: &str| Difference {
            path: path.to_owned(),
            expected: "1".to_owned(),
            actual: "2".to_owned(),
        };
        let failure = side_by_side(Failure::default(), &[place("a"), place("b.c")]);
        assert_eq!(failure.expected.as_deref(), Some("a: 1\nb.c: 1"));
        assert_eq!(failure.actual.as_deref(), Some("a: 2\nb.c: 2"));
    }
}
