//! Whether a pod may be bound to the node: what a scheduler with one node would decide.

use super::quantity::thousandths;
use k8s_openapi::{
    api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, Pod, PodSpec, Taint, Toleration},
    apimachinery::pkg::api::resource::Quantity,
};
use std::collections::BTreeMap;

/// What matters of the node.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NodeView {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) unschedulable: bool,
    pub(crate) taints: Vec<Taint>,
    pub(crate) allocatable: BTreeMap<String, Quantity>,
}

/// Why a pod does not fit, in the words of the scheduler; nothing if it fits.
pub(crate) fn obstacle(pod: &Pod, node: &NodeView) -> Option<String> {
    let spec = pod.spec.as_ref()?;
    let tolerations = spec.tolerations.as_deref().unwrap_or_default();
    let reason = if node.unschedulable && !tolerated_cordon(tolerations) {
        "1 node(s) were unschedulable".to_owned()
    } else if let Some(taint) = node.taints.iter().find(|taint| !tolerated(taint, tolerations)) {
        let value = taint.value.as_deref().unwrap_or_default();
        format!("1 node(s) had untolerated taint {{{}: {value}}}", taint.key)
    } else if !selected(spec, node) {
        "1 node(s) didn't match Pod's node affinity/selector".to_owned()
    } else {
        format!("1 Insufficient {}", insufficient(spec, node)?)
    };
    Some(format!("0/1 nodes are available: {reason}."))
}

fn tolerated_cordon(tolerations: &[Toleration]) -> bool {
    let taint = Taint {
        key: "node.kubernetes.io/unschedulable".to_owned(),
        effect: "NoSchedule".to_owned(),
        ..Taint::default()
    };
    tolerations.iter().any(|toleration| tolerates(toleration, &taint))
}

fn tolerated(taint: &Taint, tolerations: &[Toleration]) -> bool {
    taint.effect == "PreferNoSchedule" || tolerations.iter().any(|toleration| tolerates(toleration, taint))
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = toleration.effect.as_deref().unwrap_or_default();
    let key = toleration.key.as_deref().unwrap_or_default();
    let exists = toleration.operator.as_deref() == Some("Exists");
    (effect.is_empty() || effect == taint.effect)
        && (key == taint.key || (key.is_empty() && exists))
        && (exists
            || toleration.value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default())
}

fn selected(spec: &PodSpec, node: &NodeView) -> bool {
    let selector = spec
        .node_selector
        .iter()
        .flatten()
        .all(|(key, value)| node.labels.get(key) == Some(value));
    let affinity = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| {
            affinity
                .required_during_scheduling_ignored_during_execution
                .as_ref()
        });
    selector
        && affinity.is_none_or(|required| {
            required
                .node_selector_terms
                .iter()
                .any(|term| matches(term, node))
        })
}

fn matches(term: &NodeSelectorTerm, node: &NodeView) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    let labels = expressions
        .iter()
        .all(|requirement| met(requirement, node.labels.get(&requirement.key)));
    let names = fields.iter().all(|requirement| {
        met(
            requirement,
            Some(&node.name).filter(|_| requirement.key == "metadata.name"),
        )
    });
    // A term without requirements selects nothing.
    labels && names && !(expressions.is_empty() && fields.is_empty())
}

