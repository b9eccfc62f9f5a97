//! States what must become true, or stay true.

use crate::{Located, ObjectReference, ObjectSelector, Predicate, Timespan};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{fmt, time::Duration};

/// States what must become true within a time, and may have to stay true for a time: exactly one subject, exactly one condition.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "ExpectFields")]
pub struct Expect {
    /// About what.
    pub subject: Subject,
    /// What must be true.
    pub condition: Condition,
    /// How long it may take until it is true.
    pub within: Option<Located<Timespan>>,
    /// For how long it must then stay true. Without `within` it must be true from the start.
    pub holds: Option<Located<Timespan>>,
    /// Why it matters, in a sentence; shown when it fails.
    pub because: Option<String>,
}

/// About what something is expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// One object; the variable `object`.
    Object(ObjectReference),
    /// Objects; the variable `objects`, a list ordered by namespace and name.
    Objects(ObjectSelector),
    /// Requests received by the webhook sink since the scenario began; the variable `payload`, and one that satisfies the
    /// condition is enough.
    Webhook(Webhook),
    /// Connections tried through the service proxy; the variables `allowed` and `refused`, maps from `host:port` to a count.
    Egress,
}

/// Requests to the webhook sink.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The path of the request, for example `/drift`.
    pub path: String,
}

/// What must be true.
#[derive(Clone, Debug)]
pub enum Condition {
    /// A CEL expression is true.
    That(Located<Predicate>),
    /// The object contains this one: every field given here is there with this value; lists match element by element.
    Matches(Map<String, Value>),
    /// There is no such object, or no such request.
    Absent,
    /// There are exactly so many.
    Count(usize),
}

/// The fields of `expect`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectFields {
    /// Subject: one object.
    #[serde(default)]
    object: Option<ObjectReference>,
    /// Subject: objects by kind, namespace and labels.
    #[serde(default)]
    objects: Option<ObjectSelector>,
    /// Subject: requests to the webhook sink.
    #[serde(default)]
    webhook: Option<Webhook>,
    /// Subject: connections tried through the service proxy.
    #[serde(default)]
    egress: Option<EgressFields>,
    /// Condition: a CEL expression.
    #[serde(default)]
    that: Option<Located<Predicate>>,
    /// Condition: a part of the object.
    #[serde(default)]
    matches: Option<Map<String, Value>>,
    /// Condition: `true`, there is none.
    #[serde(default)]
    absent: Option<bool>,
    /// Condition: how many.
    #[serde(default)]
    count: Option<usize>,
    /// How long it may take; 30s unless `holds` is given.
    #[serde(default)]
    within: Option<Located<Timespan>>,
    /// For how long it must stay true.
    #[serde(default)]
    holds: Option<Located<Timespan>>,
    /// Why it matters.
    #[serde(default)]
    because: Option<String>,
}

/// `egress: {}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EgressFields {}

impl Expect {
    /// How long it may take unless the step says otherwise.
    pub const WITHIN: Duration = Duration::from_secs(30);

    /// How long it may take until it is true: as written; else no time at all if it must hold, else [`Expect::WITHIN`].
    #[must_use]
    pub fn deadline(&self) -> Duration {
        match (&self.within, &self.holds) {
            (Some(within), _) => within.0,
            (None, Some(_)) => Duration::ZERO,
            (None, None) => Self::WITHIN,
        }
    }
}

impl Subject {
    /// The variables that its conditions may use.
    #[must_use]
    pub fn variables(&self) -> &'static [&'static str] {
        match self {
            Self::Object(_) => &["object"],
            Self::Objects(_) => &["objects"],
            Self::Webhook(_) => &["payload"],
            Self::Egress => &["allowed", "refused"],
        }
    }
}

impl TryFrom<ExpectFields> for Expect {
    type Error = String;

    fn try_from(fields: ExpectFields) -> Result<Self, Self::Error> {
        let subjects = [
            fields.object.map(|object| ("object", Subject::Object(object))),
            fields
                .objects
                .map(|objects| ("objects", Subject::Objects(objects))),
            fields
                .webhook
                .map(|webhook| ("webhook", Subject::Webhook(webhook))),
            fields.egress.map(|EgressFields {}| ("egress", Subject::Egress)),
        ];
        let subject = exactly_one("subject", ["object", "objects", "webhook", "egress"], subjects)?;
        let absent = match fields.absent {
            Some(false) => {
                return Err("`absent: false` says nothing: write `absent: true` or leave it out".to_owned());
            }
            absent => absent,
        };
        let conditions = [
            fields.that.map(|that| ("that", Condition::That(that))),
            fields
                .matches
                .map(|matches| ("matches", Condition::Matches(matches))),
            absent.map(|_| ("absent", Condition::Absent)),
            fields.count.map(|count| ("count", Condition::Count(count))),
        ];
        let condition = exactly_one("condition", ["that", "matches", "absent", "count"], conditions)?;
        match (&subject, &condition) {
            (Subject::Object(_), Condition::Count(_)) => {
                return Err(
                    "`count` goes with `objects` or `webhook`: one object is there or `absent`".to_owned(),
                );
            }
            (Subject::Objects(_), Condition::Matches(_)) => {
                return Err("`matches` goes with `object` or `webhook`: for `objects` write `that: objects.all(o, …)`".to_owned());
            }
            (Subject::Egress, Condition::Matches(_) | Condition::Absent | Condition::Count(_)) => {
                return Err("`egress` goes with `that` only, over `allowed` and `refused`".to_owned());
            }
            (_, Condition::Matches(part)) if part.is_empty() => {
                return Err("`matches: {}` matches everything: name at least one field".to_owned());
            }
            _ => {}
        }
        Ok(Self {
            subject,
            condition,
            within: fields.within,
            holds: fields.holds,
            because: fields.because,
        })
    }
}

/// The one alternative that is there, or words for the author.
fn exactly_one<T, const COUNT: usize>(
    what: &str,
    all: [&str; COUNT],
    given: [Option<(&'static str, T)>; COUNT],
) -> Result<T, String> {
    let mut given: Vec<(&str, T)> = given.into_iter().flatten().collect();
    match given.len() {
        1 => Ok(given.remove(0).1),
        0 => Err(format!("`expect` needs a {what}: one of {}", quoted(&all))),
        _ => {
            let names: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
            Err(format!("`expect` takes one {what}, not {}", quoted(&names)))
        }
    }
}

fn quoted(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(object) => object.fmt(formatter),
            Self::Objects(objects) => objects.fmt(formatter),
            Self::Webhook(webhook) => write!(formatter, "requests to {}", webhook.path),
            Self::Egress => formatter.write_str("connections out of the cluster"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::That(predicate) => predicate.fmt(formatter),
            Self::Matches(part) => write!(formatter, "matches {}", Value::Object(part.clone())),
            Self::Absent => formatter.write_str("absent"),
            Self::Count(count) => write!(formatter, "exactly {count}"),
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "expect {}: {}", self.subject, self.condition)?;
        if let Some(within) = &self.within {
            write!(formatter, ", within {within}")?;
        }
        match &self.holds {
            Some(holds) => write!(formatter, ", for {holds}"),
            None => Ok(()),
        }
    }
}
