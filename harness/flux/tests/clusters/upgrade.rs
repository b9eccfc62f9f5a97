//! From one release of Flux to the next, with a system of each pattern on board.

use crate::{
    Outcome,
    stand::{COMPONENTS, OLD_RELEASE, Stand, list, soon},
};
use plumbline_cluster::{Object, kubernetes::KindReference};
use plumbline_flux::{Ending, Platform, VerbError, names::FLUX_NAMESPACE};
use plumbline_images::SignOptions;
use std::collections::BTreeMap;

const ENVIRONMENT: &str = "experimental";
/// Patterns A, B and C.
const SYSTEMS: [&str; 3] = ["ledger", "storefront", "observatory"];
const SAMPLE_IMAGE: &str = "ghcr.io/plumbline-fixtures/hello:1.0.0";

pub async fn leaves_workloads_as_they_are(stand: &Stand) -> Outcome {
    let new_release = stand.platform.versions().flux.clone();
    let supply = stand.platform.supply();
    supply
        .sign(
            &SAMPLE_IMAGE.parse().unwrap(),
            &supply.keys().main(),
            SignOptions::default(),
        )
        .await?;
    let cluster = stand.cluster("old", ENVIRONMENT, Some(OLD_RELEASE)).await?;
    for system in SYSTEMS {
        cluster.onboard(system, system, ENVIRONMENT, soon()).await?;
    }
    let revisions = reconciled(&cluster).await?;
    let before = workloads(&cluster).await;
    assert!(before.len() > SYSTEMS.len(), "{before:#?}");

    let upgraded = cluster.upgrade(&new_release, soon()).await?;

    assert_eq!(
        (upgraded.from.as_str(), &upgraded.to),
        (OLD_RELEASE, &new_release)
    );
    let names: Vec<_> = upgraded
        .components
        .iter()
        .map(|component| component.name.as_str())
        .collect();
    assert_eq!(names, COMPONENTS);
    let images = images_of_pods(&cluster).await;
    for (component, image) in upgraded
        .components
        .iter()
        .zip(stand.platform.supply().release(&new_release)?)
    {
        assert_eq!(component.name, image.component());
        assert!(
            component.image.ends_with(&image.digest.to_string()),
            "{component:?}"
        );
        assert_eq!(images.get(&component.name), Some(&component.image));
    }
    assert_eq!(reconciled(&cluster).await?, revisions);
    assert_eq!(workloads(&cluster).await, before);

    let unknown = cluster.upgrade("2.8.0", soon()).await;
    let known = format!("there are those of: {OLD_RELEASE}, {new_release}");
    assert!(format!("{unknown:?}").contains(&known), "{unknown:?}");
    cluster.stop().await
}

/// The revision of each system, once its Kustomization has reconciled.
async fn reconciled(cluster: &Platform) -> Result<Vec<String>, VerbError> {
    let mut revisions = Vec::new();
    for system in SYSTEMS {
        let kustomization = KindReference::new("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")
            .namespaced(FLUX_NAMESPACE, system);
        revisions.push(cluster.reconcile(&kustomization, Ending::Ready, soon()).await?);
    }
    for system in ["ledger", "storefront"] {
        let release = KindReference::new("helm.toolkit.fluxcd.io", "v2", "HelmRelease")
            .namespaced(FLUX_NAMESPACE, system);
        revisions.push(cluster.reconcile(&release, Ending::Ready, soon()).await?);
    }
    Ok(revisions)
}

/// What would tell that a workload was touched: its generation, or which pods it has and when they started.
async fn workloads(cluster: &Platform) -> BTreeMap<String, String> {
    let mut seen = BTreeMap::new();
    for system in SYSTEMS {
        for kind in [
            KindReference::new("apps", "v1", "Deployment"),
            KindReference::new("", "v1", "Pod"),
        ] {
            for object in list(cluster, kind, system).await {
                let started = object.text_at("/status/containerStatuses/0/state/running/startedAt");
                let what = format!("{} {:?} {started:?}", object.uid(), object.generation());
                seen.insert(object.reference().to_string(), what);
            }
        }
    }
    seen
}

/// The image of each controller by its name, as its pod has it.
async fn images_of_pods(cluster: &Platform) -> BTreeMap<String, String> {
    let pods = list(cluster, KindReference::new("", "v1", "Pod"), FLUX_NAMESPACE).await;
    let image = |pod: &Object| {
        let name = pod.text_at("/metadata/labels/app")?.to_owned();
        Some((name, pod.text_at("/spec/containers/0/image")?.to_owned()))
    };
    pods.iter().filter_map(image).collect()
}
