//! Which strings of a step are templates: all but CEL, and what is CEL depends on where it stands.

use crate::{
    Span,
    document::{Content, Node},
};

/// Where in a step a value is: CEL is never spliced, it reads by itself what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The step itself.
    Step,
    /// The fields of `expect`.
    Expectation,
    /// The fields of a verb with an `expect` of its own: `http`, `exec`.
    Judged,
    /// The fields of any other verb.
    Fields,
    /// CEL.
    Cel,
    /// Anywhere else.
    Below,
}

impl Place {
    /// The place of an entry's value.
    pub(crate) fn of_value(self, key: &str) -> Self {
        match (self, key) {
            (Self::Step, "expect") | (Self::Judged, "expect") => Self::Expectation,
            (Self::Step, "http" | "exec") => Self::Judged,
            (Self::Step, _) => Self::Fields,
            (Self::Expectation, "that" | "never") => Self::Cel,
            _ => Self::Below,
        }
    }
}

/// Calls `visit` with every string of a node in which `${…}` is filled in, keys among them, and with its span.
pub(crate) fn visit_strings<'node>(
    node: &'node Node,
    place: Place,
    visit: &mut impl FnMut(Span, &'node str),
) {
    match &node.content {
        Content::Text(text) if place != Place::Cel => visit(node.span, text),
        Content::Sequence(items) => items
            .iter()
            .for_each(|item| visit_strings(item, Place::Below, visit)),
        Content::Mapping(entries) => {
            for entry in entries {
                visit(entry.key_span, &entry.key);
                visit_strings(&entry.value, place.of_value(&entry.key), visit);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn cel_is_left_alone() {
        let step = |json: Value| Node::from(&json);
        let texts = |node: &Node| {
            let mut texts = Vec::new();
            visit_strings(node, Place::Step, &mut |_, text| texts.push(text.to_owned()));
            texts
        };
        let expect = step(json!({"expect": {"that": "cel", "matches": {"that": "text"}}}));
        assert_eq!(texts(&expect), ["expect", "matches", "that", "text", "that"]);
        let http = step(json!({"http": {"url": "a", "expect": {"that": "cel"}}}));
        assert!(!texts(&http).contains(&"cel".to_owned()));
        let exec = step(json!({"exec": {"expect": {"stdout": "a", "that": "cel"}, "that": "text"}}));
        assert!(texts(&exec).contains(&"text".to_owned()));
        assert!(!texts(&exec).contains(&"cel".to_owned()));
    }
}
