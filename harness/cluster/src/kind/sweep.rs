//! Finding and removing what the engine still holds for runs that are gone, keeper and all.

use super::{
    KindError,
    network::{CLUSTER, LABEL, MACHINE, machine},
};
use crate::{
    docker::{Docker, DockerError, Removal},
    node_image,
};
use plumbline_keeper::gc::has_owner;
use std::{collections::BTreeMap, path::Path};

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

/// Removes the networks of this machine's runs whose directory has no owner any more, with the containers of these runs, further
/// containers of clusters whose network is gone, and what builds of the node image left. A run's directory is removed last
/// when it ends in order, and by the collection that comes before this one when it does not. An engine that is not for this user
/// holds nothing of this user's.
///
/// # Errors
/// The engine does not do its part; [`DockerError::NoEngine`] if it does not answer.
pub async fn sweep(docker: &Docker) -> Result<Vec<Swept>, KindError> {
    let mut swept = Vec::new();
    let networks = match labelled(docker).await {
        Err(KindError::Docker(DockerError::NoPermission { .. })) => return Ok(swept),
        networks => networks?,
    };
    for (network, directory) in networks {
        if !network.starts_with(OURS) || has_owner(Path::new(&directory)) {
            continue;
        }
        for container in containers(docker, &network).await? {
            swept.extend(remove_container(docker, container.name).await?);
        }
        if Removal::of_network(&network).perform(docker).await? {
            swept.push(Swept {
                kind: "network",
                name: network,
            });
        }
    }
    let networks = docker
        .ask("list the networks", ["network", "ls", "--format", "{{.Name}}"])
        .await?;
    for container in containers(docker, OURS).await? {
        // A run makes its network first and removes it last; a build has none.
        let has_network = networks
            .lines()
            .any(|network| container.name.starts_with(network));
        if !has_network && !container.is_in_use() {
            swept.extend(remove_container(docker, container.name).await?);
        }
    }
    swept.extend(node_image::sweep(docker).await?);
    Ok(swept)
}

async fn remove_container(docker: &Docker, name: String) -> Result<Option<Swept>, DockerError> {
    let removed = Removal::of_container(&name).perform(docker).await?;
    Ok(removed.then_some(Swept {
        kind: "container",
        name,
    }))
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

/// A container of ours.
#[derive(Debug, PartialEq, Eq)]
struct Container {
    name: String,
    /// The directory of its run; a node of kind does not say.
    directory: Option<String>,
}

impl Container {
    fn is_in_use(&self) -> bool {
        self.directory
            .as_ref()
            .is_some_and(|directory| has_owner(Path::new(directory)))
    }
}

/// The containers of runs and the nodes whose names begin so.
async fn containers(docker: &Docker, beginning: &str) -> Result<Vec<Container>, KindError> {
    let filter = format!("name=^{beginning}");
    let labels = [CLUSTER, MACHINE, LABEL].map(|label| format!("{{{{.Label \"{label}\"}}}}"));
    let format = format!("{{{{.Names}}}} {}", labels.join(" "));
    let arguments = ["ps", "--all", "--filter", &filter, "--format", &format];
    let listed = docker.ask("list the containers of runs", arguments).await?;
    Ok(ours(&listed, &machine()))
}

/// Those of this machine's runs, of a list of names with clusters, machines and directories of runs.
fn ours(listed: &str, here: &str) -> Vec<Container> {
    let container = |line: &str| {
        let mut parts = line.splitn(4, ' ');
        // The client's answer ends with its last word, so that the last line may be without what is empty.
        let mut part = || parts.next().unwrap_or_default();
        let (name, cluster, machine, directory) = (part(), part(), part(), part());
        let directory = (machine == here).then_some(directory);
        let is_ours = name.starts_with(OURS) && (cluster.starts_with(OURS) || directory.is_some());
        is_ours.then(|| Container {
            name: name.to_owned(),
            directory: directory.map(str::to_owned),
        })
    };
    listed.lines().filter_map(container).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_keeper::RunDirectory;

    #[test]
    fn only_what_bears_our_name_and_our_label_is_ours() {
        let listed = "plumbline-1-gateway  here /run/1\nplumbline-1-control-plane plumbline-1  \nmine-control-plane mine  \n\
                      plumbline-x other  \nplumbline-y   \nplumbline-z  there /run/1\n";
        let names: Vec<_> = ours(listed, "here")
            .into_iter()
            .map(|container| container.name)
            .collect();
        assert_eq!(names, ["plumbline-1-gateway", "plumbline-1-control-plane"]);
    }

    #[test]
    fn a_node_is_ours_on_the_last_line_too_which_has_lost_its_end() {
        let names: Vec<_> = ours("plumbline-1-control-plane plumbline-1", "here")
            .into_iter()
            .map(|container| container.name)
            .collect();
        assert_eq!(names, ["plumbline-1-control-plane"]);
        assert_eq!(ours("", "here"), []);
        assert_eq!(ours("plumbline-1-gateway", "here"), []);
    }

    #[test]
    fn what_a_run_that_goes_on_has_is_in_use() {
        let root = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(root.path()).unwrap();
        // As an engine makes it that starts again.
        let anew = root.path().join("anew");
        std::fs::create_dir_all(anew.join("node")).unwrap();
        let listed = format!(
            "plumbline-1  here {}\nplumbline-2  here /no/such\nplumbline-3 plumbline-3  \nplumbline-4  here {}\n",
            directory.path().display(),
            anew.display()
        );
        let in_use: Vec<_> = ours(&listed, "here").iter().map(Container::is_in_use).collect();
        assert_eq!(in_use, [true, false, false, false]);
    }
}
