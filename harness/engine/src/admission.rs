//! Whether a scenario is for this day and this cluster.

use crate::judge::paths;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use plumbline_cluster::{Kubernetes, kubernetes::KindReference};
use plumbline_flux::{Platform, chain, names::FLUX_NAMESPACE};
use plumbline_model::{Fault, FaultClass, Skip, SkipCause};
use plumbline_scenario::{Capability, Facts, KubernetesFacts, Scenario, VersionFacts};
use serde_json::Value;
use std::collections::BTreeMap;

/// Why the scenario is not run here and now, if it is not.
///
/// # Errors
/// It cannot be said whether it is for this cluster: that is no reason to skip it in silence.
pub(crate) async fn reason_to_skip(scenario: &Scenario, platform: &Platform) -> Result<Option<Skip>, Fault> {
    let skip = skipped_by_author(scenario).or_else(|| unsupported(scenario, platform));
    if let Some(skip) = skip {
        return Ok(Some(skip));
    }
    if scenario.when.is_none() {
        return Ok(None);
    }
    inapplicable(scenario, &facts(platform).await?)
}

/// Why the scenario is not for a cluster with these facts, if it is not.
///
/// # Errors
/// It cannot be said.
pub(crate) fn inapplicable(scenario: &Scenario, facts: &Facts) -> Result<Option<Skip>, Fault> {
    let Some(when) = &scenario.when else {
        return Ok(None);
    };
    let source = when.value.source();
    let read = || read_facts(source, &facts.to_value());
    match scenario.applies_to(facts) {
        Ok(true) => Ok(None),
        Ok(false) => Ok(Some(Skip {
            reason: format!("only when {source}; here {}", read()),
            cause: SkipCause::Unsupported,
            ..Skip::default()
        })),
        Err(why) => Err(Fault {
            class: FaultClass::Environment,
            message: format!(
                "cannot say whether the scenario is for this cluster: `when: {source}`: {why}; {}",
                read()
            ),
            attachments: Vec::new(),
        }),
    }
}

/// Its author says so, today.
pub(crate) fn skipped_by_author(scenario: &Scenario) -> Option<Skip> {
    skipped_until(scenario, Timestamp::now().to_zoned(TimeZone::UTC).date())
}

/// From the day of `until` on, a scenario is run again.
fn skipped_until(scenario: &Scenario, today: Date) -> Option<Skip> {
    let skip = scenario.skip.as_ref()?;
    let until = skip.until.as_ref().map(|until| until.value.clone());
    let is_over = until
        .as_ref()
        .and_then(|until| until.parse::<Date>().ok())
        .is_some_and(|until| today >= until);
    (!is_over).then(|| Skip {
        reason: skip.reason.value.clone(),
        cause: SkipCause::Author,
        issue: skip.issue.clone(),
        until,
    })
}

/// What a cluster of this kind does not have.
fn unsupported(scenario: &Scenario, platform: &Platform) -> Option<Skip> {
    let has = |capability: &Capability| match capability {
        Capability::Pods => platform.provider().has_real_pods(),
        Capability::NetworkPolicy => platform.enforces_network_policy(),
        Capability::NodeVerification => !platform.provider().has_real_pods(),
    };
    let lacking = scenario
        .capabilities
        .iter()
        .find(|capability| !has(&capability.value))?;
    let reason = match lacking.value {
        Capability::Pods => "needs real pods; the embedded cluster simulates them",
        Capability::NodeVerification => {
            "needs a node that verifies signatures itself; a kubelet leaves that to admission"
        }
        Capability::NetworkPolicy => {
            "needs a network that enforces NetworkPolicy; `networkPolicy` of clusters/kind.yaml says that this one does not"
        }
    };
    Some(Skip {
        reason: reason.to_owned(),
        cause: SkipCause::Unsupported,
        ..Skip::default()
    })
}

