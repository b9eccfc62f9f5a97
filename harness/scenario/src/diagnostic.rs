//! Errors in scenario files: what, where, and what to do.

use crate::{Source, Span};
use miette::LabeledSpan;
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
            message,
            help: None,
            related: Vec::new(),
        }
    }

    /// Adds what to do.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
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
        let mut text = format!("error: {}\n", visible(&self.message));
        self.render_place(&mut text);
        for related in &self.related {
            text.push_str(&format!("note: {}\n", visible(&related.message)));
            related.render_place(&mut text);
        }
        if let Some(help) = &self.help {
            text.push_str(&format!("  = help: {}\n", visible(help)));
        }
        text
    }

    fn render_place(&self, text: &mut String) {
        let Span { line, column, .. } = self.span;
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        text.push_str(&format!("{margin}--> {}:{line}:{column}\n", self.source.name()));
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
}

/// The part of a line that is shown, and where the caret goes.
struct Window {
    text: String,
    indent: usize,
    width: usize,
}

impl Window {
    /// Characters shown at most; a line may be a megabyte long.
    const WIDEST: usize = 120;

    fn around(line: &str, span: Span) -> Self {
        let column = usize::try_from(span.column.saturating_sub(1)).unwrap_or(usize::MAX);
        let first = if column < Self::WIDEST {
            0
        } else {
            column - Self::WIDEST / 2
        };
        let mut rest = line.chars().skip(first);
        let mut text: String = rest.by_ref().take(Self::WIDEST).map(visible_character).collect();
        let shown = text.chars().count();
        let cut = rest.next().is_some();
        let mut indent = (column - first).min(shown);
        let bytes_before: usize = line.chars().take(column).map(char::len_utf8).sum();
        let marked = line.get(bytes_before..).unwrap_or_default();
        let end = marked
            .char_indices()
            .map(|(start, _)| start)
            .find(|start| *start >= span.length);
        let width = marked[..end.unwrap_or(marked.len())].trim_end().chars().count();
        let width = width.clamp(1, (shown - indent).max(1));
        if first > 0 {
            text.insert(0, '…');
            indent += 1;
        }
        if cut {
            text.push('…');
        }
        Self {
            text: text.trim_end().to_owned(),
            indent,
            width,
        }
    }
}

/// Text of a file must not move the cursor or recolour the terminal.
fn visible(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character == '\n' {
                '\n'
            } else {
                visible_character(character)
            }
        })
        .collect()
}

fn visible_character(character: char) -> char {
    match character {
        '\t' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ if character.is_control() => '\u{fffd}',
        _ => character,
    }
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
    /// Sorts them.
    pub(crate) fn new(mut diagnostics: Vec<Diagnostic>) -> Self {
        diagnostics.sort_by(|one, other| one.sort_key().cmp(&other.sort_key()));
        Self(diagnostics)
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
