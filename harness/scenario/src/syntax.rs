//! Compiles CEL: within bounds that keep the parser from exhausting the stack, and with errors that have their place.

use kube_cel::cel::Program;
use std::panic::catch_unwind;

/// Why an expression does not compile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// In bytes from the beginning of the expression.
    pub offset: usize,
    /// In words.
    pub message: String,
}

/// The parser and the evaluator recurse over the expression: longer ones are refused before they reach them.
const LONGEST: usize = 2_000;
/// Brackets within brackets, and signs in a row.
const DEEPEST: usize = 24;

/// Compiles an expression.
pub(crate) fn compile(source: &str) -> Result<Program, SyntaxError> {
    let refused = |offset: usize, message: String| Err(SyntaxError { offset, message });
    if source.trim().is_empty() {
        return refused(0, "the expression is empty".to_owned());
    }
    if source.len() > LONGEST {
        return refused(0, format!("the expression is longer than {LONGEST} bytes"));
    }
    if let Some(offset) = too_deep(source) {
        return refused(
            offset,
            format!("the expression is nested more than {DEEPEST} levels deep"),
        );
    }
    match catch_unwind(|| Program::compile(source)) {
        Ok(Ok(program)) => Ok(program),
        Ok(Err(errors)) => {
            let Some(first) = errors.errors.first() else {
                return refused(0, "the expression does not parse".to_owned());
            };
            refused(offset_of(source, first.pos), tidy(&first.msg))
        }
        Err(_) => refused(0, "the CEL parser panicked on this expression".to_owned()),
    }
}

/// Where nesting goes too deep: brackets, runs of `!` and `-`, and the right-leaning `?:`, strings left aside.
fn too_deep(source: &str) -> Option<usize> {
    let (mut brackets, mut signs, mut choices, mut quote, mut escaped) =
        (0_usize, 0_usize, 0_usize, None, false);
    for (offset, character) in source.char_indices() {
        if let Some(open) = quote {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if character == open => quote = None,
                _ => {}
            }
            continue;
        }
        match character {
            '"' | '\'' => quote = Some(character),
            '(' | '[' | '{' => brackets += 1,
            ')' | ']' | '}' => brackets = brackets.saturating_sub(1),
            '?' => choices += 1,
            _ => {}
        }
        match character {
            '!' | '-' => signs += 1,
            _ if character.is_whitespace() => {}
            _ => signs = 0,
        }
        if brackets.max(signs).max(choices) > DEEPEST {
            return Some(offset);
        }
    }
    None
}

/// The parser says line and column, both from 1, the column in characters.
fn offset_of(source: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line - 1).unwrap_or_default();
    let column = usize::try_from(column - 1).unwrap_or_default();
    let start: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = source.get(start..).unwrap_or_default();
    let inside: usize = rest.chars().take(column).map(char::len_utf8).sum();
    (start + inside).min(source.len())
}

/// The parser's words without its list of forty tokens.
fn tidy(message: &str) -> String {
    let message = message.split(" expecting ").next().unwrap_or(message);
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    if let Some(found) = message.strip_prefix("token recognition error at: ") {
        let found = found.trim_matches('\'').trim();
        let hint = if found == "=" {
            "; two values are compared with `==`"
        } else {
            ""
        };
        return format!("unexpected `{found}`{hint}");
    }
    message
        .replace("'<EOF>'", "the end of the expression")
        .replace('\'', "`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_has_its_place() {
        for (expression, offset) in [
            ("a ==", 4),
            ("a == == b", 5),
            ("'é' == == b", 8),
            ("a &&\n b ==) c", 10),
            ("", 0),
            ("'x", 0),
        ] {
            let error = compile(expression).err().unwrap();
            assert_eq!(error.offset, offset, "{expression}: {error}");
        }
    }
}
