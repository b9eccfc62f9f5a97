//! The masking of secrets, in every form, in all that is shown or kept.

use crate::{Event, LogEntry, Secret, secret_cuts::Cuts, secret_forms};
use aho_corasick::{AhoCorasick, Input};
use serde_json::Value;
use std::{collections::BTreeSet, fmt, sync::OnceLock};

/// Replaces every form of the known secrets in a text: raw, in base64 (also of a longer text that the secret stands in), hexadecimal,
/// escaped for URLs, JSON, YAML, XML or a shell, and each line of a secret that has several.
///
/// Thousands of forms are looked for in every event, so they are searched all at once. Where forms overlap, all of it is masked. Where a text was
/// cut, and says so by `…`, the beginning or the end of a secret is masked as well.
#[derive(Clone, Default)]
pub struct Masker {
    forms: BTreeSet<String>,
    /// Built when it is first needed after a secret was added.
    search: OnceLock<Search>,
}

/// A secret that cannot be masked, because it would be found in ordinary words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret of fewer than {} characters cannot be masked, for it stands in ordinary words too; use a longer one",
    Masker::SHORTEST
)]
pub struct UnmaskableSecret;

#[derive(Clone)]
enum Search {
    Nothing,
    Forms(AhoCorasick, Box<Cuts>),
    /// The search could not be built, so no text can be told to be free of secrets.
    Everything,
}

impl fmt::Debug for Masker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Masker({} forms)", self.forms.len())
    }
}

impl Masker {
    /// The fewest characters of a secret, blanks not counted.
    pub const SHORTEST: usize = 4;

    /// Adds a secret.
    ///
    /// # Errors
    /// It is too short to be masked; it is not added.
    pub fn add(&mut self, secret: &Secret<String>) -> Result<(), UnmaskableSecret> {
        let visible = |text: &str| {
            text.chars()
                .filter(|character| !character.is_whitespace())
                .count()
        };
        if visible(secret.reveal()) < Self::SHORTEST {
            return Err(UnmaskableSecret);
        }
        let forms = secret_forms::forms(secret.reveal());
        self.forms
            .extend(forms.into_iter().filter(|form| visible(form) >= Self::SHORTEST));
        self.search = OnceLock::new();
        Ok(())
    }

    /// `text` with every known form replaced by `***`.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        self.masked(text).unwrap_or_else(|| text.to_owned())
    }

    /// `entry` with every text in it masked. Each text is masked by itself, so that the log stays a log whatever the secrets are; an entry
    /// that cannot be one any more, because a secret is a word of the log's own, is withheld rather than shown.
    #[must_use]
    pub fn mask_entry(&self, entry: LogEntry) -> LogEntry {
        if self.forms.is_empty() {
            return entry;
        }
        let Ok(mut value) = serde_json::to_value(&entry) else {
            return withheld(entry.at);
        };
        if !self.mask_texts(&mut value) {
            return entry;
        }
        // A field whose name was masked may be one that can be left out: only an entry that says all that is left is shown.
        serde_json::from_value(value.clone())
            .ok()
            .filter(|masked| serde_json::to_value(masked).is_ok_and(|again| again == value))
            .unwrap_or_else(|| withheld(entry.at))
    }

    /// Masks every string and every key; says whether there was anything to mask.
    fn mask_texts(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => match self.masked(text) {
                Some(masked) => {
                    *text = masked;
                    true
                }
                None => false,
            },
            Value::Array(items) => items
                .iter_mut()
                .fold(false, |changed, item| self.mask_texts(item) | changed),
            Value::Object(fields) => {
                let mut changed = fields
                    .values_mut()
                    .fold(false, |changed, value| self.mask_texts(value) | changed);
                let keys: Vec<(String, String)> = fields
                    .keys()
                    .filter_map(|key| Some((key.clone(), self.masked(key)?)))
                    .collect();
                for (key, masked) in keys {
                    changed = true;
                    if let Some(value) = fields.remove(&key) {
                        fields.insert(masked, value);
                    }
                }
                changed
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// `None` if there is nothing to mask.
    fn masked(&self, text: &str) -> Option<String> {
        let (search, cuts) = match self.search() {
            Search::Nothing => return None,
            Search::Everything => return Some(MASK.to_owned()),
            Search::Forms(search, cuts) => (search, cuts),
        };
        let mut stretches = cuts.parts(text);
        if search.is_match(Input::new(text).earliest(true)) {
            let whole = search.find_overlapping_iter(text);
            stretches.extend(whole.map(|found| (found.start(), found.end())));
        }
        if stretches.is_empty() {
            return None;
        }
        stretches.sort_unstable();
        let mut out = String::with_capacity(text.len());
        let mut shown = 0;
        for (start, end) in stretches {
            // A form that begins inside a masked one lengthens the masked part.
            if start >= shown {
                out.push_str(text.get(shown..start).unwrap_or_default());
                out.push_str(MASK);
            }
            shown = shown.max(end);
        }
        out.push_str(text.get(shown..).unwrap_or_default());
        Some(out)
    }

    fn search(&self) -> &Search {
        self.search.get_or_init(|| {
            if self.forms.is_empty() {
                return Search::Nothing;
            }
            let cuts = || Box::new(Cuts::new(&self.forms));
            AhoCorasick::new(&self.forms).map_or(Search::Everything, |forms| Search::Forms(forms, cuts()))
        })
    }
}

const MASK: &str = "***";

fn withheld(at: u64) -> LogEntry {
    let event = Event::Fact {
        name: "withheld".into(),
        value: "an event that held a secret which is also a word of the event log; choose another secret"
            .into(),
    };
    LogEntry { at, event }
}
