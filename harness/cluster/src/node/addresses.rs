//! Pod addresses: `10.244.N.x` in the API, and the loopback twin `127.244.N.x` that the process listens on
//! (EndpointSlices refuse loopback addresses).

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

const FIRST: u8 = 2;
const LAST: u8 = 254;

/// The addresses of one node's pods; freed ones are used again, the longest unused first.
#[derive(Clone, Debug)]
pub(crate) struct AddressRange {
    range: u8,
    free: Arc<Mutex<std::collections::VecDeque<u8>>>,
}

impl AddressRange {
    pub(crate) fn new(range: u8) -> Self {
        Self {
            range,
            free: Arc::new(Mutex::new((FIRST..=LAST).collect())),
        }
    }

    /// How many pods the range has room for.
    pub(crate) fn capacity() -> usize {
        usize::from(LAST - FIRST) + 1
    }

    /// An address that no living pod has, or nothing when all are taken.
    pub(crate) fn take(&self) -> Option<PodAddress> {
        let host = self
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()?;
        Some(PodAddress {
            range: self.clone(),
            host,
        })
    }
}

/// A pod's address; it is free again once dropped.
#[derive(Debug)]
pub(crate) struct PodAddress {
    range: AddressRange,
    host: u8,
}

impl PodAddress {
    /// What the API shows.
    pub(crate) fn reported(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 244, self.range.range, self.host)
    }

    /// Where the process listens.
    pub(crate) fn twin(&self) -> Ipv4Addr {
        Ipv4Addr::new(127, 244, self.range.range, self.host)
    }
}

impl Drop for PodAddress {
    fn drop(&mut self) {
        self.range
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(self.host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_unique_exhaustible_and_reused() {
        let range = AddressRange::new(7);
        let mut taken: Vec<_> = std::iter::from_fn(|| range.take()).collect();
        assert_eq!(taken.len(), AddressRange::capacity());
        let mut reported: Vec<_> = taken.iter().map(PodAddress::reported).collect();
        reported.dedup();
        assert_eq!(reported.len(), taken.len());
        assert!(range.take().is_none());
        let freed = taken.swap_remove(3).reported();
        assert_eq!(range.take().unwrap().reported(), freed);
    }

    #[test]
    fn the_twin_differs_only_in_its_first_byte() {
        let address = AddressRange::new(9).take().unwrap();
        assert_eq!(address.reported(), Ipv4Addr::new(10, 244, 9, 2));
        assert_eq!(address.twin(), Ipv4Addr::new(127, 244, 9, 2));
    }
}
