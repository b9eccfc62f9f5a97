//! What a reader asks first when an expression is false: the values of what it names, and which elements of a list
//! made it so.

use super::mentions::{Call, Index, Macro, MacroKind, Mention, index, mentions};
use plumbline_scenario::Predicate;
use serde_json::{Map, Value};

/// How much of a value is shown.
const SHOWN: usize = 300;
/// How many elements of a list are shown.
const ELEMENTS: usize = 3;
/// How deep macros within macros are looked into.
const DEEPEST: usize = 4;

/// The beginning and the end of a long text.
pub(crate) fn shortened(text: &str) -> String {
    let count = text.chars().count();
    if count <= SHOWN {
        return text.to_owned();
    }
    let end = SHOWN / 4;
    let head: String = text.chars().take(SHOWN - end).collect();
    let tail: String = text.chars().skip(count - end).collect();
    format!("{head} … {tail}")
}

/// The values that a false expression names.
pub(super) fn values_of(source: &str, variables: &Map<String, Value>) -> String {
    let shown = mentioned(source, variables);
    if shown.is_empty() {
        "false".to_owned()
    } else {
        shown.join(", ")
    }
}

/// Each thing that an expression names, with its value; macros over lists with the elements that decided.
pub(super) fn mentioned(source: &str, variables: &Map<String, Value>) -> Vec<String> {
    described(source, variables, None, DEEPEST)
}

fn described(source: &str, variables: &Map<String, Value>, only: Option<&str>, depth: usize) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    for mention in mentions(source) {
        let root = mention.path.split(['.', '[']).next().unwrap_or_default();
        if !variables.contains_key(root) || only.is_some_and(|only| only != root) {
            continue;
        }
        let value = lookup(mention.path, variables);
        let lines = match (&mention.call, value) {
            (Some(Call::Size), Some(Value::Array(list))) => {
                vec![format!(
                    "{}.size() is {}{}",
                    mention.path,
                    list.len(),
                    names(list)
                )]
            }
            (Some(Call::Macro(call)), Some(Value::Array(list))) if depth > 0 => {
                elements(&mention, call, list, variables, depth - 1)
            }
            (_, value) => vec![format!("{} is {}", mention.path, in_words(value))],
        };
        for line in lines {
            if !shown.contains(&line) {
                shown.push(line);
            }
        }
    }
    shown
}

fn lookup<'a>(path: &str, variables: &'a Map<String, Value>) -> Option<&'a Value> {
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (root, mut rest) = path.split_at(end);
    let mut value = variables.get(root)?;
    while !rest.is_empty() {
        value = if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (field, others) = after.split_at(end);
            rest = others;
            value.get(field)?
        } else {
            let (index, others) = index(rest)?;
            rest = others;
            match index {
                Index::Position(position) => value.get(position)?,
                Index::Key(key) => value.get(key)?,
                Index::Path(path) => match lookup(path, variables)? {
                    Value::String(key) => value.get(key)?,
                    position => value.get(usize::try_from(position.as_u64()?).ok()?)?,
                },
            }
        };
    }
    Some(value)
}

fn in_words(value: Option<&Value>) -> String {
    match value {
        None => super::ABSENT.to_owned(),
        Some(Value::Array(list))
            if list.iter().all(|element| label(element).is_some()) && !list.is_empty() =>
        {
            format!("a list of {}{}", list.len(), names(list))
        }
        Some(value) => shortened(&value.to_string()),
    }
}

/// `: Pod a/b, Pod a/c`, where the elements have names.
fn names(list: &[Value]) -> String {
    const MOST: usize = 10;
    let names: Vec<String> = list.iter().filter_map(label).take(MOST).collect();
    match (names.is_empty(), list.len() > MOST) {
        (true, _) => String::new(),
        (false, true) => format!(": {}, …", names.join(", ")),
        (false, false) => format!(": {}", names.join(", ")),
    }
}

/// What an element is called: an object by kind and name, others by their `type` or `name`.
pub(super) fn label(element: &Value) -> Option<String> {
    let text = |pointer: &str| element.pointer(pointer).and_then(Value::as_str);
    if let (Some(kind), Some(name)) = (text("/kind"), text("/metadata/name")) {
        return Some(match text("/metadata/namespace") {
            Some(namespace) => format!("{kind} {namespace}/{name}"),
            None => format!("{kind} {name}"),
        });
    }
    let named = |key: &str| Some(format!("{key}={}", element[key].as_str()?));
    named("type").or_else(|| named("name"))
}

