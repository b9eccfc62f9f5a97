//! What each verb does. One file for those with an idea of their own, here the rest.

mod before;
mod bounds;
mod compare;
mod denial;
mod exec;
mod expect;
mod fault;
mod git;
mod hand;
mod http;
mod images;
mod look;
mod objects;
mod pipeline;
mod scan;
mod state;

pub(crate) use bounds::bounded;
pub(crate) use compare::Remembered;
pub(crate) use hand::Hand;
pub(crate) use look::Look;
pub(crate) use state::{ScenarioState, kind, named};

use crate::{attempt::milliseconds, footprint::OnBoard};
use plumbline_flux::{Applied, InstanceChange, VerbError, names::KYVERNO_CHART};
use plumbline_scenario::{ScenarioStep, Step};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// Performs one step.
pub(crate) async fn perform(placed: &ScenarioStep, state: &mut ScenarioState) -> Result<(), VerbError> {
    let unfilled = |error| VerbError::unmet(format!("the step cannot be filled in: {error}"));
    let step = placed.resolve(&state.variables).map_err(unfilled)?.into_owned();
    state.readable = placed.cel_variables(&state.variables).map_err(unfilled)?;
    state.before.note(&state.scenario, &state.world.main).await?;
    let within = step.deadline().unwrap_or(Duration::ZERO);
    let platform = state.platform.clone();
    let waiting = state.waiting.clone();
    let observe = move |waiting_for: &str, last_seen: &str| waiting.saw(waiting_for, last_seen);
    let patience = state.patience(within, &observe);
    match &step {
        Step::Onboard(onboard) => {
            let name = &onboard.name().value;
            state.footprint.board(OnBoard {
                system: onboard.system.value.clone(),
                name: name.clone(),
                environment: onboard.environment.value.clone(),
                cluster: platform.name().map(str::to_owned),
            });
            let onboarded = platform
                .onboard(&onboard.system.value, name, &onboard.environment.value, patience)
                .await?;
            let system = &onboard.system.value;
            state.measure(
                &format!("{system}: push to Kustomization Ready"),
                milliseconds(onboarded.applied),
            );
            if onboarded.released > onboarded.applied {
                state.measure(
                    &format!("{system}: push to HelmRelease Ready"),
                    milliseconds(onboarded.released),
                );
            }
        }
        Step::Offboard(offboard) => {
            platform
                .offboard(&offboard.system.value, &offboard.environment.value, patience)
                .await?;
            state
                .footprint
                .leave_board(&offboard.system.value, &offboard.environment.value);
        }
        Step::Commit(commit) => git::commit(commit, state).await?,
        Step::Revert(revert) => git::revert(revert, state).await?,
        Step::Branch(branch) => git::branch(branch, state).await?,
        Step::Merge(merge) => git::merge(merge, state).await?,
        Step::Tag(tag) => git::tag(tag, state).await?,
        Step::Reconcile(reconcile) => {
            let object = state.object(&reconcile.object);
            let began = Instant::now();
            let revision = platform
                .reconcile(&object, objects::ending(reconcile.expect), patience)
                .await?;
            state.measure(
                &format!("{} reconciled after the request", object.kind.kind),
                milliseconds(began.elapsed()),
            );
            state.leave(reconcile.output.as_ref(), json!({"revision": revision}));
        }
        Step::Suspend(suspend) => objects::suspend(&state.object(&suspend.object), true, &platform).await?,
        Step::Resume(resume) => objects::suspend(&state.object(&resume.object), false, &platform).await?,
        Step::Apply(apply) => objects::apply(apply, state).await?,
        Step::Delete(delete) => {
            objects::delete(
                delete,
                &state.object(&delete.object),
                platform.watches(),
                patience,
            )
            .await?
        }
        Step::Patch(patch) => {
            objects::patch(patch, &state.object(&patch.object), platform.kubernetes()).await?
        }
        Step::Scale(scale) => {
            objects::scale(scale, &state.object(&scale.object), platform.kubernetes()).await?
        }
        Step::Annotate(annotate) => {
            objects::annotate(annotate, &state.object(&annotate.object), platform.kubernetes()).await?
        }
        Step::Snapshot(snapshot) => {
            let remembered = compare::snapshot(snapshot, platform.watches()).await?;
            state.snapshots.insert(snapshot.name.value.clone(), remembered);
        }
        Step::Compare(comparison) => {
            compare::compare(comparison, &state.snapshots, &state.look()).await?;
        }
        Step::Install(install) => {
            let began = Instant::now();
            let chart = &install.chart.value;
            let revision = platform
                .install(chart, &install.environment.value, patience)
                .await?;
            if chart == KYVERNO_CHART && revision == 1 {
                state.measure("Kyverno: install to Ready", milliseconds(began.elapsed()));
            }
            state.leave(install.output.as_ref(), json!({"revision": revision}));
        }
        Step::Instance(instance) => {
            let applied = platform
                .apply_instance(&instance.environment.value, &InstanceChange::default(), patience)
                .await?;
            if applied.applied == Applied::Created {
                state.measure("from nothing to the FluxInstance Ready", state.log.now());
            }
            let output = json!({"applied": applied.applied.word(), "version": applied.version});
            state.leave(instance.output.as_ref(), output);
        }
        Step::ListImages(list) => images::list(list, state).await?,
        Step::Pipeline(pipeline) => pipeline::pipeline(pipeline, state, patience).await?,
        Step::Mirror(mirror) => images::mirror(mirror, state).await?,
        Step::Sign(sign) => images::sign(sign, state).await?,
        Step::Verify(verify) => images::verify(verify, state).await?,
        Step::Scan(scan) => scan::scan(scan, state, within).await?,
        Step::Exec(exec) => exec::exec(exec, state, within).await?,
        Step::Expect(expect) => expect::expect(expect, state).await?,
        Step::Upgrade(upgrade) => {
            let upgraded = platform.upgrade(&upgrade.to.value, patience).await?;
            let output = json!({"from": upgraded.from, "to": upgraded.to});
            state.leave(upgrade.output.as_ref(), output);
        }
        Step::Read(read) => {
            let output = state.look().read(read).await?;
            state.leave(Some(&read.output), output);
        }
        Step::Http(http) => http::http(http, state, within).await?,
        Step::Fault(fault) => fault::fault(fault, state).await?,
        Step::Build(build) => {
            let published = images::build(build, &platform, patience).await?;
            let output = json!({"image": published.name, "digest": published.digest});
            state.leave(build.output.as_ref(), output);
        }
    }
    Ok(())
}
