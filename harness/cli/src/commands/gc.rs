//! `plumbline gc`: removes what killed runs have left behind, here, on a container engine, and on an existing cluster that is named.

use super::{CommandError, count, existing::kubeconfigs, run::runtime, toolchain::with_toolchain};
use crate::{
    arguments::{Gc, Places},
    directories::Directories,
    outputs,
};
use plumbline_cluster::{
    docker::{Docker, DockerError},
    kind::{KindError, Swept, sweep},
};
use plumbline_engine::{Kubeconfigs, LeftNamespace, Owner, RemovalRequest, remove_namespaces};
use plumbline_flux::chain;
use plumbline_model::ExitCode;

/// Collects, and says what it found. Of a run that is named only what it left on the cluster.
pub fn gc(places: &Places, gc: &Gc) -> Result<ExitCode, CommandError> {
    let directories = Directories::resolve(places)?;
    let (mut code, mut found) = (ExitCode::Passed, 0);
    let mut nothing = "nothing was left behind\n";
    if gc.run.is_none() {
        (code, found) = collect(&directories)?;
        match sweep_engine(places, &directories)? {
            Some(swept) => {
                for Swept { kind, name } in &swept {
                    outputs::print(&format!("removed the {kind} {name}\n"));
                }
                found += swept.len();
            }
            None => {
                nothing = "nothing else was left behind\n";
                outputs::print(
                    "the Docker engine does not answer, so what it may hold was not looked at: run `plumbline gc` again when it does\n",
                );
            }
        }
    }
    if let Some(context) = &gc.context {
        for LeftNamespace { name, problem } in sweep_cluster(gc, context, &directories)? {
            found += 1;
            match problem {
                None => outputs::print(&format!("removed the namespace {name} of context {context}\n")),
                Some(problem) => {
                    code = ExitCode::LeftBehind;
                    outputs::complain(&format!(
                        "the namespace {name} of context {context} is left behind: {problem}"
                    ));
                }
            }
        }
    }
    if found == 0 {
        outputs::print(nothing);
    }
    Ok(code)
}

/// What is left on this machine; gives also how much was found.
fn collect(directories: &Directories) -> Result<(ExitCode, usize), CommandError> {
    let collected = plumbline_keeper::gc::collect(&directories.runs)?;
    let mut code = ExitCode::Passed;
    for found in &collected {
        let path = found.path.display();
        match &found.problem {
            None => outputs::print(&format!(
                "removed {path}, ended {}\n",
                count(found.ended.len(), "process")
            )),
            Some(problem) => {
                code = ExitCode::LeftBehind;
                outputs::complain(&format!("{path} is left behind: {problem}"));
            }
        }
    }
    Ok((code, collected.len()))
}

/// What is left on a cluster that others live on.
fn sweep_cluster(
    gc: &Gc,
    context: &str,
    directories: &Directories,
) -> Result<Vec<LeftNamespace>, CommandError> {
    let files = kubeconfigs(gc.kubeconfig.as_deref(), directories)?;
    let request = RemovalRequest {
        context: Kubeconfigs::read(&files)?.context(context)?,
        owner: gc.run.clone().map_or(Owner::Gone, Owner::Run),
        environment: directories.environment.clone(),
        runs: directories.runs.clone(),
        executable: std::env::current_exe()
            .map_err(CommandError::machine("cannot tell this program's own path"))?,
    };
    let removing = remove_namespaces(request);
    runtime()?
        .block_on(removing)
        .map_err(|fault| CommandError::Cluster(fault.message))
}

/// What a container engine still held for killed runs; a machine without one has none of it. `None` if the engine does not answer.
fn sweep_engine(places: &Places, directories: &Directories) -> Result<Option<Vec<Swept>>, CommandError> {
    let has_client = directories
        .search_path
        .iter()
        .any(|folder| folder.join("docker").is_file());
    if !has_client {
        return Ok(Some(Vec::new()));
    }
    with_toolchain(places, async |_, keeper, _| {
        let docker = Docker::find(keeper, &directories.search_path, &directories.environment);
        let swept = match docker {
            Ok(docker) => sweep(&docker).await,
            Err(error) => Err(error.into()),
        };
        match swept {
            Ok(swept) => Ok(Some(swept)),
            Err(KindError::Docker(DockerError::NoEngine { .. })) => Ok(None),
            Err(error) => Err(CommandError::Engine(chain(&error))),
        }
    })
}
