//! What the user asked for, and what is told when it comes to nothing.

use crate::{Scenario, Suite, suggestion};
use plumbline_model::Shard;
use std::{
    collections::BTreeSet,
    fmt,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

/// What the user asked for. A part that is empty chooses everything; a scenario runs if all parts choose it.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Files or folders: as the files were loaded, or below the scenario folder.
    pub paths: Vec<PathBuf>,
    /// Parts of ids; one of them is enough.
    pub names: Vec<String>,
    /// Whole ids; one of them is enough. Those of an earlier run, to do it again.
    pub ids: Vec<String>,
    /// Tags, of which one is enough, and with a `!` before them those that it must not have: `drift`, `!slow`.
    pub tags: Vec<String>,
    /// The part of all these that this machine runs.
    pub shard: Option<Shard>,
    /// Shuffles the order: the same number, the same order.
    pub seed: Option<u64>,
}

/// A selection that makes no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is nothing to choose from.
    #[error("no scenario is selected: list them with `plumbline list`")]
    NothingSelected,
    /// One of several paths chooses nothing.
    #[error("no scenario is at or below `{}`", .0.display())]
    NothingAt(PathBuf),
    /// One of several names chooses nothing.
    #[error("no scenario has `{0}` in its name")]
    NothingNamed(String),
    /// Ids that no scenario has.
    #[error("{}", no_longer(.0))]
    NoLongerThere(Vec<String>),
    /// A tag that no scenario has.
    #[error("no scenario has the tag `{tag}`: {help}")]
    UnknownTag {
        /// The tag.
        tag: String,
        /// What to write instead.
        help: String,
    },
    /// Each part chooses something, all together nothing.
    #[error("no scenario is selected: {0}")]
    NothingInCommon(Parts),
    /// More parts than scenarios.
    #[error("shard {shard} is empty, as {} selected: divide into no more parts than that", are(*.selected))]
    EmptyShard {
        /// The part.
        shard: Shard,
        /// How many scenarios all parts together run.
        selected: usize,
    },
}

/// How much each part of a selection chooses by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts(Vec<(&'static str, usize)>);

impl fmt::Display for Parts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (part, count)) in self.0.iter().enumerate() {
            if number > 0 {
                formatter.write_str(", ")?;
            }
            match count {
                0 => write!(formatter, "{part} choose none")?,
                count => write!(formatter, "{part} choose {count}")?,
            }
        }
        match self.0.len() {
            0 | 1 => Ok(()),
            _ => formatter.write_str(", and none is chosen by all of them"),
        }
    }
}

fn no_longer(ids: &[String]) -> String {
    let listed = suggestion::listed(ids.iter().map(String::as_str));
    match ids.len() {
        1 => format!(
            "the scenario {listed} is no longer there: it was renamed or removed, choose by name or path"
        ),
        _ => format!(
            "the scenarios {listed} are no longer there: they were renamed or removed, choose by name or path"
        ),
    }
}

fn are(count: usize) -> String {
    match count {
        1 => "1 scenario is".to_owned(),
        _ => format!("{count} scenarios are"),
    }
}

impl Selection {
    /// The scenarios of the suite that all parts but the shard choose.
    pub(crate) fn choose<'suite>(
        &self,
        suite: &'suite Suite,
    ) -> Result<Vec<&'suite Arc<Scenario>>, PlanError> {
        let all = suite.scenarios();
        if all.is_empty() {
            return Err(PlanError::NothingSelected);
        }
        self.check_words(all)?;
        let chosen: Vec<_> = all.iter().filter(|scenario| self.chooses(scenario)).collect();
        match chosen.is_empty() {
            true => Err(PlanError::NothingInCommon(self.parts(all))),
            false => Ok(chosen),
        }
    }

    /// Every word of the selection stands for something.
    fn check_words(&self, all: &[Arc<Scenario>]) -> Result<(), PlanError> {
        for path in &self.paths {
            if !all.iter().any(|scenario| is_at(scenario, path)) {
                return Err(PlanError::NothingAt(path.clone()));
            }
        }
        for name in &self.names {
            if !all.iter().any(|scenario| scenario.id.contains(name.as_str())) {
                return Err(PlanError::NothingNamed(name.clone()));
            }
        }
        let gone: Vec<String> = self
            .ids
            .iter()
            .filter(|id| !all.iter().any(|scenario| scenario.id == **id))
            .cloned()
            .collect();
        if !gone.is_empty() {
            return Err(PlanError::NoLongerThere(gone));
        }
        let known: BTreeSet<&str> = all
            .iter()
            .flat_map(|scenario| &scenario.tags)
            .map(|tag| tag.as_str())
            .collect();
        for tag in self.tags.iter().map(|tag| wanted(tag).1) {
            if !known.contains(tag) {
                return Err(PlanError::UnknownTag {
                    tag: tag.to_owned(),
                    help: suggestion::instead(tag, known.iter().copied()),
                });
            }
        }
        Ok(())
    }

    fn chooses(&self, scenario: &Scenario) -> bool {
        self.chooses_path(scenario)
            && self.chooses_name(scenario)
            && self.chooses_id(scenario)
            && self.chooses_tags(scenario)
    }

    fn chooses_path(&self, scenario: &Scenario) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|path| is_at(scenario, path))
    }

    fn chooses_name(&self, scenario: &Scenario) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| scenario.id.contains(name.as_str()))
    }

    fn chooses_id(&self, scenario: &Scenario) -> bool {
        self.ids.is_empty() || self.ids.contains(&scenario.id)
    }

    fn chooses_tags(&self, scenario: &Scenario) -> bool {
        let has = |tag: &str| scenario.tags.iter().any(|own| own.as_str() == tag);
        let wanted = || self.tags.iter().map(|tag| wanted(tag));
        let mut positive = wanted().filter(|(is_wanted, _)| *is_wanted).peekable();
        (positive.peek().is_none() || positive.any(|(_, tag)| has(tag)))
            && !wanted().any(|(is_wanted, tag)| !is_wanted && has(tag))
    }

    fn parts(&self, all: &[Arc<Scenario>]) -> Parts {
        let count = |chooses: fn(&Self, &Scenario) -> bool| {
            all.iter().filter(|scenario| chooses(self, scenario)).count()
        };
        let parts = [
            ("the paths", self.paths.is_empty(), count(Self::chooses_path)),
            ("the names", self.names.is_empty(), count(Self::chooses_name)),
            ("the ids", self.ids.is_empty(), count(Self::chooses_id)),
            ("the tags", self.tags.is_empty(), count(Self::chooses_tags)),
        ];
        let given = parts.into_iter().filter(|(_, is_empty, _)| !is_empty);
        Parts(given.map(|(part, _, count)| (part, count)).collect())
    }
}

/// Whether a tag is wanted, and the tag itself.
fn wanted(tag: &str) -> (bool, &str) {
    match tag.strip_prefix('!') {
        Some(unwanted) => (false, unwanted),
        None => (true, tag),
    }
}

/// Whether the scenario's file is `path` or below it.
fn is_at(scenario: &Scenario, path: &Path) -> bool {
    let plain = |path: &Path| -> PathBuf {
        path.components()
            .filter(|part| *part != Component::CurDir)
            .collect()
    };
    let path = plain(path);
    let id = Path::new(scenario.file_id());
    plain(scenario.source.path()).starts_with(&path) || id.starts_with(&path) || id == path.with_extension("")
}
