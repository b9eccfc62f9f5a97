//! Two clusters of two environments, fed by the same Git server and registry.

use crate::{
    Outcome,
    stand::{Stand, get, list, soon},
};
use plumbline_cluster::kubernetes::KindReference;
use plumbline_flux::{Ending, Platform, names::FLUX_NAMESPACE};
use plumbline_servers::{Changes, TreeEntry};
use std::collections::BTreeSet;

const REPOSITORY: &str = "k8s-observatory";
const SETTINGS: &str = "base/settings.yaml";

pub async fn change_stays_in_its_environment(stand: &Stand) -> Outcome {
    let (development, production) = tokio::try_join!(
        stand.cluster("development", "dev", None),
        stand.cluster("production", "prod", None)
    )?;
    tokio::try_join!(
        development.onboard("observatory", "observatory", "dev", soon()),
        production.onboard("observatory", "observatory", "prod", soon())
    )?;
    let shown = async || {
        Ok::<_, plumbline_flux::VerbError>((exposure(&development).await?, exposure(&production).await?))
    };
    assert_eq!(shown().await?, ("30s".to_owned(), "30s".to_owned()));
    expose(stand, "dev", "60s").await?;
    assert_eq!(shown().await?, ("60s".to_owned(), "30s".to_owned()));
    expose(stand, "prod", "60s").await?;
    assert_eq!(shown().await?, ("60s".to_owned(), "60s".to_owned()));
    stand.platform.forge().revert(REPOSITORY, "prod").await?;
    assert_eq!(shown().await?, ("60s".to_owned(), "30s".to_owned()));

    let again = development
        .onboard("observatory", "observatory", "dev", soon())
        .await;
    assert!(
        format!("{again:?}").contains("on board in dev already"),
        "{again:?}"
    );
    let (one, other) = (addresses(&development).await, addresses(&production).await);
    assert!(!one.is_empty() && one.is_disjoint(&other), "{one:?} {other:?}");
    let fetched = |egress: plumbline_flux::Egress| egress.allowed.get("git.plumbline.test:443").copied();
    let each = [&development, &production].map(|cluster| fetched(cluster.egress()).unwrap_or(0));
    assert!(each.iter().all(|count| *count > 0), "{each:?}");
    let directory = development.kubeconfig().parent().unwrap().to_owned();
    development.stop().await?;
    production.stop().await?;
    assert!(!directory.exists(), "{}", directory.display());
    // What clusters that have ended did is not forgotten.
    assert!(fetched(stand.platform.egress_of_run()) >= Some(each.iter().sum()));
    Ok(())
}

/// Writes the setting on the branch of one environment.
async fn expose(stand: &Stand, branch: &str, exposure: &str) -> Outcome {
    let forge = stand.platform.forge();
    let old = forge.repository(REPOSITORY)?.read(branch, SETTINGS).await?;
    let new = String::from_utf8(old)
        .unwrap()
        .replace("exposure: 30s", &format!("exposure: {exposure}"));
    let changes = Changes {
        write: vec![TreeEntry::file(SETTINGS, new)],
        remove: Vec::new(),
    };
    forge.commit(REPOSITORY, branch, changes, "look longer").await?;
    Ok(())
}

/// The setting that a cluster shows once it has done what is on its branch.
async fn exposure(cluster: &Platform) -> Result<String, plumbline_flux::VerbError> {
    let kustomization = KindReference::new("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")
        .namespaced(FLUX_NAMESPACE, "observatory");
    cluster.reconcile(&kustomization, Ending::Ready, soon()).await?;
    let settings = get(
        cluster,
        KindReference::new("", "v1", "ConfigMap"),
        "observatory",
        "settings",
    )
    .await;
    Ok(settings.text_at("/data/exposure").unwrap_or_default().to_owned())
}

async fn addresses(cluster: &Platform) -> BTreeSet<String> {
    let pods = list(cluster, KindReference::new("", "v1", "Pod"), FLUX_NAMESPACE).await;
    pods.iter()
        .filter_map(|pod| pod.text_at("/status/podIP"))
        .map(str::to_owned)
        .collect()
}
