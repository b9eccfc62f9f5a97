//! What is too long for a cell: numbered, and told below the table once, however often it is cited.

use crate::{
    markdown::code,
    terminal::{Limit, one_line},
};
use std::fmt::Write as _;

/// How many notes one cell cites.
const CITED: usize = 5;
/// How much of a note is told; all of it is in the reports of the run.
const LIMIT: Limit = Limit { lines: 1, width: 300 };

/// The notes of a table, in the order in which they were first cited.
#[derive(Debug, Default)]
pub(super) struct Notes {
    texts: Vec<String>,
}

impl Notes {
    /// The numbers of these texts, in brackets behind what they explain; nothing if there are none.
    pub(super) fn cite(&mut self, texts: impl IntoIterator<Item = String>) -> String {
        let mut numbers: Vec<usize> = Vec::new();
        let mut more = 0;
        for text in texts {
            let text = LIMIT.cut(&one_line(&text)).trim_end().to_owned();
            let known = self.texts.iter().position(|known| *known == text);
            if known.is_some_and(|index| numbers.contains(&(index + 1))) {
                continue;
            }
            if numbers.len() == CITED {
                more += 1;
                continue;
            }
            let index = known.unwrap_or_else(|| {
                self.texts.push(text);
                self.texts.len() - 1
            });
            numbers.push(index + 1);
        }
        if numbers.is_empty() {
            return String::new();
        }
        let numbers: Vec<_> = numbers.iter().map(usize::to_string).collect();
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!(" ({}{more})", numbers.join(", "))
    }

    /// The list below the table.
    pub(super) fn render(&self, out: &mut String) {
        if self.texts.is_empty() {
            return;
        }
        out.push('\n');
        for (index, text) in self.texts.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{}. {}", index + 1, code(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cite(notes: &mut Notes, texts: &[&str]) -> String {
        notes.cite(texts.iter().map(ToString::to_string))
    }

    #[test]
    fn what_was_cited_before_has_its_number() {
        let mut notes = Notes::default();
        assert_eq!(cite(&mut notes, &[]), "");
        assert_eq!(cite(&mut notes, &["needs pods", "needs pods"]), " (1)");
        assert_eq!(cite(&mut notes, &["a\nb", "needs pods"]), " (2, 1)");
        let mut out = String::new();
        notes.render(&mut out);
        assert_eq!(out, "\n1. `needs pods`\n2. `a b`\n");
    }

    #[test]
    fn a_cell_cites_a_few_and_counts_the_rest() {
        let mut notes = Notes::default();
        assert_eq!(
            cite(&mut notes, &["a", "b", "c", "d", "e", "f", "a", "g"]),
            " (1, 2, 3, 4, 5 and 2 more)"
        );
        assert_eq!(cite(&mut notes, &["g"]), " (6)");
    }
}
