//! Secrets: no form of one is in any report, in the log or on the terminal, wherever a scenario that fails has put it; and in the directory
//! of the run, what holds one is the user's alone.

use crate::{moment::Moment, on_the_platform, running::Running};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use libtest_mimic::{Failed, Trial};
use plumbline_keeper::Signal;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// With everything in it that a program escapes.
const LOGIN: &str = r#"p@ss w/"quote\"+&<é"#;
const TOKEN: &str = "Zq7Rk2Xw9Lm4Tb8Vn3Yd6Hs1";
/// Those that the scenarios write down themselves, in a manifest of a Secret.
const WRITTEN: [&str; 2] = ["hunter-in-the-manifest", "hunter-in-base64"];

/// Everything that a run writes.
const REPORTS: [&str; 8] = [
    "run.ndjson",
    "report.json",
    "report.xml",
    "report.html",
    "conformance.json",
    "page.md",
    "output",
    "error",
];

pub fn trials() -> Vec<Trial> {
    vec![on_the_platform(
        "no form of a secret is shown".to_owned(),
        no_form_is_shown,
    )]
}

fn no_form_is_shown() -> Result<(), Failed> {
    let mut run = Running::of_scenarios("secrets", |command| {
        command.args(["--keep", "on-failure", "--annotations", "github"]);
        command.args(["--junit", "report.xml", "--html", "report.html"]);
        command.args(["--conformance", "conformance.json", "--step-summary", "page.md"]);
        command.env("TEST_LOGIN", LOGIN).env("TEST_TOKEN", TOKEN);
    });
    run.wait_for(Moment::STAYS_UP)?;
    // What was made up can be told only by who looks into the cluster.
    let made_up = tokens(&run.kubectl(&["get", "secret,configmap", "-A", "-o", "json"])?);
    if made_up.len() != 2 {
        return Err(run.failed(&format!("{} scenarios made a token up", made_up.len())));
    }
    let known: Vec<&str> = [LOGIN, TOKEN]
        .into_iter()
        .chain(WRITTEN)
        .chain(made_up.iter().map(String::as_str))
        .collect();
    let kept = kept_for_others(&run.path("runs"), &known)?;
    if !kept.is_empty() {
        return Err(run.failed(&format!("others can read {kept:?}")));
    }
    run.signal(Signal::INT);
    let status = run.wait()?;
    let counts = &run.report()?["counts"];
    if status.code() != Some(1) || counts["failed"] != 10 || counts["passed"] != 2 {
        return Err(run.failed(&format!(
            "{status}, {counts}: each scenario has to fail where it shows a secret"
        )));
    }
    let mut found = Vec::new();
    for report in REPORTS {
        let text = run.read(report);
        if !text.contains("***") {
            found.push(format!("{report} shows nothing that was masked"));
        }
        for secret in &known {
            let forms = forms(secret).into_iter().chain(parts(secret));
            let shown = forms.filter(|form| text.contains(form.as_str()));
            found.extend(shown.map(|form| format!("{report}: {form}")));
        }
    }
    match found.is_empty() {
        true => Ok(()),
        false => Err(found.join("\n").into()),
    }
}

/// The tokens in the objects that the scenarios left; each scenario has one of its own.
fn tokens(objects: &Value) -> BTreeSet<String> {
    let objects = objects["items"].as_array().into_iter().flatten();
    let ours = objects.filter(|object| object["kind"] == "ConfigMap");
    let tokens = ours.filter_map(|object| object["data"]["token"].as_str());
    tokens.map(str::to_owned).collect()
}

/// The files that hold a secret and that others than the owner can read, because no folder on the way keeps them out.
fn kept_for_others(folder: &Path, secrets: &[&str]) -> Result<Vec<PathBuf>, Failed> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Some come and go while the platform is up.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if metadata.is_dir() {
            found.extend(kept_for_others(&entry.path(), secrets)?);
        } else if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
            let content = fs::read(entry.path()).unwrap_or_default();
            let content = String::from_utf8_lossy(&content).into_owned();
            if secrets.iter().any(|secret| content.contains(secret)) {
                found.push(entry.path());
            }
        }
    }
    Ok(found)
}

/// The secret as programs write it, made here anew.
fn forms(secret: &str) -> BTreeSet<String> {
    let json = Value::from(secret).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let ascii = json.chars().fold(String::new(), |mut out, character| {
        match character.is_ascii() {
            true => out.push(character),
            false => write!(out, "\\u{:04x}", u32::from(character)).unwrap(),
        }
        out
    });
    let markup = secret.replace('&', "&amp;").replace('<', "&lt;");
    let mut forms = BTreeSet::from([
        secret.to_owned(),
        json.clone(),
        ascii,
        markup.clone(),
        markup.replace('"', "&quot;"),
        percent(secret, ""),
        percent(secret, "/"),
        percent(secret, "@/+&"),
        percent(secret, "").replace("%20", "+"),
    ]);
    for text in [secret, &json] {
        let hexadecimal = text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        forms.insert(hexadecimal.to_uppercase());
        forms.insert(hexadecimal);
        for before in 0..3 {
            let bytes = [&[0; 2][..before], text.as_bytes()].concat();
            for encoded in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
                // The first characters hold bits from before, the last one bits from behind.
                let first = [0, 2, 3][before];
                forms.insert(encoded[first..encoded.len() - 1].to_owned());
            }
        }
    }
    forms
}

/// Parts of a secret that is like no word: what is left when a text is cut in the middle of it.
fn parts(secret: &str) -> Vec<String> {
    const LONG_ENOUGH: usize = 8;
    let is_random = secret.chars().all(|character| character.is_ascii_alphanumeric());
    let parts = secret.as_bytes().windows(LONG_ENOUGH);
    let parts = parts.map(|part| String::from_utf8_lossy(part).into_owned());
    parts.filter(|_| is_random).collect()
}

fn percent(secret: &str, left: &str) -> String {
    secret.bytes().fold(String::new(), |mut out, byte| {
        let character = char::from(byte);
        match character.is_ascii_alphanumeric() || left.contains(character) {
            true => out.push(character),
            false => write!(out, "%{byte:02X}").unwrap(),
        }
        out
    })
}
