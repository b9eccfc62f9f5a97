//! From the fold of a log to a report: the facts, made harmless. What follows from them is derived.

use super::{
    derive::{Proofs, derive},
    shape::{
        ApiVersion, Change, Course, Fleet, Flux, Kind, Kubernetes, Options, Program, Report, Run, Scenario,
        ScenarioStatus, Shard, Skip, Subject, Suite, Trouble, Verdict,
    },
};
use crate::{
    ScenarioResult, Summary,
    text::{printable, printable_map},
};
use plumbline_model::{Outcome, ProgramIdentity, Status};
use std::collections::{BTreeMap, BTreeSet};

/// The report of a run.
pub(super) fn report(summary: &Summary) -> Report {
    let mut report = Report {
        api_version: ApiVersion::default(),
        kind: Kind::default(),
        verdict: Verdict::Partial,
        limits: BTreeSet::new(),
        subject: subject(summary),
        suite: suite(summary),
        profiles: Vec::new(),
        run: run(summary),
    };
    derive(&mut report, &proofs(summary));
    report
}

fn proofs(summary: &Summary) -> Proofs {
    let mut proofs = Proofs::new();
    for result in &summary.scenarios {
        for requirement in &result.requirements {
            let scenario = scenario(result);
            proofs
                .entry(*requirement)
                .or_default()
                .insert(scenario.id.clone(), scenario);
        }
    }
    proofs
}

fn scenario(result: &ScenarioResult) -> Scenario {
    let made = u32::try_from(result.attempts.len()).unwrap_or(u32::MAX);
    Scenario {
        id: printable(&result.scenario),
        status: match result.outcome.status() {
            Status::Passed => ScenarioStatus::Passed,
            Status::Flaky => ScenarioStatus::Flaky,
            Status::Skipped => ScenarioStatus::Skipped,
            Status::Interrupted => ScenarioStatus::Interrupted,
            Status::Errored => ScenarioStatus::Errored,
            Status::Failed => ScenarioStatus::Failed,
        },
        attempts: match *result.outcome {
            Outcome::Passed => 1,
            Outcome::Flaky { attempts } => attempts.max(2),
            Outcome::Skipped(_) => 0,
            Outcome::Failed(_) | Outcome::Errored(_) => made.max(1),
            _ => made,
        },
        skip: match &*result.outcome {
            Outcome::Skipped(skip) => Some(Skip {
                reason: printable(&skip.reason),
                cause: skip.cause,
                issue: skip.issue.as_deref().map(printable),
                until: skip.until.as_deref().map(printable),
            }),
            _ => None,
        },
        simulated: result.simulated.iter().map(|text| printable(text)).collect(),
    }
}

fn subject(summary: &Summary) -> Subject {
    let seen = summary.subject.clone();
    let seen = seen.as_ref();
    Subject {
        provider: printable(&summary.provider),
        simulations: simulations(summary),
        kubernetes: seen.map(|seen| Kubernetes {
            version: printable(&seen.kubernetes.version),
            platform: printable(&seen.kubernetes.platform),
        }),
        flux: seen.and_then(|seen| seen.flux.as_ref()).map(|flux| Flux {
            instance: printable(&flux.instance),
            version: printable(&flux.version),
            digest: printable(&flux.digest),
            artifact: flux.artifact.as_deref().map(printable),
            spec_digest: printable(&flux.spec_digest),
            settings: printable_map(&flux.settings),
        }),
        operator: seen.and_then(|seen| seen.operator.as_ref()).map(program),
        components: seen
            .into_iter()
            .flat_map(|seen| &seen.components)
            .map(|component| (printable(&component.name), program(component)))
            .collect(),
        definitions: seen
            .into_iter()
            .flat_map(|seen| &seen.definitions)
            .map(|(name, versions)| (printable(name), list(versions)))
            .collect(),
        fleet: seen.and_then(|seen| seen.fleet.as_ref()).map(|fleet| Fleet {
            repository: printable(&fleet.repository),
            branch: printable(&fleet.branch),
            revision: printable(&fleet.revision),
        }),
        features: BTreeMap::new(),
    }
}

/// Everything that is simulated. What only a scenario tells of has no description.
fn simulations(summary: &Summary) -> BTreeMap<String, String> {
    let leaned_on = summary.scenarios.iter().flat_map(|result| &result.simulated);
    let undescribed = leaned_on.map(|subject| (printable(subject), String::new()));
    let described = summary
        .simulations
        .iter()
        .map(|simulation| (printable(&simulation.subject), printable(&simulation.description)));
    // Of two with the same name the last one stays.
    undescribed.chain(described).collect()
}

fn program(program: &ProgramIdentity) -> Program {
    Program {
        image: printable(&program.image),
        version: printable(&program.version),
        digest: printable(&program.digest),
        arguments: list(&program.arguments),
    }
}

fn suite(summary: &Summary) -> Suite {
    let (suite, options) = (&summary.suite, &summary.options);
    Suite {
        plumbline: printable(&summary.version),
        digest: printable(&suite.digest),
        scenarios: suite.scenarios,
        revision: suite.revision.as_deref().map(printable),
        options: Options {
            parallel: options.parallel,
            shard: options.shard.map(|shard| shard.to_string()),
            fail_fast: options.fail_fast,
            flaky: options.flaky,
            selection: list(&options.selection),
        },
    }
}

fn run(summary: &Summary) -> Run {
    Run {
        id: printable(&summary.run),
        started: printable(&summary.started),
        duration_ms: summary.duration,
        exit_code: summary.exit_code().number(),
        seed: summary.options.seed,
        shards: summary
            .shards
            .iter()
            .map(|part| Shard {
                shard: part.shard.to_string(),
                run: printable(&part.run),
                started: printable(&part.started),
                duration_ms: part.duration,
            })
            .collect(),
        troubles: summary
            .troubles()
            .into_iter()
            .map(|trouble| Trouble {
                exit_code: trouble.code.number(),
                subject: printable(&trouble.subject),
                message: printable(&trouble.message),
            })
            .collect(),
        subject_changes: summary
            .subject_changes
            .iter()
            .map(|change| Change {
                path: printable(&change.path),
                before: printable(&change.before),
                after: printable(&change.after),
            })
            .collect(),
        scenarios: summary
            .scenarios
            .iter()
            .map(|result| (printable(&result.scenario), course(result)))
            .collect(),
        facts: printable_map(&summary.facts),
        reproduce: summary
            .whole_reproduction()
            .iter()
            .map(|command| printable(command))
            .collect(),
    }
}

fn course(result: &ScenarioResult) -> Course {
    let message = match &*result.outcome {
        Outcome::Failed(failure) => Some(&failure.message),
        Outcome::Errored(fault) => Some(&fault.message),
        _ => None,
    };
    Course {
        duration_ms: result.duration,
        message: message.map(|message| printable(message)),
    }
}

fn list(list: &[String]) -> Vec<String> {
    list.iter().map(|text| printable(text)).collect()
}
