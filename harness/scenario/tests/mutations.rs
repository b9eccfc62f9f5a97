//! Thousands of damaged scenario files, the same ones every time: each is loaded or refused with a place, none panics.

use plumbline_scenario::{Vocabulary, load};
use std::{fs, path::PathBuf};

/// A small generator of its own, so that every run and every version sees the same mutations.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % sides.max(1) as u64).expect("a side fits")
    }
}

const SPLICES: [&[u8]; 24] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b": ",
    b"- ",
    b"\n",
    b"\t",
    b"&a ",
    b"*a",
    b"<<: ",
    b"!!binary ",
    b"|\n",
    b">-\n",
    b"'",
    b"\"",
    b"${",
    b"}",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"---\n",
    b"99999999999999999999",
    b"null",
];

fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.roll(bytes.len() + 1);
    match dice.roll(5) {
        0 => {
            let end = (at + dice.roll(12)).min(bytes.len());
            bytes.drain(at..end);
        }
        1 => {
            let splice = SPLICES[dice.roll(SPLICES.len())];
            bytes.splice(at..at, splice.iter().copied());
        }
        2 if at < bytes.len() => bytes[at] = u8::try_from(dice.roll(256)).expect("a byte has 256 values"),
        3 => bytes.truncate(at),
        _ => {
            let from = dice.roll(bytes.len() + 1);
            let end = (from + dice.roll(60)).min(bytes.len());
            let piece = bytes[from..end].to_vec();
            bytes.splice(at..at, piece);
        }
    }
}

#[test]
fn no_damaged_file_panics_and_every_refusal_has_a_place() {
    let corpus: Vec<Vec<u8>> = {
        let mut paths: Vec<PathBuf> = ["tests/cases", "tests/valid"]
            .iter()
            .flat_map(|folder| fs::read_dir(folder).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
            .collect();
        paths.sort();
        paths
            .iter()
            .map(|path| fs::read(path).unwrap())
            .filter(|bytes| bytes.len() < 4_000)
            .collect()
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mutant.yaml");
    let mut dice = Dice(20_261_121);
    let mut refused = 0;
    for round in 0..2_000 {
        let mut bytes = corpus[dice.roll(corpus.len())].clone();
        for _ in 0..=dice.roll(4) {
            mutate(&mut bytes, &mut dice);
        }
        fs::write(&file, &bytes).unwrap();
        if let Err(diagnostics) = load(std::slice::from_ref(&file), folder.path(), &Vocabulary::default()) {
            refused += 1;
            for diagnostic in diagnostics.iter() {
                assert!(diagnostic.span().line >= 1, "round {round}: {diagnostic}");
                assert!(!diagnostic.message().is_empty(), "round {round}");
            }
            assert!(diagnostics.render().contains("mutant.yaml:"), "round {round}");
        }
    }
    assert!(refused > 1_500, "{refused} refused");
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
