//! What a selection chooses, how a run is divided, and in which order it goes.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

use plumbline_model::Shard;
use plumbline_scenario::{PlanError, Reason, Selection, Suite, Vocabulary, load, scenario_files};
use proptest::prelude::*;
use std::{collections::BTreeMap, fs, path::Path};

/// A suite of files with these names, claims and heads, on a base that others need.
fn suite(files: &[(String, String, &str)]) -> Suite {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, claim: &str, head: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = format!(
            "claim: {claim}\nrequirements: [GITOPS-05]\n{head}\nsteps:\n  - expect: {{object: v1/Namespace a, absent: true}}\n"
        );
        fs::write(path, text).unwrap();
    };
    write("base/operator.yaml", "there is an operator", "provides: operator");
    write("base/platform.yaml", "there is a platform", "provides: platform");
    for (name, claim, head) in files {
        write(name, claim, head);
    }
    loaded(folder.path())
}

fn loaded(folder: &Path) -> Suite {
    let vocabulary = Vocabulary {
        environments: words(&["prod"]),
        ..Vocabulary::default()
    };
    load(&scenario_files(folder).unwrap(), folder, &vocabulary)
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render()))
}

/// Twenty scenarios; every fourth is slow, every fifth about drift, the last two run alone.
fn twenty(folder: &str) -> Suite {
    let files: Vec<_> = (0..20)
        .map(|number| {
            let head = match number {
                0 => "tags: [slow, drift]",
                18.. => "exclusive: true",
                _ if number % 4 == 0 => "tags: [slow]",
                _ if number % 5 == 0 => "tags: [drift]",
                _ => "",
            };
            (
                format!("{folder}/{number:02}.yaml"),
                format!("claim {number}"),
                head,
            )
        })
        .collect();
    suite(&files)
}

fn ids(suite: &Suite, selection: &Selection) -> Vec<String> {
    let plan = suite.plan(selection).unwrap_or_else(|error| panic!("{error}"));
    plan.scenarios
        .iter()
        .map(|planned| planned.scenario.id.clone())
        .collect()
}

