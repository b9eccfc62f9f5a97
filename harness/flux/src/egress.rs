//! Every attempt of the cluster to reach anything, counted by target: the proof that nothing else was reached.

use plumbline_servers::{EgressRecord, Gateway, ServiceProxy};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Attempts by `host:port`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// Let through.
    pub allowed: BTreeMap<String, u64>,
    /// Refused.
    pub refused: BTreeMap<String, u64>,
}

/// Counts from the first attempt on; unlike the proxy's own record it never forgets one.
#[derive(Clone, Default)]
pub(crate) struct EgressCounter(Arc<Mutex<Egress>>);

impl EgressCounter {
    /// Counts what `proxy` sees, here and in `together`. To be called before anybody is told of the proxy.
    pub(crate) fn of_proxy(proxy: &ServiceProxy, together: &Self) -> Self {
        let counter = Self::default();
        let counters = [counter.clone(), together.clone()];
        proxy.on_egress(move |record| counters.iter().for_each(|counter| counter.count(record)));
        counter
    }

    /// Counts what passes through the gateway of all clusters: it cannot tell them apart.
    pub(crate) fn of_gateway(&self, gateway: &Gateway) {
        let counter = self.clone();
        gateway.on_egress(move |record| counter.count(record));
    }

    fn count(&self, record: &EgressRecord) {
        let mut egress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Egress { allowed, refused } = &mut *egress;
        let counts = if record.allowed { allowed } else { refused };
        *counts.entry(record.target.clone()).or_default() += 1;
    }

    pub(crate) fn so_far(&self) -> Egress {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
