//! Where the parts of an expression stand in its text.

use kube_cel::cel::{
    Program,
    common::ast::{EntryExpr, Expr, IdedExpr, SourceInfo},
};
use std::{cell::OnceCell, panic::catch_unwind, sync::Arc};

/// Where the parts of an expression stand in its text.
pub(crate) struct Places<'text> {
    text: &'text str,
    tokens: OnceCell<Option<Arc<SourceInfo>>>,
}

/// How much of a part is repeated in a message.
const SHOWN: usize = 60;

impl<'text> Places<'text> {
    /// Of the parts of an expression that compiles.
    pub(crate) const fn new(text: &'text str) -> Self {
        Self {
            text,
            tokens: OnceCell::new(),
        }
    }

    /// Offset and length of a part, both in bytes; the whole expression if nobody can say.
    pub(crate) fn of(&self, part: &IdedExpr) -> (usize, usize) {
        let (start, end) = self.range(part).unwrap_or((0, self.text.len()));
        (start, end - start)
    }

    /// Offset and length of the name of the function that a part calls.
    pub(crate) fn of_name(&self, call: &IdedExpr, name: &str) -> (usize, usize) {
        let tokens = self.tokens.get_or_init(|| tokens_of(self.text)).as_ref();
        match tokens.and_then(|tokens| tokens.offset_for(call.id)) {
            Some((bracket, _)) if before(self.text, bracket as usize, name) < bracket as usize => {
                (before(self.text, bracket as usize, name), name.len())
            }
            _ => self.of(call),
        }
    }

    /// The part as it is written, on one line; an ellipsis if it is long.
    pub(crate) fn words(&self, part: &IdedExpr) -> String {
        let (start, end) = self.range(part).unwrap_or((0, self.text.len()));
        let words = self.text[start..end]
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        if words.chars().count() <= SHOWN {
            return words;
        }
        let first: String = words.chars().take(SHOWN).collect();
        format!("{first}…")
    }

    fn range(&self, part: &IdedExpr) -> Option<(usize, usize)> {
        let tokens = self.tokens.get_or_init(|| tokens_of(self.text)).as_ref()?;
        let mut range = None;
        cover(part, tokens, self.text, &mut range);
        let (start, end) = range?;
        (self.text.is_char_boundary(start) && self.text.is_char_boundary(end))
            .then(|| balanced(self.text, start, end))
    }
}

/// The parser tells places only together with errors: it reads the text once more, with an error behind its end. What it reads before the
/// error has the same numbers as when it read the text alone.
fn tokens_of(text: &str) -> Option<Arc<SourceInfo>> {
    let outcome = catch_unwind(|| Program::compile(&format!("{text}\n\u{1}"))).ok()?;
    outcome.err()?.errors.first()?.source_info.clone()
}

/// Widens the range so that it covers the tokens of a part.
fn cover(part: &IdedExpr, tokens: &SourceInfo, text: &str, range: &mut Option<(usize, usize)>) {
    if let Some((first, last)) = tokens.offset_for(part.id) {
        let (mut start, mut end) = (first as usize, last as usize + 1);
        match &part.expr {
            // The place of a call is its bracket, that of a selection its dot.
            Expr::Call(call) => start = before(text, start, &call.func_name),
            Expr::Select(select) if select.test => start = before(text, start, "has"),
            Expr::Select(select) => end = behind(text, end, &select.field),
            _ => {}
        }
        *range = Some(range.map_or((start, end), |(one, other)| (one.min(start), other.max(end))));
    }
    match &part.expr {
        Expr::Call(call) => call
            .target
            .iter()
            .map(AsRef::as_ref)
            .chain(&call.args)
            .for_each(|inner| cover(inner, tokens, text, range)),
        Expr::Select(select) => {
            cover(&select.operand, tokens, text, range);
            if let (true, Some((_, end))) = (select.test, range) {
                *end = behind(text, behind(text, *end, "."), &select.field);
            }
        }
        Expr::List(list) => list
            .elements
            .iter()
            .for_each(|element| cover(element, tokens, text, range)),
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    cover(&entry.key, tokens, text, range);
                    cover(&entry.value, tokens, text, range);
                }
            }
        }
        Expr::Comprehension(comprehension) => {
            cover(&comprehension.iter_range, tokens, text, range);
            cover(&comprehension.loop_step, tokens, text, range);
        }
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) => {}
    }
}

