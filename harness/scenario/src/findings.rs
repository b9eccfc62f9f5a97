//! Where the loader and the rules note what is wrong in one file, or in a step that another file uses.

use crate::{Diagnostic, ScenarioStep, Source, Span, scenario_step::Use};
use std::sync::Arc;

/// Collects errors of one file; those in the steps of a group name the places where it is used.
pub(crate) struct Findings<'file> {
    pub(crate) source: &'file Arc<Source>,
    pub(crate) uses: &'file [Use],
    pub(crate) diagnostics: &'file mut Vec<Diagnostic>,
}

impl<'file> Findings<'file> {
    /// Where the errors of a file are noted, whoever uses it.
    pub(crate) fn of_file(source: &'file Arc<Source>, diagnostics: &'file mut Vec<Diagnostic>) -> Self {
        Self {
            source,
            uses: &[],
            diagnostics,
        }
    }

    /// Where the errors of a step are noted.
    pub(crate) fn at<'step>(&'step mut self, step: &'step ScenarioStep) -> Findings<'step> {
        Findings {
            source: &step.source,
            uses: &step.uses,
            diagnostics: self.diagnostics,
        }
    }

    /// Notes an error and what to do.
    pub(crate) fn note(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.refuse(span, message.into(), Some(help.into()));
    }

    /// Notes an error that speaks for itself.
    pub(crate) fn note_alone(&mut self, span: Span, message: impl Into<String>) {
        self.refuse(span, message.into(), None);
    }

    /// Notes an error, and what to do if that can be said.
    pub(crate) fn refuse(&mut self, span: Span, message: String, help: Option<String>) {
        let mut diagnostic = self.diagnostic(span, message);
        if let Some(help) = help {
            diagnostic = diagnostic.with_help(help);
        }
        self.diagnostics.push(diagnostic);
    }

    /// An error here, to add more to.
    pub(crate) fn diagnostic(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        let mut diagnostic = Diagnostic::new(self.source, span, message.into());
        for used in self.uses {
            diagnostic = diagnostic.with_related(&used.source, used.span, "the group is used here");
        }
        diagnostic
    }
}
