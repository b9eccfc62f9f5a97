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

/// Removes the networks of this machine's runs whose directory is gone, with the containers of these runs, further containers
/// of clusters whose network is gone, and what builds of the node image left. A run's directory is removed last when it ends
/// in order, and by the collection that comes before this one when it does not. An engine that does not answer this user
/// holds nothing.
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
            swept.push(remove(docker, "container", container).await?);
        }
        swept.push(remove(docker, "network", network).await?);
    }
    let networks = docker
        .ask("list the networks", ["network", "ls", "--format", "{{.Name}}"])
        .await?;
    for container in containers(docker, OURS).await? {
        // A run makes its network first and removes it last.
        if !networks.lines().any(|network| container.starts_with(network)) {
            swept.push(remove(docker, "container", container).await?);
        }
    }
    swept.extend(node_image::sweep(docker).await?);
    Ok(swept)
}

async fn remove(docker: &Docker, kind: &'static str, name: String) -> Result<Swept, KindError> {
    let what = format!("remove the {kind} {name}");
    let mut arguments = vec![kind, "rm"];
    if kind == "container" {
        arguments.extend(["--force", "--volumes"]);
    }
    docker
        .ask(&what, arguments.into_iter().chain([name.as_str()]))
        .await?;
    Ok(Swept { kind, name })
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

/// The names of the gateways and nodes whose names begin so.
async fn containers(docker: &Docker, beginning: &str) -> Result<Vec<String>, KindError> {
    let filter = format!("name=^{beginning}");
    let format = format!("{{{{.Names}}}} {{{{.Label \"{CLUSTER}\"}}}} {{{{.Label \"{LABEL}\"}}}}");
    let arguments = ["ps", "--all", "--filter", &filter, "--format", &format];
    let listed = docker.ask("list the containers of runs", arguments).await?;
    Ok(names(&listed))
}

/// Of a list of names with clusters and runs those that are ours.
fn names(listed: &str) -> Vec<String> {
    let is_ours = |line: &&str| {
        let mut parts = line.split(' ');
        let (name, cluster, run) = (parts.next(), parts.next(), parts.next());
        let begins = |text: Option<&str>| text.is_some_and(|text| text.starts_with(OURS));
        begins(name) && (begins(cluster) || run.is_some_and(|run| !run.is_empty()))
    };
    let names = listed
        .lines()
        .filter(is_ours)
        .filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_bears_our_name_and_our_label_is_ours() {
        let listed = "plumbline-1-gateway  /run/1\nplumbline-1-control-plane plumbline-1 \nmine-control-plane mine \n\
                      plumbline-x other \nplumbline-y  \n";
        assert_eq!(
            names(listed),
            ["plumbline-1-gateway", "plumbline-1-control-plane"]
        );
    }
}
