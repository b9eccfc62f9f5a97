//! Several machines, one run: the logs of shards as one summary.

use super::{ShardResult, Summary};
use plumbline_model::{Fault, Shard};
use std::collections::{BTreeMap, BTreeSet};

/// A log that does not belong to the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There is nothing to merge.
    #[error("there is no log to merge: name the logs of the shards")]
    Nothing,
    /// The log of a run that was not one shard of several.
    #[error(
        "{log} is not the log of a shard, so it cannot be merged with others: merge what `--shard 1/2`, `--shard 2/2` and so on wrote, and report any other log on its own"
    )]
    NotAShard {
        /// Which.
        log: String,
    },
    /// Another number of shards.
    #[error("{log} is shard {found}, {first} one of {expected}: merge the shards of one run")]
    Count {
        /// Which.
        log: String,
        /// Its shard.
        found: Shard,
        /// The log it does not go with.
        first: String,
        /// The number of shards there.
        expected: u32,
    },
    /// A shard that is there already.
    #[error(
        "{log} and {first} are both shard {shard}: give each shard once, and report a second run of it on its own"
    )]
    Twice {
        /// Which.
        log: String,
        /// The log of the same shard.
        first: String,
        /// The shard.
        shard: Shard,
    },
    /// Another suite, selection, cluster or rule.
    #[error("{log} does not belong to {first}: its {what} is {found}, there it is {expected}")]
    Different {
        /// Which.
        log: String,
        /// The log it does not go with.
        first: String,
        /// What differs.
        what: &'static str,
        /// Here.
        found: String,
        /// There.
        expected: String,
    },
}

/// Merges the shards of one run; each comes with the name of its log, for errors.
///
/// Shards that are not there are [`Summary::missing`], and make the result red.
///
/// # Errors
/// Names the first log that does not belong to the others, and why.
pub fn merge(parts: Vec<(String, Summary)>) -> Result<Summary, MergeError> {
    let mut shards: BTreeMap<Shard, (String, Summary)> = BTreeMap::new();
    let mut reference: Option<(String, Traits, u32)> = None;
    for (log, part) in parts {
        let Some(shard) = part.options.shard else {
            return Err(MergeError::NotAShard { log });
        };
        let traits = Traits::of(&part);
        match &reference {
            None => reference = Some((log.clone(), traits, shard.count())),
            Some((first, expected, count)) => {
                if shard.count() != *count {
                    return Err(MergeError::Count {
                        log,
                        found: shard,
                        first: first.clone(),
                        expected: *count,
                    });
                }
                traits.same_as(expected, &log, first)?;
            }
        }
        if let Some((first, _)) = shards.get(&shard) {
            return Err(MergeError::Twice {
                log,
                first: first.clone(),
                shard,
            });
        }
        shards.insert(shard, (log, part));
    }
    let (_, _, count) = reference.ok_or(MergeError::Nothing)?;
    let parts = shards
        .into_iter()
        .map(|(shard, (_, part))| (shard, part))
        .collect();
    Ok(join(parts, count))
}

/// What the shards of one run have in common.
struct Traits(Vec<(&'static str, String)>);

impl Traits {
    fn of(part: &Summary) -> Self {
        let digest = match part.suite.digest.as_str() {
            "" => "not told",
            digest => digest,
        };
        let selection = match part.options.selection.join(" ") {
            all if all.is_empty() => "everything".to_owned(),
            some => some,
        };
        let flaky = format!("{:?}", part.options.flaky).to_lowercase();
        Self(vec![
            ("set of scenarios", digest.to_owned()),
            ("selection", selection),
            ("kind of cluster", part.provider.clone()),
            ("rule for flaky scenarios", flaky),
        ])
    }

    fn same_as(&self, expected: &Self, log: &str, first: &str) -> Result<(), MergeError> {
        let different = self.0.iter().zip(&expected.0).find(|(here, there)| here != there);
        match different {
            None => Ok(()),
            Some(((what, found), (_, expected))) => Err(MergeError::Different {
                log: log.to_owned(),
                first: first.to_owned(),
                what,
                found: found.clone(),
                expected: expected.clone(),
            }),
        }
    }
}

fn join(parts: BTreeMap<Shard, Summary>, count: u32) -> Summary {
    let there: BTreeSet<u32> = parts.keys().map(|shard| shard.index()).collect();
    let missing = (1..=count)
        .filter(|index| !there.contains(index))
        .filter_map(|index| format!("{index}/{count}").parse().ok())
        .collect();
    let common = common_facts(parts.values());
    let mut whole = Summary {
        facts: common.clone(),
        missing,
        ..Summary::default()
    };
    for (shard, part) in parts {
        whole.add_shard(shard, part, &common);
    }
    whole
}

/// The facts that are the same in every shard.
fn common_facts<'a>(mut parts: impl Iterator<Item = &'a Summary>) -> BTreeMap<String, String> {
    let mut common = parts.next().map(|part| part.facts.clone()).unwrap_or_default();
    for part in parts {
        common.retain(|name, value| part.facts.get(name) == Some(value));
    }
    common
}

impl Summary {
    fn add_shard(&mut self, shard: Shard, part: Self, common: &BTreeMap<String, String>) {
        let exit = part.exit_code();
        if self.shards.is_empty() {
            self.version.clone_from(&part.version);
            self.started.clone_from(&part.started);
            self.provider.clone_from(&part.provider);
            self.suite = part.suite.clone();
            self.options = part.options.clone();
            self.options.shard = None;
            self.run.clone_from(&part.run);
        } else {
            self.run = format!("{}, {}", self.run, part.run);
            // Times in UTC and of one form sort as text.
            self.started = self.started.clone().min(part.started.clone());
        }
        self.duration = self.duration.max(part.duration);
        // Providers are planned in every shard.
        let known: BTreeSet<String> = self.planned.iter().cloned().collect();
        let new = part.planned.iter().filter(|scenario| !known.contains(*scenario));
        self.planned.extend(new.cloned());
        self.shards.push(ShardResult {
            shard,
            run: part.run,
            started: part.started,
            duration: part.duration,
            scenarios: part.scenarios.len(),
            exit,
            facts: part
                .facts
                .into_iter()
                .filter(|(name, _)| !common.contains_key(name))
                .collect(),
        });
        if let Some(subject) = part.subject {
            self.observe(subject);
        }
        self.subject_changes.extend(part.subject_changes);
        self.simulations.extend(part.simulations);
        for mut phase in part.phases {
            phase.shard = Some(shard);
            self.phases.push(phase);
        }
        for mut result in part.scenarios {
            for attempt in &mut result.attempts {
                attempt.shard = Some(shard);
            }
            self.take(result);
        }
        self.running.extend(part.running);
        self.measurements.extend(part.measurements);
        add(&mut self.egress.allowed, part.egress.allowed);
        add(&mut self.egress.refused, part.egress.refused);
        let told = |text: String| format!("shard {shard}: {text}");
        self.faults.extend(part.faults.into_iter().map(|fault| Fault {
            message: told(fault.message),
            ..fault
        }));
        self.left_behind.extend(part.left_behind.into_iter().map(told));
        self.notes.extend(part.notes.into_iter().map(|mut note| {
            note.text = told(note.text);
            note
        }));
        self.interrupted = self.interrupted.take().or(part.interrupted);
    }
}

fn add(sum: &mut BTreeMap<String, u64>, part: BTreeMap<String, u64>) {
    for (target, count) in part {
        let known = sum.entry(target).or_default();
        *known = known.saturating_add(count);
    }
}
