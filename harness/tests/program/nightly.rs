//! `ci/nightly`: what it calls, what it keeps, and how it ends. Cargo, the engine and plumbline are played by small scripts.

use crate::{
    invocation::{self, program},
    templates::collect,
    world::Said,
};
use plumbline_toolchain::Lock;
use serde_json::Value;
use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, path::Path};
use tempfile::TempDir;

/// Writes down what it is called with, makes the event log that it is told to make, and ends as it is told to for what it is called with.
const CARGO: &str = r#"#!/bin/bash
shift 6
echo "plumbline $*" >> calls
case "$*" in
"run --on embedded"*) code=${EMBEDDED:-0} ;;
"run --on kind"*) code=${KIND:-0} ;;
"node-image build") code=${IMAGE:-0} ;;
*) code=0 ;;
esac
while (($#)); do
    if [[ $1 == --log ]]; then echo log > "$2"; fi
    shift
done
exit "$code"
"#;

const ENGINE: &str = "#!/bin/bash\necho \"engine $*\" >> calls\n";

const SUDO: &str = "#!/bin/bash\nshift\nexec \"$@\"\n";

/// A checkout with the script, and the programs that it calls.
struct Checkout(TempDir);

impl Checkout {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("it is below the folder")).expect("my own folder");
            fs::write(&path, text).expect("my own folder");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("my own file");
        };
        let script = invocation::project().join("ci/nightly");
        put("ci/nightly", &fs::read_to_string(script).expect("the script"));
        put("ci/docker-engine", ENGINE);
        put("bin/cargo", CARGO);
        put("bin/sudo", SUDO);
        put("target/debug/plumbline", "#!/bin/bash\nexit 1\n");
        Self(folder)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// The script's end, and each call that it made, with the folder of the checkout left out.
    fn run(&self, arguments: &[&str], ends: &[(&str, &str)]) -> (Said, Vec<String>) {
        fs::remove_file(self.path("calls")).ok();
        let mut command = program(&self.path("ci/nightly"));
        let said = Said::by(
            command
                .current_dir(self.0.path())
                .args(arguments)
                .env_clear()
                .env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()))
                .env("HOME", self.0.path())
                .envs(ends.iter().copied()),
        );
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        let folder = canonical(self.0.path());
        let calls = calls.lines().map(|call| call.replace(&folder, ""));
        (said, calls.collect())
    }
}

fn canonical(path: &Path) -> String {
    let path = path.canonicalize().expect("the folder is there");
    path.display().to_string()
}

fn outputs(environment: &str) -> String {
    let kept = |flag: &str, end: &str| format!("--{flag} /kept/{environment}.{end}");
    [
        kept("log", "ndjson"),
        kept("html", "html"),
        kept("json", "json"),
        kept("junit", "xml"),
        kept("conformance", "conformance.json"),
    ]
    .join(" ")
}

