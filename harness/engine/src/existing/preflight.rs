//! Before anything is looked at or written: what the cluster is, who we are to it, what it lets us do; and so which scenarios are for it.

use super::{
    PROVIDER,
    wants::{self, Want},
};
use crate::{
    admission::{facts_of, inapplicable, plain, skipped_by_author},
    set_up::ours,
};
use plumbline_cluster::{
    Kubernetes, KubernetesError,
    existing::{Right, ask, whoami},
};
use plumbline_flux::{chain, subject_of};
use plumbline_model::{Fault, FaultClass, Skip, SkipCause, Subject};
use plumbline_scenario::{Facts, Scenario};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// How long a cluster may take until it answers at all.
const REACHED_WITHIN: Duration = Duration::from_secs(10);

/// What was found out.
pub(super) struct Preflight {
    facts: Facts,
    /// Who we are to the cluster.
    pub(super) user: Option<String>,
    /// What is under test; nothing where we may not see it.
    pub(super) subject: Option<Subject>,
    findings: BTreeMap<Want, Finding>,
    /// Whether it was asked for that scenarios write.
    allows_writes: bool,
}

/// What came of something that is to be looked at or written.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Finding {
    Granted(Right),
    /// The verb that is missing.
    Forbidden(Right, &'static str),
    /// Why there is no such kind, in words.
    Unknown(String),
}

impl Preflight {
    /// Asks.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub(super) async fn of(
        kubernetes: &Kubernetes,
        scenarios: &[Arc<Scenario>],
        allows_writes: bool,
    ) -> Result<Self, Fault> {
        let first = kubernetes.with_patience(REACHED_WITHIN);
        let user = whoami(&first).await.map_err(|error| unreached(&error))?;
        let is_ours = |scenario: &&Arc<Scenario>| {
            scenario.only_looks() || (allows_writes && scenario.writes_in_its_own_namespace())
        };
        let all: BTreeSet<Want> = scenarios
            .iter()
            .filter(is_ours)
            .flat_map(|scenario| wants::of(scenario))
            .chain(wants::of_report())
            .collect();
        let mut findings = BTreeMap::new();
        for want in all {
            let finding = find(kubernetes, &want)
                .await
                .map_err(|error| unanswered(&error))?;
            findings.insert(want, finding);
        }
        let sees = |want: &Want| !matches!(findings.get(want), Some(Finding::Forbidden(..)));
        let subject = match wants::of_report().iter().all(sees) {
            true => Some(subject_of(kubernetes).await.map_err(ours)?),
            false => None,
        };
        let version_of = |version: Option<&String>| plain(version.map_or("", String::as_str));
        let flux = subject.as_ref().and_then(|subject| subject.flux.as_ref());
        let operator = subject.as_ref().and_then(|subject| subject.operator.as_ref());
        let facts = Facts {
            flux: version_of(flux.map(|flux| &flux.version)),
            operator: version_of(operator.map(|operator| &operator.version)),
            ..facts_of(kubernetes, PROVIDER, true).await?
        };
        Ok(Self {
            facts,
            user,
            subject,
            findings,
            allows_writes,
        })
    }

    /// What the run found, by name, for the report.
    pub(super) fn told(&self) -> Vec<(&'static str, String)> {
        let or_none = |version: &str, absent: &str| match version {
            "" => absent.to_owned(),
            version => version.to_owned(),
        };
        let user = self.user.as_deref().unwrap_or("the cluster does not tell");
        vec![
            ("user", user.to_owned()),
            ("kubernetes", self.facts.kubernetes.version.clone()),
            ("flux", or_none(&self.facts.flux.version, "no FluxInstance")),
            (
                "flux-operator",
                or_none(&self.facts.operator.version, "not there"),
            ),
            ("rights", self.rights()),
        ]
    }

    fn rights(&self) -> String {
        let mut granted = BTreeSet::new();
        let mut forbidden = BTreeSet::new();
        for finding in self.findings.values() {
            match finding {
                Finding::Granted(right) => granted.insert(right),
                Finding::Forbidden(right, _) => forbidden.insert(right),
                Finding::Unknown(_) => false,
            };
        }
        let all = granted.len() + forbidden.len();
        match forbidden.is_empty() {
            true if self.allows_writes => format!("all {all} that this run looks and writes by"),
            true => format!("all {all} that this run looks by"),
            false => {
                let missing: Vec<String> = forbidden.iter().map(ToString::to_string).collect();
                format!("{} of {all}; missing: {}", granted.len(), missing.join("; "))
            }
        }
    }

    /// Why the scenario is not run on this cluster, if it is not.
    ///
    /// # Errors
    /// It cannot be said.
    pub(super) fn reason_to_skip(&self, scenario: &Scenario) -> Result<Option<Skip>, Fault> {
        if let Some(skip) = skipped_by_author(scenario) {
            return Ok(Some(skip));
        }
        let unsupported = |reason: String| Skip {
            reason,
            cause: SkipCause::Unsupported,
            ..Skip::default()
        };
        if let Some(reason) = self.goes_beyond(scenario) {
            return Ok(Some(Skip {
                reason: reason.to_owned(),
                cause: SkipCause::LookOnly,
                ..Skip::default()
            }));
        }
        if let Some(skip) = inapplicable(scenario, &self.facts)? {
            return Ok(Some(skip));
        }
        let reasons = wants::of(scenario)
            .into_iter()
            .filter_map(|want| match self.findings.get(&want)? {
                Finding::Forbidden(right, verb) => {
                    Some(format!("{} may not {verb} {}", self.me(), place(right)))
                }
                Finding::Unknown(why) if want.is_required => Some(why.clone()),
                Finding::Granted(_) | Finding::Unknown(_) => None,
            });
        let reasons: Vec<String> = reasons.collect();
        Ok((!reasons.is_empty()).then(|| unsupported(reasons.join("; "))))
    }

    /// What it does that is not done on this cluster.
    fn goes_beyond(&self, scenario: &Scenario) -> Option<&'static str> {
        match (scenario.only_looks(), scenario.writes_in_its_own_namespace()) {
            (true, _) => None,
            (_, true) if self.allows_writes => None,
            (_, true) => Some("it writes, in a namespace of its own: --allow-writes runs it"),
            (_, false) if self.allows_writes => {
                Some("it does more than look, and write in a namespace of its own")
            }
            (_, false) => Some("it does more than look"),
        }
    }

    fn me(&self) -> &str {
        self.user.as_deref().unwrap_or("this user")
    }
}

