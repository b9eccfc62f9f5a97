//! A scenario file as text, with the rules that hold before anything is parsed: UTF-8 of at most 1 MiB, without characters that are
//! obeyed where text is shown. A byte-order mark and line ends of either kind are taken.

use crate::{Diagnostic, FileError, Folder, Located, Span};
use plumbline_model::is_directional;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The text of a file.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    name: String,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
    /// None if the text did not come from a folder.
    home: Option<Home>,
}

/// Where a file lies. Its folder is opened when something in it is asked for: there may be thousands of files.
#[derive(Debug)]
struct Home {
    root: Arc<Folder>,
    folder: PathBuf,
}

impl Source {
    /// The size of the largest file that is read, in bytes; larger ones are not scenarios.
    pub const LARGEST: u64 = 1 << 20;

    /// Takes the content of a file.
    ///
    /// # Errors
    /// The content is larger than [`Source::LARGEST`], is not UTF-8, or has characters that are not text.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Arc<Self>, Diagnostic> {
        Self::checked(path, bytes, None)
    }

    /// The content of a file, and the folder that files beside it are read from.
    pub(crate) fn in_folder(
        root: &Arc<Folder>,
        relative: &Path,
        bytes: Vec<u8>,
    ) -> Result<Arc<Self>, Diagnostic> {
        let home = Home {
            root: Arc::clone(root),
            folder: relative.parent().unwrap_or(Path::new("")).to_owned(),
        };
        Self::checked(&root.path().join(relative), bytes, Some(home))
    }

    /// A file of which nothing is known but its path.
    pub(crate) fn unread(path: &Path) -> Arc<Self> {
        Arc::new(Self::with_text(path, String::new(), None))
    }

    fn checked(path: &Path, bytes: Vec<u8>, home: Option<Home>) -> Result<Arc<Self>, Diagnostic> {
        if bytes.len() as u64 > Self::LARGEST {
            return Err(FileError::TooLarge(Self::LARGEST).at(
                &Self::unread(path),
                Span::default(),
                "the file",
            ));
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let offset = error.utf8_error().valid_up_to();
                let byte = error.as_bytes().get(offset).copied().unwrap_or_default();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let mark = if text.starts_with(BYTE_ORDER_MARK) {
                    BYTE_ORDER_MARK.len_utf8()
                } else {
                    0
                };
                let source = Arc::new(Self::with_text(path, text, None));
                let span = source.span_at(offset.saturating_sub(mark), 1);
                return Err(Diagnostic::new(
                    &source,
                    span,
                    format!("the file is not UTF-8: byte 0x{byte:02x}"),
                )
                .with_help("save the file as UTF-8"));
            }
        };
        let source = Arc::new(Self::with_text(path, text, home));
        match source.foreign_character() {
            Some(refusal) => Err(refusal),
            None => Ok(source),
        }
    }

    /// The first character that is not text: it would be obeyed by a terminal, or make the file read as something else.
    fn foreign_character(self: &Arc<Self>) -> Option<Diagnostic> {
        let mut characters = self.text.char_indices().peekable();
        while let Some((offset, character)) = characters.next() {
            let number = u32::from(character);
            let (message, help) = match character {
                '\n' | '\t' => continue,
                '\r' if characters.peek().is_some_and(|(_, next)| *next == '\n') => continue,
                '\r' => (
                    "a carriage return without a line feed".to_owned(),
                    "end lines with a line feed, or with both".to_owned(),
                ),
                '\0' => (
                    "the file has a NUL character in it".to_owned(),
                    "a scenario is text; save the file as UTF-8".to_owned(),
                ),
                _ if character.is_control() => (
                    format!("the file has the control character U+{number:04X} in it"),
                    format!("inside double quotes, write it as `\\u{number:04x}`"),
                ),
                _ if is_directional(character) => (
                    format!("the character U+{number:04X} changes the direction of the text around it"),
                    format!(
                        "what is shown would not be what is read; inside double quotes, write it as `\\u{number:04x}`"
                    ),
                ),
                _ => continue,
            };
            let span = self.span_at(offset, character.len_utf8());
            return Some(Diagnostic::new(self, span, message).with_help(help));
        }
        None
    }

    fn with_text(path: &Path, text: String, home: Option<Home>) -> Self {
        let text = text
            .strip_prefix(BYTE_ORDER_MARK)
            .map(str::to_owned)
            .unwrap_or(text);
        let ends = text.match_indices('\n').map(|(newline, _)| newline + 1);
        Self {
            path: path.to_owned(),
            name: path.display().to_string(),
            lines: std::iter::once(0).chain(ends).collect(),
            text,
            home,
        }
    }

    /// Reads a YAML file that a step of this one names, relative to this one and in its folder.
    ///
    /// # Errors
    /// As [`Folder::read`]; what is wrong with the path is told where it is written.
    pub fn read_beside(self: &Arc<Self>, reference: &Located<String>) -> Result<Arc<Self>, Diagnostic> {
        let bytes = self.bytes_beside(reference, Self::LARGEST)?;
        let folder = self.folder_for(reference)?;
        Self::in_folder(&folder, Path::new(&reference.value), bytes)
            .map_err(|error| error.with_related(self, reference.span, "it is read here"))
    }

    /// The content of a file of at most `largest` bytes that a step of this one names, relative to this one and in its folder.
    ///
    /// # Errors
    /// As [`Folder::bytes`], told where the path is written.
    pub fn bytes_beside(
        self: &Arc<Self>,
        reference: &Located<String>,
        largest: u64,
    ) -> Result<Vec<u8>, Diagnostic> {
        self.folder_for(reference)?
            .bytes(Path::new(&reference.value), largest)
            .map_err(|error| self.unreadable(reference, &error))
    }

    /// A folder that a step of this one names, relative to this one and in its folder.
    ///
    /// # Errors
    /// As [`Folder::folder`], told where the path is written.
    pub fn folder_beside(self: &Arc<Self>, reference: &Located<String>) -> Result<Arc<Folder>, Diagnostic> {
        self.folder_for(reference)?
            .folder(Path::new(&reference.value))
            .map_err(|error| self.unreadable(reference, &error))
    }

    /// The folder that this file lies in.
    fn folder_for(self: &Arc<Self>, reference: &Located<String>) -> Result<Arc<Folder>, Diagnostic> {
        let Some(home) = &self.home else {
            let message = format!("`{reference}` cannot be read: this scenario did not come from a folder");
            return Err(Diagnostic::new(self, reference.span, message));
        };
        home.root
            .folder(&home.folder)
            .map_err(|error| error.at(self, reference.span, "the scenario's folder"))
    }

    fn unreadable(self: &Arc<Self>, reference: &Located<String>, error: &FileError) -> Diagnostic {
        let diagnostic = error.at(self, reference.span, &format!("`{reference}`"));
        match error {
            FileError::NotThere => diagnostic.with_help("write it relative to the folder of this file"),
            _ => diagnostic,
        }
    }

    /// The file's path, as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's path in words.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text, without a byte-order mark.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place that is `offset` bytes into the text; the end of the text if there are fewer.
    #[must_use]
    pub fn span_at(&self, offset: usize, length: usize) -> Span {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines[..line].last().copied().unwrap_or_default();
        Span {
            line: saturating(line),
            column: saturating(self.text[start..offset].chars().count() + 1),
            offset,
            length,
        }
    }

    /// A line's text without its end, by its 1-based number.
    #[must_use]
    pub fn line(&self, number: u32) -> Option<&str> {
        let number = usize::try_from(number).ok()?;
        let start = *self.lines.get(number.checked_sub(1)?)?;
        let end = self.lines.get(number).copied().unwrap_or(self.text.len());
        // What follows the last line feed is no line unless it has text.
        let line = self.text.get(start..end).filter(|line| !line.is_empty())?;
        let line = line.strip_suffix('\n').unwrap_or(line);
        Some(line.strip_suffix('\r').unwrap_or(line))
    }
}

