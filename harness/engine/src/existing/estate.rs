//! What a run owns on a cluster that others live on: the namespaces of its scenarios. They go with it, however it ends.

use super::Removal;
use crate::{
    EventLog,
    clean_up::{WITHIN, remove},
    footprint::MadeObject,
    namespace::fresh_name,
    set_up::environment,
};
use plumbline_cluster::{
    Object,
    existing::{OwnNamespaces, Owner, PREFIX},
    kubernetes::KindReference,
    watch::Watches,
};
use plumbline_flux::{VerbError, chain};
use plumbline_keeper::{Command, Keeper, Will};
use plumbline_model::{Event, Fault};
use std::collections::BTreeMap;
use tokio::time::Instant;

/// What the run owns.
pub(super) struct Estate {
    own: OwnNamespaces,
    watches: Watches,
    context: String,
    /// Has them removed when nobody of this run can any more.
    will: Will,
}

/// A namespace of the run.
#[derive(Clone, Debug)]
pub(super) struct OwnNamespace(MadeObject);

impl OwnNamespace {
    pub(super) fn of(object: &Object) -> Self {
        Self(MadeObject {
            reference: KindReference::new("", "v1", "Namespace").cluster_wide(object.name()),
            uid: Some(object.uid().to_owned()),
        })
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.0.reference.name
    }

    /// Removes it and sees it gone; else it is said what holds it back.
    pub(super) async fn remove(&self, watches: &Watches, deadline: Instant) -> Result<(), String> {
        remove(&self.0, watches, deadline).await
    }
}

impl Estate {
    /// Nothing yet, and a will that is carried out also when this process is killed.
    ///
    /// # Errors
    /// The keeper does not take the will.
    pub(super) fn settle(
        own: OwnNamespaces,
        watches: Watches,
        context: &str,
        keeper: &Keeper,
        removal: &Removal,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, Fault> {
        let command = Command::new("the namespaces of this run", &removal.program)
            .arguments(&removal.arguments)
            .arguments(["--run", own.run()])
            .environment(variables)
            .directory(&removal.directory);
        Ok(Self {
            will: keeper.bequeath(&command).map_err(|error| environment(&error))?,
            own,
            watches,
            context: context.to_owned(),
        })
    }

    /// Makes a namespace for a scenario.
    ///
    /// # Errors
    /// The API server does not make it.
    pub(super) async fn make(&self, scenario: &str) -> Result<OwnNamespace, VerbError> {
        let name = format!("{PREFIX}{}", fresh_name(scenario));
        let made = self.own.make(self.watches.kubernetes(), &name, scenario).await;
        made.map(|object| OwnNamespace::of(&object))
            .map_err(|error| VerbError::environment(&error))
    }

    /// Removes a namespace and sees it gone; else it is said what holds it back, and who can remove it. It is not tried again.
    pub(super) async fn remove(&self, namespace: &OwnNamespace) -> Result<(), String> {
        let removed = namespace.remove(&self.watches, Instant::now() + WITHIN).await;
        self.own.forget(namespace.name());
        removed.map_err(|why| self.left(namespace.name(), &why))
    }

    /// Removes what runs of this machine that were killed have left here.
    pub(super) async fn sweep(&self, log: &EventLog) {
        let Ok(found) = self.own.find(self.watches.kubernetes(), &Owner::Gone).await else {
            return;
        };
        for namespace in found.iter().map(OwnNamespace::of) {
            if let Err(what) = self.remove(&namespace).await {
                log.emit(Event::LeftBehind { what });
            }
        }
    }

    /// Removes what no scenario has removed. Nothing is left to the will then: what is still there is told.
    pub(super) async fn close(self, log: &EventLog) {
        let told = self.own.names();
        if !told.is_empty() {
            let owner = Owner::Run(self.own.run().to_owned());
            let left = match self.own.find(self.watches.kubernetes(), &owner).await {
                Err(error) => {
                    let why = chain(&error);
                    told.iter().map(|name| self.left(name, &why)).collect()
                }
                Ok(found) => self.remove_all(&found).await,
            };
            for what in left {
                log.emit(Event::LeftBehind { what });
            }
        }
        self.will.revoke();
    }

    async fn remove_all(&self, found: &[Object]) -> Vec<String> {
        let namespaces: Vec<_> = found.iter().map(OwnNamespace::of).collect();
        let removing = namespaces.iter().map(|namespace| self.remove(namespace));
        let removed = futures::future::join_all(removing).await;
        removed.into_iter().filter_map(Result::err).collect()
    }

    fn left(&self, name: &str, why: &str) -> String {
        let context = &self.context;
        format!(
            "Namespace {name}: {why}; remove it with `kubectl --context {context} delete namespace {name}`"
        )
    }
}
