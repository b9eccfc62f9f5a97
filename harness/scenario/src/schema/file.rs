//! The files themselves, which are read field by field: here they are as a whole, for their schema only.

use super::value::{Exclusion, Matrix, Needs, Requirement};
use crate::{ExtraCluster, Predicate, SecretSource, Skip, Stage, Step, Timespan, Writes};
use schemars::JsonSchema;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A scenario: one claim, what it proves and needs, and its steps.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is made")]
pub(super) struct ScenarioFile {
    /// One sentence that is true of a platform that conforms. No other scenario claims the same.
    claim: String,
    /// The requirements that it proves.
    #[schemars(length(min = 1))]
    requirements: Vec<Requirement>,
    /// Words to choose it by: `plumbline run --tag drift`.
    tags: Option<Vec<String>>,
    /// What must stand before it begins: a stage, and capabilities such as `pods`, which are real containers.
    needs: Option<Needs>,
    /// A condition in CEL over `facts` of the cluster, `matrix` and `variables`; if it is not true the scenario is skipped.
    when: Option<Predicate>,
    /// The stage that stands after it, for all that need it.
    provides: Option<Stage>,
    /// `true` runs it alone; a list of lanes keeps it from running beside others that name one of them.
    exclusive: Option<Exclusion>,
    /// How many further attempts are made when one does not pass. What passes later is flaky.
    #[schemars(range(min = 0, max = 5))]
    retries: Option<u32>,
    /// How long one attempt may take; 2m if absent.
    timeout: Option<Timespan>,
    /// Why it is not run.
    skip: Option<Skip>,
    /// Values to make several scenarios from: lists by name, of which every combination is one, or a list of combinations.
    matrix: Option<Matrix>,
    /// Values by name: `${variables.name}`, and `variables.name` in CEL.
    variables: Option<BTreeMap<String, Value>>,
    /// Values that no report shows, by name: `${secrets.name}`.
    secrets: Option<BTreeMap<String, SecretSource>>,
    /// Clusters besides the main one, by name. A step says `cluster: name` among the fields of its verb.
    clusters: Option<BTreeMap<String, ExtraCluster>>,
    /// What is done first, and not on a cluster that was there before: what its steps look at then. With it, and if it is `[]`, the steps
    /// only look, and so they may on an existing cluster.
    given: Option<Vec<Step>>,
    /// With `given`: its steps also write, in `${namespace}` and nowhere else. On an existing cluster it is run with `--allow-writes` only.
    writes: Option<Writes>,
    /// What it does, in order.
    #[schemars(length(min = 1))]
    steps: Vec<Step>,
    /// What it does at its end, however it ended.
    finally: Option<Vec<Step>>,
}

/// A step group: steps with parameters, for scenarios to use.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is made")]
pub(super) struct GroupFile {
    /// What its steps do, in one line.
    about: String,
    /// Its parameters and their values where a use gives none; without a value a parameter is required.
    parameters: BTreeMap<String, Value>,
    /// What every scenario that uses it needs, besides what that says itself.
    needs: Option<Needs>,
    /// What it does, in order, with `${parameters.name}` in it.
    #[schemars(length(min = 1))]
    steps: Vec<Step>,
}

/// Puts the steps of a group in the place of this one.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is made")]
pub(super) struct Use {
    /// The group: its file's path below the scenario folder, without `.yaml`.
    group: String,
    /// Values of its parameters.
    with: Option<Map<String, Value>>,
    /// The cluster of all its steps that name none themselves.
    cluster: Option<String>,
}
