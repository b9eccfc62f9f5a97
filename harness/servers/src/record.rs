//! A bounded log: the newest entries of something that can go on for ever.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Keeps the newest `limit` entries; each has a number that never changes.
#[derive(Debug)]
pub(crate) struct BoundedLog<T> {
    limit: usize,
    entries: Mutex<Entries<T>>,
}

#[derive(Debug)]
struct Entries<T> {
    kept: VecDeque<T>,
    forgotten: u64,
}

impl<T: Clone> BoundedLog<T> {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            entries: Mutex::new(Entries {
                kept: VecDeque::new(),
                forgotten: 0,
            }),
        }
    }

    /// Appends `entry` and returns how many entries there ever were.
    pub(crate) fn push(&self, entry: T) -> u64 {
        let mut entries = self.lock();
        if entries.kept.len() == self.limit {
            entries.kept.pop_front();
            entries.forgotten += 1;
        }
        entries.kept.push_back(entry);
        entries.forgotten + entries.kept.len() as u64
    }

    /// The entries that are still kept, oldest first.
    pub(crate) fn snapshot(&self) -> Vec<T> {
        self.lock().kept.iter().cloned().collect()
    }

    /// The first kept entry whose number is at least `number`, and its number.
    pub(crate) fn at_or_after(&self, number: u64) -> Option<(u64, T)> {
        let entries = self.lock();
        let number = number.max(entries.forgotten);
        let index = usize::try_from(number - entries.forgotten).ok()?;
        entries.kept.get(index).map(|entry| (number, entry.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Entries<T>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entries_are_forgotten_and_numbers_stay() {
        let log = BoundedLog::new(3);
        for entry in 0..5 {
            assert_eq!(log.push(entry), entry + 1);
        }
        assert_eq!(log.snapshot(), [2, 3, 4]);
        assert_eq!(log.at_or_after(0), Some((2, 2)));
        assert_eq!(log.at_or_after(4), Some((4, 4)));
        assert_eq!(log.at_or_after(5), None);
    }
}