fn place(right: &Right) -> String {
    match &right.namespace {
        Some(namespace) => format!("{} in {namespace}", right.kind),
        None => format!("{} in all namespaces", right.kind),
    }
}

async fn find(kubernetes: &Kubernetes, want: &Want) -> Result<Finding, KubernetesError> {
    let resource = match kubernetes.resource(&want.kind).await {
        Ok(resource) => resource,
        Err(KubernetesError::UnknownKind { kind, .. }) => {
            return Ok(Finding::Unknown(format!("the cluster has no kind {kind}")));
        }
        Err(error @ KubernetesError::AmbiguousKind { .. }) => return Ok(Finding::Unknown(error.to_string())),
        Err(error) => return Err(error),
    };
    let right = Right {
        kind: resource.kind(),
        namespace: want.namespace.clone().filter(|_| resource.is_namespaced),
        access: want.access,
    };
    Ok(match ask(kubernetes, &resource, &right).await? {
        None => Finding::Granted(right),
        Some(verb) => Finding::Forbidden(right, verb),
    })
}

fn unreached(error: &KubernetesError) -> Fault {
    Fault {
        class: FaultClass::Environment,
        message: format!(
            "the cluster of the context cannot be asked: {}; try `kubectl --context … version`",
            chain(error)
        ),
        attachments: Vec::new(),
    }
}

fn unanswered(error: &KubernetesError) -> Fault {
    Fault {
        class: FaultClass::Cluster,
        message: format!("the cluster does not say what may be done: {}", chain(error)),
        attachments: Vec::new(),
    }
}
