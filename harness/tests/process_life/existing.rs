//! A platform that is there already: it is looked at by the context that was named and no other, as far as its rights go, and without a write
//! that its audit log would show; on request scenarios write in namespaces of their own, which are gone afterwards, however that run ends.

use crate::{
    attended::expect_end,
    invocation::{plumbline, project},
    moment::Moment,
    on_the_platform,
    running::Running,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use libtest_mimic::{Failed, Trial};
use plumbline_keeper::Signal;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Output, Stdio},
};

/// What somebody may look at who may not look at everything.
const VISIBLE: &str = "fluxinstances.fluxcd.controlplane.io,deployments.apps,pods";

pub fn trials() -> Vec<Trial> {
    vec![on_the_platform(
        "an existing platform is looked at, and written on request only, in namespaces that are gone afterwards"
            .to_owned(),
        look_and_write,
    )]
}

fn look_and_write() -> Result<(), Failed> {
    let mut run = Running::of_scenarios("existing", |command| {
        command
            .args(["--name", "existing/stands", "--keep", "always"])
            .stdin(Stdio::null());
    });
    run.wait_for(Moment::STAYS_UP)?;
    let traces = run.traces();
    write_kubeconfig(&run)?;
    look_at_everything(&run)?;
    look_at_what_one_may(&run)?;
    look_by_a_plugin(&run)?;
    write_in_namespaces_of_its_own(&run)?;
    kill_while_it_writes(&run)?;
    run.signal(Signal::INT);
    expect_end(&mut run, 0)?;
    run.expect_nothing_left(&traces)
}

/// Whoever may see everything sees everything, and the audit log sees no write of it.
fn look_at_everything(run: &Running) -> Result<(), Failed> {
    let before = audit(run)?.len();
    let report = look_as(run, "named", &[])?;
    for scenario in list(&report, "/scenarios") {
        let outcome = &scenario["outcome"];
        let is_forborne =
            outcome["status"] == "skipped" && text(outcome, "/reason").contains("--allow-writes");
        if outcome["status"] != "passed" && !is_forborne {
            return Err(run.failed(&format!("a scenario did not pass: {scenario}")));
        }
    }
    if report["provider"] != "existing" || list(&report, "/scenarios").len() < 8 {
        return Err(run.failed(&format!("too little was looked at: {report}")));
    }
    // What shows that the audit log would show a write.
    run.kubectl(&[
        "annotate",
        "namespace",
        "default",
        "written=by-hand",
        "-o",
        "json",
    ])?;
    let entries = audit(run)?.split_off(before);
    let of = |agent: &str| {
        let entries = entries.iter();
        let is_of = move |entry: &&Value| text(entry, "/userAgent").starts_with(agent);
        entries.filter(is_of).collect::<Vec<_>>()
    };
    if !of("kubectl/").iter().any(|entry| text(entry, "/verb") == "patch") {
        return Err(run.failed("the audit log does not show what kubectl wrote"));
    }
    let ours = of("plumbline/");
    match ours.iter().find(|entry| !is_question(entry)) {
        Some(write) => Err(run.failed(&format!("it wrote: {write}"))),
        None if ours.is_empty() => Err(run.failed("the audit log does not show who looked")),
        None => Ok(()),
    }
}

/// Whoever may see a part is told which scenarios that leaves out, and why.
fn look_at_what_one_may(run: &Running) -> Result<(), Failed> {
    let resource = format!("--resource={VISIBLE}");
    let role = [
        "create",
        "clusterrole",
        "onlooker",
        "--verb=get,list,watch",
        &resource,
    ];
    run.kubectl(&[&role[..], &["-o", "json"]].concat())?;
    let binding = [
        "clusterrolebinding",
        "onlooker",
        "--clusterrole=onlooker",
        "--user=onlooker",
    ];
    run.kubectl(&[&["create"], &binding[..], &["-o", "json"]].concat())?;
    let report = look_as(run, "onlooker", &[])?;
    let outcome = |id: &str| {
        let scenarios = list(&report, "/scenarios").iter();
        let found = scenarios.filter(|scenario| text(scenario, "/id").ends_with(id));
        found
            .map(|scenario| scenario["outcome"].clone())
            .next_back()
            .unwrap_or_default()
    };
    let (version, ready) = (outcome("live/version"), outcome("live/ready"));
    if version["status"] != "passed" {
        return Err(run.failed(&format!("what may be looked at was not: {version}")));
    }
    let reason = text(&ready, "/reason");
    if ready["status"] != "skipped" || !reason.contains("onlooker may not list kustomize.toolkit.fluxcd.io/")
    {
        return Err(run.failed(&format!("no reason why it was not looked at: {ready}")));
    }
    Ok(())
}

