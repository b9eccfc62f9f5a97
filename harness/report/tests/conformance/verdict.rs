//! How far a platform may claim to conform, given what was found.

use crate::recorded::{changed, log, profile, report, test};
use plumbline_model::{
    Event, ExitCode, Failure, FlakyResult, Level, LogEntry, Outcome, Shard, Skip, SkipCause, Subject,
    requirements,
};
use serde_json::{Value, json};

/// A run in which one scenario proves every requirement on a real cluster, with `outcome` for the one of `requirement`.
fn complete(requirement: &str, outcome: &Outcome) -> Vec<LogEntry> {
    let mut log = log("first");
    let finished = |event: &Event| matches!(event, Event::ScenarioFinished { .. });
    let at = log
        .iter()
        .position(|entry| finished(&entry.event))
        .expect("a scenario ended");
    let pattern = log[at].clone();
    // How a run ended follows from its scenarios, so the recorded end is none of this one's.
    log.retain(|entry| {
        let begun = matches!(
            entry.event,
            Event::ScenarioStarted { .. } | Event::RunFinished { .. }
        );
        !begun && !finished(&entry.event)
    });
    for known in requirements() {
        let mut entry = pattern.clone();
        if let Event::ScenarioFinished {
            scenario,
            requirements,
            outcome: ended,
            ..
        } = &mut entry.event
        {
            *scenario = format!("every/{}", known.id);
            *requirements = vec![known.id];
            *ended = match known.id.as_str() == requirement {
                true => outcome.clone(),
                false => Outcome::Passed,
            };
        }
        log.push(entry);
    }
    log.push(LogEntry {
        at: 60_000,
        event: Event::RunFinished {
            duration: 60_000,
            exit: match outcome {
                Outcome::Failed(_) => ExitCode::Failed,
                _ => ExitCode::Passed,
            },
        },
    });
    changed(log, |event| {
        if let Event::RunStarted {
            provider, scenarios, ..
        } = event
        {
            *provider = "existing".into();
            *scenarios = requirements()
                .iter()
                .map(|known| format!("every/{}", known.id))
                .collect();
        }
    })
}

fn skipped() -> Outcome {
    Outcome::Skipped(Skip {
        reason: "the mirror is being moved".into(),
        cause: SkipCause::Author,
        issue: Some("https://example.com/7".into()),
        until: Some("2027-01-31".into()),
    })
}

fn verdicts(report: &Value, name: &str) -> (String, String, String) {
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    let profile = profile(report, name);
    (
        text(&report["verdict"]),
        text(&profile["core"]["result"]),
        text(&profile["extended"]["result"]),
    )
}

fn are(report: &Value, name: &str, expected: [&str; 3]) {
    let (verdict, core, extended) = verdicts(report, name);
    assert_eq!([verdict, core, extended], expected, "{:#}", report["limits"]);
}

#[test]
fn everything_proved_is_a_success() {
    let report = report(&complete("", &Outcome::Passed));
    assert_eq!(report["limits"], json!([]), "{:#}", report["run"]["troubles"]);
    are(&report, "GITOPS", ["success", "success", "success"]);
}

#[test]
fn one_core_requirement_that_fails_is_a_failure_of_the_whole() {
    let report = report(&complete("SUPPLY-01", &Failure::default().into()));
    are(&report, "SUPPLY", ["failure", "failure", "success"]);
    are(&report, "GITOPS", ["failure", "success", "success"]);
}

#[test]
fn one_core_requirement_that_is_skipped_makes_it_partial_and_says_why() {
    let report = report(&complete("SUPPLY-01", &skipped()));
    are(&report, "SUPPLY", ["partial", "partial", "success"]);
    let statistics = &profile(&report, "SUPPLY")["core"]["statistics"];
    assert_eq!(
        (&statistics["skipped"], &statistics["passed"]),
        (&json!(1), &json!(7))
    );
    assert_eq!(
        test(&report, "SUPPLY-01")["scenarios"][0]["skip"],
        json!({
            "reason": "the mirror is being moved", "cause": "author",
            "issue": "https://example.com/7", "until": "2027-01-31",
        })
    );
}

#[test]
fn an_extended_requirement_that_is_skipped_is_unproven_and_hurts_no_core() {
    let report = report(&complete("GITOPS-19", &skipped()));
    are(&report, "GITOPS", ["success", "success", "partial"]);
    let extended = &profile(&report, "GITOPS")["extended"];
    assert_eq!(extended["unproven"], json!(["GITOPS-19"]));
    let supported = extended["supportedFeatures"].as_array().expect("features");
    assert!(supported.contains(&json!("receivers")), "{supported:?}");
}

#[test]
fn what_the_cluster_lacks_is_not_supported_and_hurts_nothing() {
    let mut without = complete("GITOPS-19", &skipped());
    without = changed(without, |event| {
        if let Event::SubjectObserved { subject } = event {
            subject
                .definitions
                .remove("receivers.notification.toolkit.fluxcd.io");
        }
    });
    let report = report(&without);
    are(&report, "GITOPS", ["success", "success", "success"]);
    assert_eq!(test(&report, "GITOPS-19")["status"], "not-supported");
    let extended = &profile(&report, "GITOPS")["extended"];
    assert_eq!(extended["unsupportedFeatures"], json!(["receivers"]));
    assert_eq!(extended["unproven"], json!([]));
}