fn met(requirement: &NodeSelectorRequirement, value: Option<&String>) -> bool {
    let values = requirement.values.as_deref().unwrap_or_default();
    let compared = || -> Option<std::cmp::Ordering> {
        Some(
            value?
                .parse::<i64>()
                .ok()?
                .cmp(&values.first()?.parse::<i64>().ok()?),
        )
    };
    match requirement.operator.as_str() {
        "In" => value.is_some_and(|value| values.contains(value)),
        "NotIn" => value.is_none_or(|value| !values.contains(value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compared() == Some(std::cmp::Ordering::Greater),
        "Lt" => compared() == Some(std::cmp::Ordering::Less),
        _ => false,
    }
}

/// The resource of which the pod alone asks for more than the whole node has. What other pods use does not count:
/// most of them are simulated and use nothing.
fn insufficient(spec: &PodSpec, node: &NodeView) -> Option<String> {
    let mut asked: BTreeMap<&str, i128> = BTreeMap::new();
    for container in &spec.containers {
        let requests = container
            .resources
            .as_ref()
            .and_then(|resources| resources.requests.as_ref());
        for (name, quantity) in requests.into_iter().flatten() {
            *asked.entry(name).or_default() += thousandths(&quantity.0).unwrap_or_default();
        }
    }
    asked
        .into_iter()
        .find(|(name, amount)| {
            let available = node
                .allocatable
                .get(*name)
                .and_then(|quantity| thousandths(&quantity.0))
                .unwrap_or_default();
            *amount > available
        })
        .map(|(name, _)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn node() -> NodeView {
        NodeView {
            name: "one".into(),
            labels: BTreeMap::from([
                ("kubernetes.io/os".into(), "linux".into()),
                ("cores".into(), "8".into()),
            ]),
            allocatable: BTreeMap::from([("cpu".into(), Quantity("8".into()))]),
            ..NodeView::default()
        }
    }

    fn why(spec: Value, node: &NodeView) -> Option<String> {
        let mut spec = spec;
        spec["containers"] = json!([{"name": "a", "resources": {"requests": spec["requests"].clone()}}]);
        obstacle(&serde_json::from_value(json!({"spec": spec})).unwrap(), node)
    }

    fn affinity(expression: Value) -> Value {
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}}})
    }

    #[test]
    fn pods_fit_or_say_why_not() {
        let mismatch =
            Some("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.".to_owned());
        assert_eq!(why(json!({}), &node()), None);
        assert_eq!(
            why(json!({"nodeSelector": {"kubernetes.io/os": "linux"}}), &node()),
            None
        );
        assert_eq!(why(json!({"nodeSelector": {"disk": "ssd"}}), &node()), mismatch);
        assert_eq!(
            why(
                affinity(json!({"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]})),
                &node()
            ),
            None
        );
        assert_eq!(
            why(
                affinity(json!({"key": "kubernetes.io/os", "operator": "NotIn", "values": ["linux"]})),
                &node()
            ),
            mismatch
        );
        assert_eq!(
            why(affinity(json!({"key": "gpu", "operator": "Exists"})), &node()),
            mismatch
        );
        assert_eq!(
            why(
                affinity(json!({"key": "gpu", "operator": "DoesNotExist"})),
                &node()
            ),
            None
        );
        assert_eq!(
            why(
                affinity(json!({"key": "cores", "operator": "Gt", "values": ["4"]})),
                &node()
            ),
            None
        );
        assert_eq!(
            why(
                affinity(json!({"key": "cores", "operator": "Lt", "values": ["4"]})),
                &node()
            ),
            mismatch
        );
        assert_eq!(why(json!({"requests": {"cpu": "8"}}), &node()), None);
        assert_eq!(
            why(json!({"requests": {"cpu": "8001m"}}), &node()).as_deref(),
            Some("0/1 nodes are available: 1 Insufficient cpu.")
        );
    }

    #[test]
    fn a_cordon_and_a_taint_need_a_toleration() {
        let cordoned = NodeView {
            unschedulable: true,
            ..node()
        };
        assert!(why(json!({}), &cordoned).unwrap().contains("unschedulable"));
        assert_eq!(
            why(json!({"tolerations": [{"operator": "Exists"}]}), &cordoned),
            None
        );
        let taint = Taint {
            key: "gpu".into(),
            value: Some("yes".into()),
            effect: "NoSchedule".into(),
            time_added: None,
        };
        let tainted = NodeView {
            taints: vec![taint],
            ..node()
        };
        assert!(
            why(json!({}), &tainted)
                .unwrap()
                .contains("untolerated taint {gpu: yes}")
        );
        assert_eq!(
            why(json!({"tolerations": [{"key": "gpu", "value": "yes"}]}), &tainted),
            None
        );
        assert!(why(json!({"tolerations": [{"key": "gpu", "value": "no"}]}), &tainted).is_some());
    }
}
