//! Strangers' text in Markdown: shown as it is, whatever it is made of.

use crate::{terminal::one_line, text::printable};

/// Text on one line that Markdown takes as it is.
pub(crate) fn code(text: &str) -> String {
    let text = printable(&one_line(text));
    let (text, fence) = (text.trim(), fence(&text, 1));
    // A backtick beside the fence would be part of it.
    let gap = match text.is_empty() || text.starts_with('`') || text.ends_with('`') {
        true => " ",
        false => "",
    };
    format!("{fence}{gap}{text}{gap}{fence}")
}

/// The same in a table, where a stroke ends the cell even in code.
pub(crate) fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

/// More backticks in a row than there are in `text`.
pub(crate) fn fence(text: &str, least: usize) -> String {
    let longest = text
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    "`".repeat(least.max(longest + 1))
}

pub(crate) fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_code_or_its_cell() {
        assert_eq!(code("a `b` | c"), "``a `b` | c``");
        assert_eq!(code("`b` "), "`` `b` ``");
        assert_eq!(code(""), "`  `");
        assert_eq!(cell("a|b"), "`a\\|b`");
        assert_eq!(cell("a\nb"), code("a b"));
        assert_eq!(fence("a ```` b", 3), "`````");
        assert_eq!(html("<a & b>"), "&lt;a &amp; b&gt;");
    }
}
