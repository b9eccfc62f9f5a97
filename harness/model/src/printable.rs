//! Strangers' text made harmless: what comes from a file, a log or the cluster is shown and never obeyed.

use std::fmt::Write as _;

/// `text` without anything that a terminal or a reader's eye would obey: control characters other than line feeds and tabs, characters
/// that change the direction of text, and those that cannot be seen are shown as `\u{…}`. A carriage return that belongs to a line's end is dropped.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\t' => out.push(character),
            '\r' if characters.peek() == Some(&'\n') => {}
            _ if is_unprintable(character) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "{}", character.escape_unicode());
            }
            _ => out.push(character),
        }
    }
    out
}

/// Whether a character is obeyed, or not seen, where text is shown.
#[must_use]
pub fn is_unprintable(character: char) -> bool {
    character.is_control() || is_directional(character) || is_invisible(character)
}

/// Whether a character changes the direction of the text around it, so that it reads as something else.
#[must_use]
pub const fn is_directional(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// Characters of no width, blanks that are drawn as nothing, line separators that few programs break at, tags and selectors that smuggle
/// text along, and the characters that XML does not allow. The selectors of emoji (U+FE00 to U+FE0F) are left: logs are full of them.
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{fffe}'
            | '\u{ffff}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        for (text, shown) in [
            ("a\u{1b}[31mred", "a\\u{1b}[31mred"),
            (
                "\u{1b}]8;;http://evil.example\u{1b}\\link",
                "\\u{1b}]8;;http://evil.example\\u{1b}\\link",
            ),
            ("\u{1b}]52;c;cm0gLXJm\u{7}", "\\u{1b}]52;c;cm0gLXJm\\u{7}"),
            (
                "\u{9b}2J \u{90}q\u{9c} \u{85}",
                "\\u{9b}2J \\u{90}q\\u{9c} \\u{85}",
            ),
            ("gone\rback", "gone\\u{d}back"),
            ("gone\u{8}\u{8}\u{7f}", "gone\\u{8}\\u{8}\\u{7f}"),
            ("\0", "\\u{0}"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn what_deceives_the_eye_is_shown() {
        for (text, shown) in [
            ("user\u{202e}nimda", "user\\u{202e}nimda"),
            (
                "\u{2066}a\u{2069}\u{61c}\u{200f}",
                "\\u{2066}a\\u{2069}\\u{61c}\\u{200f}",
            ),
            (
                "ad\u{200b}min\u{feff}\u{ad}\u{2060}",
                "ad\\u{200b}min\\u{feff}\\u{ad}\\u{2060}",
            ),
            ("a\u{e0041}\u{e0042}", "a\\u{e0041}\\u{e0042}"),
            ("one\u{2028}line\u{2029}", "one\\u{2028}line\\u{2029}"),
            ("\u{ffff}", "\\u{ffff}"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn ordinary_text_of_any_language_is_left_alone() {
        for text in [
            "a\nb\tc",
            "größer, 日本語, עברית, ✔️ 👍",
            "]]> <script> ::error:: `$(x)`",
            "",
        ] {
            assert_eq!(printable(text), text);
        }
        assert_eq!(printable("one\r\ntwo\r\n"), "one\ntwo\n");
    }

    proptest! {
        #[test]
        fn nothing_that_is_obeyed_is_left(
            text in "([ -~]|\\PC|\\p{Cc}|\\p{Cf}|\\p{Zl}|\\p{Zp}|\u{fff0}|\u{ffff}|\u{3164}){0,40}",
        ) {
            let shown = printable(&text);
            prop_assert!(shown.chars().all(|character| "\n\t".contains(character) || !is_unprintable(character)));
            // What has been made harmless stays as it is, however often it passes through.
            prop_assert_eq!(&printable(&shown), &shown);
        }
    }
}
