//! Each thing that was measured, once: how often, the median, and the extremes.

use super::Summary;
use std::collections::BTreeMap;

/// A thing that was measured; times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measured<'summary> {
    pub(crate) name: &'summary str,
    pub(crate) count: usize,
    pub(crate) fastest: u64,
    pub(crate) median: u64,
    pub(crate) slowest: u64,
}

impl Summary {
    /// What was measured, by name.
    pub(crate) fn measured(&self) -> Vec<Measured<'_>> {
        let mut all: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for measurement in &self.measurements {
            all.entry(&measurement.name)
                .or_default()
                .push(measurement.duration);
        }
        let measured = all.into_iter().map(|(name, mut times)| {
            times.sort_unstable();
            let at = |index: usize| times.get(index).copied().unwrap_or_default();
            Measured {
                name,
                count: times.len(),
                fastest: at(0),
                median: at(times.len() / 2),
                slowest: at(times.len() - 1),
            }
        });
        measured.collect()
    }
}
