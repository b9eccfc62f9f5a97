//! What a pod's containers find when they start: volumes, tokens, kubeconfig.

use super::{
    configuration::Configuration,
    container::PodShared,
    identity::{self, PlacedToken},
    launch::{kubeconfig_path, volumes_directory},
    volumes::{VolumePlan, make_directory, write_file},
};
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Tokens of a pod, each with the time until it has to be renewed.
pub(crate) type Tokens = Vec<(PlacedToken, Duration)>;

/// Makes all that the pod's containers need; for a simulated pod only checks that it could be made. The error is the
/// message of a `FailedMount` event.
pub(crate) async fn prepare(shared: &PodShared, processes: bool) -> Result<Tokens, String> {
    let context = &shared.context;
    let pod = shared.pod();
    let configuration = Configuration::fetch(&context.client, pod).await;
    let configuration =
        configuration.map_err(|error| format!("failed to fetch the configuration of the pod: {error}"))?;
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    let plans = volumes
        .map(|volume| {
            VolumePlan::of(volume, &shared.facts, &configuration).map_err(|error| {
                format!(
                    "MountVolume.SetUp failed for volume \"{}\" : {error}",
                    volume.name
                )
            })
        })
        .collect::<Result<Vec<_>, String>>()?;
    if !processes {
        return Ok(Vec::new());
    }
    if let Some((name, reason)) = plans
        .iter()
        .find_map(|plan| Some((&plan.name, plan.unsupported.as_ref()?)))
    {
        return Err(format!(
            "MountVolume.SetUp failed for volume \"{name}\" : {reason}"
        ));
    }
    let directory = volumes_directory(&shared.directory);
    let placed: Vec<PlacedToken> = plans
        .iter()
        .flat_map(|plan| plan.tokens.iter().map(|file| (directory.join(&plan.name), file)))
        .map(|(volume, file)| PlacedToken {
            path: volume.join(&file.path),
            file: file.clone(),
        })
        .collect();
    // The API server takes tokens for itself only.
    let own = placed
        .iter()
        .find(|token| token.file.audience.is_none())
        .map(|token| token.path.as_path());
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let kubeconfig = identity::kubeconfig(&context.api_server, namespace, own);
    let path = kubeconfig_path(&shared.directory);
    blocking(move || {
        make_directory(&directory)?;
        plans
            .iter()
            .try_for_each(|plan| plan.write(&directory.join(&plan.name)))?;
        write_file(&path, kubeconfig.as_bytes(), true)
    })
    .await
    .map_err(|error| format!("MountVolume.SetUp failed: {error}"))?;
    let mut tokens = Vec::new();
    for token in placed {
        let life = identity::issue(&context.client, &shared.facts, &token).await?;
        tokens.push((token, life));
    }
    Ok(tokens)
}

/// Removes a pod's directory with its logs. What cannot be removed goes with the run directory.
pub(crate) async fn remove_directory(directory: PathBuf) {
    let shown = directory.display().to_string();
    let removed = blocking(move || {
        if directory.exists() {
            remove(&directory)
        } else {
            Ok(())
        }
    })
    .await;
    if let Err(error) = removed {
        tracing::warn!(directory = shown, %error, "the directory of a pod was not removed");
    }
}

fn remove(directory: &Path) -> io::Result<()> {
    std::fs::remove_dir_all(directory)
}

async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}
