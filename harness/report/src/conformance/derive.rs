//! What follows: features from facts, statuses from scenarios, results from statuses, the verdict from results.
//!
//! | a profile's requirements | result |
//! |---|---|
//! | one failed or errored; one was flaky and the run was told that this is a failure | failure |
//! | one was skipped, simulated or not run | partial |
//! | all others | success |
//!
//! A scenario that this kind of cluster cannot run takes nothing from what others prove of a requirement; where it is the only one, the
//! requirement was skipped. An extended requirement that the cluster lacks a feature for is left out of that, as long as no scenario about it ran: what was
//! tested counts, whatever was inferred. The verdict is the worst core result, and a [`Limit`] makes it `partial` at best.

use super::{
    feature::FEATURES,
    profile::{PROFILES, features_of, profile_of},
    shape::{
        Core, Course, Extended, Limit, Profile, Report, Scenario, ScenarioStatus, Statistics, Subject, Test,
        TestStatus, Verdict,
    },
};
use plumbline_model::{ExitCode, FlakyResult, Level, Requirement, RequirementId, SkipCause, requirements};
use std::collections::{BTreeMap, BTreeSet};

/// How the scenarios about each requirement ended, by requirement and id.
pub(super) type Proofs = BTreeMap<RequirementId, BTreeMap<String, Scenario>>;

/// Fills in, anew, everything of a report that follows from its facts, its run and `proofs`.
pub(super) fn derive(report: &mut Report, proofs: &Proofs) {
    report.subject.features = FEATURES
        .iter()
        .map(|feature| (feature.word().to_owned(), feature.is_seen(&report.subject)))
        .collect();
    report.profiles = PROFILES
        .iter()
        .map(|(name, title)| profile(name, title, report, proofs))
        .collect();
    report.run.scenarios = courses(report, proofs);
    report.run.exit_code = exit_code(report, proofs);
    report.limits = limits(report);
    let cores = report
        .profiles
        .iter()
        .filter_map(|profile| Some(profile.core.as_ref()?.result));
    let capped = (!report.limits.is_empty()).then_some(Verdict::Partial);
    report.verdict = cores.chain(capped).max().unwrap_or(Verdict::Partial);
}

fn profile(name: &str, title: &str, report: &Report, proofs: &Proofs) -> Profile {
    let subject = &report.subject;
    let tests: Vec<_> = requirements()
        .iter()
        .filter(|requirement| profile_of(requirement.id) == name)
        .map(|requirement| test(requirement, subject, proofs))
        .collect();
    let of_level = |level| tests.iter().filter(move |test: &&Test| test.level == level);
    let flaky = report.suite.options.flaky;
    let core = of_level(Level::Core).next().is_some().then(|| {
        let statistics = Statistics::of(of_level(Level::Core));
        Core {
            // There is a core requirement, and it is never not supported.
            result: statistics.result(flaky).unwrap_or(Verdict::Partial),
            statistics,
        }
    });
    let extended = of_level(Level::Extended).next().is_some().then(|| {
        let statistics = Statistics::of(of_level(Level::Extended));
        let (supported_features, unsupported_features) = of_level(Level::Extended)
            .flat_map(|test| test.features.iter().cloned())
            .partition(|feature| has(subject, feature));
        Extended {
            result: statistics.result(flaky),
            statistics,
            supported_features,
            unsupported_features,
            unproven: of_level(Level::Extended)
                .filter(|test| matches!(test.status, TestStatus::NotRun | TestStatus::Skipped))
                .map(|test| test.requirement)
                .collect(),
        }
    });
    Profile {
        name: name.to_owned(),
        title: title.to_owned(),
        core,
        extended,
        tests,
    }
}

fn has(subject: &Subject, feature: &str) -> bool {
    subject.features.get(feature).copied().unwrap_or_default()
}

fn test(requirement: &Requirement, subject: &Subject, proofs: &Proofs) -> Test {
    let scenarios: Vec<_> = proofs
        .get(&requirement.id)
        .into_iter()
        .flat_map(|scenarios| scenarios.values().cloned())
        .collect();
    let features: BTreeSet<_> = features_of(requirement.id)
        .iter()
        .map(|feature| feature.word().to_owned())
        .collect();
    let only_simulated = requirement.needs_pods && subject.provider == "embedded";
    let ran = scenarios
        .iter()
        .any(|scenario| scenario.status != ScenarioStatus::Skipped);
    let status = match worst(&scenarios) {
        None | Some(ScenarioStatus::Skipped)
            if !ran && !features.iter().all(|feature| has(subject, feature)) =>
        {
            TestStatus::NotSupported
        }
        None => TestStatus::NotRun,
        Some(ScenarioStatus::Passed | ScenarioStatus::Flaky) if only_simulated => TestStatus::Simulated,
        Some(ScenarioStatus::Passed) => TestStatus::Passed,
        Some(ScenarioStatus::Flaky) => TestStatus::Flaky,
        Some(ScenarioStatus::Skipped | ScenarioStatus::Interrupted) => TestStatus::Skipped,
        Some(ScenarioStatus::Errored) => TestStatus::Errored,
        Some(ScenarioStatus::Failed) => TestStatus::Failed,
    };
    Test {
        requirement: requirement.id,
        level: requirement.level,
        statement: requirement.statement.to_owned(),
        features,
        status,
        scenarios,
    }
}

