//! `plumbline run --plan`: what would run, in which order and why, with which images, and for about how long.

use super::{CommandError, Prepared, count, recorded::read};
use plumbline_model::RunOptions;
use plumbline_report::{Summary, duration, printable};
use plumbline_scenario::{Exclusive, Plan, PlannedScenario, Reason, Scenario, Stage, Step};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
};

/// Describes the plan. `log` is that of an earlier run, if there is one: it tells how long things took.
///
/// # Errors
/// There is such a file, and it is no event log.
pub fn describe(prepared: &Prepared, log: &Path) -> Result<String, CommandError> {
    let earlier = log.is_file().then(|| read(log)).transpose()?;
    let times = earlier.as_ref().map(Times::of).unwrap_or_default();
    let plan = &prepared.plan;
    let mut out = String::new();
    for (number, planned) in plan.scenarios.iter().enumerate() {
        line(&mut out, number + 1, planned, &times);
    }
    let images = images(plan);
    if !images.is_empty() {
        out.push_str("images\n");
        for image in images {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "      {}", printable(&image));
        }
    }
    let RunOptions {
        parallel,
        seed,
        shard,
        ..
    } = *prepared.options();
    let scenarios = count(plan.scenarios.len(), "scenario");
    let shard = shard.map_or_else(String::new, |shard| format!(" of shard {shard}"));
    let shuffled = seed.map_or_else(String::new, |seed| format!(", shuffled by --shuffle={seed}"));
    let _ = writeln!(
        out,
        "{scenarios}{shard}, at most {parallel} side by side{shuffled}; nothing was started"
    );
    let _ = match times.estimate(plan, parallel) {
        Some(Estimate {
            milliseconds,
            unknown: 0,
        }) => writeln!(
            out,
            "about {}, as things took in {}",
            duration(milliseconds),
            log.display()
        ),
        Some(Estimate {
            milliseconds,
            unknown,
        }) => writeln!(
            out,
            "about {} for what ran in {}; {} did not",
            duration(milliseconds),
            log.display(),
            count(unknown, "scenario")
        ),
        None if earlier.is_some() => writeln!(
            out,
            "no time can be estimated: none of it ran in {}",
            log.display()
        ),
        None => writeln!(
            out,
            "no time can be estimated: there is no earlier run in {}",
            log.display()
        ),
    };
    Ok(out)
}

fn line(out: &mut String, number: usize, planned: &PlannedScenario, times: &Times) {
    let scenario = &planned.scenario;
    let took = times
        .scenarios
        .get(scenario.id.as_str())
        .map_or_else(|| "-".to_owned(), |took| duration(*took));
    let _ = writeln!(out, "{number:>4}  {took:>8}  {}", printable(&scenario.id));
    let mut words = vec![format!("needs {}", needs(scenario))];
    words.extend(match planned.reason {
        Reason::Selected => None,
        Reason::Provides(stage) => Some(format!("added: others need the {} that it provides", word(stage))),
    });
    match &scenario.exclusive {
        Exclusive::No => {}
        Exclusive::Alone => words.push("runs alone".to_owned()),
        Exclusive::Lanes(lanes) => {
            let lanes: Vec<_> = lanes.iter().map(|lane| lane.value.as_str()).collect();
            words.push(format!("not beside others of {}", lanes.join(", ")));
        }
    }
    if !scenario.clusters.is_empty() {
        words.push(format!(
            "starts {}",
            count(scenario.clusters.len(), "further cluster")
        ));
    }
    if let Some(skip) = &scenario.skip {
        words.push(format!("skipped: {}", skip.reason.value));
    }
    let _ = writeln!(out, "                {}", printable(&words.join("; ")));
}

fn needs(scenario: &Scenario) -> String {
    let stage = match scenario.needs {
        Stage::Cluster => "a bare cluster".to_owned(),
        stage => format!("the {}", word(stage)),
    };
    let capabilities = scenario
        .capabilities
        .iter()
        .map(|capability| format!(", real {}", capability.value));
    capabilities.fold(stage, |needs, capability| needs + &capability)
}

const fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Cluster => "cluster",
        Stage::Operator => "operator",
        Stage::Platform => "platform",
        Stage::Admission => "admission of images",
    }
}

/// The images that steps name.
fn images(plan: &Plan) -> BTreeSet<String> {
    let mut images = BTreeSet::new();
    let scenarios = plan.scenarios.iter().map(|planned| &planned.scenario);
    for step in scenarios.flat_map(|scenario| scenario.all_steps()) {
        let selection = match &step.step {
            Step::Mirror(mirror) => &mirror.images,
            Step::Sign(sign) => &sign.images,
            Step::Scan(scan) => &scan.images,
            Step::Verify(verify) => &verify.images,
            Step::Build(build) => {
                images.insert(build.name.value.clone());
                continue;
            }
            _ => continue,
        };
        if selection.platform {
            images.insert("those of the platform".to_owned());
        }
        images.extend(selection.names.iter().map(|name| name.value.clone()));
    }
    images
}

/// How long things took in an earlier run, in milliseconds.
#[derive(Default)]
struct Times<'log> {
    phases: u64,
    scenarios: BTreeMap<&'log str, u64>,
}

struct Estimate {
    milliseconds: u64,
    unknown: usize,
}

impl<'log> Times<'log> {
    fn of(summary: &'log Summary) -> Self {
        Self {
            phases: summary.phases.iter().map(|phase| phase.duration).sum(),
            scenarios: summary
                .scenarios
                .iter()
                .map(|result| (result.scenario.as_str(), result.duration))
                .collect(),
        }
    }

    /// Providers run one after the other, the others side by side, and those that run alone at the end; lanes are left out.
    fn estimate(&self, plan: &Plan, parallel: usize) -> Option<Estimate> {
        let mut in_a_row = self.phases;
        let mut workers = vec![0_u64; parallel.max(1)];
        let mut unknown = 0;
        for planned in &plan.scenarios {
            let scenario = &planned.scenario;
            let Some(took) = self.scenarios.get(scenario.id.as_str()) else {
                unknown += 1;
                continue;
            };
            if scenario.provides.is_some() || scenario.is_alone() {
                in_a_row += took;
            } else if let Some(first) = workers.iter_mut().min() {
                *first += took;
            }
        }
        let side_by_side = workers.into_iter().max().unwrap_or(0);
        (unknown < plan.scenarios.len()).then_some(Estimate {
            milliseconds: in_a_row + side_by_side,
            unknown,
        })
    }
}
