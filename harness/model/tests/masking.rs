//! No form of a secret gets through, and the log stays a log.

use base64::{Engine as _, engine::general_purpose as base64_as};
use plumbline_model::{
    Attachment, Event, Failure, LogEntry, Masker, Outcome, Secret, Section, StepPosition, UnmaskableSecret,
    read_log,
};
use proptest::prelude::*;
use serde_json::Value;

fn masker(secrets: &[&str]) -> Masker {
    let mut masker = Masker::default();
    for secret in secrets {
        masker
            .add(&Secret::new((*secret).to_owned()))
            .expect("long enough");
    }
    masker
}

#[test]
fn a_longer_secret_leaves_no_tail_of_a_shorter_one() {
    assert_eq!(
        masker(&["foob", "foobar"]).mask("a foobar and a foob"),
        "a *** and a ***"
    );
}

#[test]
fn secrets_that_overlap_are_masked_together() {
    let masker = masker(&["hunter22", "er22secret"]);
    assert_eq!(masker.mask("<hunter22secret>"), "<***>");
    assert_eq!(masker.mask("<hunter22hunter22>"), "<******>");
}

#[test]
fn a_secret_that_is_too_short_is_told_and_not_added() {
    let mut masker = Masker::default();
    for short in ["", "abc", "a b c", "   \n    "] {
        assert_eq!(
            masker.add(&Secret::new(short.to_owned())),
            Err(UnmaskableSecret),
            "{short:?}"
        );
    }
    assert_eq!(masker.mask("abc"), "abc");
    assert_eq!(masker.add(&Secret::new("ab c d".to_owned())), Ok(()));
}