/// Whoever has a program for the credential is asked for it by that, and no trace of the program stays.
fn look_by_a_plugin(run: &Running) -> Result<(), Failed> {
    let report = look_as(run, "plugged", &[])?;
    if report["facts"]["user"] != "plumbline-admin" {
        return Err(run.failed(&format!("the credential is not that of the plugin: {report}")));
    }
    let log = run.read("plugged.ndjson");
    if log.contains("PRIVATE KEY") {
        return Err(run.failed("the credential is in the log"));
    }
    Ok(())
}

/// What is written is inside of namespaces that it has made, and these are gone when it ends. The plugin gives the credential of this run,
/// too.
fn write_in_namespaces_of_its_own(run: &Running) -> Result<(), Failed> {
    let before = audit(run)?.len();
    let report = look_as(run, "plugged", &["--allow-writes"])?;
    for scenario in list(&report, "/scenarios") {
        if scenario["outcome"]["status"] != "passed" {
            return Err(run.failed(&format!("a scenario did not pass: {scenario}")));
        }
    }
    let entries = audit(run)?.split_off(before);
    let ours = entries.iter();
    let ours = ours.filter(|entry| text(entry, "/userAgent").starts_with("plumbline/"));
    let mut written = BTreeSet::new();
    for entry in ours.filter(|entry| !is_question(entry)) {
        let of = |field: &str| text(entry, &format!("/objectRef/{field}"));
        let is_inside = of("namespace").starts_with("plumbline-");
        let is_of_namespaces =
            of("resource") == "namespaces" && ["create", "delete"].contains(&text(entry, "/verb"));
        // The name of what is made is in the request, of which the log has the address only.
        let is_own = of("name").starts_with("plumbline-") || text(entry, "/verb") == "create";
        if !(is_inside && of("resource") != "namespaces" || is_of_namespaces && is_own) {
            return Err(run.failed(&format!("it wrote outside of its namespaces: {entry}")));
        }
        written.insert((text(entry, "/verb"), of("resource")));
    }
    for expected in [
        ("create", "namespaces"),
        ("delete", "namespaces"),
        ("patch", "configmaps"),
        ("patch", "resourcesets"),
        ("delete", "resourcesets"),
    ] {
        if !written.contains(&expected) {
            return Err(run.failed(&format!("the audit log does not show {expected:?}: {written:?}")));
        }
    }
    match own_namespaces(run)? {
        0 => Ok(()),
        left => Err(run.failed(&format!("{left} namespaces are left"))),
    }
}

/// What a killed run leaves is removed by what outlives it for just that, which asks for a credential of its own, and nothing of that stays
/// either.
fn kill_while_it_writes(run: &Running) -> Result<(), Failed> {
    let mut writing = Running::writing_on(run, "kubeconfig", "plugged", "existing/holds");
    writing.wait_for(Moment::Logged(
        r#""type":"step-waiting","scenario":"existing/holds","step":1"#,
    ))?;
    if own_namespaces(run)? != 1 {
        return Err(writing.failed("there is not one namespace of its own"));
    }
    let traces = writing.traces();
    writing.signal(Signal::KILL);
    writing.wait()?;
    writing.expect_nothing_left(&traces)?;
    match own_namespaces(run)? {
        0 => Ok(()),
        left => Err(run.failed(&format!("{left} namespaces are left of a run that was killed"))),
    }
}

/// How many namespaces there are of runs that write.
fn own_namespaces(run: &Running) -> Result<usize, Failed> {
    let selected = [
        "get",
        "namespaces",
        "--selector=app.kubernetes.io/managed-by=plumbline",
    ];
    let found = run.kubectl(&[&selected[..], &["-o", "json"]].concat())?;
    Ok(list(&found, "/items").len())
}

/// Whether somebody only asks about himself.
fn is_question(entry: &Value) -> bool {
    let questions = ["selfsubjectaccessreviews", "selfsubjectreviews"];
    text(entry, "/verb") == "create" && questions.contains(&text(entry, "/objectRef/resource"))
}

