//! Text for people: durations, and strangers' text made harmless.

use std::fmt::Write as _;

/// `912 ms`, `3.4 s`, `2 min 05 s`.
#[must_use]
pub fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => {
            // Rounded to a tenth of a second with integers, so that no platform prints another digit.
            let tenths = (milliseconds + 50) / 100;
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
        _ => {
            let seconds = (milliseconds + 500) / 1_000;
            format!("{} min {:02} s", seconds / 60, seconds % 60)
        }
    }
}

/// `text` without anything that a terminal would obey: control characters other than line feeds and tabs, and
/// characters that change the direction of the text, are shown as `\u{…}`.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let directional =
            matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
        if (character.is_control() && character != '\n' && character != '\t') || directional {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_read_well() {
        let read = [0, 999, 1_000, 1_049, 1_050, 59_949, 60_000, 125_400].map(duration);
        assert_eq!(
            read,
            [
                "0 ms",
                "999 ms",
                "1.0 s",
                "1.0 s",
                "1.1 s",
                "59.9 s",
                "1 min 00 s",
                "2 min 05 s"
            ]
        );
    }

    #[test]
    fn escape_sequences_are_shown_and_not_obeyed() {
        assert_eq!(
            printable("a\u{1b}[31mred\u{202e}\nb\tc"),
            "a\\u{1b}[31mred\\u{202e}\nb\tc"
        );
    }

    proptest! {
        #[test]
        fn nothing_that_a_terminal_obeys_is_left(text in any::<String>()) {
            prop_assert!(printable(&text).chars().all(|character| !character.is_control() || "\n\t".contains(character)));
        }
    }
}
