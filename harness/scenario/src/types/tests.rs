//! Whole expressions against the types of an object, and against what the interpreter then does.

use super::{Environment, Type};
use crate::{ObjectReference, Predicate};
use proptest::prelude::*;
use serde_json::{Value, json};

fn environment() -> Environment {
    let object: ObjectReference = "ConfigMap a/b".parse().unwrap();
    Environment::default()
        .with("object", Type::object(Some(&object.kind)))
        .with("objects", Type::list(Type::object(None)))
        .with("refused", Type::map(Type::Int))
        .with("payload", Type::Dynamic)
        .with("matrix", Type::of(&json!({"system": "ledger", "replicas": 2})))
}

/// What is said, with the text that it points at.
fn said(expression: &str) -> Vec<String> {
    let predicate = Predicate::new(expression);
    assert_eq!(predicate.syntax_error(), None, "{expression}");
    predicate
        .check(&environment())
        .into_iter()
        .map(|flaw| {
            let part = &expression[flaw.offset..flaw.offset + flaw.length];
            let help = flaw.help.map(|help| format!(" = {help}")).unwrap_or_default();
            format!("{part} | {}{help}", flaw.message)
        })
        .collect()
}

#[test]
fn what_goes_together_is_passed_over() {
    for expression in [
        "object.metadata.generation == 3",
        "object.metadata.labels['app'] == 'x' && object.metadata.labels.app.startsWith('x')",
        "object.data.mode in ['calm', 'brisk']",
        "'mode' in object.data && object.data.size() == 2",
        "object.spec.whatever[0].is == 3 || object.spec.ratio < 1.5",
        "object.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True' && c.more == 1)",
        "objects.all(o, o.metadata.name.endsWith(matrix.system))",
        "objects.map(o, o.metadata.generation).sum() > matrix.replicas",
        "objects.filter(o, has(o.spec)).size() == size(objects)",
        "refused.all(h, h.contains('.svc.')) && refused['a:443'] > 0",
        "timestamp(object.metadata.creationTimestamp) < timestamp('2030-01-01T00:00:00Z') - duration('1h')",
        "quantity(object.spec.limit).isLessThan(quantity('1Gi')) && quantity('1').add(1).isInteger()",
        "math.greatest(1, 2.0) > 1 && sets.contains([1], [1]) && base64.decode('YQ==') == b'a'",
        "semver('1.2.3').major() == 1 && semver('1.2.3').isLessThan(semver('2.0.0'))",
        "(has(object.spec.a) ? object.spec.a : 'x') == 'x'",
        "object.spec == {'a': 1} && object.metadata.labels == {'app': 'x'} && object.spec.list + [1] == [1]",
        "matrix.system == 'ledger' && matrix['replicas'] == 2 && 'system' in matrix",
        "format.uuid().validate(object.metadata.uid).hasValue() == false",
        "payload.anything.at[0].all(x, x)",
        "object.spec.when + duration('1h') > timestamp('2020-01-01T00:00:00Z')",
    ] {
        assert_eq!(said(expression), Vec::<String>::new(), "{expression}");
    }
}

#[test]
fn what_does_not_is_said_with_both_types_and_its_place() {
    let all = [
        "object.metadata.generation == \"3\"",
        "object.metadata.lable.app == 'x'",
        "has(object.metadata.anotations)",
        "object.metadata.name.first == 'x'",
        "object.metadata.labels.app == null",
        "object.data.replicas == 3 && object.data.on == true",
        "object.metadata.generation == 3.0 || 3u == object.metadata.generation",
        "object.metadata.generation + '1' == '21'",
        "object.metadata.generation",
        "object.metadata.name && object.spec.x",
        "!object.metadata.name",
        "objects.metadata.name == 'x'",
        "objects[0].metadata.nam == 'x'",
        "objects.all(o, o.metadata.name)",
        "objects.exists(o, o.metadata.labels.app == 1)",
        "object.metadata.name.all(c, c == 'x')",
        "3 in object.data",
        "'a' in object.metadata.name",
        "object.metadata.name.startsWith(1)",
        "object.metadata.generation.size() > 1",
        "object.metadata.name.startsWith('a', 'b')",
        "'1.2.3.4'.isIP()",
        "object.metadata.name.contain('x') && sizee(object) == 1",
        "matrix.sytem == 'ledger' && matrix['replica'] == 2",
        "object.metadata.labels[1] == 'x' || objects['a'].spec.x",
        "-object.metadata.name == 1",
        "object.metadata.generation ? true : false",
        "refused['x:443'] == '1'",
        "semver('1.2.3') < semver('1.2.4')",
        "math.ceil(1) == 1.0",
        "Thing{a: 1} == object",
        "type(object) == string",
    ]
    .map(|expression| format!("{expression}\n  {}\n", said(expression).join("\n  ")));
    insta::assert_snapshot!(all.join("\n"));
}

