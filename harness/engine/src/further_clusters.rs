//! The clusters of a scenario besides the main one: each brought to the stage that the scenario begins at.

use crate::{attempt::milliseconds, steps::ScenarioState};
use plumbline_flux::{InstanceChange, VerbError, names::OPERATOR_CHART};
use plumbline_model::Progress;
use plumbline_scenario::{ExtraCluster, Stage};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long one may take to come up; it is not counted to the scenario's own time.
const WITHIN: Duration = Duration::from_secs(180);

/// Starts the further clusters of the scenario, one after the other, and begins its time anew when they stand.
pub(crate) async fn start(state: &mut ScenarioState) -> Result<(), VerbError> {
    let scenario = state.scenario.clone();
    for (name, wanted) in &scenario.clusters {
        let began = Instant::now();
        let environment = &wanted.value.environment.value;
        let change = change(&wanted.value);
        state.waiting.saw(&format!("cluster {name} to stand"), "starting");
        let cluster = state.world.main.start_cluster(name, &Progress::silent()).await?;
        let cluster = Arc::new(cluster);
        // Noted at once, so that it is ended whatever comes.
        state.clusters.insert(name.clone(), cluster.clone());
        let waiting = state.waiting.clone();
        let observe = move |waiting_for: &str, last_seen: &str| waiting.saw(waiting_for, last_seen);
        state.deadline = began + WITHIN;
        let patience = state.patience(WITHIN, &observe);
        match scenario.needs {
            Stage::Cluster => {}
            Stage::Operator => {
                cluster.install(OPERATOR_CHART, environment, patience).await?;
            }
            Stage::Platform => {
                cluster.install_flux(environment, &change, patience).await?;
            }
            Stage::Admission => {
                cluster.install_flux(environment, &change, patience).await?;
                cluster.install_admission(environment, patience).await?;
            }
        }
        state.measure(
            &format!("a further cluster, from nothing to the {}", scenario.needs),
            milliseconds(began.elapsed()),
        );
    }
    state.deadline = Instant::now() + scenario.timeout;
    Ok(())
}

/// In what its FluxInstance is to differ from the file in Git.
fn change(wanted: &ExtraCluster) -> InstanceChange {
    let components = wanted.components.as_ref();
    InstanceChange {
        version: wanted.version.as_ref().map(|version| version.value.clone()),
        components: components.map(|named| named.iter().map(|component| component.value.clone()).collect()),
    }
}
