//! The scenarios of a project, checked together.

use crate::{Scenario, Source};
use plumbline_model::SuiteIdentity;
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, sync::Arc};

/// Scenarios that are valid, each by itself and all together; in order of their ids.
#[derive(Clone, Debug, Default)]
pub struct Suite {
    scenarios: Vec<Arc<Scenario>>,
    /// Step groups and manifests by name.
    others: BTreeMap<String, Arc<Source>>,
}

impl Suite {
    pub(crate) fn new(scenarios: Vec<Arc<Scenario>>, others: BTreeMap<String, Arc<Source>>) -> Self {
        Self { scenarios, others }
    }

    /// All scenarios in order of their ids.
    #[must_use]
    pub fn scenarios(&self) -> &[Arc<Scenario>] {
        &self.scenarios
    }

    /// What tells this set of scenarios from any other: a digest over names and contents, the same wherever the files lie.
    #[must_use]
    pub fn identity(&self) -> SuiteIdentity {
        let scenarios = self
            .scenarios
            .iter()
            .map(|scenario| (&scenario.id, &scenario.source));
        let mut hash = Sha256::new();
        for (name, source) in scenarios.chain(&self.others) {
            for text in [name.as_str(), source.text()] {
                // With its length before it, no text can run into the next.
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text);
            }
        }
        SuiteIdentity {
            digest: format!("sha256:{}", hex::encode(hash.finalize())),
            scenarios: self.scenarios.len(),
            revision: None,
        }
    }
}
