//! The log of every try to leave.

use crate::record::BoundedLog;
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

/// How many tries are remembered one by one; the counts go on.
const REMEMBERED: usize = 10_000;

/// One try to reach something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressRecord {
    /// When.
    pub at: SystemTime,
    /// What was asked for: `host:port`.
    pub target: String,
    /// Who asked.
    pub client: SocketAddr,
    /// Whether it was let through.
    pub allowed: bool,
}

/// How many tries there were since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EgressCounts {
    /// Let through.
    pub allowed: u64,
    /// Refused.
    pub refused: u64,
}

type Hook = dyn Fn(&EgressRecord) + Send + Sync;

pub(crate) struct EgressLog {
    records: BoundedLog<EgressRecord>,
    allowed: AtomicU64,
    refused: AtomicU64,
    hook: Mutex<Option<Arc<Hook>>>,
}

impl EgressLog {
    pub(crate) fn new() -> Self {
        Self {
            records: BoundedLog::new(REMEMBERED),
            allowed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            hook: Mutex::default(),
        }
    }

    pub(crate) fn record(&self, target: String, client: SocketAddr, allowed: bool) {
        let record = EgressRecord {
            at: SystemTime::now(),
            target,
            client,
            allowed,
        };
        let counter = if allowed { &self.allowed } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
        if !allowed {
            tracing::info!(target_host = record.target, %client, "egress refused");
        }
        let hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(hook) = hook {
            hook(&record);
        }
        self.records.push(record);
    }

    pub(crate) fn set_hook(&self, hook: Arc<Hook>) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(hook);
    }

    pub(crate) fn snapshot(&self) -> Vec<EgressRecord> {
        self.records.snapshot()
    }

    pub(crate) fn counts(&self) -> EgressCounts {
        EgressCounts {
            allowed: self.allowed.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}
