//! Values that must never be shown, and the masking of their every form.

use base64::Engine as _;
use std::fmt;

/// A value that neither `Debug` nor `Display` shows; [`Secret::reveal`] is the only way to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Each call is a place to review: the value must go only where it is needed.
    pub const fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Replaces every form of the known secrets in a text: raw, base64, URL-escaped and JSON-escaped; longest first, so
/// that a secret which contains another leaves no tail.
#[derive(Clone, Default)]
pub struct Masker {
    forms: Vec<String>,
}

impl fmt::Debug for Masker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Masker({} forms)", self.forms.len())
    }
}

impl Masker {
    /// The shortest secret that is masked; anything shorter would mask ordinary words.
    pub const SHORTEST: usize = 4;

    /// Adds a secret; values shorter than [`Masker::SHORTEST`] bytes are ignored.
    pub fn add(&mut self, secret: &Secret<String>) {
        let value = secret.reveal();
        if value.len() < Self::SHORTEST {
            return;
        }
        let json = serde_json::Value::from(value.as_str()).to_string();
        let forms = [
            value.clone(),
            json[1..json.len() - 1].to_owned(),
            url_escaped(value),
            base64::engine::general_purpose::STANDARD.encode(value),
            base64::engine::general_purpose::STANDARD_NO_PAD.encode(value),
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value),
        ];
        for form in forms {
            if !self.forms.contains(&form) {
                self.forms.push(form);
            }
        }
        self.forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// `text` with every known form replaced by `***`.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        self.forms.iter().fold(text.to_owned(), |text, form| {
            if text.contains(form.as_str()) {
                text.replace(form.as_str(), "***")
            } else {
                text
            }
        })
    }
}

fn url_escaped(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn neither_debug_nor_display_shows_a_secret() {
        let secret = Secret::new("hunter22".to_owned());
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
    }

    #[test]
    fn a_longer_secret_leaves_no_tail_of_a_shorter_one() {
        let mut masker = Masker::default();
        masker.add(&Secret::new("foob".into()));
        masker.add(&Secret::new("foobar".into()));
        assert_eq!(masker.mask("a foobar and a foob"), "a *** and a ***");
    }

    proptest! {
        #[test]
        fn every_form_is_masked(value in "[ -~]{4,24}") {
            let mut masker = Masker::default();
            masker.add(&Secret::new(value.clone()));
            let engine = base64::engine::general_purpose::STANDARD;
            for form in [value.clone(), engine.encode(&value), url_escaped(&value)] {
                let masked = masker.mask(&format!("\u{1}{form}\u{2}"));
                prop_assert!(!masked.contains(&form), "{}", masked);
            }
        }
    }
}