/// The worst end of the scenarios. What this kind of cluster cannot run takes nothing from what others prove on it.
fn worst(scenarios: &[Scenario]) -> Option<ScenarioStatus> {
    let is_possible = |scenario: &&Scenario| {
        let skip = scenario.skip.as_ref();
        skip.is_none_or(|skip| skip.cause != SkipCause::Unsupported)
    };
    let status = |scenario: &Scenario| scenario.status;
    let possible = scenarios.iter().filter(is_possible).map(status).max();
    possible.or_else(|| scenarios.iter().map(status).max())
}

impl Statistics {
    fn of<'a>(tests: impl Iterator<Item = &'a Test>) -> Self {
        let mut counts = Self::default();
        for test in tests {
            *match test.status {
                TestStatus::Passed => &mut counts.passed,
                TestStatus::Flaky => &mut counts.flaky,
                TestStatus::Failed => &mut counts.failed,
                TestStatus::Errored => &mut counts.errored,
                TestStatus::Skipped => &mut counts.skipped,
                TestStatus::Simulated => &mut counts.simulated,
                TestStatus::NotRun => &mut counts.not_run,
                TestStatus::NotSupported => &mut counts.not_supported,
            } += 1;
        }
        counts
    }

    /// What follows; nothing when there was nothing that the cluster supports.
    fn result(self, flaky: FlakyResult) -> Option<Verdict> {
        let fails = self.failed + self.errored + u32::from(flaky == FlakyResult::Fail) * self.flaky;
        let lacks = self.skipped + self.simulated + self.not_run;
        match (fails, lacks, self.passed + self.flaky) {
            (0, 0, 0) => None,
            (0, 0, _) => Some(Verdict::Success),
            (0, ..) => Some(Verdict::Partial),
            _ => Some(Verdict::Failure),
        }
    }
}

/// What the run tells of every scenario of the tests, and of no other.
fn courses(report: &Report, proofs: &Proofs) -> BTreeMap<String, Course> {
    let ids: BTreeSet<_> = proofs.values().flat_map(BTreeMap::keys).collect();
    ids.into_iter()
        .map(|id| {
            let told = report.run.scenarios.get(id).cloned();
            (id.clone(), told.unwrap_or_default())
        })
        .collect()
}

/// The exit code that the scenarios and the troubles earn together.
fn exit_code(report: &Report, proofs: &Proofs) -> u8 {
    let flaky_fails = report.suite.options.flaky == FlakyResult::Fail;
    let signals = [ExitCode::Interrupted.number(), ExitCode::Terminated.number()];
    let troubles = &report.run.troubles;
    let is_told = troubles
        .iter()
        .any(|trouble| signals.contains(&trouble.exit_code));
    let of_scenarios = proofs
        .values()
        .flat_map(BTreeMap::values)
        .map(|scenario| match scenario.status {
            ScenarioStatus::Errored => ExitCode::Environment,
            ScenarioStatus::Failed => ExitCode::Failed,
            ScenarioStatus::Flaky if flaky_fails => ExitCode::Failed,
            // By what a scenario was stopped is told as a trouble of the run.
            ScenarioStatus::Interrupted if !is_told => ExitCode::Environment,
            _ => ExitCode::Passed,
        });
    let of_troubles = troubles.iter().map(|trouble| {
        // A number that is no exit code is not one that plumbline wrote.
        let code = EXIT_CODES.iter().find(|code| code.number() == trouble.exit_code);
        code.copied().unwrap_or(ExitCode::Environment)
    });
    of_scenarios
        .chain(of_troubles)
        .fold(ExitCode::Passed, ExitCode::and)
        .number()
}

/// What a run can end with.
const EXIT_CODES: [ExitCode; 7] = [
    ExitCode::Passed,
    ExitCode::Failed,
    ExitCode::Environment,
    ExitCode::NothingSelected,
    ExitCode::LeftBehind,
    ExitCode::Interrupted,
    ExitCode::Terminated,
];

fn limits(report: &Report) -> BTreeSet<Limit> {
    let left_behind = ExitCode::LeftBehind.number();
    let run = &report.run;
    [
        // What is left on the machine after a run says nothing about the platform.
        (
            Limit::RunIncomplete,
            run.troubles
                .iter()
                .any(|trouble| trouble.exit_code != left_behind),
        ),
        (Limit::OneShard, report.suite.options.shard.is_some()),
        (Limit::SubjectUnknown, report.subject.flux.is_none()),
        // Scenarios commit to the repository of the platform; that is what they are for.
        (
            Limit::SubjectChanged,
            run.subject_changes
                .iter()
                .any(|change| change.path != "fleet.revision"),
        ),
        (Limit::SuiteUnknown, report.suite.digest.is_empty()),
    ]
    .into_iter()
    .filter_map(|(limit, holds)| holds.then_some(limit))
    .collect()
}
