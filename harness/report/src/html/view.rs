//! What the template reads.

use super::{
    evidence::TroubleView,
    overview::{self, CountView, EgressView, MeasurementView, NamedView, ProfileView},
    scenario::ScenarioView,
    timeline::TimelineView,
};
use crate::{Summary, text::duration};
use plumbline_model::{ExitCode, Status};
use serde::Serialize;

/// The whole page.
#[derive(Serialize)]
pub(super) struct View {
    verdict: &'static str,
    verdict_status: &'static str,
    run: RunView,
    counts: Vec<CountView>,
    troubles: Vec<TroubleView>,
    requirements_summary: String,
    profiles: Vec<ProfileView>,
    scenarios: Vec<ScenarioView>,
    timeline: Option<TimelineView>,
    facts: Vec<NamedView>,
    simulations: Vec<NamedView>,
    measurements: Vec<MeasurementView>,
    egress: Vec<EgressView>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct RunView {
    id: String,
    version: String,
    started: String,
    provider: String,
    duration: String,
    exit: u8,
    scenarios: usize,
    options: Vec<NamedView>,
}

impl View {
    pub(super) fn of(summary: &Summary) -> Self {
        let exit = summary.exit_code();
        let green = exit == ExitCode::Passed;
        let unfinished = summary.unfinished();
        let mut scenarios: Vec<_> = summary
            .sorted_scenarios()
            .into_iter()
            .map(|result| ScenarioView::of(result))
            .chain(unfinished.iter().map(|id| {
                ScenarioView::unfinished(id, summary.running().find(|result| result.scenario == *id))
            }))
            .collect();
        // What went wrong comes first, each kind in the order of the ids.
        scenarios.sort_by_key(|scenario| std::cmp::Reverse(scenario.urgency));
        Self {
            verdict: if green { "passed" } else { "not passed" },
            verdict_status: Status::word(if green { Status::Passed } else { Status::Failed }),
            run: RunView {
                id: summary.run.clone(),
                version: summary.version.clone(),
                started: summary.started.clone(),
                provider: summary.provider.clone(),
                duration: duration(summary.duration),
                exit: exit.number(),
                scenarios: scenarios.len(),
                options: overview::options(summary),
            },
            counts: overview::counts(summary, unfinished.len()),
            troubles: summary.troubles().iter().map(TroubleView::of_run).collect(),
            requirements_summary: overview::requirements_in_words(summary),
            profiles: overview::profiles(summary),
            timeline: TimelineView::of(summary),
            scenarios,
            facts: overview::facts(summary),
            simulations: overview::simulations(summary),
            measurements: overview::measurements(summary),
            egress: overview::egress(summary),
            notes: summary.notes.iter().map(|note| note.text.clone()).collect(),
        }
    }
}
