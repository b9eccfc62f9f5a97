//! A scenario file as text, with the limits that hold before anything is parsed.

use crate::{Diagnostic, Span};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The text of a file.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    name: String,
    text: String,
}

/// Larger files are not scenarios.
const LARGEST: u64 = 1 << 20;

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, is larger than 1 MiB, is not UTF-8 or has a NUL in it.
    pub fn read(path: &Path) -> Result<Arc<Self>, Diagnostic> {
        let read = || -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Self::from_bytes(path, bytes),
            Err(error) => {
                let source = Arc::new(Self::with_text(path, String::new()));
                Err(Diagnostic::new(
                    &source,
                    Span::default(),
                    format!("the file cannot be read: {error}"),
                ))
            }
        }
    }

    /// Takes the content of a file.
    ///
    /// # Errors
    /// The content is larger than 1 MiB, is not UTF-8 or has a NUL in it.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Arc<Self>, Diagnostic> {
        if bytes.len() as u64 > LARGEST {
            let source = Arc::new(Self::with_text(path, String::new()));
            return Err(Diagnostic::new(
                &source,
                Span::default(),
                "the file is larger than 1 MiB".to_owned(),
            )
            .with_help(
                "a scenario is one claim and its steps; large content belongs to a fixture".to_owned(),
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
                let source = Arc::new(Self::with_text(path, text));
                let span = source.span_at(offset.saturating_sub(mark), 1);
                return Err(Diagnostic::new(
                    &source,
                    span,
                    format!("the file is not UTF-8: byte 0x{byte:02x}"),
                )
                .with_help("save the file as UTF-8".to_owned()));
            }
        };
        let source = Arc::new(Self::with_text(path, text));
        match source.text.find('\0') {
            Some(offset) => {
                let span = source.span_at(offset, 1);
                Err(Diagnostic::new(
                    &source,
                    span,
                    "the file has a NUL character in it".to_owned(),
                ))
            }
            None => Ok(source),
        }
    }

    fn with_text(path: &Path, text: String) -> Self {
        let text = text
            .strip_prefix(BYTE_ORDER_MARK)
            .map(str::to_owned)
            .unwrap_or(text);
        Self {
            path: path.to_owned(),
            name: path.display().to_string(),
            text,
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
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        Span {
            line: saturating(line),
            column: saturating(column),
            offset,
            length,
        }
    }

    /// A line's text without its end, by its 1-based number.
    #[must_use]
    pub fn line(&self, number: u32) -> Option<&str> {
        self.text
            .lines()
            .nth(usize::try_from(number).ok()?.checked_sub(1)?)
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
        assert!(
            refused(b"claim: x\nab\xff").contains("x.yaml:2:3"),
            "{}",
            refused(b"claim: x\nab\xff")
        );
        assert!(refused(b"claim: x\n\nab\0").contains("x.yaml:3:3"));
        assert!(refused(&vec![b'a'; (1 << 20) + 1]).contains("larger than 1 MiB"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Source::read(Path::new("/nonexistent/x.yaml"))
            .unwrap_err()
            .render();
        assert!(
            error.contains("/nonexistent/x.yaml") && error.contains("cannot be read"),
            "{error}"
        );
    }
}
