//! Removing what the engine still holds for builds that are gone, keeper and all.

use super::workplace::{Names, REPOSITORY};
use crate::{
    docker::{Docker, DockerError},
    kind::{LABEL, MACHINE, Swept, machine},
};
use plumbline_keeper::gc::has_owner;
use std::path::Path;

/// Removes the containers and images of this machine's builds whose run's directory has no owner any more.
///
/// # Errors
/// The engine does not do its part.
pub async fn sweep(docker: &Docker) -> Result<Vec<Swept>, DockerError> {
    let filter = format!("label={MACHINE}={}", machine());
    let reference = format!("reference={REPOSITORY}");
    let arguments = ["image", "ls", "--filter", &filter, "--filter", &reference];
    let listed = docker
        .ask(
            "list the images of builds",
            arguments.into_iter().chain(["--format", "{{.Tag}}"]),
        )
        .await?;
    let mut swept = Vec::new();
    for run in listed.lines() {
        let names = Names::of(run);
        let format = format!("{{{{index .Config.Labels \"{LABEL}\"}}}}");
        let question = ["image", "inspect", "--format", &format, &names.base];
        let directory = docker.ask("look at the image of a build", question).await?;
        if has_owner(Path::new(&directory)) {
            continue;
        }
        for removal in names.removals() {
            removal.perform(docker).await?;
        }
        swept.push(Swept {
            kind: "image",
            name: names.base,
        });
    }
    Ok(swept)
}