/// Which elements of a list decided a macro.
fn elements(
    mention: &Mention<'_>,
    call: &Macro<'_>,
    list: &[Value],
    variables: &Map<String, Value>,
    depth: usize,
) -> Vec<String> {
    let outer = described(call.body, &without(variables, call.variable), None, depth);
    let path = mention.path;
    if list.is_empty() {
        return [vec![format!("{path} is empty")], outer].concat();
    }
    let predicate = Predicate::new(call.body);
    let mut bound = variables.clone();
    let mut holding = 0;
    let mut failing = Vec::new();
    for (index, element) in list.iter().enumerate() {
        bound.insert(call.variable.to_owned(), element.clone());
        if predicate.evaluate(&bound) == Ok(true) {
            holding += 1;
        } else if failing.len() < ELEMENTS {
            let values = described(call.body, &bound, Some(call.variable), depth).join(", ");
            let called = label(element).unwrap_or_else(|| format!("[{index}]"));
            failing.push(if values.is_empty() {
                called
            } else {
                format!("{called} ({values})")
            });
        }
    }
    let others = list.len() - holding;
    let more = match others.saturating_sub(failing.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let failing = format!("{}{more}", failing.join(", "));
    let count = list.len();
    let line = match call.kind {
        MacroKind::All if others > 0 => format!("{others} of {count} in {path} are not so: {failing}"),
        MacroKind::Exists if holding == 0 => format!("none of {count} in {path} is so: {failing}"),
        MacroKind::ExistsOne if holding != 1 => format!("{holding} of {count} in {path} are so"),
        MacroKind::All => format!("all {count} in {path} are so"),
        MacroKind::Exists | MacroKind::ExistsOne => format!("{holding} of {count} in {path} are so"),
    };
    [vec![line], outer].concat()
}

fn without(variables: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let mut others = variables.clone();
    others.remove(name);
    others
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn shown(source: &str, variables: &Value) -> String {
        values_of(source, variables.as_object().unwrap())
    }

    #[test]
    fn a_false_expression_shows_the_values_that_it_names() {
        let variables = json!({"object": {"data": {"mode": "hacked"}}, "outputs": {"a": {"b": "x"}}});
        assert_eq!(
            shown(
                "object.data.mode == 'calm.object' && object.data.none.startsWith(outputs.a.b)",
                &variables
            ),
            r#"object.data.mode is "hacked", object.data.none is absent, outputs.a.b is "x""#
        );
        assert_eq!(
            shown(r#"object.data.mode == "it's \" object.x" "#, &variables),
            r#"object.data.mode is "hacked""#
        );
    }

    #[test]
    fn a_false_macro_shows_the_elements_that_made_it_so() {
        let pod = |name: &str, phase: &str| json!({"kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, "status": {"phase": phase}});
        let variables = json!({
            "objects": [pod("a", "Running"), pod("b", "Pending")],
            "outputs": {"change": {"phase": "Running"}},
        });
        assert_eq!(
            shown(
                "objects.size() == 3 && objects.all(p, p.status.phase == outputs.change.phase)",
                &variables
            ),
            r#"objects.size() is 2: Pod shop/a, Pod shop/b, 1 of 2 in objects are not so: Pod shop/b (p.status.phase is "Pending"), outputs.change.phase is "Running""#
        );
        assert_eq!(
            shown("objects.exists(p, p.metadata.name == 'c')", &variables),
            r#"none of 2 in objects is so: Pod shop/a (p.metadata.name is "a"), Pod shop/b (p.metadata.name is "b")"#
        );
        assert_eq!(
            shown("objects.exists_one(p, p.kind == 'Pod')", &variables),
            "2 of 2 in objects are so"
        );
        assert_eq!(
            shown("objects.all(p, false)", &json!({"objects": []})),
            "objects is empty"
        );
    }

    #[test]
    fn elements_are_shown_by_position_by_name_and_by_what_another_value_names() {
        let variables = json!({
            "object": {"limits": [{"type": "a", "max": {"cpu": "8"}}]},
            "variables": {"numbers": {"small": {"cpu": "1"}}},
            "matrix": {"sku": "small"},
        });
        assert_eq!(
            shown(
                "object.limits[0].max == variables.numbers[matrix.sku]",
                &variables
            ),
            r#"object.limits[0].max is {"cpu":"8"}, variables.numbers[matrix.sku] is {"cpu":"1"}"#
        );
        assert_eq!(
            shown(
                r#"object.limits[0].max["cpu"].startsWith("1") || object.limits[1].max == null"#,
                &variables
            ),
            r#"object.limits[0].max["cpu"] is "8", object.limits[1].max is absent"#
        );
        // What would have to be computed is not.
        assert_eq!(
            shown("object.limits[1 - 1].max == matrix.sku", &variables),
            r#"object.limits is a list of 1: type=a, matrix.sku is "small""#
        );
    }

    #[test]
    fn conditions_are_called_by_their_type() {
        let variables = json!({"object": {"status": {"conditions": [
            {"type": "Ready", "status": "False", "reason": "BuildFailed"},
            {"type": "Healthy", "status": "Unknown"},
        ]}}});
        assert_eq!(
            shown(
                "object.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')",
                &variables
            ),
            r#"none of 2 in object.status.conditions is so: type=Ready (c.type is "Ready", c.status is "False"), type=Healthy (c.type is "Healthy", c.status is "Unknown")"#
        );
    }

    #[test]
    fn macros_in_macros_are_looked_into() {
        let variables = json!({"objects": [{"name": "a", "parts": [{"name": "x", "n": 1}]}]});
        assert_eq!(
            shown("objects.all(o, o.parts.exists(p, p.n == 2))", &variables),
            "1 of 1 in objects are not so: name=a (none of 1 in o.parts is so: name=x (p.n is 1))"
        );
    }

    #[test]
    fn long_values_keep_their_ends() {
        let text = shortened(&format!("begin{}end", "é".repeat(1000)));
        assert!(text.starts_with("begin") && text.ends_with("end"), "{text}");
        assert!(text.chars().count() < 310);
    }

    proptest! {
        #[test]
        fn no_expression_panics_the_scan(source in any::<String>()) {
            for mention in mentions(&source) {
                prop_assert!(source.contains(mention.path));
            }
        }

        #[test]
        fn nor_do_pieces_of_expressions(source in "(objects|o|\\[|\\]|0|\\.all\\(|\\.exists\\(|o, |\\)|\\(|'|\"|\\\\|é| && |\\.size\\(\\)){0,12}") {
            let variables = json!({"objects": [{"a": 1}], "o": []});
            let _ = values_of(&source, variables.as_object().unwrap());
        }
    }
}
