//! Malformed and unusual YAML of every kind: what is refused, where and in which words, and what is taken.

use plumbline_scenario::{
    Scenario, Step, Vocabulary, load,
    steps::{Apply, Manifests},
};
use std::fs;

/// A scenario with `text` as the value of a manifest's field.
fn with_value(text: &str) -> Vec<u8> {
    format!(
        "claim: x\nrequirements: [GITOPS-05]\nneeds: cluster\nsteps:\n  - apply: {{manifest: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: a}}, x: {text}}}}}\n  - expect: {{object: ConfigMap a, that: object.x == 1}}\n"
    )
    .into_bytes()
}

fn with_head(text: &str) -> Vec<u8> {
    format!(
        "{text}requirements: [GITOPS-05]\nneeds: cluster\nsteps:\n  - expect: {{object: v1/Namespace a, absent: true}}\n"
    )
    .into_bytes()
}

/// The value in question as it was understood.
fn taken(scenario: &Scenario) -> String {
    match &scenario.steps[0].step {
        Step::Apply(Apply {
            manifests: Manifests::Here(manifest),
            ..
        }) => manifest.value["x"].to_string(),
        _ => format!("{:?}", scenario.claim.value),
    }
}

#[test]
fn every_kind_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.yaml");
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing at all", b"".to_vec()),
        ("blanks", b"  \n\n".to_vec()),
        ("only a byte-order mark", b"\xef\xbb\xbf".to_vec()),
        ("null", b"null\n".to_vec()),
        ("a document that ends at once", b"---\n...\n".to_vec()),
        ("a text", b"claim\n".to_vec()),
        ("byte-order mark", with_head("\u{feff}claim: x\n")),
        (
            "byte-order mark, not at the beginning",
            with_head("# x\n\u{feff}claim: x\n"),
        ),
        ("UTF-16", b"\xff\xfec\0l\0a\0i\0m\0:\0".to_vec()),
        (
            "line ends of Windows",
            String::from_utf8(with_head("claim: x\n"))
                .unwrap()
                .replace('\n', "\r\n")
                .into_bytes(),
        ),
        ("line ends of old", with_head("claim: x\rclaim: y\n")),
        ("line separators", with_head("claim: x\u{2028}y: z\n")),
        ("next-line character", with_head("claim: x\u{85}y: z\n")),
        ("escape sequence", with_head("claim: \x1b[31mred\n")),
        (
            "escape sequence, as an escape",
            with_head("claim: \"\\e[31mred\"\n"),
        ),
        (
            "escape sequence in a key, as an escape",
            with_head("claim: x\n\"\\e[31mred\": x\n"),
        ),
        ("direction changed", with_head("claim: user \u{202e}nimda\n")),
        (
            "direction changed in a key, as an escape",
            with_head("claim: x\n\"a\\u202eb\": x\n"),
        ),
        ("character of no width in a key", with_head("cl\u{200b}aim: x\n")),
        (
            "line feed in a key",
            with_head("claim: x\n\"a\\n --> other.yaml:1:1\": x\n"),
        ),
        ("NUL", with_head("claim: x\0\n")),
        ("NUL, as an escape", with_head("claim: \"x\\0y\"\n")),
        ("escape that is none", with_head("claim: \"\\q\"\n")),
        ("half of a surrogate pair", with_head("claim: \"\\ud800\"\n")),
        ("directive", with_head("%YAML 1.2\n---\nclaim: x\n")),
        (
            "directive of another version",
            with_head("%YAML 9.0\n---\nclaim: x\n"),
        ),
        (
            "directive that nobody knows",
            with_head("%FOO bar\n---\nclaim: x\n"),
        ),
        ("several documents", with_head("claim: x\n---\n")),
        (
            "several documents, the second empty",
            [with_head("claim: x\n"), b"---\n".to_vec()].concat(),
        ),
        ("tab as indentation", with_head("claim: x\nskip:\n\treason: y\n")),
        ("quote that is never closed", with_head("claim: \"x\n")),
        ("bracket that is never closed", with_head("claim: [x\n")),
        ("anchor that is not there", with_head("claim: *nowhere\n")),
        ("anchor in itself", with_head("claim: &a [*a]\n")),
        ("anchor", with_value("{y: &y {z: 1}, w: *y}")),
        ("anchor as a key", with_value("{&y y: 1, *y : 2}")),
        ("merge key", with_value("{y: &y {z: 1}, w: {<<: *y, v: 2}}")),
        ("merge of what is no mapping", with_value("{<<: 1}")),
        ("key twice", with_value("{a: 1, a: 2}")),
        ("key twice, one in quotes", with_value("{a: 1, \"a\": 2}")),
        ("number as a key", with_value("{1: 1}")),
        ("null as a key", with_value("{~: 1}")),
        ("list as a key", with_value("{[a]: 1}")),
        ("mapping as a key", with_value("{{a: b}: 1}")),
        ("key without value", with_value("{a}")),
        ("tag of text", with_value("!!str 1")),
        ("tag of a number on text", with_value("!!int x")),
        ("binary", with_value("!!binary aGVsbG8=")),
        ("binary that is not text", with_value("!!binary /////w==")),
        ("program's tag", with_value("!!python/object:os.system [x]")),
        ("application's tag", with_value("!secret x")),
        ("timestamp", with_value("2001-12-14t21:59:43.10-05:00")),
        ("largest whole number", with_value("18446744073709551615")),
        (
            "whole number that is too large",
            with_value("18446744073709551616"),
        ),
        ("smallest whole number", with_value("-9223372036854775808")),
        (
            "whole number that is too small",
            with_value("-9223372036854775809"),
        ),
        ("infinity", with_value(".inf")),
        ("no number", with_value(".nan")),
        ("number that is infinite", with_value("1e999")),
        ("octal", with_value("0644")),
        ("hexadecimal", with_value("0xff")),
        ("yes", with_value("yes")),
        ("sixty", with_value("1:30")),
        (
            "deadline that is no number",
            with_head("claim: x\ntimeout: .inf\n"),
        ),
        (
            "long key",
            with_head(&format!("claim: x\n{}: x\n", "k".repeat(2_000))),
        ),
        (
            "long key in quotes",
            with_head(&format!("claim: x\n? \"{}\"\n: x\n", "k".repeat(2_000))),
        ),
        (
            "long line",
            with_head(&format!("claim: {}\nfoo: x\n", "x".repeat(2_000))),
        ),
        (
            "long word in a long line",
            with_head(&format!(
                "claim: x\nskip: {{{} {}}}\n",
                " ".repeat(2_000),
                "y".repeat(2_000)
            )),
        ),
    ];
    let mut text = String::new();
    for (name, bytes) in cases {
        fs::write(&path, &bytes).unwrap();
        let answer = match load(std::slice::from_ref(&path), folder.path(), &Vocabulary::default()) {
            Ok(suite) => format!("taken: {}\n", taken(&suite.scenarios()[0])),
            Err(diagnostics) => diagnostics.render(),
        };
        let answer = answer.replace(&path.display().to_string(), "x.yaml");
        assert!(answer.len() < 1_000 * 4, "{name}");
        text.push_str(&format!("=== {name}\n{answer}\n"));
    }
    insta::assert_snapshot!("every-kind", text);
}
