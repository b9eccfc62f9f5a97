//! What a run was asked to do: enough to say it in a report, and to do it again.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Which scenarios a run chose from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteIdentity {
    /// `sha256:…` over the ids and contents of all scenario files, in order of their ids.
    pub digest: String,
    /// How many scenarios there are in all.
    pub scenarios: usize,
    /// The commit of the repository that they are in, with `-dirty` if files differ from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// What the user asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    /// How many scenarios run side by side.
    pub parallel: usize,
    /// What the order was shuffled with; absent for the documented order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The part of the plan that this machine ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Whether the run stops to start scenarios after the first that does not pass.
    #[serde(default)]
    pub fail_fast: bool,
    /// Whether a flaky scenario makes the run red.
    #[serde(default)]
    pub flaky: FlakyResult,
    /// The paths, names and tags of the selection as they were given; empty for everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selection: Vec<String>,
}

/// What a flaky scenario means for the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlakyResult {
    /// It is told, and the run may be green.
    #[default]
    Pass,
    /// The run is red.
    Fail,
}

/// One part of a plan that several machines run together: `2/4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    index: u32,
    count: u32,
}

/// A text that is not a shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// Not two numbers with a stroke between them.
    #[error("`{0}` is not a shard: write the number of this one and how many there are, such as `2/4`")]
    Form(String),
    /// A division into nothing.
    #[error("there are no shards of {index}/0: write how many there are, such as `1/4`")]
    None {
        /// Which was asked for.
        index: u32,
    },
    /// A number that does not exist.
    #[error("there is no shard {index} of {count}: they are numbered from 1 to {count}")]
    Range {
        /// Which was asked for.
        index: u32,
        /// How many there are.
        count: u32,
    },
}

impl Shard {
    /// Which one, from 1.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many there are.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text
            .split_once('/')
            .and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        let Some((index, count)) = numbers else {
            return Err(ShardError::Form(text.to_owned()));
        };
        if count == 0 {
            return Err(ShardError::None { index });
        }
        if index == 0 || index > count {
            return Err(ShardError::Range { index, count });
        }
        Ok(Self { index, count })
    }
}

impl TryFrom<String> for Shard {
    type Error = ShardError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_reads_back() {
        let shard: Shard = "2/4".parse().unwrap();
        assert_eq!((shard.index(), shard.count()), (2, 4));
        assert_eq!(shard.to_string(), "2/4");
    }

    #[test]
    fn a_shard_that_is_not_there_is_refused() {
        assert_eq!("1/0".parse::<Shard>(), Err(ShardError::None { index: 1 }));
        for text in ["0/4", "5/4"] {
            assert!(
                matches!(text.parse::<Shard>(), Err(ShardError::Range { .. })),
                "{text}"
            );
        }
        for text in ["", "2", "a/b", "1/-2", "1/2/3", "+1/2 "] {
            assert!(
                matches!(text.parse::<Shard>(), Err(ShardError::Form(_))),
                "{text}"
            );
        }
    }
}