const BYTE_ORDER_MARK: char = '\u{feff}';

fn saturating(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl miette::SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        context_lines_before: usize,
        context_lines_after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let contents = self
            .text
            .read_span(span, context_lines_before, context_lines_after)?;
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.name.clone(),
            contents.data(),
            *contents.span(),
            contents.line(),
            contents.column(),
            contents.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        Source::from_bytes(Path::new("x.yaml"), bytes.to_vec())
            .unwrap_err()
            .render()
    }

    #[test]
    fn a_byte_order_mark_is_accepted() {
        let source = Source::from_bytes(Path::new("x.yaml"), "\u{feff}claim: x\n".into()).unwrap();
        assert_eq!(source.text(), "claim: x\n");
    }

    #[test]
    fn what_is_not_text_is_refused_at_its_place() {
        for (bytes, place, words) in [
            (&b"claim: x\nab\xff"[..], "x.yaml:2:3", "byte 0xff"),
            (b"\xef\xbb\xbfab\xff", "x.yaml:1:3", "byte 0xff"),
            (b"claim: x\n\nab\0", "x.yaml:3:3", "NUL"),
            (b"a\x1b[31m", "x.yaml:1:2", "U+001B"),
            ("\u{e9}\u{9b}".as_bytes(), "x.yaml:1:2", "U+009B"),
            ("a: b\u{202e}c".as_bytes(), "x.yaml:1:5", "U+202E"),
            (b"a: b\rc: d", "x.yaml:1:5", "carriage return"),
            (b"a: b\n\r", "x.yaml:2:1", "carriage return"),
        ] {
            let refusal = refused(bytes);
            assert!(refusal.contains(place) && refusal.contains(words), "{refusal}");
            assert!(
                !refusal.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\r', '\0']),
                "{refusal:?}"
            );
        }
        assert!(refused(&vec![b'a'; (1 << 20) + 1]).contains("larger than 1 MiB"));
    }

    #[test]
    fn lines_and_places_are_found_whatever_ends_a_line() {
        let source = Source::from_bytes(Path::new("x.yaml"), "a\r\n\r\n\u{e9}b\nc".into()).unwrap();
        let lines: Vec<Option<&str>> = (0..6).map(|number| source.line(number)).collect();
        assert_eq!(
            lines,
            [None, Some("a"), Some(""), Some("\u{e9}b"), Some("c"), None]
        );
        let place = |offset| {
            let Span { line, column, .. } = source.span_at(offset, 0);
            (line, column)
        };
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(5), (3, 1));
        assert_eq!(place(6), (3, 1), "inside a character");
        assert_eq!(place(7), (3, 2));
        assert_eq!(place(9), (4, 1));
        assert_eq!(place(1_000), (4, 2));
    }
}
