//! Thousands of damaged scenario files, the same ones every time: each is loaded or refused with a place, none panics.

mod mutator;
#[path = "../vocabulary/mod.rs"]
mod vocabulary;

use mutator::{Dice, mutate};
use plumbline_model::is_unprintable;
use plumbline_scenario::{Diagnostics, Selection, Suite, Variables, Vocabulary, load, scenario_files};
use std::{
    fs, panic,
    path::{Path, PathBuf},
    time::Duration,
};
use vocabulary::vocabulary;

/// The scenarios of the repository, the one that has every verb, and files that are damaged already.
fn corpus() -> Vec<Vec<u8>> {
    let folders = ["../../scenarios", "tests/valid", "tests/valid", "tests/cases"];
    let paths = folders
        .iter()
        .flat_map(|folder| scenario_files(Path::new(folder)).expect("the test's own files"));
    paths
        .map(|path| fs::read(path).expect("the test's own files"))
        .filter(|bytes| bytes.len() < 10_000)
        .collect()
}

/// What became of many files.
#[derive(Debug, Default)]
struct Tally {
    loaded: usize,
    refused: usize,
    refusals: usize,
    /// The one that took the most of what its size allows: that part, how long, and its number.
    slowest: (f64, Duration, u64),
    slowest_bytes: Vec<u8>,
}

/// Loads the mutations with these numbers. What a mutation was can be seen again by its number.
fn load_mutations(numbers: std::ops::Range<u64>) -> Tally {
    let corpus = corpus();
    let folder = tempfile::tempdir().expect("the test's own files");
    let file = folder.path().join("mutant.yaml");
    let files = [
        file.clone(),
        provider(folder.path(), "operator"),
        provider(folder.path(), "platform"),
    ];
    let mut tally = Tally::default();
    for number in numbers {
        let mut dice = Dice::new(number);
        let mut bytes = corpus[dice.roll(corpus.len())].clone();
        for _ in 0..=dice.roll(4) {
            let other = &corpus[dice.roll(corpus.len())];
            mutate(&mut bytes, other, &mut dice);
        }
        fs::write(&file, &bytes).expect("the test's own files");
        let before = processor_time();
        let loaded = panic::catch_unwind(|| load(&files, folder.path(), &vocabulary()));
        let took = processor_time().saturating_sub(before);
        let part = took.div_duration_f64(allowed(bytes.len()));
        if part > tally.slowest.0 {
            tally.slowest = (part, took, number);
            tally.slowest_bytes.clone_from(&bytes);
        }
        match loaded.unwrap_or_else(|_| panic!("mutation {number} panicked: {}", kept(&bytes, number))) {
            Ok(suite) => {
                tally.loaded += 1;
                use_everything(&suite);
            }
            Err(diagnostics) => {
                tally.refused += 1;
                tally.refusals += diagnostics.len();
                check(&diagnostics).unwrap_or_else(|wrong| {
                    panic!("mutation {number}: {wrong}: {}", kept(&bytes, number));
                });
            }
        }
    }
    tally
}

/// A scenario that others need: without it none that begins on the platform could be loaded.
fn provider(folder: &Path, stage: &str) -> PathBuf {
    let path = folder.join(format!("{stage}.yaml"));
    let text = format!(
        "claim: {stage} is there\nrequirements: [GITOPS-01]\nprovides: {stage}\nsteps:\n  - expect: {{object: v1/Namespace a, absent: true}}\n"
    );
    fs::write(&path, text).expect("the test's own files");
    path
}

/// Keeps a file that something was found with.
fn kept(bytes: &[u8], number: u64) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mutation-{number}.yaml"));
    fs::write(&path, bytes).expect("the test's own files");
    path.display().to_string()
}

/// A file that is taken can be planned, told and filled in.
fn use_everything(suite: &Suite) {
    // What it needs may be missing; that is an answer.
    let _ = suite.plan(&Selection::default());
    for scenario in suite.scenarios() {
        for step in &scenario.steps {
            assert!(!step.summary().is_empty());
            let _ = step.resolve(&Variables::default());
        }
    }
}

