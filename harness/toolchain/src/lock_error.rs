//! What is wrong in a lock file, and where.

use std::fmt;

/// A line and a column, both counted from one; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockProblem {
    /// Where.
    pub position: Position,
    /// What, in words.
    pub message: String,
}

/// Everything that is wrong in a lock file: a line for each problem, `file:line:column: message`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct LockError {
    /// The name of the file.
    pub origin: String,
    /// At least one.
    pub problems: Vec<LockProblem>,
}

impl LockError {
    pub(crate) fn new(origin: &str, problems: Vec<LockProblem>) -> Self {
        Self {
            origin: origin.to_owned(),
            problems,
        }
    }
}

impl fmt::Display for LockError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let Position { line, column } = problem.position;
            let separator = if index == 0 { "" } else { "\n" };
            write!(
                formatter,
                "{separator}{}:{line}:{column}: {}",
                self.origin,
                problem.message.trim_end()
            )?;
        }
        Ok(())
    }
}

/// The place of the byte `offset` in `text`; an offset behind the end, or inside a character, counts as the place before it.
pub(crate) fn position(text: &str, offset: usize) -> Position {
    let before = text
        .char_indices()
        .take_while(|(index, _)| *index < offset)
        .map(|(_, character)| character);
    before.fold(Position { line: 1, column: 1 }, |place, character| {
        if character == '\n' {
            Position {
                line: place.line + 1,
                column: 1,
            }
        } else {
            Position {
                line: place.line,
                column: place.column + 1,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_start_at_one() {
        assert_eq!(position("né\nxy", 0), Position { line: 1, column: 1 });
        assert_eq!(position("né\nxy", 3), Position { line: 1, column: 3 });
        assert_eq!(position("né\nxy", 5), Position { line: 2, column: 2 });
        assert_eq!(position("né\nxy", 99), Position { line: 2, column: 3 });
    }
}
