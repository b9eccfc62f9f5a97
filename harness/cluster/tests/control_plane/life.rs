//! How a control plane begins and ends, well and badly.

use crate::trial::{Cluster, Laboratory, Outcome, soon};
use libtest_mimic::Trial;
use plumbline_cluster::{ControlPlane, ProgramPaths, Verdict, WaitError};
use plumbline_keeper::{ProcessIdentity, Signal};
use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

pub fn trials(laboratory: &Laboratory) -> Vec<Trial> {
    vec![
        laboratory.own("a_program_that_dies_ends_every_wait", death),
        laboratory.own("a_program_that_cannot_start_shows_its_log", stillborn),
        laboratory.shared("what_is_secret_is_readable_for_us_only", secrecy),
    ]
}

async fn death(programs: ProgramPaths) -> Outcome {
    let cluster = Cluster::start(programs).await?;
    let watches = cluster.watches.clone();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let begun = std::sync::Mutex::new(Some(begun));
    let wait = tokio::spawn(async move {
        let told = |_: &str| {
            if let Some(begun) = begun.lock().expect("no panic").take() {
                let _ = begun.send(());
            }
        };
        let condition = |_: &plumbline_cluster::View| Verdict::NotYet("never".into());
        let target = "ConfigMap default/nobody"
            .parse::<plumbline_cluster::ObjectReference>()
            .expect("a name");
        watches
            .wait(target, condition, soon() + crate::trial::PATIENCE, told)
            .await
    });
    has_begun.await?;
    let (_, process) = cluster
        .control_plane
        .processes()
        .find(|(name, _)| *name == "etcd")
        .ok_or("no etcd")?;
    plumbline_keeper::signal(&ProcessIdentity::of(process).ok_or("etcd is gone")?, Signal::KILL)?;
    match wait.await? {
        Err(WaitError::Fault(fault)) => {
            assert!(
                fault.message.starts_with("etcd ended while it was needed"),
                "{}",
                fault.message
            );
            assert_eq!(fault.attachments.len(), 1);
        }
        other => return Err(format!("{other:?}").into()),
    }
    let cluster = Arc::into_inner(cluster).ok_or("the cluster is still used")?;
    cluster.control_plane.stop().await?;
    cluster.keeper.stop().await?;
    Ok(())
}

async fn stillborn(programs: ProgramPaths) -> Outcome {
    let directory = tempfile::tempdir()?;
    let script = directory.path().join("etcd");
    std::fs::write(&script, "#!/bin/sh\necho the disk is on fire\nexit 3\n")?;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700))?;
    let error = match Cluster::start(ProgramPaths {
        etcd: script,
        ..programs
    })
    .await
    {
        Ok(_) => return Err("it started".into()),
        Err(error) => error.to_string(),
    };
    for words in ["etcd ended while starting", "3", "the disk is on fire"] {
        assert!(error.contains(words), "{error}");
    }
    Ok(())
}

async fn secrecy(cluster: Arc<Cluster>) -> Outcome {
    let control_plane: &ControlPlane = &cluster.control_plane;
    let root = control_plane
        .admin_kubeconfig()
        .parent()
        .ok_or("no directory")?
        .to_owned();
    let mode = |path: &Path| {
        path.metadata()
            .map(|metadata| metadata.permissions().mode() & 0o777)
    };
    for directory in ["", "etcd", "pki"] {
        assert_eq!(mode(&root.join(directory))?, 0o700, "{directory}");
    }
    for file in [
        "admin.kubeconfig",
        "pki/service-accounts.key",
        "pki/server.key",
        "audit.log",
    ] {
        assert_eq!(mode(&root.join(file))?, 0o600, "{file}");
    }
    Ok(())
}