/// Where the word before `start` begins, if it is this one.
fn before(text: &str, start: usize, word: &str) -> usize {
    let head = text.get(..start).unwrap_or_default().trim_end();
    let is_bracket = text.get(start..).is_some_and(|tail| tail.starts_with('('));
    match head.strip_suffix(word) {
        Some(rest) if is_bracket => rest.len(),
        _ => start,
    }
}

/// Where the word behind `end` ends, if it is this one.
fn behind(text: &str, end: usize, word: &str) -> usize {
    let tail = text.get(end..).unwrap_or_default();
    let gap = tail.len() - tail.trim_start().len();
    if tail[gap..].starts_with(word) {
        end + gap + word.len()
    } else {
        end
    }
}

/// The range with the brackets that it opens or closes only in part.
fn balanced(text: &str, mut start: usize, mut end: usize) -> (usize, usize) {
    let (mut unopened, mut open) = (0_usize, 0_usize);
    let mut quote = None;
    let mut escaped = false;
    for character in text[start..end].chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(mark) if character == mark => quote = None,
            Some(_) => {}
            None => match character {
                '"' | '\'' => quote = Some(character),
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' if open > 0 => open -= 1,
                ')' | ']' | '}' => unopened += 1,
                _ => {}
            },
        }
    }
    for (offset, character) in text[end..].char_indices() {
        match character {
            _ if open == 0 => break,
            ')' | ']' | '}' => {
                open -= 1;
                if open == 0 {
                    end += offset + character.len_utf8();
                    break;
                }
            }
            _ if character.is_whitespace() => {}
            _ => break,
        }
    }
    for (offset, character) in text[..start].char_indices().rev() {
        match character {
            _ if unopened == 0 => break,
            '(' | '[' | '{' => {
                unopened -= 1;
                if unopened == 0 {
                    start = offset;
                }
            }
            _ if character.is_whitespace() => {}
            _ => break,
        }
    }
    (start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every part of an expression, as it is written.
    fn parts(text: &str) -> Vec<String> {
        fn collect(part: &IdedExpr, places: &Places<'_>, words: &mut Vec<String>) {
            words.push(places.words(part));
            match &part.expr {
                Expr::Call(call) => call
                    .target
                    .iter()
                    .map(AsRef::as_ref)
                    .chain(&call.args)
                    .for_each(|inner| collect(inner, places, words)),
                Expr::Select(select) => collect(&select.operand, places, words),
                Expr::Comprehension(comprehension) => collect(&comprehension.iter_range, places, words),
                _ => {}
            }
        }
        let program = Program::compile(text).unwrap();
        let mut words = Vec::new();
        collect(program.expression(), &Places::new(text), &mut words);
        words
    }

    #[test]
    fn every_part_is_found_with_its_brackets() {
        for (text, expected) in [
            ("a.b == 'é)'", &["a.b == 'é)'", "a.b", "a", "'é)'"][..]),
            ("(a || b) && c", &["(a || b) && c", "a || b", "a", "b", "c"]),
            ("!(a.b).c", &["!(a.b).c", "(a.b).c", "a.b", "a"]),
            (
                "size( x.y )>0",
                &["size( x.y )>0", "size( x.y )", "x.y", "x", "0"],
            ),
            ("has(a.b.c)", &["has(a.b.c)", "a.b", "a"]),
            ("l.all(o, f(o)) ", &["l.all(o, f(o))", "l"]),
            ("x.f('a')[0]", &["x.f('a')[0]", "x.f('a')", "x", "'a'", "0"]),
            ("a\n  .b", &["a .b", "a"]),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
    }

    #[test]
    fn an_expression_that_hides_its_end_is_shown_as_a_whole() {
        assert_eq!(parts("a == 1 // one"), ["a == 1", "a", "1"]);
    }
}
