//! What a confined child can and cannot do.

use crate::world::{keeper, trial_in_tiers};
use libtest_mimic::Trial;
use plumbline_keeper::{Command, Confinement, Finished, Keeper, Tier, confinement_support};
use std::net::TcpStream;
use std::path::Path;
use std::process::ExitCode;

/// The hidden subcommand by which this executable tries one thing: `write <path>`, `read <path>`, `execute <path>`,
/// `connect <port>`, `bind <port>`, and `multipath <port>`, which connects by Multipath TCP.
pub const PROBE: &str = "__probe";

pub fn trials() -> Vec<Trial> {
    let mut trials = trial_in_tiers("confinement of files holds", files);
    trials.extend(trial_in_tiers("confinement of ports holds", ports));
    trials
}

#[expect(
    clippy::disallowed_methods,
    reason = "the probe tries what only a confined child would be refused"
)]
pub fn run_probe(arguments: &[String]) -> ExitCode {
    let subject = arguments[1].as_str();
    let port = || subject.parse::<u16>().unwrap();
    let result = match arguments[0].as_str() {
        "write" => std::fs::write(subject, "x"),
        "read" => std::fs::read(subject).map(drop),
        "execute" => std::process::Command::new(subject).status().map(drop),
        "connect" => TcpStream::connect(("127.0.0.1", port())).map(drop),
        "multipath" => connect_by_multipath(port()),
        _ => std::net::TcpListener::bind(("127.0.0.1", port())).map(drop),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn connect_by_multipath(port: u16) -> std::io::Result<()> {
    use rustix::net::{AddressFamily, SocketType, connect, ipproto, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, Some(ipproto::MPTCP))?;
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    Ok(connect(&socket, &address)?)
}

async fn probe(keeper: &Keeper, confinement: &Confinement, what: &str, subject: impl ToString) -> Finished {
    let command = Command::new("probe", std::env::current_exe().unwrap())
        .arguments([PROBE.to_owned(), what.to_owned(), subject.to_string()])
        .confinement(Some(confinement.clone()));
    keeper.output(command).await.unwrap()
}

async fn may(keeper: &Keeper, confinement: &Confinement, what: &str, subject: impl ToString) {
    let ended = probe(keeper, confinement, what, subject.to_string()).await;
    let said = (ended.stdout.text(), ended.stderr.text());
    assert!(
        ended.status.success(),
        "{what} {}: {:?} {said:?}",
        subject.to_string(),
        ended.status
    );
}

async fn may_not(keeper: &Keeper, confinement: &Confinement, what: &str, subject: impl ToString) {
    let ended = probe(keeper, confinement, what, subject.to_string()).await;
    let said = ended.stdout.text();
    assert_eq!(
        ended.status.code(),
        Some(1),
        "{what} {}: {}",
        subject.to_string(),
        ended.stderr.text()
    );
    // A way around the rules is refused as if it did not exist.
    let words = match what {
        "multipath" => "Protocol not supported",
        _ => "Permission denied",
    };
    assert!(said.contains(words), "{what} {}: {said}", subject.to_string());
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

async fn files(tier: Tier) {
    if !confinement_support().files() {
        eprintln!("skipped: {}", confinement_support());
        return;
    }
    let (keeper, root) = keeper(tier).await;
    let [inside, outside] = ["inside", "outside"].map(|name| root.path().join(name));
    for directory in [&inside, &outside] {
        std::fs::create_dir(directory).unwrap();
        std::fs::write(directory.join("file"), "x").unwrap();
    }
    let confinement = Confinement {
        write: vec![inside.clone()],
        ..Confinement::default()
    };
    may(&keeper, &confinement, "write", show(&inside.join("new"))).await;
    may(&keeper, &confinement, "read", show(&inside.join("file"))).await;
    may(&keeper, &confinement, "read", "/etc/passwd").await;
    may_not(&keeper, &confinement, "write", show(&outside.join("new"))).await;
    may_not(&keeper, &confinement, "read", show(&outside.join("file"))).await;
    may_not(&keeper, &confinement, "write", "/etc/plumbline-was-here").await;
    may_not(&keeper, &confinement, "execute", "/bin/true").await;
    let wider = Confinement {
        read: vec![outside.clone()],
        execute: vec!["/bin/true".into()],
        ..Confinement::default()
    };
    may(&keeper, &wider, "read", show(&outside.join("file"))).await;
    may_not(&keeper, &wider, "write", show(&outside.join("file"))).await;
    may(&keeper, &wider, "execute", "/bin/true").await;
    keeper.stop().await.unwrap();
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test is the server that the child may or may not reach"
)]
async fn ports(tier: Tier) {
    if !confinement_support().network() {
        eprintln!("skipped: {}", confinement_support());
        return;
    }
    let (keeper, _root) = keeper(tier).await;
    let listeners = [0, 1].map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let [given, other] = listeners
        .each_ref()
        .map(|listener| listener.local_addr().unwrap().port());
    let confinement = Confinement {
        connect: vec![given],
        bind: vec![0],
        ..Confinement::default()
    };
    may(&keeper, &confinement, "connect", given).await;
    may_not(&keeper, &confinement, "connect", other).await;
    may_not(&keeper, &confinement, "multipath", other).await;
    may(&keeper, &confinement, "bind", 0).await;
    may_not(&keeper, &confinement, "bind", other).await;
    may_not(&keeper, &Confinement::default(), "bind", 0).await;
    keeper.stop().await.unwrap();
}