/// What is known of the cluster now.
async fn facts(platform: &Platform) -> Result<Facts, Fault> {
    let (versions, provider) = (platform.versions(), platform.provider());
    let facts = facts_of(platform.kubernetes(), provider.word(), provider.has_real_pods()).await?;
    Ok(Facts {
        flux: plain(&versions.flux),
        operator: plain(&versions.operator),
        components: versions.components.clone(),
        ..facts
    })
}

/// What a cluster tells by itself; which versions of Flux and of its operator these are is for others to say.
pub(crate) async fn facts_of(
    kubernetes: &Kubernetes,
    provider: &str,
    has_real_pods: bool,
) -> Result<Facts, Fault> {
    let unanswered = |error: &dyn std::error::Error| Fault {
        class: FaultClass::Cluster,
        message: format!("the facts of the cluster cannot be had: {}", chain(error)),
        attachments: Vec::new(),
    };
    let version = kubernetes
        .client()
        .apiserver_version()
        .await
        .map_err(|error| unanswered(&error))?;
    let resources = kubernetes.resources().await.map_err(|error| unanswered(&error))?;
    let instance = KindReference::new("fluxcd.controlplane.io", "v1", "FluxInstance");
    let is_there = resources.iter().any(|resource| resource.kind() == instance);
    let instance = if is_there {
        kubernetes
            .find(&instance.namespaced(FLUX_NAMESPACE, "flux"))
            .await
            .map_err(|error| unanswered(&error))?
    } else {
        None
    };
    let components = instance
        .as_ref()
        .and_then(|instance| instance.at("/status/components")?.as_array());
    let name = |component: &Value| component["name"].as_str().map(str::to_owned);
    Ok(Facts {
        provider: provider.to_string(),
        pods: match has_real_pods {
            true => "real",
            false => "simulated",
        }
        .to_owned(),
        kubernetes: KubernetesFacts {
            version: plain(&version.git_version).version,
            // A vendor's build writes `34+`.
            minor: version.minor.trim_end_matches('+').parse().unwrap_or_default(),
        },
        components: components.into_iter().flatten().filter_map(name).collect(),
        kinds: resources
            .iter()
            .map(|resource| resource.kind().to_string())
            .collect(),
        ..Facts::default()
    })
}

pub(crate) fn plain(version: &str) -> VersionFacts {
    VersionFacts {
        version: version.trim_start_matches('v').to_owned(),
    }
}

/// The facts that an expression reads, with their values; long lists are left out.
fn read_facts(source: &str, facts: &Value) -> String {
    const LONGEST: usize = 100;

    let mut found = BTreeMap::new();
    for path in paths(source) {
        let mut parts = path.split(['.', '[']);
        if parts.next() != Some("facts") {
            continue;
        }
        let mut name = "facts".to_owned();
        let mut value = facts;
        // What follows the fact is a method: `facts.flux.version.startsWith`.
        for part in parts {
            let Some(inner) = value.get(part) else { break };
            name = format!("{name}.{part}");
            value = inner;
        }
        let words = value.to_string();
        let is_fact = name != "facts" && !value.is_object();
        if is_fact {
            let words = if words.chars().count() > LONGEST {
                format!("a list of {}", value.as_array().map_or(0, Vec::len))
            } else {
                words
            };
            found.insert(name, words);
        }
    }
    let words: Vec<_> = found
        .into_iter()
        .map(|(name, value)| format!("{name} is {value}"))
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_skip_names_the_values_of_the_facts_that_its_condition_reads() {
        let kinds: Vec<_> = (0..50)
            .map(|number| format!("example.com/v1/Kind{number}"))
            .collect();
        let facts = json!({"flux": {"version": "2.9.2"}, "kubernetes": {"minor": 34}, "kinds": kinds});
        let source =
            r#"facts.flux.version.startsWith("2.8") && facts.kubernetes.minor >= 30 && "x" in facts.kinds"#;
        assert_eq!(
            read_facts(source, &facts),
            r#"facts.flux.version is "2.9.2", facts.kinds is a list of 50, facts.kubernetes.minor is 34"#
        );
        assert_eq!(read_facts("true", &facts), "");
    }
}
