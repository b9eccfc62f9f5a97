//! What must be true of a scenario beyond its shape, before anything starts.

mod expression;
mod header;
mod steps;
mod suite;
mod template;
mod vacuity;

pub(crate) use suite::together;

use crate::{Diagnostic, Scenario, Source, Span, Vocabulary};
use std::sync::Arc;

/// Where rules note what they find in one file.
struct Findings<'file> {
    source: &'file Arc<Source>,
    diagnostics: &'file mut Vec<Diagnostic>,
}

impl Findings<'_> {
    fn note(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::new(self.source, span, message.into()).with_help(help));
    }

    /// For what speaks for itself.
    fn note_alone(&mut self, span: Span, message: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::new(self.source, span, message.into()));
    }
}

/// The rules for one file by itself. Of a `broken` one, with parts that could not be read, nothing is said that those parts might answer.
pub(crate) fn alone(
    scenario: &Scenario,
    broken: bool,
    vocabulary: &Vocabulary,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut findings = Findings {
        source: &scenario.source,
        diagnostics,
    };
    header::check(scenario, broken, &mut findings);
    steps::check(scenario, broken, vocabulary, &mut findings);
}
