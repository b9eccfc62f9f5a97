//! Sends a request, again and again until the answer is as expected. Answers cannot be watched, so the pauses grow.

use super::ScenarioState;
use crate::judge;
use plumbline_cluster::conditions::Verdict;
use plumbline_flux::{HttpAnswer, HttpRequest, VerbError};
use plumbline_scenario::steps::{Condition, Http, HttpExpectation};
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// The first pause between two requests; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How much of a body a failure shows.
const SHOWN: usize = 1000;

pub(super) async fn http(http: &Http, state: &mut ScenarioState, within: Duration) -> Result<(), VerbError> {
    let request = HttpRequest {
        method: http.method.word().to_owned(),
        url: http.url.value.clone(),
        headers: http.headers.clone(),
        body: http.body.clone(),
    };
    let client = state.platform.http_client().await?;
    let deadline = state.deadline.min(Instant::now() + within);
    let expected = expected(http.expect.as_ref());
    let what = format!(
        "{} {} to be answered with {expected}",
        request.method, request.url
    );
    let mut pause = FIRST_PAUSE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let seen = match client.send(&request, left.max(FIRST_PAUSE)).await? {
            Ok(answer) => match judged(http.expect.as_ref(), &answer, &state.readable) {
                Verdict::Met => {
                    let output = json!({"status": answer.status, "body": body(&answer)});
                    state.leave(http.output.as_ref(), output);
                    return Ok(());
                }
                Verdict::NotYet(seen) | Verdict::Never(seen) => seen,
            },
            Err(error) => format!("no answer: {error}"),
        };
        state.waiting.saw(&what, &seen);
        if Instant::now() + pause >= deadline {
            let message = format!("{what}: not so within {} s", within.as_secs_f64());
            return Err(VerbError::mismatch(message, expected, seen));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What must come back, in words.
fn expected(expectation: Option<&HttpExpectation>) -> String {
    let Some(expectation) = expectation else {
        return "anything".to_owned();
    };
    let status = match expectation.status {
        Some(status) => format!("status {status}"),
        None => "a status of 200 to 299".to_owned(),
    };
    let body = expectation
        .body
        .iter()
        .map(|condition| format!("a body that {}", condition.value));
    let that = expectation
        .that
        .iter()
        .map(|predicate| predicate.value.source().to_owned());
    [status]
        .into_iter()
        .chain(body)
        .chain(that)
        .collect::<Vec<_>>()
        .join(", ")
}

fn judged(
    expectation: Option<&HttpExpectation>,
    answer: &HttpAnswer,
    readable: &Map<String, Value>,
) -> Verdict {
    let Some(expectation) = expectation else {
        return Verdict::Met;
    };
    let instead = |reason: &str| {
        let reason = match reason {
            "" => String::new(),
            reason => format!(" ({reason})"),
        };
        Verdict::NotYet(format!(
            "status {}{reason}: {}",
            answer.status,
            shown(&answer.body)
        ))
    };
    let is_status = match expectation.status {
        Some(status) => status == answer.status,
        None => (200..300).contains(&answer.status),
    };
    if !is_status {
        return instead("");
    }
    if let Some(condition) = &expectation.body {
        match condition.value.holds(&answer.body) {
            Ok(true) => {}
            Ok(false) => return instead(""),
            Err(pattern) => return Verdict::Never(pattern),
        }
    }
    if let Some(predicate) = &expectation.that {
        let mut variables = readable.clone();
        variables.extend([
            ("status".to_owned(), answer.status.into()),
            ("headers".to_owned(), json!(answer.headers)),
            ("body".to_owned(), body(answer)),
        ]);
        let condition = Condition::That(predicate.clone());
        if let Verdict::NotYet(reason) | Verdict::Never(reason) = judge::set(&condition, &variables, 0) {
            return instead(&reason);
        }
    }
    Verdict::Met
}

/// The body as JSON where it is JSON, else as text.
fn body(answer: &HttpAnswer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| answer.body.clone().into())
}

fn shown(body: &str) -> String {
    let text = body.trim();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None if text.is_empty() => "an empty body".to_owned(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_scenario::{Located, Predicate, Span, TextCondition};

    fn answer(status: u16, body: &str) -> HttpAnswer {
        HttpAnswer {
            status,
            headers: [("content-type".to_owned(), "text/plain".to_owned())].into(),
            body: body.to_owned(),
        }
    }

    fn located<T>(value: T) -> Located<T> {
        Located {
            value,
            span: Span::default(),
        }
    }

    fn expectation(status: Option<u16>, contains: Option<&str>, that: Option<&str>) -> HttpExpectation {
        HttpExpectation {
            status,
            body: contains.map(|text| located(TextCondition::Contains(text.to_owned()))),
            that: that.map(|source| located(Predicate::new(source))),
        }
    }

    #[test]
    fn each_part_of_an_expectation_can_fail_by_itself() {
        let whole = expectation(
            Some(201),
            Some("made"),
            Some("body.made == 1 && headers['content-type'].startsWith('text')"),
        );
        let judged = |answer: &HttpAnswer| judged(Some(&whole), answer, &Map::new());
        assert_eq!(judged(&answer(201, "{\"made\": 1}")), Verdict::Met);
        assert_eq!(
            judged(&answer(200, "{\"made\": 1}")),
            Verdict::NotYet("status 200: {\"made\": 1}".into())
        );
        assert!(!judged(&answer(201, "{}")).is_met());
        assert_eq!(
            judged(&answer(201, "{\"made\": 2}")),
            Verdict::NotYet(
                "status 201 (body.made is 2, headers['content-type'] is \"text/plain\"): {\"made\": 2}"
                    .into()
            )
        );
        assert_eq!(
            expected(Some(&whole)),
            "status 201, a body that contains `made`, body.made == 1 && headers['content-type'].startsWith('text')"
        );
    }

    #[test]
    fn without_a_status_any_success_will_do_and_without_an_expectation_any_answer() {
        let success = expectation(None, None, None);
        assert!(judged(Some(&success), &answer(204, ""), &Map::new()).is_met());
        assert_eq!(
            judged(Some(&success), &answer(404, " "), &Map::new()),
            Verdict::NotYet("status 404: an empty body".into())
        );
        assert!(judged(None, &answer(500, ""), &Map::new()).is_met());
    }
}