/// The claims of what a selection asks for, without what is added.
fn asked(suite: &Suite, selection: &Selection) -> Vec<String> {
    let planned = suite
        .plan(selection)
        .map(|plan| plan.scenarios)
        .unwrap_or_default();
    planned
        .iter()
        .filter(|planned| planned.reason == Reason::Selected)
        .map(|planned| planned.scenario.claim.value.clone())
        .collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn tagged(tags: &[&str]) -> Selection {
    Selection {
        tags: words(tags),
        ..Selection::default()
    }
}

#[test]
fn tags_choose_and_leave_out() {
    let suite = twenty("a");
    let slow = asked(&suite, &tagged(&["slow"]));
    assert_eq!(slow, ["claim 0", "claim 4", "claim 8", "claim 12", "claim 16"]);
    let either = asked(&suite, &tagged(&["slow", "drift"]));
    assert_eq!(either.len(), 8);
    assert_eq!(
        asked(&suite, &tagged(&["drift", "!slow"])),
        ["claim 5", "claim 10", "claim 15"]
    );
    assert_eq!(asked(&suite, &tagged(&["!slow"])).len(), 22 - 5);
    for (tags, words) in [
        (&["slwo"], "no scenario has the tag `slwo`: did you mean `slow`?"),
        (
            &["!networking"],
            "no scenario has the tag `networking`: known are `drift`, `slow`",
        ),
    ] {
        assert_eq!(suite.plan(&tagged(tags)).unwrap_err().to_string(), words);
    }
    assert_eq!(
        suite.plan(&tagged(&["drift", "!drift"])).unwrap_err().to_string(),
        "no scenario is selected: the tags choose none"
    );
}

#[test]
fn scenarios_of_an_earlier_run_are_chosen_by_their_whole_ids() {
    let suite = twenty("a");
    let again = |ids: &[&str]| Selection {
        ids: words(ids),
        ..Selection::default()
    };
    assert_eq!(asked(&suite, &again(&["a/03", "a/10"])), ["claim 3", "claim 10"]);
    assert_eq!(
        suite
            .plan(&again(&["a/0", "a/03", "a/99"]))
            .unwrap_err()
            .to_string(),
        "the scenarios `a/0`, `a/99` are no longer there: they were renamed or removed, choose by name or path"
    );
}

#[test]
fn a_matrix_is_chosen_by_its_file_and_by_its_values() {
    let matrix = "matrix: {word: [calm, brisk]}".to_owned();
    let suite = suite(&[("a/b.yaml".to_owned(), "it is ${matrix.word}".to_owned(), &matrix)]);
    let both = Selection {
        paths: vec!["a/b.yaml".into()],
        ..Selection::default()
    };
    assert_eq!(asked(&suite, &both), ["it is brisk", "it is calm"]);
    let one = Selection {
        ids: words(&["a/b[word=calm]"]),
        ..Selection::default()
    };
    assert_eq!(asked(&suite, &one), ["it is calm"]);
}

fn of_shard(index: u32, count: u32) -> Selection {
    Selection {
        shard: Some(format!("{index}/{count}").parse::<Shard>().unwrap()),
        ..Selection::default()
    }
}

/// What each shard of so many was asked for.
fn divided(suite: &Suite, count: u32) -> BTreeMap<String, u32> {
    let mut owners = BTreeMap::new();
    for index in 1..=count {
        for claim in asked(suite, &of_shard(index, count)) {
            assert_eq!(owners.insert(claim, index), None, "two shards run the same");
        }
    }
    owners
}

#[test]
fn every_scenario_belongs_to_one_shard_wherever_its_file_lies() {
    let suite = twenty("a");
    for count in [1, 2, 3, 7] {
        assert_eq!(divided(&suite, count).len(), 22, "in {count}");
    }
    assert_eq!(divided(&suite, 4), divided(&twenty("elsewhere/below"), 4));
    // Fixed for good: a shard that changes with the program's version would run some twice and others never.
    assert_eq!(
        asked(&suite, &of_shard(2, 4)),
        ["claim 0", "claim 4", "claim 6", "claim 7", "claim 10", "claim 16"]
    );
}

#[test]
fn every_shard_has_what_its_scenarios_need() {
    let suite = twenty("a");
    for index in 1..=5 {
        let ids = ids(&suite, &of_shard(index, 5));
        assert_eq!(ids[..2], ["base/operator", "base/platform"], "{index}");
    }
}

#[test]
fn a_shard_without_a_scenario_says_so() {
    let suite = twenty("a");
    let one = Selection {
        ids: words(&["a/01"]),
        ..Selection::default()
    };
    let of = |index| Selection {
        shard: of_shard(index, 2).shard,
        ..one.clone()
    };
    let errors: Vec<String> = (1..=2)
        .filter_map(|index| suite.plan(&of(index)).err())
        .map(|error| error.to_string())
        .collect();
    assert_eq!(
        errors,
        ["shard 1/2 is empty, as 1 scenario is selected: divide into no more parts than that"]
    );
}

#[test]
fn a_seed_shuffles_and_keeps_what_must_come_first_and_last() {
    let suite = twenty("a");
    let shuffled = |seed| {
        let selection = Selection {
            seed: Some(seed),
            ..Selection::default()
        };
        ids(&suite, &selection)
    };
    let plain = ids(&suite, &Selection::default());
    assert_eq!(shuffled(1), shuffled(1));
    assert_ne!(shuffled(1), shuffled(2));
    assert_ne!(shuffled(1), plain);
    for seed in 0..20 {
        let order = shuffled(seed);
        assert_eq!(order[..2], ["base/operator", "base/platform"]);
        let mut last = order[20..].to_vec();
        last.sort();
        assert_eq!(last, ["a/18", "a/19"]);
        let mut sorted = order[2..].to_vec();
        sorted.sort();
        assert_eq!(sorted, plain[2..]);
    }
}

#[test]
fn those_with_clusters_of_their_own_begin() {
    let clusters =
        "clusters: {far: {environment: prod}}\nfinally: [{delete: {object: v1/Namespace a, cluster: far}}]";
    let files = [
        ("near", ""),
        ("promote", clusters),
        ("zone", clusters),
        ("all", "exclusive: true"),
    ]
    .map(|(name, head)| (format!("{name}.yaml"), format!("claim {name}"), head));
    assert_eq!(
        ids(&suite(&files), &Selection::default()),
        ["base/operator", "base/platform", "promote", "zone", "near", "all"]
    );
}

#[test]
fn nothing_to_choose_from_is_an_error() {
    let nothing = Suite::default().plan(&Selection::default());
    assert_eq!(nothing.unwrap_err(), PlanError::NothingSelected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever is claimed and in however many parts: no scenario twice, none lost, no part much larger, and one more moves at most one
    /// over each border.
    #[test]
    fn any_suite_is_divided_without_rest(claims in prop::collection::btree_set("[a-z]{1,12}", 4..20), count in 1u32..6) {
        let files = |claims: &[String]| -> Vec<(String, String, &'static str)> {
            claims
                .iter()
                .enumerate()
                .map(|(number, claim)| (format!("x/{number}.yaml"), format!("claim {claim}"), ""))
                .collect()
        };
        let mut claims: Vec<String> = claims.into_iter().collect();
        let before = divided(&suite(&files(&claims)), count);
        prop_assert_eq!(before.len(), claims.len() + 2);
        let sizes = (1..=count).map(|index| before.values().filter(|owner| **owner == index).count());
        let sizes: Vec<usize> = sizes.collect();
        prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{:?}", sizes);
        claims.insert(0, "0".to_owned());
        let after = divided(&suite(&files(&claims)), count);
        let moved = before.iter().filter(|(claim, owner)| after[*claim] != **owner).count();
        prop_assert!(moved < count as usize, "{moved} moved");
    }
}
