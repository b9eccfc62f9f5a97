//! Steps of somebody who has nothing but kubectl: they look at objects and change them, on whatever cluster.

use super::{Look, Remembered, compare, objects, state::named};
use crate::EventLog;
use plumbline_flux::VerbError;
use plumbline_scenario::Step;
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// With what a step changes objects.
pub(crate) struct Hand<'state> {
    pub(crate) look: Look<'state>,
    pub(crate) snapshots: &'state mut BTreeMap<String, Vec<Remembered>>,
    /// Where the values of Secrets that are applied must not be shown.
    pub(crate) log: &'state EventLog,
}

impl Hand<'_> {
    /// Performs a step that changes objects or looks at them, and gives the output that it leaves. What it makes is for others to remove.
    ///
    /// # Errors
    /// The API server refuses, or what is there is not as it should be.
    pub(crate) async fn perform(&mut self, step: &Step) -> Result<Option<Value>, VerbError> {
        let watches = self.look.watches;
        let kubernetes = watches.kubernetes();
        match step {
            Step::Apply(apply) => objects::apply_for_good(apply, kubernetes, self.log).await?,
            Step::Patch(patch) => objects::patch(patch, &named(&patch.object), kubernetes).await?,
            Step::Scale(scale) => objects::scale(scale, &named(&scale.object), kubernetes).await?,
            Step::Annotate(annotate) => {
                objects::annotate(annotate, &named(&annotate.object), kubernetes).await?;
            }
            Step::Delete(delete) => {
                let waiting = self.look.waiting.clone();
                let observe = move |waiting_for: &str, last_seen: &str| waiting.saw(waiting_for, last_seen);
                let within = step.deadline().unwrap_or(Duration::ZERO);
                let patience = self.look.patience(within, &observe);
                objects::delete(delete, &named(&delete.object), watches, patience).await?;
            }
            Step::Snapshot(snapshot) => {
                let remembered = compare::snapshot(snapshot, watches).await?;
                self.snapshots.insert(snapshot.name.value.clone(), remembered);
            }
            Step::Compare(comparison) => compare::compare(comparison, self.snapshots, &self.look).await?,
            looked => return self.look.perform(looked).await,
        }
        Ok(None)
    }
}
