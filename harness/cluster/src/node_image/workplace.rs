//! Where one build works: a folder of the run, and names in the engine, which are gone afterwards.

use super::{BuildOptions, NodeImageError};
use crate::docker::{DockerError, Removal};
use plumbline_keeper::{Command, Output, Stdin, Will};
use std::{path::PathBuf, time::Duration};

/// Longer than the engine needs for a gigabyte on a slow disk.
const LONGEST_IMPORT: Duration = Duration::from_secs(10 * 60);

/// Where images are on the way, each run's with tags of its own.
pub(super) const REPOSITORY: &str = "plumbline/build";

/// The names in the engine of a run's build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// The container in which the scripts run.
    pub(super) container: String,
    /// The image of the minimal system.
    pub(super) base: String,
    /// The images to be, until they are complete.
    pub(super) node: String,
    pub(super) registry: String,
}

impl Names {
    pub(super) fn of(run: &str) -> Self {
        Self {
            container: format!("plumbline-build-{run}"),
            base: format!("{REPOSITORY}:{run}"),
            node: format!("{REPOSITORY}:{run}-node"),
            registry: format!("{REPOSITORY}:{run}-registry"),
        }
    }

    /// What removes all of them, in this order.
    pub(super) fn removals(&self) -> [Removal; 2] {
        [
            Removal::of_container(&self.container),
            Removal::of_images(&[&self.base, &self.node, &self.registry]),
        ]
    }
}

/// A folder, and names in the engine, of one build.
pub(super) struct Workplace<'build> {
    pub(super) options: &'build BuildOptions,
    pub(super) folder: PathBuf,
    pub(super) names: Names,
    /// What removes all that the engine holds, in order, each bequeathed as well.
    removals: Vec<(Removal, Will)>,
}

impl<'build> Workplace<'build> {
    /// Makes the folder, and bequeaths the removal of everything that will have one of the names.
    pub(super) fn prepare(options: &'build BuildOptions) -> Result<Self, NodeImageError> {
        let docker = &options.docker;
        let run_directory = docker.keeper().run_directory();
        let folder = run_directory.subdirectory("node-image")?;
        run_directory.subdirectory("node-image/out")?;
        std::fs::create_dir_all(options.packages()).map_err(|source| NodeImageError::File {
            action: "create",
            path: options.packages(),
            source,
        })?;
        let names = Names::of(run_directory.run());
        let removals = names.removals();
        // The newest is carried out first: an image goes only when no container is of it.
        let wills = removals.iter().rev().map(|removal| {
            let command = removal.command(docker).output(Output::Null);
            docker.keeper().bequeath(&command)
        });
        let mut wills = wills.collect::<Result<Vec<_>, _>>()?;
        wills.reverse();
        Ok(Self {
            options,
            folder,
            names,
            removals: removals.into_iter().zip(wills).collect(),
        })
    }

    /// Makes an image of the archive that `source` writes, without a copy in between. An archive that broke off may look
    /// whole to the engine: the image is to be used only after this has returned without an error.
    pub(super) async fn import(
        &self,
        source: Command,
        target: &str,
        settings: &[&str],
    ) -> Result<(), NodeImageError> {
        let docker = &self.options.docker;
        let keeper = docker.keeper();
        let mut arguments = vec!["import"];
        arguments.extend(settings.iter().flat_map(|setting| ["--change", setting]));
        arguments.extend(["-", target]);
        let work = async {
            let reader = docker.command(arguments).stdin(Stdin::Piped);
            let reader = keeper.spawn(reader.output(Output::Captured)).await?;
            let log = self.folder.join("archive.log");
            let writer = keeper
                .spawn(source.output(Output::PipedWithLog(log.clone())))
                .await?;
            if let (Some(mut from), Some(mut to)) = (writer.take_stdout(), reader.take_stdin()) {
                // Whichever side fails says why itself, better than the pipe between them does.
                let _ = tokio::io::copy(&mut from, &mut to).await;
            }
            let written = writer.wait().await;
            let finished = reader.finish().await;
            let what = format!("make the image {target}");
            if !finished.status.success() {
                let said = finished.stderr.text();
                return Err(NodeImageError::of(
                    &format!("making {target}"),
                    &finished.status.to_string(),
                    &said,
                    "",
                ));
            }
            if !written.success() {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(DockerError::Failed { what, said }.into());
            }
            Ok(())
        };
        tokio::time::timeout(LONGEST_IMPORT, work)
            .await
            .map_err(|_| NodeImageError::Overdue {
                step: format!("making {target}"),
                minutes: LONGEST_IMPORT.as_secs() / 60,
                said: String::new(),
            })?
    }

    /// Removes what the engine holds for the build; what cannot be removed now is tried again at the keeper's end.
    pub(super) async fn clear(&self) -> Result<(), NodeImageError> {
        for (removal, will) in &self.removals {
            removal.perform(&self.options.docker).await?;
            will.revoke();
        }
        Ok(())
    }
}