/// JSON that is as the environment's types say.
fn value() -> impl Strategy<Value = Value> {
    let name = "[a-c]{0,3}";
    let strings = proptest::collection::btree_map("[a-c]", name, 0..3);
    (name, 0..5_i64, strings.clone(), strings).prop_map(|(name, generation, labels, data)| {
        let object = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "generation": generation, "labels": labels},
            "data": data,
            "status": {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": generation}]},
        });
        json!({
            "objects": [object, object],
            "object": object,
            "refused": {"a:1": generation},
            "matrix": {"system": "ledger", "replicas": 2},
        })
    })
}

/// Expressions of parts that all have a known type, most of which do not go together.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "2.5",
        "'a'",
        "true",
        "object.metadata.name",
        "object.metadata.generation",
        "object.metadata.labels",
        "object.data",
        "object.data.a",
        "refused",
        "matrix.replicas",
        "matrix.system",
        "['a', 'b']",
        "[1]",
        "{'a': 1}",
        "object.status.conditions",
        "objects.map(o, o.metadata.name)",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(3, 12, 2, |inner| {
        let operator =
            prop::sample::select(vec!["==", "!=", "<", ">=", "+", "-", "*", "%", "in", "&&", "||"]);
        let method = prop::sample::select(vec![
            "size()",
            "startsWith('a')",
            "contains('a')",
            "lowerAscii()",
            "exists(x, x == 'a')",
            "all(x, x > 1)",
            "filter(x, x != 'a')",
            "map(x, x + 1)",
            "sum()",
            "sort()",
            "a",
        ]);
        prop_oneof![
            (inner.clone(), operator, inner.clone())
                .prop_map(|(left, operator, right)| format!("({left} {operator} {right})")),
            (inner.clone(), method).prop_map(|(target, method)| format!("{target}.{method}")),
            inner.clone().prop_map(|operand| format!("!({operand})")),
            (inner.clone(), inner).prop_map(|(container, index)| format!("{container}[{index}]")),
        ]
    })
}

/// Words of the interpreter for values of types that do not go together.
const MISFIT: [&str; 8] = [
    "do not go",
    "does not go with values of these types",
    "not true or false",
    "Unexpected type",
    "Unsupported",
    "not supported",
    "can not be compared",
    "cannot determine the size",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_passes_never_fails_for_its_types(expression in expression(), value in value()) {
        let predicate = Predicate::new(&expression);
        prop_assume!(predicate.syntax_error().is_none());
        if predicate.check(&environment()).is_empty() && let Err(error) = predicate.evaluate(value.as_object().unwrap()) {
            prop_assert!(!MISFIT.iter().any(|words| error.contains(words)), "{expression}: {error}");
        }
    }

    #[test]
    fn no_text_panics_the_checker(text in "[a-c0-9.()\\[\\]{}!?:<>=&|+*/%'\"\\\\ é\n-]{0,60}|(object|[a-z.&|!=<>()' ]|size|all|has|metadata){0,14}") {
        let predicate = Predicate::new(&text);
        for flaw in predicate.check(&environment()).into_iter().chain(predicate.vacuities(&environment(), true)) {
            prop_assert!(text.is_char_boundary(flaw.offset) && text.is_char_boundary(flaw.offset + flaw.length));
        }
    }
}
