//! From a place inside a text value to the place in the file.

use crate::{Source, Span};

/// Where the byte `offset` of a text value stands in the file; the value's own place if its writing has escapes and no one can say.
///
/// A block or plain value that spans lines is folded and indented by YAML, but keeps its visible characters in order: they are counted.
pub(crate) fn inside(source: &Source, value_span: Span, value: &str, offset: usize, length: usize) -> Span {
    find(source.text(), value_span, value, offset).map_or(value_span, |found| source.span_at(found, length))
}

fn find(text: &str, value_span: Span, value: &str, offset: usize) -> Option<usize> {
    let written = text.get(value_span.offset..)?;
    let first = written.chars().next()?;
    let content = match first {
        '|' | '>' => written.find('\n')? + 1,
        '"' | '\'' => {
            let inside = &written[1..];
            if !inside.starts_with(value) && inside.split(first).next()?.contains('\\') {
                return None;
            }
            1
        }
        _ => 0,
    };
    let visible = |text: &str| -> Vec<(usize, char)> {
        text.char_indices()
            .filter(|(_, character)| !character.is_whitespace())
            .collect()
    };
    let of_value = visible(value);
    let of_file: Vec<(usize, char)> = written[content..]
        .char_indices()
        .filter(|(_, character)| !character.is_whitespace())
        .take(of_value.len())
        .collect();
    // What is written otherwise than it reads, because a `${…}` in it was filled in, has no place of its own.
    let is_the_same = of_file.len() == of_value.len()
        && of_file
            .iter()
            .zip(&of_value)
            .all(|((_, written), (_, read))| written == read);
    if !is_the_same {
        return None;
    }
    let index = of_value.iter().position(|(start, _)| *start >= offset);
    let place = match index {
        Some(index) => of_file[index].0,
        // The end of the value is the place behind its last visible character.
        None => of_file
            .last()
            .map(|(last, character)| last + character.len_utf8())?,
    };
    Some(value_span.offset + content + place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;
    use std::path::Path;

    /// The place of the `!` of the value under `that` in `text`.
    fn mark(text: &str) -> (u32, u32) {
        let source = Source::from_bytes(Path::new("x.yaml"), text.into()).unwrap();
        let root = document::parse(&source).unwrap();
        let node = &root.entry("that").unwrap().value;
        let document::Content::Text(value) = &node.content else {
            panic!("{node:?}")
        };
        let span = inside(&source, node.span, value, value.find('!').unwrap(), 1);
        (span.line, span.column)
    }

    #[test]
    fn every_style_of_writing_is_followed() {
        assert_eq!(mark("that: ab cd!\n"), (1, 12));
        assert_eq!(mark("that: 'ab cd!'\n"), (1, 13));
        assert_eq!(mark("that: \"ab cd!\"\n"), (1, 13));
        assert_eq!(mark("that: |\n    ab\n    cd!\n"), (3, 7));
        assert_eq!(mark("that: >-\n    ab\n\n    cd!\n"), (4, 7));
        assert_eq!(mark("that: ab\n  cd!\n"), (2, 5));
        assert_eq!(mark("{that: é cd!}\n"), (1, 12));
    }

    #[test]
    fn what_cannot_be_followed_points_to_the_value() {
        assert_eq!(mark("that: \"a\\tb \\\" cd!\"\n"), (1, 7));
        assert_eq!(mark("that: 'it''s cd!'\n"), (1, 7));
    }
}
