//! What the template reads.

use super::{
    evidence::TroubleView,
    overview::{self, CountView, ProfileView},
    scenario::{ScenarioView, Urgency},
    tested::{self, EgressView, MeasurementView, NamedView, ShardView},
    timeline::TimelineView,
};
use crate::{Summary, terminal::counted, text::duration};
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
    requirement_counts: Vec<CountView>,
    profiles: Vec<ProfileView>,
    scenarios: Vec<ScenarioView>,
    timeline: Option<TimelineView>,
    options: Vec<NamedView>,
    shards: Vec<ShardView>,
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
    scenarios: String,
}

/// More scenarios than these are not open from the start: a reader would scroll for ever.
const MOST_OPEN: usize = 10;

impl View {
    pub(super) fn of(summary: &Summary) -> Self {
        let exit = summary.exit_code();
        let status = if exit == ExitCode::Passed {
            Status::Passed
        } else {
            Status::Failed
        };
        let unfinished = summary.unfinished();
        let ended = summary.sorted_scenarios().into_iter();
        let mut scenarios: Vec<_> = ended
            .map(|result| ScenarioView::ended(summary, result))
            .chain(unfinished.iter().map(|id| ScenarioView::unfinished(summary, id)))
            .collect();
        // What went wrong comes first, each kind in the order of the ids.
        scenarios.sort_by_key(|scenario| std::cmp::Reverse(scenario.urgency));
        for scenario in scenarios.iter_mut().take(MOST_OPEN) {
            scenario.open = scenario.urgency >= Urgency::Flaky;
        }
        Self {
            verdict: summary.verdict(),
            verdict_status: status.word(),
            run: RunView {
                id: summary.run.clone(),
                version: summary.version.clone(),
                started: summary.started.clone(),
                provider: summary.provider.clone(),
                duration: duration(summary.duration),
                exit: exit.number(),
                scenarios: counted(scenarios.len(), "scenario"),
            },
            counts: overview::counts(summary, unfinished.len()),
            troubles: troubles(summary, &unfinished),
            requirement_counts: overview::requirement_counts(summary),
            profiles: overview::profiles(summary),
            timeline: TimelineView::of(summary),
            scenarios,
            options: tested::options(summary),
            shards: tested::shards(summary),
            facts: tested::facts(summary),
            simulations: tested::simulations(summary),
            measurements: tested::measurements(summary),
            egress: tested::egress(summary),
            notes: summary.notes.iter().map(|note| note.text.clone()).collect(),
        }
    }
}

/// What went wrong beside the scenarios. Those that never ended are told one by one further down.
fn troubles(summary: &Summary, unfinished: &[&str]) -> Vec<TroubleView> {
    let mut views: Vec<TroubleView> = summary
        .troubles()
        .iter()
        .filter(|trouble| !unfinished.contains(&trouble.subject.as_str()))
        .map(TroubleView::of_run)
        .collect();
    if !unfinished.is_empty() {
        let scenarios = counted(unfinished.len(), "scenario");
        views.push(TroubleView::of_message(format!(
            "the run ended before {scenarios} did"
        )));
    }
    views
}
