//! Secrets that are shown in part: what stands at a cut in a text may be the beginning or the end of one.

use crate::Masker;
use std::{collections::BTreeSet, ops::Bound};

/// What is written where a text was cut: by plumbline, and by others.
const MARKS: [&str; 2] = ["…", "..."];

/// Finds parts of secrets at cuts.
#[derive(Clone)]
pub(crate) struct Cuts {
    forms: BTreeSet<String>,
    reversed: BTreeSet<String>,
}

impl Cuts {
    /// For secrets of these forms.
    pub(crate) fn new(forms: &BTreeSet<String>) -> Self {
        Self {
            forms: forms.clone(),
            reversed: forms.iter().map(|form| backwards(form)).collect(),
        }
    }

    /// Where the beginning of a form stands before a cut, and where the end of one stands behind it.
    pub(crate) fn parts(&self, text: &str) -> Vec<(usize, usize)> {
        let mut parts = Vec::new();
        for mark in MARKS {
            for (at, _) in text.match_indices(mark) {
                let (before, behind) = (&text[..at], &text[at + mark.len()..]);
                let head = before.trim_end();
                if let Some(length) = longest(&self.forms, head) {
                    parts.push((head.len() - length, head.len()));
                }
                let tail = backwards(behind.trim_start());
                if let Some(length) = longest(&self.reversed, &tail) {
                    let start = text.len() - tail.len();
                    parts.push((start, start + length));
                }
            }
        }
        parts
    }
}

/// The length of the longest end of `text` that a form begins with.
fn longest(forms: &BTreeSet<String>, text: &str) -> Option<usize> {
    let longest = forms.iter().map(String::len).max()?;
    let nearest = text.char_indices().rev().nth(Masker::SHORTEST - 1)?.0;
    let farthest = text.floor_char_boundary(text.len().saturating_sub(longest));
    let starts = (farthest..=nearest).filter(|start| text.is_char_boundary(*start));
    starts
        .map(|start| &text[start..])
        .find(|end| begins(forms, end))
        .map(str::len)
}

/// Whether one of the forms begins with `part`.
fn begins(forms: &BTreeSet<String>, part: &str) -> bool {
    let from = (Bound::Included(part), Bound::Unbounded);
    let first = forms.range::<str, _>(from).next();
    first.is_some_and(|form| form.starts_with(part))
}

fn backwards(text: &str) -> String {
    text.chars().rev().collect()
}
