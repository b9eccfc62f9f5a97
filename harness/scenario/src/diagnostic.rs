//! Errors in scenario files: what, where, and what to do.

use crate::{Source, Span};
use miette::LabeledSpan;
use plumbline_model::{is_unprintable, printable};
use std::{fmt, sync::Arc};

/// One error in one file.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    source: Arc<Source>,
    span: Span,
    message: String,
    help: Option<String>,
    related: Vec<Diagnostic>,
}

impl Diagnostic {
    /// An error at a place.
    pub(crate) fn new(source: &Arc<Source>, span: Span, message: String) -> Self {
        // A place that nobody knows is the beginning of the file: every error has one.
        let span = if span.line == 0 {
            Span {
                line: 1,
                column: 1,
                ..span
            }
        } else {
            span
        };
        Self {
            source: Arc::clone(source),
            span,
            message: bounded(&message, 300),
            help: None,
            related: Vec::new(),
        }
    }

    /// Adds what to do.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(bounded(&help.into(), 1_000));
        self
    }

    /// Adds another place that has to do with it.
    pub(crate) fn with_related(
        mut self,
        source: &Arc<Source>,
        span: Span,
        message: impl Into<String>,
    ) -> Self {
        self.related.push(Self::new(source, span, message.into()));
        self
    }

    /// The file.
    #[must_use]
    pub fn source_file(&self) -> &Source {
        &self.source
    }

    /// The place in the file.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// What is wrong, in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do, if there is a hint.
    #[must_use]
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The error as plain text: title, place, the line with a caret, help.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = format!("error: {}\n", self.message);
        self.render_place(&mut text);
        for related in &self.related {
            text.push_str(&format!("note: {}\n", related.message));
            related.render_place(&mut text);
        }
        if let Some(help) = &self.help {
            text.push_str(&format!("  = help: {help}\n"));
        }
        text
    }

    fn render_place(&self, text: &mut String) {
        let Span { line, column, .. } = self.span;
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        text.push_str(&format!(
            "{margin}--> {}:{line}:{column}\n",
            bounded(self.source.name(), 1_000)
        ));
        let Some(content) = self.source.line(line) else {
            return;
        };
        let window = Window::around(content, self.span);
        text.push_str(&format!("{margin} |\n{number} | {}\n{margin} | ", window.text));
        text.push_str(&" ".repeat(window.indent));
        text.push_str(&"^".repeat(window.width));
        text.push('\n');
    }

    fn sort_key(&self) -> (&str, Span, &str) {
        (self.source.name(), self.span, &self.message)
    }

    /// Whether it says the same of the same place; what is found more than once need not be said more than once.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.sort_key() == other.sort_key()
    }
}

/// The part of a line that is shown, and where the caret goes.
struct Window {
    text: String,
    indent: usize,
    width: usize,
}

impl Window {
    /// Columns shown at most; a line may be a megabyte long.
    const WIDEST: usize = 120;

    fn around(line: &str, span: Span) -> Self {
        let column = usize::try_from(span.column.saturating_sub(1)).unwrap_or(usize::MAX);
        let place = line
            .char_indices()
            .nth(column)
            .map_or(line.len(), |(place, _)| place);
        let (before, behind) = line.split_at(place);
        // From the beginning of the line if the place can be seen then, else from somewhat before the place.
        let from = match beginning(before, Self::WIDEST - 1) {
            0 => 0,
            _ => beginning(before, Self::WIDEST / 2),
        };
        let mut text = String::new();
        let mut shown: usize = before[from..]
            .chars()
            .map(|character| push_visible(&mut text, character))
            .sum();
        let mut indent = shown;
        let mut marked = 0;
        let mut width = 0;
        let mut blank = 0;
        for character in behind.chars() {
            if shown >= Self::WIDEST {
                text.push('…');
                break;
            }
            let columns = push_visible(&mut text, character);
            shown += columns;
            if marked < span.length {
                marked += character.len_utf8();
                width += columns;
                // Blanks at the end of what is marked are not marked.
                blank = match character.is_whitespace() {
                    true => blank + columns,
                    false => 0,
                };
            }
        }
        if from > 0 {
            text.insert(0, '…');
            indent += 1;
        }
        text.truncate(text.trim_end().len());
        Self {
            text,
            indent,
            width: (width - blank).max(1),
        }
    }
}

/// Where the last part of `text` begins that is shown in at most `widest` columns.
fn beginning(text: &str, widest: usize) -> usize {
    let mut columns = 0;
    text.char_indices()
        .rev()
        .take_while(|(_, character)| {
            columns += columns_of(*character);
            columns <= widest
        })
        .last()
        .map_or(text.len(), |(place, _)| place)
}

/// Adds a character as it can be shown, and says how many columns that takes.
fn push_visible(text: &mut String, character: char) -> usize {
    match character {
        '\t' => text.push(' '),
        _ if is_unprintable(character) => text.extend(character.escape_unicode()),
        _ => text.push(character),
    }
    columns_of(character)
}

fn columns_of(character: char) -> usize {
    match character {
        '\t' => 1,
        _ if is_unprintable(character) => character.escape_unicode().count(),
        _ => 1,
    }
}

/// Words of any origin as one line that is harmless and not too long: an author's keys and file names are in them.
fn bounded(words: &str, longest: usize) -> String {
    let cut = words.char_indices().nth(longest).map(|(end, _)| end);
    let mut line = printable(&words[..cut.unwrap_or(words.len())])
        .replace('\n', "\\n")
        .replace('\t', "\\t");
    if cut.is_some() {
        line.push('…');
    }
    line
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Diagnostic {}

impl miette::Diagnostic for Diagnostic {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&*self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new(None, self.span.offset, self.span.length);
        Some(Box::new(std::iter::once(label)))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        if self.related.is_empty() {
            return None;
        }
        Some(Box::new(
            self.related
                .iter()
                .map(|related| related as &dyn miette::Diagnostic),
        ))
    }
}

/// Every error of every file, sorted by file and place.
#[derive(Clone, Debug)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Errors that are told of one file, at most; the first ones are the causes of many others.
    const MOST_OF_A_FILE: usize = 100;

    /// Sorts them.
    pub(crate) fn new(mut diagnostics: Vec<Diagnostic>) -> Self {
        diagnostics.sort_by(|one, other| one.sort_key().cmp(&other.sort_key()));
        diagnostics.dedup_by(|one, other| one.is_same_as(other));
        let told = diagnostics
            .chunk_by(|one, other| one.source.name() == other.source.name())
            .flat_map(|of_a_file| {
                let (told, left) = of_a_file
                    .split_at_checked(Self::MOST_OF_A_FILE)
                    .unwrap_or((of_a_file, &[]));
                let end = left.first().map(|first| {
                    let message = format!("{} more errors in this file, from here on", left.len());
                    Diagnostic::new(&first.source, first.span, message).with_help("correct those above first")
                });
                told.iter().cloned().chain(end)
            })
            .collect();
        Self(told)
    }

    /// The errors in order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    /// How many there are; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always at least one")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them as plain text, an empty line between two.
    #[must_use]
    pub fn render(&self) -> String {
        self.0
            .iter()
            .map(Diagnostic::render)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => formatter.write_str("1 error in the scenario files"),
            count => write!(formatter, "{count} errors in the scenario files"),
        }
    }
}

impl std::error::Error for Diagnostics {}

impl miette::Diagnostic for Diagnostics {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        Some(Box::new(
            self.0
                .iter()
                .map(|diagnostic| diagnostic as &dyn miette::Diagnostic),
        ))
    }
}