/// Every refusal has words, a place that is in the file, and shows nothing that a terminal obeys.
fn check(diagnostics: &Diagnostics) -> Result<(), String> {
    for diagnostic in diagnostics.iter() {
        let (source, span) = (diagnostic.source_file(), diagnostic.span());
        let message = diagnostic.message();
        let lines: Vec<&str> = source.text().split('\n').collect();
        if message.is_empty() || message.contains("panicked") {
            return Err(format!("it is said: `{message}`"));
        }
        let line = usize::try_from(span.line).expect("fewer than there are addresses");
        let column = usize::try_from(span.column).expect("fewer than there are addresses");
        let Some(content) = line.checked_sub(1).and_then(|index| lines.get(index)) else {
            return Err(format!("`{message}` has line {line} of {}", lines.len()));
        };
        if column < 1 || column > content.chars().count() + 1 {
            return Err(format!("`{message}` has column {column} in line {line}"));
        }
        let place = format!("{}:{line}:{column}\n", source.name());
        if !diagnostic.render().contains(&place) {
            return Err(format!("`{message}` is told without its place"));
        }
    }
    let shown = diagnostics.render();
    match shown
        .chars()
        .find(|character| is_unprintable(*character) && *character != '\n')
    {
        Some(character) => Err(format!("{character:?} is shown")),
        None if shown.len() > 400_000 => Err(format!("{} bytes are shown", shown.len())),
        None => Ok(()),
    }
}

/// How long a file of so many bytes may take: 200 ms, for aliases may expand to 100,000 values, and half a millisecond for each kilobyte.
fn allowed(bytes: usize) -> Duration {
    let kilobytes = u32::try_from(bytes / 1_000).expect("no file of ours has gigabytes");
    Duration::from_millis(200) + Duration::from_micros(500) * kilobytes
}

/// What this process has used of the processors: other work on the machine does not count.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("a process has not run for a negative time")
}

#[test]
fn no_damaged_file_panics_and_every_refusal_has_a_place() {
    let tally = load_mutations(0..2_000);
    // Both ends are seen: damage that is noticed, and damage that leaves a scenario.
    assert!(tally.refused > 1_200 && tally.loaded > 20, "{tally:?}");
}

/// For `ci/fuzz`, in a release build.
#[test]
#[ignore = "takes minutes; ci/fuzz runs it"]
fn a_hundred_thousand_damaged_files() {
    let tally = load_mutations(0..100_000);
    let (part, took, number) = tally.slowest;
    println!(
        "100000 damaged files: {} loaded, {} refused with {} places, the slowest for its size took {took:.1?} (number {number})",
        tally.loaded, tally.refused, tally.refusals
    );
    assert!(
        part < 1.0,
        "mutation {number} took {took:?}, {part:.1} times what its size allows: {}",
        kept(&tally.slowest_bytes, number)
    );
}

#[test]
fn a_megabyte_on_one_line_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("flow", format!("claim: {}", "{a: ".repeat(200_000))),
        ("plain", format!("claim: {}", "x".repeat(1_000_000))),
        ("field", format!("{}: x", "x".repeat(900_000))),
        ("signs", format!("claim: {}", "- ".repeat(400_000))),
        ("anchors", format!("claim: [{}]", "&a x, ".repeat(100_000))),
        ("keys", format!("claim: {{{}}}", "? ".repeat(300_000))),
    ] {
        let file = folder.path().join(format!("{name}.yaml"));
        fs::write(&file, text).unwrap();
        let diagnostics = load(&[file], folder.path(), &Vocabulary::default()).expect_err(name);
        assert!(diagnostics.render().len() < 20_000, "{name}");
    }
}

/// The deepest manifest that is taken, on a thread with an ordinary stack.
#[test]
fn the_deepest_manifest_does_not_overflow_the_stack() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep.yaml");
    let head = "claim: x\nrequirements: [GITOPS-05]\nneeds: cluster\nsteps:\n  - expect: {object: v1/Namespace a, absent: true}\n";
    let load_nested = |depth: usize| {
        let manifest = format!("{}1{}", "{a: ".repeat(depth), "}".repeat(depth));
        let apply = format!(
            "  - apply: {{manifest: {{apiVersion: v1, kind: X, metadata: {{name: a}}, x: {manifest}}}}}\n"
        );
        fs::write(&file, format!("{head}{apply}")).unwrap();
        load(std::slice::from_ref(&file), folder.path(), &Vocabulary::default())
    };
    assert!(load_nested(55).is_ok());
    assert!(load_nested(70).is_err());
}
