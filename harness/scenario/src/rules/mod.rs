//! What must be true of a scenario beyond its shape, before anything starts.

mod artifact;
mod cluster;
mod expectation;
mod expression;
mod git;
mod header;
mod known;
mod look;
mod manifest;
mod own_namespace;
mod request;
mod scan;
mod steps;
mod suite;
mod system;
mod template;
mod text;
mod vacuity;

pub(crate) use suite::together;

use crate::{Diagnostic, Scenario, Vocabulary, findings::Findings};

/// The rules for one file by itself. Of a `broken` one, with parts that could not be read, nothing is said that those parts might answer.
pub(crate) fn alone(
    scenario: &Scenario,
    broken: bool,
    vocabulary: &Vocabulary,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut findings = Findings::of_file(&scenario.source, diagnostics);
    header::check(scenario, broken, &mut findings);
    look::check(scenario, &mut findings);
    own_namespace::check(scenario, &mut findings);
    cluster::check(scenario, broken, vocabulary, &mut findings);
    steps::check(scenario, broken, vocabulary, &mut findings);
}
