//! Steps that only look at the cluster: all that they need, be the cluster ours or one that was there before.

use super::{expect, state};
use crate::waiting::Waiting;
use plumbline_cluster::{Object, conditions::Verdict, watch::Watches};
use plumbline_flux::{Patience, VerbError};
use plumbline_scenario::{
    Step,
    steps::{Read, ReadSubject, pointer},
};
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// From where a step looks.
pub(crate) struct Look<'state> {
    pub(crate) watches: &'state Watches,
    pub(crate) waiting: &'state Waiting,
    /// When the scenario's time is over.
    pub(crate) deadline: Instant,
    /// What every expression can read besides its subject.
    pub(crate) readable: &'state Map<String, Value>,
}

impl Look<'_> {
    /// Until `within` from now, and never longer than the scenario may take.
    pub(crate) fn patience<'a>(
        &self,
        within: Duration,
        observe: &'a (dyn Fn(&str, &str) + Send + Sync + 'a),
    ) -> Patience<'a> {
        Patience::new(self.deadline.min(Instant::now() + within), observe)
    }

    /// Performs a step that only looks, and gives the output that it leaves.
    ///
    /// # Errors
    /// What is there is not as it should be, or cannot be seen.
    pub(crate) async fn perform(&self, step: &Step) -> Result<Option<Value>, VerbError> {
        match step {
            Step::Expect(expected) => expect::look(expected, self).await.map(|()| None),
            Step::Read(read) => self.read(read).await.map(Some),
            other => Err(VerbError::unmet(format!(
                "`{}` does more than look, and here nothing else is done",
                other.verb()
            ))),
        }
    }

    /// The objects as they are, or the value of a field as soon as the object is there and has one.
    pub(super) async fn read(&self, read: &Read) -> Result<Value, VerbError> {
        let (object, field) = match &read.subject {
            ReadSubject::Objects(chosen) => {
                let objects = self.watches.kubernetes().list(&state::selector(chosen)).await?;
                let objects = objects.iter().map(|object| essential(object.value()));
                return Ok(json!({"value": objects.collect::<Vec<_>>()}));
            }
            ReadSubject::Field { object, field } => (state::named(object), field),
        };
        let pointer = pointer(field);
        let value = |object: &Object| object.at(&pointer).filter(|value| !value.is_null()).cloned();
        let what = format!("{} to have {field}", object.short());
        let waiting = self.waiting.clone();
        let observe = move |waiting_for: &str, last_seen: &str| waiting.saw(waiting_for, last_seen);
        let within = read.within.as_ref().map_or(Read::WITHIN, |within| within.0);
        let observed = self
            .patience(within, &observe)
            .wait(self.watches, &object, &what, |view| match view.object() {
                None => Verdict::NotYet("absent".into()),
                Some(object) if value(object).is_some() => Verdict::Met,
                Some(object) => Verdict::NotYet(format!("no such field; {}", object.summary())),
            })
            .await?;
        Ok(json!({"value": observed.object().and_then(value).unwrap_or_default()}))
    }
}

/// An object without the record of who has set which field: no expectation is about that, and it is long.
fn essential(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}
