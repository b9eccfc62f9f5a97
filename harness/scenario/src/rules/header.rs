//! Rules for everything but the steps.

use super::{Findings, expression, steps::Made};
use crate::{Facts, Scenario, Stage, Step};

pub(super) fn check(scenario: &Scenario, broken: bool, findings: &mut Findings<'_>) {
    if !broken {
        check_substance(scenario, findings);
    }
    if let Some(when) = &scenario.when {
        let place = expression::Place {
            environment: &expression::cluster(scenario),
            changing: &[Facts::VARIABLE],
            wanted: true,
        };
        expression::check(when, &place, &Made::default(), findings);
    }
    let is_vain = scenario.finally.iter().all(|step| step.step.is_expectation());
    if let Some(first) = scenario.finally.first().filter(|_| is_vain && !broken) {
        findings.at(first).note(
            first.span,
            "a `finally` that only expects: nothing is put back",
            "expectations belong to `steps`; `finally` is for what must be done however the scenario ends",
        );
    }
    if let Some(provides) = &scenario.provides {
        if provides.value == Stage::Cluster {
            findings.note(
                provides.span,
                "`provides: cluster` says nothing: the cluster is there from the start",
                "provide `operator`, `platform` or `admission`",
            );
        } else if provides.value <= scenario.needs {
            let message = format!(
                "a scenario that provides `{}` cannot need `{}`: neither could ever begin",
                provides.value, scenario.needs
            );
            findings.note(
                provides.span,
                message,
                "leave out `needs`, or need a lower stage: `cluster`, then `operator`, then `platform`, then `admission`",
            );
        }
    }
    if let Some(skip) = &scenario.skip {
        if skip.reason.trim().is_empty() {
            findings.note(
                skip.reason.span,
                "a skip without a reason",
                "say why the scenario is not run",
            );
        }
        if let Some(until) = skip.until.as_ref().filter(|until| !is_date(until)) {
            findings.note(
                until.span,
                format!("`{until}` is not a date"),
                "write it as `2027-01-31`",
            );
        }
    }
}

/// A scenario has to claim something, for some requirement, and must be able to fail.
fn check_substance(scenario: &Scenario, findings: &mut Findings<'_>) {
    if scenario.claim.trim().is_empty() {
        findings.note(
            scenario.claim.span,
            "an empty claim",
            "say in one sentence what is true of a platform that conforms",
        );
    } else if scenario.claim.contains('\n') {
        findings.note(
            scenario.claim.span,
            "a claim of more than one line",
            "say it in one sentence; a comment may hold the rest",
        );
    }
    if scenario.requirements.is_empty() {
        findings.note(
            scenario.claim.span,
            "a scenario that proves no requirement",
            "name at least one in `requirements`, such as `[GITOPS-05]`",
        );
    }
    let can_fail = scenario.steps.iter().any(|step| step.step.is_expectation());
    if !can_fail {
        let place = scenario
            .steps
            .last()
            .map_or(scenario.claim.span, |step| step.span);
        let sign = match scenario.steps.last().map(|step| &step.step) {
            Some(Step::Exec(_)) => "give `exec` an `expect`, or add an `expect` step",
            _ => "add an `expect`, `compare`, `scan` or `verify` step, or an `exec` with `expect`",
        };
        findings.note(
            place,
            "a vacuous scenario: no step expects anything of the platform",
            sign,
        );
    }
}

/// `YYYY-MM-DD`, a day that exists.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else {
        return false;
    };
    let digits =
        |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if !(digits(year, 4) && digits(month, 2) && digits(day, 2)) {
        return false;
    }
    let number = |text: &str| text.parse::<u16>().unwrap_or_default();
    let year = number(year);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match number(month) {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&number(day))
}

#[cfg(test)]
mod tests {
    use super::is_date;

    #[test]
    fn only_days_that_exist_are_dates() {
        for text in ["2027-01-31", "2028-02-29", "2000-02-29"] {
            assert!(is_date(text), "{text}");
        }
        for text in [
            "2027-02-29",
            "2100-02-29",
            "2027-13-01",
            "2027-00-01",
            "2027-01-00",
            "27-01-01",
            "2027-1-1",
            "soon",
            "",
        ] {
            assert!(!is_date(text), "{text}");
        }
    }
}