/// How other programs write `p"w 'ß/+<$\`: each was made with the program that is named.
#[test]
fn forms_as_programs_write_them_are_masked() {
    let masker = masker(&["p\"w 'ß/+<$\\"]);
    for (program, text) in [
        ("python json.dumps", r#"p\"w '\u00df/+<$\\"#),
        ("go encoding/json", r#"p\"w 'ß/+\u003c$\\"#),
        ("python json.dumps, slashes escaped", r#"p\"w 'ß\/+<$\\"#),
        ("jq -R . twice", r#"p\\\"w 'ß/+<$\\\\"#),
        ("javascript encodeURIComponent", "p%22w%20'%C3%9F%2F%2B%3C%24%5C"),
        ("javascript encodeURI", "p%22w%20'%C3%9F/+%3C$%5C"),
        ("python quote_plus", "p%22w+%27%C3%9F%2F%2B%3C%24%5C"),
        ("go url.PathEscape", "p%22w%20%27%C3%9F%2F+%3C$%5C"),
        ("go url.UserPassword", "p%22w%20%27%C3%9F%2F+%3C$%5C"),
        ("bash printf %q", r#"p\"w\ \'ß/+\<\$\\"#),
        ("a shell's single quotes", r#"p"w '\''ß/+<$\"#),
        ("a shell's double quotes", r#"p\"w 'ß/+<\$\\"#),
        ("yaml in single quotes", r#"p"w ''ß/+<$\"#),
        ("yaml in double quotes", r#"p\"w 'ß/+<$\\"#),
        ("xml", "p&quot;w &apos;ß/+&lt;$\\"),
        ("go html.EscapeString", "p&#34;w &#39;ß/+&lt;$\\"),
        ("rust {:?}", r#"p\"w 'ß/+<$\\"#),
        ("xxd -p", "7022772027c39f2f2b3c245c"),
        ("base64", "cCJ3ICfDny8rPCRc"),
    ] {
        assert_eq!(masker.mask(&format!("[{text}]")), "[***]", "{program}");
    }
    // The login of basic authentication: where the password begins, a character holds bits of the colon, too.
    assert_eq!(masker.mask("Basic dXNlcjpwIncgJ8OfLys8JFw="), "Basic dXNlcjp***=");
}

#[test]
fn each_line_of_a_key_is_masked_and_its_armour_is_not() {
    let lines = [
        "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtM",
        "DoQikTmiCqirVv9mWG9qfSnF",
    ];
    let key = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n{}\n-----END PRIVATE KEY-----\n",
        lines[0], lines[1]
    );
    let masker = masker(&[&key]);
    for line in lines {
        assert_eq!(masker.mask(&format!("  | {line}")), "  | ***");
    }
    assert_eq!(
        masker.mask("-----BEGIN PRIVATE KEY-----"),
        "-----BEGIN PRIVATE KEY-----"
    );
    assert_eq!(masker.mask(key.trim()), "***");
    // As `base64` prints it, line by line.
    let encoded = base64_as::STANDARD.encode(&key);
    for line in encoded.as_bytes().chunks(76) {
        assert_eq!(masker.mask(std::str::from_utf8(line).unwrap()), "***");
    }
}

/// The Secret of a registry login: base64 of JSON that holds the password and base64 of user and password.
#[test]
fn a_registry_login_shows_nothing_of_its_password() {
    let password = "c0rrect-h0rse/b@ttery";
    let auth = base64_as::STANDARD.encode(format!("plumbline:{password}"));
    let document = format!(
        r#"{{"auths":{{"registry.test":{{"username":"plumbline","password":"{password}","auth":"{auth}"}}}}}}"#
    );
    let shown = masker(&[password]).mask(&base64_as::STANDARD.encode(&document));
    assert_eq!(shown.matches("***").count(), 2, "{shown}");
    // What is left decodes to the document around the secret, and to bits at its edges.
    let left = shown.replace("***", "").len();
    let secret = (password.len() + auth.len()) * 4 / 3;
    assert!(
        left < base64_as::STANDARD.encode(&document).len() - secret + 24,
        "{shown}"
    );
}

fn entry(text: &str) -> LogEntry {
    let outcome = Outcome::Failed(Failure {
        message: text.to_owned(),
        expected: Some(format!("before {text}")),
        actual: None,
        attachments: vec![Attachment {
            title: format!("{text} behind"),
            text: format!("{text}\n{text}"),
        }],
    });
    LogEntry {
        at: 1234,
        event: Event::StepFinished {
            scenario: "gitops/drift".into(),
            step: 3,
            duration: 5678,
            outcome,
        },
    }
}

#[test]
fn numbers_and_the_logs_own_syntax_survive() {
    let secrets = ["1234", "5678", "\",\"", "},{\"", "\":\"", "\\\\\\\\"];
    let masker = masker(&["1234", "5678", "a\",\"b", "},{\"at\"", "\\\\\\\\"]);
    for secret in &secrets[..2] {
        let masked = masker.mask_entry(entry(secret));
        assert_eq!(masked.at, 1234);
        let Event::StepFinished {
            duration,
            outcome: Outcome::Failed(failure),
            ..
        } = masked.event
        else {
            panic!("the event is kept")
        };
        assert_eq!((duration, failure.message.as_str()), (5678, "***"));
    }
    let apart = entry("no secret in here");
    assert_eq!(masker.mask_entry(apart.clone()), apart);
}

#[test]
fn keys_are_masked_as_well() {
    let egress = Event::Egress {
        allowed: [("hunter22.example:443".to_owned(), 2)].into(),
        refused: [].into(),
    };
    let masked = masker(&["hunter22"]).mask_entry(LogEntry { at: 0, event: egress });
    assert_eq!(
        masked.event,
        Event::Egress {
            allowed: [("***.example:443".to_owned(), 2)].into(),
            refused: [].into(),
        }
    );
}

#[test]
fn an_entry_that_cannot_be_told_without_its_secret_is_withheld() {
    for word in ["step-finished", "failed", "scenario", "attachments"] {
        let masked = masker(&[word]).mask_entry(entry("x"));
        assert!(
            matches!(&masked.event, Event::Fact { name, .. } if name == "withheld"),
            "{word}"
        );
        assert_eq!(masked.at, 1234);
    }
}

/// The characters of the base64 of a longer text that are the same whatever stands around the secret.
fn settled(secret: &str, before: usize, behind: usize) -> String {
    let encode = |filler: u8| {
        base64_as::STANDARD_NO_PAD.encode(
            [
                vec![filler; before],
                secret.as_bytes().to_vec(),
                vec![filler; behind],
            ]
            .concat(),
        )
    };
    let (zeros, ones) = (encode(0), encode(255));
    let first = (before * 4 / 3).saturating_sub(1);
    let last = (before + secret.len()) * 4 / 3 + 1;
    zeros
        .char_indices()
        .zip(ones.chars())
        .filter(|((place, zero), one)| zero == one && (first..=last).contains(place))
        .map(|((_, character), _)| character)
        .collect()
}

proptest! {
    // Each case builds a search of its own.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_single_form_is_masked(value in "[ -~é]{8,24}") {
        let masker = masker(&[&format!("S{value}E")]);
        let value = format!("S{value}E");
        let json = Value::from(value.as_str()).to_string();
        for form in [
            value.clone(),
            json[1..json.len() - 1].to_owned(),
            base64_as::STANDARD.encode(&value),
            base64_as::STANDARD_NO_PAD.encode(&value),
            base64_as::URL_SAFE.encode(&value),
            base64_as::URL_SAFE_NO_PAD.encode(&value),
            value.bytes().map(|byte| format!("{byte:02x}")).collect(),
            value.bytes().map(|byte| format!("{byte:02X}")).collect(),
            value.bytes().map(|byte| format!("%{byte:02X}")).collect(),
            value.chars().map(|character| format!("\\u{:04x}", u32::from(character))).collect(),
            format!("{value:?}").trim_matches('"').to_owned(),
        ] {
            prop_assert_eq!(masker.mask(&format!("\u{1}{form}\u{2}")), "\u{1}***\u{2}", "{}", form);
        }
    }

    #[test]
    fn a_secret_inside_a_longer_encoded_text_is_masked(
        secret in "[!-~]{6,40}",
        before in 0usize..5,
        behind in 0usize..5,
        url in any::<bool>(),
    ) {
        let text = format!("{}{secret}{}", "x".repeat(before), "y".repeat(behind));
        let encoded = if url { base64_as::URL_SAFE.encode(&text) } else { base64_as::STANDARD.encode(&text) };
        let settled = settled(&secret, before, behind);
        let settled = if url { settled.replace('+', "-").replace('/', "_") } else { settled };
        prop_assert!(encoded.contains(&settled));
        let masked = masker(&[&secret]).mask(&encoded);
        prop_assert!(masked.contains("***"), "{}", masked);
        prop_assert!(masked.len() <= encoded.len() - settled.len() + 3, "{} of {}", masked, encoded);
    }

    #[test]
    fn a_masked_log_reads_back_and_holds_no_secret(
        secrets in prop::collection::vec("[ -~\\n]{6,20}", 1..4),
        words in prop::collection::vec("[ -~]{0,6}", 4),
    ) {
        let secrets: Vec<&str> = secrets
            .iter()
            .map(String::as_str)
            .filter(|secret| Masker::default().add(&Secret::new((*secret).to_owned())).is_ok())
            .collect();
        let masker = masker(&secrets);
        let text = words.iter().zip(secrets.iter().cycle()).fold(String::new(), |text, (word, secret)| text + word + secret);
        let mut with_position = entry(&text);
        if let Event::StepFinished { scenario, .. } = &mut with_position.event {
            scenario.push_str(&text);
        }
        let started = LogEntry {
            at: 5,
            event: Event::StepStarted {
                scenario: text.clone(),
                step: 0,
                verb: text.clone(),
                summary: text.clone(),
                position: StepPosition { file: text.clone(), line: 1, column: 2 },
                used_at: vec![StepPosition { file: text.clone(), line: 3, column: 4 }],
                section: Section::Steps,
                cluster: Some(text.clone()),
                deadline: None,
            },
        };
        for entry in [with_position, started] {
            let masked = masker.mask_entry(entry);
            let line = serde_json::to_string(&masked).unwrap();
            prop_assert_eq!(&read_log(&format!("{line}\n")).unwrap(), &[masked]);
            for secret in &secrets {
                prop_assert!(!line.contains(secret.trim()), "{:?} in {}", secret, line);
            }
        }
    }
}

#[test]
fn a_secret_that_is_cut_is_masked_where_it_is_cut() {
    let masker = masker(&["correct horse battery", "0123\"456"]);
    for (text, masked) in [
        ("it is correct hor … battery", "it is *** … ***"),
        ("it is correct hor…", "it is ***…"),
        (
            "it is correct horse bat\n… 12 bytes left out …\nse battery!",
            "it is ***\n… 12 bytes left out …\n***!",
        ),
        ("Y29ycmVjdCBob3JzZ...", "***..."),
        ("corr…correct horse battery", "***…***"),
        ("…ttery…corr", "…***…corr"),
        ("… correct as ever …", "… correct as ever …"),
        ("cor … ery", "cor … ery"),
        ("an é before correct ho… and é", "an é before ***… and é"),
    ] {
        assert_eq!(masker.mask(text), masked, "{text}");
    }
}

proptest! {
    /// However a text is cut, no more of a secret is left than stands in ordinary words.
    #[test]
    fn no_cut_leaves_a_part(before in "[ a-c]{0,9}", secret in "[0-9é]{6,24}", behind in "[ a-c]{0,9}", at in 0_usize..60) {
        let whole: Vec<char> = format!("{before}{secret}{behind}").chars().collect();
        let (head, tail) = whole.split_at(at.min(whole.len()));
        let (head, tail): (String, String) = (head.iter().collect(), tail.iter().collect());
        let masker = masker(&[&secret]);
        for cut in [format!("{head}…"), format!("… {tail}"), format!("{head} … {tail}")] {
            let masked = masker.mask(&cut);
            let left = masked.chars().filter(|character| character.is_numeric() || *character == 'é').count();
            prop_assert!(left < 2 * Masker::SHORTEST, "{masked}");
        }
    }
}
