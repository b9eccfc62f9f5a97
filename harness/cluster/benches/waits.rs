//! What waiting costs: ten waits for ten seconds, all in vain, counted in requests by a proxy in front of a real API
//! server. The same ten waits are `kubectl wait` next.
//!
//! Prints one line for each: who, a tab, how many requests. The programs are looked for as by the tests, kubectl too.

#[path = "../tests/chaos/storm.rs"]
#[allow(dead_code, reason = "the tests do more with it")]
mod storm;
#[path = "../tests/control_plane/trial.rs"]
mod trial;

use futures::future::join_all;
use plumbline_keeper::{Command, Output};
use std::{sync::Arc, time::Duration};
use storm::{Failure, Storm, is};
use tokio::time::Instant;
use trial::{Cluster, Programs};

const WAITS: usize = 10;
const WITHIN: Duration = Duration::from_secs(10);

#[expect(clippy::print_stdout, reason = "a benchmark prints")]
fn main() -> Result<(), Failure> {
    plumbline_keeper::entry::dispatch();
    let programs = Programs::find()?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let cluster = Cluster::start(programs.paths()).await?;
        let own = own(&cluster).await;
        let kubectl = kubectl(&cluster, &programs).await;
        cluster.keeper.stop().await?;
        println!("plumbline\t{}\nkubectl\t{}", own?, kubectl?);
        Ok(())
    })
}

/// Objects that are there, and never become what is waited for.
async fn storm(cluster: &Arc<Cluster>, name: &str) -> Result<Storm, Failure> {
    let storm = Storm::over(cluster, name).await?;
    for part in 0..WAITS {
        storm.set(&part.to_string(), "old").await?;
    }
    Ok(storm)
}

async fn own(cluster: &Arc<Cluster>) -> Result<u64, Failure> {
    let storm = storm(cluster, "own").await?;
    let deadline = Instant::now() + WITHIN;
    let waits = (0..WAITS).map(|part| {
        let target = storm.reference(&part.to_string());
        storm.watches.wait(target, is("new"), deadline, |_| ())
    });
    let (ends, requests) = storm.requests_of(join_all(waits)).await;
    if ends.iter().any(Result::is_ok) {
        return Err("a wait was met, though nothing had changed".into());
    }
    Ok(requests)
}

async fn kubectl(cluster: &Arc<Cluster>, programs: &Programs) -> Result<u64, Failure> {
    let storm = storm(cluster, "kubectl").await?;
    let home = tempfile::tempdir()?;
    let kubeconfig = home.path().join("kubeconfig");
    let admin = std::fs::read_to_string(cluster.control_plane.admin_kubeconfig())?;
    let proxied = format!("https://{}", storm.proxy.address());
    std::fs::write(
        &kubeconfig,
        admin.replace(&cluster.control_plane.access().server, &proxied),
    )?;
    let run = async |arguments: &[String]| {
        let command = Command::new("kubectl", programs.path("kubectl"))
            .arguments(arguments)
            .environment([
                ("KUBECONFIG", kubeconfig.as_os_str()),
                ("HOME", home.path().as_os_str()),
            ])
            .output(Output::Captured);
        let finished = cluster.keeper.spawn(command).await?.finish().await;
        Ok::<_, Failure>(finished)
    };
    // What kinds there are is asked once and kept in the home directory: no cost of waiting.
    run(&["get".to_owned(), "configmaps".to_owned()]).await?;
    let waits = (0..WAITS).map(async |part| {
        run(&[
            "wait".to_owned(),
            format!("configmap/kubectl-{part}"),
            "--for=jsonpath={.data.value}=new".to_owned(),
            format!("--timeout={}s", WITHIN.as_secs()),
        ])
        .await
    });
    let (ends, requests) = storm.requests_of(join_all(waits)).await;
    for end in ends {
        let said = end?.stderr.text();
        if !said.contains("timed out") {
            return Err(format!("kubectl did not wait: {said}").into());
        }
    }
    Ok(requests)
}
