//! Lengths of time as scenario files write them: `500ms`, `10s`, `3m`, `1h`.

use crate::parsed;
use serde::{Deserialize, Deserializer};
use std::{fmt, str::FromStr, time::Duration};

/// A length of time, written as a whole number and one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timespan(pub Duration);

/// A text that is not a length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimespanError {
    /// No number, no unit, or another unit.
    #[error("`{0}` is not a duration: write a whole number and a unit, such as `500ms`, `10s`, `3m` or `1h`")]
    Syntax(String),
    /// Zero, or so long that no one can mean it.
    #[error("`{0}` is out of range: a duration is between 1ms and 24h")]
    Range(String),
}

const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Timespan {
    /// So many seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl FromStr for Timespan {
    type Err = TimespanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len()
            - text
                .trim_start_matches(|character: char| character.is_ascii_digit())
                .len();
        let (number, unit) = text.split_at(digits);
        let milliseconds_per_unit = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(TimespanError::Syntax(text.to_owned())),
        };
        if number.is_empty() {
            return Err(TimespanError::Syntax(text.to_owned()));
        }
        number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(milliseconds_per_unit))
            .map(Duration::from_millis)
            .filter(|duration| !duration.is_zero() && *duration <= LONGEST)
            .map(Self)
            .ok_or_else(|| TimespanError::Range(text.to_owned()))
    }
}

impl fmt::Display for Timespan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        match milliseconds {
            _ if !milliseconds.is_multiple_of(1_000) => write!(formatter, "{milliseconds}ms"),
            _ if !milliseconds.is_multiple_of(60_000) || milliseconds == 0 => {
                write!(formatter, "{}s", milliseconds / 1_000)
            }
            _ if !milliseconds.is_multiple_of(3_600_000) => write!(formatter, "{}m", milliseconds / 60_000),
            _ => write!(formatter, "{}h", milliseconds / 3_600_000),
        }
    }
}

impl From<Timespan> for Duration {
    fn from(timespan: Timespan) -> Self {
        timespan.0
    }
}

impl<'de> Deserialize<'de> for Timespan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed::deserialize(deserializer, "a duration such as `30s`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_unit_is_understood() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("10s", 10_000),
            ("3m", 180_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(
                text.parse(),
                Ok(Timespan(Duration::from_millis(milliseconds))),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "s", "10", "1.5s", "-1s", "10 s", "1m30s", "3min", "١s"] {
            assert_eq!(
                text.parse::<Timespan>(),
                Err(TimespanError::Syntax(text.into())),
                "{text}"
            );
        }
        for text in ["0s", "25h", "99999999999999999999h"] {
            assert_eq!(
                text.parse::<Timespan>(),
                Err(TimespanError::Range(text.into())),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(milliseconds in 1u64..=86_400_000) {
            let timespan = Timespan(Duration::from_millis(milliseconds));
            prop_assert_eq!(timespan.to_string().parse(), Ok(timespan));
        }
    }
}
