//! Rules for `http`: a URL that can be asked, and an answer that can be judged.

use super::{Findings, expression, steps::Made, text};
use crate::{Located, ScenarioStep, steps::Http, template};

pub(super) fn check(http: &Http, step: &ScenarioStep, made: &Made<'_>, findings: &mut Findings<'_>) {
    check_url(&http.url, findings);
    let Some(expect) = &http.expect else { return };
    if let Some(status) = expect.status.filter(|status| !(100..=599).contains(status)) {
        let message = format!("{status} is not a status of HTTP");
        findings.note(step.span, message, "it is a number from 100 to 599");
    }
    if let Some(condition) = &expect.body {
        text::check(condition, findings);
    }
    if let Some(predicate) = &expect.that {
        let place = expression::Place {
            environment: &expression::answer(made),
            changing: &["status", "headers", "body", expression::OUTPUTS],
            wanted: true,
        };
        expression::check(predicate, &place, made, findings);
    }
}

fn check_url(url: &Located<String>, findings: &mut Findings<'_>) {
    // An address that is wholly an output is known only while the scenario runs.
    if url.starts_with("${") {
        return;
    }
    let plain = template::plain(url);
    let Some(rest) = ["http://", "https://"]
        .iter()
        .find_map(|scheme| plain.strip_prefix(scheme))
    else {
        let message = format!("`{url}` is not a URL of HTTP");
        findings.note(url.span, message, "it begins with `http://` or `https://`");
        return;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        findings.note(
            url.span,
            "a URL with a login in it would be shown in reports",
            "send it in a header: `headers: {authorization: \"Bearer ${secrets.token}\"}`",
        );
    } else if host.is_empty() || plain.parse::<http::Uri>().is_err() {
        let message = format!("`{url}` is not a URL");
        findings.note(
            url.span,
            message,
            "it is `https://host/path`, with `%20` for a space",
        );
    }
}
