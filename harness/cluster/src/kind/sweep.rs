//! Finding and removing what the engine still holds for runs that are gone, keeper and all.

use super::{
    KindError,
    network::{LABEL, MACHINE, machine},
};
use crate::{
    docker::{Docker, DockerError},
    node_image,
};
use std::{collections::BTreeMap, path::Path};

/// kind's label of its nodes; its value is the cluster's name.
const CLUSTER: &str = "io.x-k8s.kind.cluster";
/// What every name of ours begins with.
const OURS: &str = "plumbline-";

/// Something that was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// What it is: `container`, `network`, `image`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

/// Removes the networks of this machine's runs whose directory is gone, with everything that is in them, and what builds of
/// the node image left. A run's directory
/// is removed last when it ends in order, and by the collection that comes before this one when it does not. An engine
/// that does not answer this user holds nothing.
///
/// # Errors
/// The engine does not do its part.
pub async fn sweep(docker: &Docker) -> Result<Vec<Swept>, KindError> {
    let mut swept = Vec::new();
    let networks = match labelled(docker).await {
        Err(KindError::Docker(DockerError::NoEngine { .. } | DockerError::NoPermission { .. })) => {
            return Ok(swept);
        }
        networks => networks?,
    };
    for (network, directory) in networks {
        if !network.starts_with(OURS) || Path::new(&directory).exists() {
            continue;
        }
        for container in containers(docker, &network).await? {
            let what = format!("remove the container {container}");
            docker
                .ask(&what, ["rm", "--force", "--volumes", &container])
                .await?;
            swept.push(Swept {
                kind: "container",
                name: container,
            });
        }
        let what = format!("remove the network {network}");
        docker.ask(&what, ["network", "rm", &network]).await?;
        swept.push(Swept {
            kind: "network",
            name: network,
        });
    }
    swept.extend(node_image::sweep(docker).await?);
    Ok(swept)
}

/// The networks of this machine's runs, with the directories of these.
async fn labelled(docker: &Docker) -> Result<BTreeMap<String, String>, KindError> {
    let filter = format!("label={MACHINE}={}", machine());
    let format = format!("{{{{.Name}}}} {{{{.Label \"{LABEL}\"}}}}");
    let arguments = ["network", "ls", "--filter", &filter, "--format", &format];
    let listed = docker.ask("list the networks of runs", arguments).await?;
    let pairs = listed.lines().filter_map(|line| line.split_once(' '));
    Ok(pairs
        .map(|(name, directory)| (name.to_owned(), directory.to_owned()))
        .collect())
}

/// The names of the containers in a network of ours: gateways and kind's nodes.
async fn containers(docker: &Docker, network: &str) -> Result<Vec<String>, KindError> {
    let filter = format!("network={network}");
    let format = format!("{{{{.Names}}}} {{{{.Label \"{CLUSTER}\"}}}}");
    let arguments = ["ps", "--all", "--filter", &filter, "--format", &format];
    let listed = docker.ask("list the containers of runs", arguments).await?;
    Ok(names(&listed))
}

/// Of a list of names with clusters those that are ours.
fn names(listed: &str) -> Vec<String> {
    let entries = listed
        .lines()
        .map(|line| line.split_once(' ').unwrap_or((line, "")));
    entries
        .filter(|(name, cluster)| name.starts_with(OURS) && (cluster.is_empty() || cluster.starts_with(OURS)))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_bears_our_name_is_ours() {
        let listed = "plumbline-1-gateway \nplumbline-1-control-plane plumbline-1\nmine-control-plane mine\nplumbline-x other\n";
        assert_eq!(
            names(listed),
            ["plumbline-1-gateway", "plumbline-1-control-plane"]
        );
    }
}