fn pipeline(file: &str) -> Value {
    let text = fs::read_to_string(invocation::project().join("ci").join(file)).expect("the pipeline");
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn every_part_is_run_and_the_engine_ended() {
    let (said, calls) = Checkout::new().run(&["kept"], &[]);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(
        calls,
        [
            format!("plumbline run --on embedded {}", outputs("embedded")),
            "engine ".to_owned(),
            "plumbline node-image build".to_owned(),
            format!(
                "plumbline run --on kind --node-logs /kept/node-logs {}",
                outputs("kind")
            ),
            "plumbline table /kept/embedded.ndjson /kept/kind.ndjson --output /kept/table.md".to_owned(),
            "engine --stop".to_owned(),
        ]
    );
}

#[test]
fn the_worst_part_decides_and_stops_no_other() {
    let checkout = Checkout::new();
    for (embedded, kind, worst) in [
        ("1", "0", 1),
        ("0", "1", 1),
        ("1", "3", 3),
        ("5", "1", 1),
        ("3", "5", 3),
        ("2", "3", 2),
        ("101", "1", 3),
        ("1", "143", 143),
    ] {
        let (said, calls) = checkout.run(&["kept"], &[("EMBEDDED", embedded), ("KIND", kind)]);
        assert_eq!(said.code, worst, "{embedded} and {kind}: {said}");
        let tables = calls.iter().filter(|call| call.starts_with("plumbline table"));
        assert_eq!(tables.count(), usize::from(worst != 143), "{calls:?}");
    }
}

#[test]
fn after_a_signal_nothing_more_is_started() {
    let (said, calls) = Checkout::new().run(&["kept"], &[("EMBEDDED", "130")]);
    assert_eq!(said.code, 130, "{said}");
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert_eq!(calls[1], "engine --stop");
}

#[test]
fn without_nodes_the_table_is_of_what_there_is_and_of_no_earlier_build() {
    let checkout = Checkout::new();
    checkout.run(&["kept"], &[]);
    let (said, calls) = checkout.run(&["kept"], &[("IMAGE", "3")]);
    assert_eq!(said.code, 3, "{said}");
    assert!(
        calls.contains(&"plumbline table /kept/embedded.ndjson --output /kept/table.md".to_owned()),
        "{calls:?}"
    );
}

#[test]
fn a_part_can_be_run_alone_on_what_others_left() {
    let checkout = Checkout::new();
    let (_, calls) = checkout.run(&["kept", "embedded"], &[]);
    assert_eq!(calls.len(), 1, "{calls:?}");
    let (said, calls) = checkout.run(&["kept", "table"], &[]);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(
        calls,
        ["plumbline table /kept/embedded.ndjson --output /kept/table.md"]
    );
}

#[test]
fn runs_are_kept_apart_by_the_versions_that_were_chosen() {
    let checkout = Checkout::new();
    checkout.run(&["kept", "embedded"], &[]);
    let chosen = [("PLUMBLINE_KUBERNETES", "1.36.3"), ("PLUMBLINE_FLUX", "")];
    let (_, calls) = checkout.run(&["kept", "embedded"], &chosen);
    assert_eq!(
        calls,
        [format!(
            "plumbline run --on embedded {}",
            outputs("embedded-kubernetes-1.36.3")
        )]
    );
    let chosen = [("PLUMBLINE_KUBERNETES", "1.36.3"), ("PLUMBLINE_FLUX", "2.9.0")];
    checkout.run(&["kept", "embedded"], &chosen);
    let (_, calls) = checkout.run(&["kept", "table"], &[]);
    assert_eq!(
        calls,
        [
            "plumbline table /kept/embedded.ndjson /kept/embedded-kubernetes-1.36.3-flux-2.9.0.ndjson \
          /kept/embedded-kubernetes-1.36.3.ndjson --output /kept/table.md"
        ]
    );
}

#[test]
fn the_pipelines_run_every_version_of_the_lock_in_each_environment() {
    let lock = fs::read_to_string(invocation::project().join("clusters/toolchain.toml")).expect("the lock");
    let lock = Lock::parse(&lock, "toolchain.toml").expect("the lock is valid");
    // A set with a version in the name of each program is not that of the plain names.
    let further = lock
        .sets
        .iter()
        .filter(|(_, programs)| programs.iter().all(|name| name.contains('@')));
    let mut expected: BTreeSet<_> = further.map(|(set, _)| Some(set.clone())).collect();
    expected.insert(None);
    for file in ["nightly-github-actions.yml", "nightly-azure-pipelines.yml"] {
        let pipeline = pipeline(file);
        let chosen = |cell: &Value| {
            ["kubernetes", "flux"].into_iter().find_map(|what| {
                let version = cell[what].as_str().filter(|version| !version.is_empty())?;
                Some(format!("{what}-{version}"))
            })
        };
        let cells: Vec<(String, Option<String>)> = match &pipeline["jobs"]["run"] {
            Value::Null => {
                let matrix = &pipeline["jobs"][0]["strategy"]["matrix"];
                let legs = matrix.as_object().expect("a matrix").values();
                legs.map(|leg| {
                    (
                        leg["environment"].as_str().expect("a name").to_owned(),
                        chosen(leg),
                    )
                })
                .collect()
            }
            run => {
                let matrix = &run["strategy"]["matrix"];
                let list = |name: &str| matrix[name].as_array().expect("a list").clone();
                list("environment")
                    .iter()
                    .flat_map(|environment| {
                        let environment = environment.as_str().expect("a name").to_owned();
                        list("versions")
                            .into_iter()
                            .map(move |cell| (environment.clone(), chosen(&cell)))
                    })
                    .collect()
            }
        };
        for environment in ["embedded", "kind"] {
            let of_environment = cells.iter().filter(|(name, _)| name == environment);
            let found: BTreeSet<_> = of_environment.map(|(_, versions)| versions.clone()).collect();
            assert_eq!(found, expected, "{file}: {environment}");
        }
    }
}

#[test]
fn without_any_log_there_is_no_table() {
    let (said, calls) = Checkout::new().run(&["kept", "table"], &[]);
    assert_eq!((said.code, calls.len()), (3, 0), "{said}");
    assert!(said.error.contains("no environment has left a log"), "{said}");
}

#[test]
fn the_pipelines_call_it_for_each_environment_and_then_for_the_table() {
    for (file, folder, environment) in [
        (
            "nightly-github-actions.yml",
            "nightly",
            "${{ matrix.environment }}",
        ),
        (
            "nightly-azure-pipelines.yml",
            r#""$(Build.ArtifactStagingDirectory)""#,
            r#""$(environment)""#,
        ),
    ] {
        let pipeline = pipeline(file);
        let mut scripts = Vec::new();
        collect(&pipeline, &mut scripts);
        let lines = scripts.iter().flat_map(|script| script.lines());
        let calls: Vec<_> = lines.filter(|line| line.starts_with("ci/nightly")).collect();
        let [run, table] = calls[..] else {
            panic!("{file}: {calls:?}")
        };
        assert_eq!(run, format!("ci/nightly {folder} {environment}"), "{file}");
        assert!(
            table.starts_with(&format!("ci/nightly {folder} table")),
            "{file}: {table}"
        );
    }
}

#[test]
fn what_it_does_not_know_is_wrong_usage() {
    for arguments in [&[][..], &["--help"], &["kept", "azure"]] {
        let (said, calls) = Checkout::new().run(arguments, &[]);
        assert_eq!(said.code, 2, "{said}");
        assert!(
            calls.is_empty() && said.error.starts_with("usage: ci/nightly"),
            "{said}"
        );
    }
}
