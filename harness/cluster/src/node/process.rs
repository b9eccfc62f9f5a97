//! The start of a container as a process, and its end.

use super::{
    configuration::Configuration,
    container::{PodShared, RunEnd, StartFailure},
    launch::{LaunchInputs, launch},
    records::log_file,
    volumes::make_directory,
};
use k8s_openapi::api::core::v1::Container;
use plumbline_images::Resolved;
use plumbline_keeper::{Child, Command, KeeperError, Output};
use std::{os::unix::process::ExitStatusExt as _, path::Path, process::ExitStatus, time::Duration};

/// Pods end before the control plane does.
const STOP_ORDER: u8 = 0;
/// When the whole run ends, nobody waits for a pod's own grace.
pub(crate) const FINAL_GRACE: Duration = Duration::from_secs(2);
/// A process that was told to stop may take its grace and then this long to be reaped.
const KILL_GRACE: Duration = Duration::from_secs(10);

/// A running container. If it is dropped, which only a stopping agent or a bug does, its process is ended.
pub(crate) struct Process {
    child: Option<Child>,
}

/// Starts `container`, whose image is extracted at `rootfs`.
pub(crate) async fn start(
    shared: &PodShared,
    container: &Container,
    resolved: &Resolved,
    rootfs: &Path,
    restarts: u32,
) -> Result<Process, StartFailure> {
    let context = &shared.context;
    let configuration_error = |message| StartFailure {
        reason: "CreateContainerConfigError",
        message,
    };
    let creation_error = |message| StartFailure {
        reason: "CreateContainerError",
        message,
    };
    let Some(profile) = context.profile(&resolved.name) else {
        return Err(creation_error(format!(
            "{} is not a program that is run as a process",
            resolved.name
        )));
    };
    let configuration = Configuration::fetch(&context.client, shared.pod())
        .await
        .map_err(|error| {
            configuration_error(format!("failed to fetch the configuration of the pod: {error}"))
        })?;
    let launch = launch(&LaunchInputs {
        facts: &shared.facts,
        container,
        image: &resolved.config,
        rootfs,
        profile,
        configuration: &configuration,
        pod_directory: &shared.directory,
        twin: shared.twin,
        proxy: context.proxy,
        api_port: context.api_server.port,
        certificates: context.certificates.as_deref(),
    })
    .map_err(configuration_error)?;
    let log = log_file(&shared.directory, &container.name, restarts);
    for directory in launch
        .directories
        .iter()
        .map(std::path::PathBuf::as_path)
        .chain(log.parent())
    {
        make_directory(directory).map_err(|error| {
            creation_error(format!("cannot make directory {}: {error}", directory.display()))
        })?;
    }
    if let Some(expired) = restarts.checked_sub(2) {
        // The last two runs are kept; a log that is not there needs no removing.
        let _ = std::fs::remove_file(log_file(&shared.directory, &container.name, expired));
    }
    let metadata = &shared.pod().metadata;
    let name = format!(
        "{}/{}",
        metadata.name.as_deref().unwrap_or_default(),
        container.name
    );
    let command = Command::new(name, launch.program)
        .arguments(&launch.arguments)
        .environment(&launch.environment)
        .directory(launch.working_directory)
        .output(Output::Log(log))
        .confinement(Some(launch.confinement))
        .grace(FINAL_GRACE)
        .stop_order(STOP_ORDER);
    let child = context
        .keeper
        .spawn(command)
        .await
        .map_err(|error| StartFailure {
            reason: "RunContainerError",
            message: error.to_string(),
        })?;
    Ok(Process { child: Some(child) })
}

impl Process {
    /// The id of the process.
    pub(crate) fn id(&self) -> String {
        self.child
            .as_ref()
            .map(|child| child.id().to_string())
            .unwrap_or_default()
    }

    /// The process itself, while it runs.
    pub(crate) const fn child(&self) -> Option<&Child> {
        self.child.as_ref()
    }

    /// Waits for its end.
    pub(crate) async fn wait(&mut self) -> RunEnd {
        match &self.child {
            Some(child) => {
                let end = run_end(Ok(child.wait().await));
                self.child = None;
                end
            }
            None => std::future::pending().await,
        }
    }

    /// TERM, `grace`, KILL; the answer is how it ended.
    pub(crate) async fn stop(&mut self, grace: Duration) -> RunEnd {
        let Some(child) = self.child.take() else {
            return lost();
        };
        let stopping = child.stop_within(grace);
        match tokio::time::timeout(grace + KILL_GRACE, stopping).await {
            Ok(ended) => run_end(ended),
            Err(_) => lost(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let (Some(child), Ok(runtime)) = (self.child.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { child.stop().await });
        }
    }
}

fn run_end(ended: Result<ExitStatus, KeeperError>) -> RunEnd {
    match ended {
        Ok(status) => {
            let signal = status.signal();
            let exit_code = status.code().or_else(|| Some(128 + signal?)).unwrap_or(255);
            RunEnd {
                exit_code,
                signal,
                message: None,
            }
        }
        Err(error) => RunEnd {
            exit_code: 255,
            signal: None,
            message: Some(error.to_string()),
        },
    }
}

fn lost() -> RunEnd {
    RunEnd {
        exit_code: 137,
        signal: Some(9),
        message: Some("the process did not end after it was killed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exits_and_signals_are_told_as_a_container_runtime_does() {
        assert_eq!(run_end(Ok(ExitStatus::from_raw(3 << 8))).exit_code, 3);
        let killed = run_end(Ok(ExitStatus::from_raw(9)));
        assert_eq!((killed.exit_code, killed.signal), (137, Some(9)));
    }
}
