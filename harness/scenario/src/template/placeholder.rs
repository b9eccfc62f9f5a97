//! The grammar of `${…}`: where placeholders are in a text, and what each names.

/// A `${…}` in a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placeholder<'text> {
    /// `${registry}`.
    Registry,
    /// `${namespace}`.
    Namespace,
    /// `${outputs.<name>.<field>}`.
    Output { name: &'text str, field: &'text str },
    /// `${secrets.<name>}`.
    Secret(&'text str),
    /// `${matrix.<name>}` and the like.
    Constant { scope: Scope, name: &'text str },
    /// Anything else between the braces.
    Unknown(&'text str),
    /// No closing brace.
    Unclosed,
}

/// Where values come from that are known when files are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Matrix,
    Variables,
    Parameters,
}

impl Scope {
    pub(crate) const ALL: [Self; 3] = [Self::Matrix, Self::Variables, Self::Parameters];

    /// The word before the point.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Matrix => "matrix",
            Self::Variables => "variables",
            Self::Parameters => "parameters",
        }
    }
}

/// A part of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'text> {
    Literal(&'text str),
    Placeholder {
        offset: usize,
        length: usize,
        placeholder: Placeholder<'text>,
    },
}

/// The parts of a string in order.
pub(crate) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut done = 0;
    while let Some(found) = text[done..].find("${").map(|found| done + found) {
        if text[done..found].ends_with('$') {
            parts.push(Part::Literal(&text[done..found - 1]));
            parts.push(Part::Literal("${"));
            done = found + 2;
            continue;
        }
        parts.push(Part::Literal(&text[done..found]));
        let body = &text[found + 2..];
        let Some(end) = body.find('}') else {
            let length = text.len() - found;
            parts.push(Part::Placeholder {
                offset: found,
                length,
                placeholder: Placeholder::Unclosed,
            });
            return parts;
        };
        parts.push(Part::Placeholder {
            offset: found,
            length: end + 3,
            placeholder: Placeholder::read(&body[..end]),
        });
        done = found + 2 + end + 1;
    }
    parts.push(Part::Literal(&text[done..]));
    parts
}

impl<'text> Placeholder<'text> {
    fn read(body: &'text str) -> Self {
        let known = match body.split_once('.') {
            None => match body {
                "registry" => Some(Self::Registry),
                "namespace" => Some(Self::Namespace),
                _ => None,
            },
            Some((_, "")) => None,
            Some(("outputs", path)) => match path.split_once('.') {
                Some((name, field)) if !name.is_empty() && !field.is_empty() => {
                    Some(Self::Output { name, field })
                }
                _ => None,
            },
            Some(("secrets", name)) => Some(Self::Secret(name)),
            Some((root, name)) => Scope::ALL
                .into_iter()
                .find(|scope| scope.word() == root)
                .map(|scope| Self::Constant { scope, name }),
        };
        known.unwrap_or(Self::Unknown(body))
    }
}

/// The placeholder that a text wholly is: its value keeps its type.
pub(crate) fn whole(text: &str) -> Option<Placeholder<'_>> {
    let mut parts = parts(text).into_iter().filter(|part| *part != Part::Literal(""));
    match (parts.next(), parts.next()) {
        (Some(Part::Placeholder { placeholder, .. }), None) => Some(placeholder),
        _ => None,
    }
}

/// Whether a text has a part that is known only while the scenario runs.
pub(crate) fn has_placeholder(text: &str) -> bool {
    text.contains("${")
        && parts(text)
            .iter()
            .any(|part| matches!(part, Part::Placeholder { .. }))
}

/// A text with `x` for each placeholder, for checks of its form.
pub(crate) fn plain(text: &str) -> String {
    parts(text)
        .into_iter()
        .map(|part| match part {
            Part::Literal(literal) => literal,
            Part::Placeholder { .. } => "x",
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_cover_the_text(text in "[a${}.]{0,30}") {
            let covered: usize = parts(&text).iter().map(|part| match part {
                Part::Literal(literal) => literal.len(),
                Part::Placeholder { length, .. } => *length,
            }).sum();
            let escapes = parts(&text).iter().filter(|part| **part == Part::Literal("${")).count();
            prop_assert_eq!(covered + escapes, text.len());
        }
    }
}
