//! Whole expressions and the parts of them that cannot change.

use crate::{Environment, ObjectReference, Predicate, Type};
use proptest::prelude::*;
use serde_json::json;

fn environment() -> Environment {
    let object: ObjectReference = "ConfigMap a/b".parse().unwrap();
    Environment::default()
        .with("object", Type::object(Some(&object.kind)))
        .with("objects", Type::list(Type::object(None)))
        .with("outputs", Type::open_record([("n", Type::Dynamic)]))
}

fn said(expression: &str) -> Vec<String> {
    let predicate = Predicate::new(expression);
    assert_eq!(predicate.syntax_error(), None, "{expression}");
    assert_eq!(predicate.check(&environment()), [], "{expression}");
    predicate
        .vacuities(&environment(), true)
        .into_iter()
        .map(|flaw| {
            let part = &expression[flaw.offset..flaw.offset + flaw.length];
            format!("{part} | {} = {}", flaw.message, flaw.help.unwrap_or_default())
        })
        .collect()
}

#[test]
fn what_can_be_true_and_false_is_passed_over() {
    for expression in [
        "object.data.a == 'x'",
        "object.spec.suspend == true",
        "size(object.data) > 0 && object.data.size() < 1 + 2",
        "size(object.data) != 0",
        "size(object.data) >= 1 || object.data.size() <= 0 && size(objects) == 0",
        "0 < size(object.data) || 1 > size(objects)",
        "object.spec.n == 3 && object.spec.n <= 3 && object.spec.n >= 3",
        "object.spec.n <= 3 && object.spec.n >= 3 && object.spec.m > 2 && object.spec.m < 4",
        "object.spec.n < 3 || object.spec.n > 3",
        "object.data.a == 'x' || object.data.a == 'y'",
        "object.data.a != 'x' && object.data.a != 'y'",
        "object.spec.n > 1 && object.spec.n < 3 && object.spec.n != 2",
        "object.spec.n <= 1 || object.spec.n >= 3",
        "object.spec.a == object.spec.b && object.spec.b == object.spec.a",
        "has(object.metadata.labels) && has(object.status) && !has(object.metadata.deletionTimestamp)",
        "object.spec.groups.contains('')",
        "object.data.a.matches('^$') || object.data.a.matches('x*y')",
        "objects.exists(o, true)",
        "!objects.exists(o, o.spec.x == 1)",
        "objects.size() == 6 && objects.all(o, o.spec.x == 1)",
        "objects.all(o, o.spec.x == 1) && objects[0].spec.y == 2",
        "objects.all(o, o.spec.x == 1) && objects.exists(o, o.spec.y == 2)",
        "objects.size() == outputs.n && objects.all(o, o.spec.x == 1)",
        "size(objects) == 0 || objects.all(o, o.spec.x == 1)",
        "object.rules.all(r, r.verbs == ['get'])",
        "(has(object.spec.a) ? object.spec.a == 1 : false)",
        "object.spec.a ? object.spec.b == 1 : true",
    ] {
        assert_eq!(said(expression), Vec::<String>::new(), "{expression}");
    }
}

#[test]
fn what_never_changes_is_said_with_its_place_and_reason() {
    let all = [
        "object.data.a == object.data.a",
        "object.data.a < object.data.a",
        "object.data.mode == 'x' || !(object.data.mode == 'x')",
        "object.data.a != 'x' || object.data.a != 'y'",
        "object.data.a == 'x' && object.data.a == 'y'",
        "object.spec.n > 3 && object.spec.n < 3",
        "!(object.spec.n > 3) || object.spec.n >= 3",
        "object.spec.a && !object.spec.a",
        "object.spec.a == 1 && size(object.data) >= 0",
        "0 > objects.size()",
        "size(object.data) == -1",
        "has(object.metadata)",
        "has(object.metadata.name) && object.data.a == 'x'",
        "object.data.a.contains('')",
        "object.data.a.matches('.*')",
        "object.data.a in []",
        "true || object.data.a == 'x'",
        "1 + 1 == 2 && object.data.a == 'x'",
        "'a'.startsWith('b') || object.data.a == 'x'",
        "objects.exists(o, o.kind != o.kind)",
        "objects.filter(o, has(o.metadata)).size() == 2",
        "[].all(x, x == object.data.a)",
        "objects.all(o, o.spec.x == 1)",
        "objects.size() < 9 && objects.all(o, o.spec.x == 1) && outputs.n == 2",
        "objects.filter(o, o.spec.x == 1).all(o, o.spec.y == 2)",
        "true ? object.data.a == 'x' : false",
    ]
    .map(|expression| format!("{expression}\n  {}\n", said(expression).join("\n  ")));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn under_never_the_words_are_turned_round() {
    let said = |expression: &str| {
        let flaws = Predicate::new(expression).vacuities(&environment(), false);
        flaws.into_iter().map(|flaw| flaw.message).collect::<Vec<_>>()
    };
    assert_eq!(
        said("has(object.metadata)"),
        ["a condition that can never be met: every object has this field"]
    );
    assert_eq!(
        said("size(object.data) < 0"),
        ["a condition that can never fail: a size is never below 0"]
    );
    assert_eq!(said("objects.all(o, o.spec.x == 1)"), Vec::<String>::new());
}

fn condition() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "object.data.a == 'x'",
        "object.data.a != 'x'",
        "object.data.a == 'y'",
        "object.data.a < 'y'",
        "object.data.a >= 'x'",
        "object.data.b == object.data.a",
        "size(object.data) > 1",
        "size(object.data) >= 0",
        "object.data.size() <= 1",
        "objects.all(o, o.kind == 'x')",
        "objects.exists(o, o.kind == 'x')",
        "objects.size() == 0",
        "has(object.data.a)",
        "object.data.a in ['x', 'z']",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(3, 10, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} && {right})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} || {right})")),
            inner.prop_map(|operand| format!("!({operand})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Nothing is called unchangeable that can be seen to change.
    #[test]
    fn what_can_never_fail_does_not_fail(
        condition in condition(),
        a in "[w-z]?",
        b in "[w-z]",
        kinds in proptest::collection::vec("[xy]", 0..3),
    ) {
        let predicate = Predicate::new(&condition);
        let objects: Vec<_> = kinds.iter().map(|kind| json!({"kind": kind})).collect();
        let variables = json!({"object": {"data": {"a": a, "b": b}}, "objects": objects});
        let truth = predicate.evaluate(variables.as_object().unwrap());
        for flaw in predicate.vacuities(&environment(), true) {
            if flaw.message.contains("can never fail") {
                prop_assert_ne!(&truth, &Ok(false), "{}", condition);
            }
            if flaw.message.contains("can never be met") {
                prop_assert_ne!(&truth, &Ok(true), "{}", condition);
            }
        }
    }
}