#[test]
fn a_feature_is_gone_with_what_shows_it() {
    let features = |change: &dyn Fn(&mut Subject)| {
        let log = changed(log("first"), |event| {
            if let Event::SubjectObserved { subject } = event {
                change(subject);
            }
        });
        report(&log)["subject"]["features"].clone()
    };
    let all = features(&|_| {});
    let lost = |change: &dyn Fn(&mut Subject)| -> Vec<String> {
        let left = features(change);
        let known = all.as_object().expect("features by name");
        let lost = known
            .iter()
            .filter(|(name, has)| **has == json!(true) && left[*name] == json!(false));
        lost.map(|(name, _)| name.clone()).collect()
    };
    let without = |component: &'static str| {
        move |subject: &mut Subject| subject.components.retain(|found| found.name != component)
    };
    assert_eq!(lost(&without("helm-controller")), ["helm"]);
    assert_eq!(lost(&without("image-reflector-controller")), ["image-automation"]);
    assert_eq!(
        lost(&without("kustomize-controller")),
        ["decryption", "substitution"]
    );
    assert_eq!(
        lost(&without("notification-controller")),
        ["commit-status", "receivers"]
    );
    assert_eq!(
        lost(&without("source-controller")),
        ["buckets", "chart-repositories", "git-sources", "oci-sources"]
    );
    assert_eq!(
        lost(&|subject| subject.operator = None),
        ["operator", "resource-sets"]
    );
    assert_eq!(
        lost(&|subject| subject.flux.as_mut().expect("Flux").settings.clear()),
        ["network-policies", "workload-identity"]
    );
    let gained = features(&|subject| {
        subject.components[0]
            .arguments
            .push("--feature-gates=A=false,ExternalArtifact=true".into());
        let settings = &mut subject.flux.as_mut().expect("Flux").settings;
        settings.insert("cluster.multitenant".into(), "true".into());
        settings.insert("sharding.shards".into(), "a b".into());
    });
    for feature in ["external-artifacts", "multitenancy", "sharding"] {
        assert_eq!(
            (&all[feature], &gained[feature]),
            (&json!(false), &json!(true)),
            "{feature}"
        );
    }
}

#[test]
fn what_was_tested_counts_even_if_the_cluster_seems_to_lack_it() {
    let log = changed(complete("GITOPS-19", &Failure::default().into()), |event| {
        if let Event::SubjectObserved { subject } = event {
            subject.definitions.clear();
        }
    });
    assert_eq!(test(&report(&log), "GITOPS-19")["status"], "failed");
}

#[test]
fn what_needs_pods_is_only_simulated_on_the_embedded_cluster() {
    let log = changed(complete("", &Outcome::Passed), |event| {
        if let Event::RunStarted { provider, .. } = event {
            *provider = "embedded".into();
        }
    });
    let report = report(&log);
    for known in requirements() {
        let status = if known.needs_pods { "simulated" } else { "passed" };
        assert_eq!(test(&report, known.id.as_str())["status"], status, "{}", known.id);
        let profile = known.id.as_str().rsplit_once('-').expect("a number").0;
        let (verdict, core, _) = verdicts(&report, profile);
        if known.needs_pods && known.level == Level::Core {
            assert_eq!(
                (verdict.as_str(), core.as_str()),
                ("partial", "partial"),
                "{}",
                known.id
            );
        }
    }
}

#[test]
fn what_holds_at_a_further_attempt_counts_unless_the_user_says_no() {
    let flaky = Outcome::Flaky { attempts: 2 };
    let log = complete("GITOPS-05", &flaky);
    let lenient = report(&log);
    are(&lenient, "GITOPS", ["success", "success", "success"]);
    let told = test(&lenient, "GITOPS-05");
    assert_eq!(
        (&told["status"], &told["scenarios"][0]["attempts"]),
        (&json!("flaky"), &json!(2))
    );
    let strict = report(&changed(log, |event| {
        if let Event::RunStarted { options, .. } = event {
            options.flaky = FlakyResult::Fail;
        }
    }));
    are(&strict, "GITOPS", ["failure", "failure", "success"]);
}

/// Why the verdict of a complete run is no success after all.
fn limits(change: impl FnMut(&mut Event)) -> Value {
    let report = report(&changed(complete("", &Outcome::Passed), change));
    assert_eq!(report["verdict"], "partial", "{:#}", report["limits"]);
    report["limits"].clone()
}

#[test]
fn one_part_of_the_scenarios_is_not_all() {
    let limits = limits(|event| {
        if let Event::RunStarted { options, .. } = event {
            options.shard = Some("1/2".parse::<Shard>().expect("a shard"));
        }
    });
    assert_eq!(limits, json!(["one-shard"]));
}

#[test]
fn scenarios_that_nobody_can_name_prove_little() {
    let limits = limits(|event| {
        if let Event::RunStarted { suite, .. } = event {
            suite.digest.clear();
        }
    });
    assert_eq!(limits, json!(["suite-unknown"]));
}

#[test]
fn what_became_something_else_on_the_way_was_not_tested_as_a_whole() {
    let mut seen = 0;
    let limits = limits(|event| {
        if let Event::SubjectObserved { subject } = event {
            seen += 1;
            if seen == 2 {
                subject.components[0].digest = "sha256:00".into();
            }
        }
    });
    assert_eq!(limits, json!(["subject-changed"]));
}

#[test]
fn a_platform_that_nobody_saw_conforms_to_nothing() {
    let log = complete("", &Outcome::Passed);
    let blind: Vec<_> = log
        .into_iter()
        .filter(|entry| !matches!(entry.event, Event::SubjectObserved { .. }))
        .collect();
    let report = report(&blind);
    assert_eq!(
        (&report["verdict"], &report["limits"]),
        (&json!("partial"), &json!(["subject-unknown"]))
    );
}

#[test]
fn a_run_that_breaks_off_is_never_a_success() {
    let mut log = complete("", &Outcome::Passed);
    log.pop();
    let last = log.pop();
    assert!(last.is_some());
    let report = report(&log);
    assert_eq!(
        (&report["verdict"], &report["limits"]),
        (&json!("partial"), &json!(["run-incomplete"]))
    );
}
