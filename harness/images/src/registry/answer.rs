//! Refusals: what a registry says, and how long it asks to be left alone.

use jiff::{Timestamp, fmt::rfc2822};
use reqwest::{Response, StatusCode, header};
use serde::Deserialize;
use std::{fmt, time::Duration};

/// How much of a refusal is read.
const LARGEST: usize = 64 << 10;
/// How much of a text that is not JSON is shown.
const SHOWN: usize = 200;

/// An answer that is not what was asked for.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    /// The registry's own code, such as `TOOMANYREQUESTS`.
    code: Option<String>,
    message: String,
    /// How long the registry asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl std::error::Error for Answer {}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "status {}", self.status.as_u16())?;
        for text in self
            .code
            .iter()
            .chain(Some(&self.message).filter(|text| !text.is_empty()))
        {
            write!(formatter, ", {text}")?;
        }
        match self.retry_after {
            Some(pause) => write!(formatter, "; it asks to wait {} s", pause.as_secs()),
            None => Ok(()),
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    errors: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: Option<String>,
}

impl Answer {
    /// Reads what a refusal says about itself.
    pub async fn read(mut response: Response) -> Self {
        let status = response.status();
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| pause(value, Timestamp::now()));
        let mut body = Vec::new();
        // A refusal that breaks off still is one.
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                break;
            }
        }
        let (code, message) = words(&body);
        Self {
            status,
            code,
            message,
            retry_after,
        }
    }

    /// An answer without words.
    #[cfg(test)]
    pub const fn bare(status: StatusCode) -> Self {
        Self {
            status,
            code: None,
            message: String::new(),
            retry_after: None,
        }
    }

    /// Whether the registry's own code is one of these.
    pub fn says(&self, codes: &[&str]) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        codes.iter().any(|wanted| code.eq_ignore_ascii_case(wanted))
    }
}

/// The code and the message in the body of a refusal.
fn words(body: &[u8]) -> (Option<String>, String) {
    if let Ok(Envelope { errors }) = serde_json::from_slice(body) {
        return match errors.into_iter().next() {
            Some(first) => (
                Some(first.code).filter(|code| !code.is_empty()),
                first.message.unwrap_or_default(),
            ),
            None => (None, String::new()),
        };
    }
    let text = String::from_utf8_lossy(body);
    // A page for browsers explains nothing here.
    let is_page = text.trim_start().starts_with('<');
    let line = text.lines().next().unwrap_or_default().trim();
    (
        None,
        if is_page {
            String::new()
        } else {
            line.chars().take(SHOWN).collect()
        },
    )
}

/// The pause in a header `Retry-After`: seconds, or a date.
fn pause(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = rfc2822::parse(value.trim()).ok()?.timestamp();
    Some(Duration::try_from(then.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pause_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        for (value, expected) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sat, 21 Nov 2026 10:00:30 GMT", Some(30)),
            ("Sat, 21 Nov 2026 09:00:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(pause(value, now), expected.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_its_own_words() {
        let answer = |body: &str, retry_after| {
            let (code, message) = words(body.as_bytes());
            let status = StatusCode::TOO_MANY_REQUESTS;
            Answer {
                status,
                code,
                message,
                retry_after,
            }
            .to_string()
        };
        let json = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down","detail":{}}]}"#;
        assert_eq!(
            answer(json, Some(Duration::from_secs(3))),
            "status 429, TOOMANYREQUESTS, slow down; it asks to wait 3 s"
        );
        assert_eq!(answer("rate limit\nsecond line", None), "status 429, rate limit");
        assert_eq!(answer("<html>", None), "status 429");
        assert_eq!(answer("", None), "status 429");
    }

    proptest! {
        #[test]
        fn no_body_and_no_header_make_it_panic(body: Vec<u8>, value in "\\PC{0,40}") {
            let _ = words(&body);
            let _ = pause(&value, Timestamp::UNIX_EPOCH);
        }
    }
}
