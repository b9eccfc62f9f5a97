//! What names look like, by what reads them.

/// Names that CEL and `${…}` read: outputs, variables, keys of a matrix, parameters, secrets.
pub(crate) fn is_identifier(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Names that people type: tags, lanes, clusters.
pub(crate) fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// What an identifier is made of, in words.
pub(crate) const IDENTIFIER: &str = "lower-case letters, digits and `_`, a letter first";
/// What a word is made of, in words.
pub(crate) const WORD: &str = "lower-case letters, digits and `-`, a letter first";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_other_texts() {
        for name in ["a", "system", "new_image2"] {
            assert!(is_identifier(name), "{name}");
        }
        for name in ["", "A", "2a", "_a", "a-b", "a.b", "ä"] {
            assert!(!is_identifier(name), "{name}");
        }
        for name in ["slow", "needs-network", "b2"] {
            assert!(is_word(name), "{name}");
        }
        for name in ["", "Slow", "!slow", "-a", "a-", "a_b", "2a"] {
            assert!(!is_word(name), "{name}");
        }
    }
}