/// Looks by a context, and gives the JSON report. No directory of a run stays of it.
fn look_as(run: &Running, context: &str, flags: &[&str]) -> Result<Value, Failed> {
    let report = run.path(&format!("{context}.json"));
    let mut command = plumbline(&run.path("tmp"));
    command.args([
        "run",
        "--on",
        "existing",
        "--progress",
        "none",
        "--context",
        context,
    ]);
    command.args(flags);
    command.arg("--kubeconfig").arg(run.path("kubeconfig"));
    command.arg("--json").arg(&report);
    command.arg("--log").arg(run.path(&format!("{context}.ndjson")));
    command.arg("--runs").arg(run.path("runs-of-looks"));
    command.arg("--project").arg(project());
    command.arg(project().join("scenarios/live"));
    let Output { status, stderr, .. } = command.output()?;
    if !status.success() {
        let words = String::from_utf8_lossy(&stderr).into_owned();
        let told = fs::read_to_string(&report).unwrap_or_default();
        return Err(run.failed(&format!("a look ended with {status}: {words}\n{told}")));
    }
    let left = fs::read_dir(run.path("runs-of-looks")).into_iter().flatten();
    if let Some(left) = left.flatten().next() {
        return Err(run.failed(&format!("a look has left {}", left.path().display())));
    }
    Ok(serde_json::from_str(&fs::read_to_string(report)?)?)
}

/// Of the contexts the current one leads nowhere, the others to the platform: as administrator, as somebody with few rights, and by a
/// program that gives the administrator's credential.
fn write_kubeconfig(run: &Running) -> Result<(), Failed> {
    let mut config = run.kubectl(&["config", "view", "--raw", "-o", "json"])?;
    let user = config.pointer("/users/0/user").cloned().unwrap_or_default();
    let cluster = config.pointer("/clusters/0/cluster").cloned().unwrap_or_default();
    let mut onlooker = user.clone();
    onlooker["as"] = "onlooker".into();
    let plugin = json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "./login", "interactiveMode": "Never",
    }});
    write_plugin(run, &user)?;
    config["users"] = json!([
        {"name": "admin", "user": user},
        {"name": "onlooker", "user": onlooker},
        {"name": "plugged", "user": plugin},
    ]);
    config["clusters"] = json!([
        {"name": "alive", "cluster": cluster},
        {"name": "dead", "cluster": {"server": "https://127.0.0.1:1"}},
    ]);
    let context = |name: &str, cluster: &str, user: &str| json!({"name": name, "context": {"cluster": cluster, "user": user}});
    config["contexts"] = json!([
        context("dead", "dead", "admin"),
        context("named", "alive", "admin"),
        context("onlooker", "alive", "onlooker"),
        context("plugged", "alive", "plugged"),
    ]);
    config["current-context"] = "dead".into();
    fs::write(run.path("kubeconfig"), config.to_string())?;
    Ok(())
}

/// A program beside the kubeconfig that gives the credential of `user`, if it is asked as it should be.
fn write_plugin(run: &Running, user: &Value) -> Result<(), Failed> {
    let plain = |field: &str| {
        let text = STANDARD.decode(text(user, field))?;
        Ok::<_, Failed>(String::from_utf8(text)?)
    };
    let answer = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {
            "clientCertificateData": plain("/client-certificate-data")?,
            "clientKeyData": plain("/client-key-data")?,
        },
    });
    let login = run.path("login");
    let script =
        format!("#!/bin/sh\n[ -n \"$KUBERNETES_EXEC_INFO\" ] || exit 1\ncat <<'END'\n{answer}\nEND\n");
    fs::write(&login, script)?;
    fs::set_permissions(&login, fs::Permissions::from_mode(0o700))?;
    Ok(())
}

/// What the API server has noted so far: every request that is not a look.
fn audit(run: &Running) -> Result<Vec<Value>, Failed> {
    let mut logs: Vec<PathBuf> = Vec::new();
    for directory in fs::read_dir(run.path("runs"))? {
        logs.push(directory?.path().join("control-plane/audit.log"));
    }
    logs.retain(|log| log.is_file());
    let [log] = &logs[..] else {
        return Err(run.failed(&format!("there is not one audit log: {logs:?}")));
    };
    let text = fs::read_to_string(log)?;
    let entries = text.lines().map(serde_json::from_str);
    Ok(entries.collect::<Result<_, _>>()?)
}

fn text<'value>(value: &'value Value, pointer: &str) -> &'value str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list<'value>(value: &'value Value, pointer: &str) -> &'value [Value] {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}
