//! States what must become true, or stay true.

use crate::{Located, ObjectReference, ObjectSelector, Predicate, TextCondition, Timespan};
use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{fmt, time::Duration};

/// States what must become true within a time, and may have to stay true for a time: exactly one subject, exactly one condition.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "ExpectFields")]
#[schemars(with = "ExpectFields", transform = one_subject_and_one_condition)]
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
    /// Each of the objects that are there, and be it none; the variable `object`.
    Every(ObjectSelector),
    /// Requests received by the webhook sink since the scenario began; the variable `payload`, and one that satisfies the
    /// condition is enough.
    Webhook(Webhook),
    /// Connections tried through the service proxy; the variables `allowed` and `refused`, maps from `host:port` to a count.
    Egress,
    /// Kubernetes Events about an object since the scenario began; the variable `event`, and one that satisfies the condition is enough.
    Event(ObjectReference),
    /// Lines that a controller logged since the scenario began; the variable `line`, and one that satisfies the condition is enough.
    Log(Located<String>),
    /// Nothing but the outputs of earlier steps: judged once, at once.
    Outputs,
}

/// Requests to the webhook sink.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
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
    /// A CEL expression does not become true, for as long as `holds` says.
    Never(Located<Predicate>),
    /// A line of a log is so.
    Text(Located<TextCondition>),
    /// There are exactly so many.
    Count(usize),
}

/// The fields of `expect`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExpectFields {
    /// Subject: one object.
    #[serde(default)]
    object: Option<ObjectReference>,
    /// Subject: objects by kind, namespace and labels.
    #[serde(default)]
    objects: Option<ObjectSelector>,
    /// Subject: each object by kind, namespace and labels, if there are any; `that` and `matches` are about one of them.
    #[serde(default)]
    every: Option<ObjectSelector>,
    /// Subject: requests to the webhook sink.
    #[serde(default)]
    webhook: Option<Webhook>,
    /// Subject: connections tried through the service proxy.
    #[serde(default)]
    egress: Option<EgressFields>,
    /// Subject: Kubernetes Events about an object.
    #[serde(default)]
    event: Option<EventFields>,
    /// Subject: the log of a controller.
    #[serde(default)]
    log: Option<LogFields>,
    /// Condition: a CEL expression.
    #[serde(default)]
    that: Option<Located<Predicate>>,
    /// Condition: a CEL expression that must not become true; with `holds`.
    #[serde(default)]
    never: Option<Located<Predicate>>,
    /// Condition of `log`: a line has this text in it.
    #[serde(default)]
    contains: Option<Located<String>>,
    /// Condition: a part of the object; of `log`, a regular expression that a line matches.
    #[serde(default)]
    matches: Option<Located<Value>>,
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

/// `event: {of: Kustomization flux-system/ledger}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EventFields {
    /// The object that the Events are about.
    of: ObjectReference,
}

/// `log: {of: kustomize-controller}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LogFields {
    /// The controller.
    of: Located<String>,
}

/// `egress: {}`.
#[derive(Debug, Deserialize, JsonSchema)]
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
            Self::Every(_) => &["object"],
            Self::Webhook(_) => &["payload"],
            Self::Egress => &["allowed", "refused"],
            Self::Event(_) => &["event"],
            Self::Log(_) => &["line"],
            Self::Outputs => &[],
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
            fields.every.map(|every| ("every", Subject::Every(every))),
            fields
                .webhook
                .map(|webhook| ("webhook", Subject::Webhook(webhook))),
            fields.egress.map(|EgressFields {}| ("egress", Subject::Egress)),
            fields
                .event
                .map(|EventFields { of }| ("event", Subject::Event(of))),
            fields.log.map(|LogFields { of }| ("log", Subject::Log(of))),
        ];
        let is_log = matches!(subjects[6], Some((_, Subject::Log(_))));
        let subject = match subjects.iter().flatten().count() {
            // Outputs need no subject of their own: an expression names them.
            0 if fields.that.is_some() => Subject::Outputs,
            _ => exactly_one("subject", SUBJECTS, subjects)?,
        };
        if fields.absent == Some(false) {
            return Err("`absent: false` says nothing: write `absent: true` or leave it out".to_owned());
        }
        let conditions = [
            fields.that.map(|that| ("that", Condition::That(that))),
            fields.never.map(|never| ("never", Condition::Never(never))),
            fields
                .matches
                .map(|matches| Ok::<_, String>(("matches", matching(matches, is_log)?)))
                .transpose()?,
            fields
                .contains
                .map(|contains| ("contains", text(contains, TextCondition::Contains))),
            fields.absent.map(|_| ("absent", Condition::Absent)),
            fields.count.map(|count| ("count", Condition::Count(count))),
        ];
        let condition = exactly_one("condition", CONDITIONS, conditions)?;
        check_pair(&subject, &condition)?;
        if matches!(condition, Condition::Never(_)) && fields.holds.is_none() {
            return Err("`never` needs `holds`: for how long it must not become true".to_owned());
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

const SUBJECTS: [&str; 7] = ["object", "objects", "every", "webhook", "egress", "event", "log"];
const CONDITIONS: [&str; 6] = ["that", "never", "matches", "contains", "absent", "count"];

/// For editors: one subject, unless outputs are it, and one condition.
fn one_subject_and_one_condition(schema: &mut Schema) {
    let one_of =
        |names: &[&str]| -> Vec<Value> { names.iter().map(|name| json!({"required": [name]})).collect() };
    let mut subjects = one_of(&SUBJECTS);
    subjects.push(json!({"required": ["that"], "not": {"anyOf": subjects}}));
    let both = json!([{"oneOf": subjects}, {"oneOf": one_of(&CONDITIONS)}]);
    schema.insert("allOf".to_owned(), both);
}

/// What `matches` says: a part of an object, or for a log a regular expression.
fn matching(matches: Located<Value>, is_log: bool) -> Result<Condition, String> {
    match (matches.value, is_log) {
        (Value::Object(part), false) => Ok(Condition::Matches(part)),
        (Value::String(pattern), true) => Ok(Condition::Text(Located {
            value: TextCondition::Matches(pattern),
            span: matches.span,
        })),
        (_, false) => Err("`matches` takes a part of the object, a mapping".to_owned()),
        (_, true) => Err("`matches` of a log takes a regular expression".to_owned()),
    }
}

fn text(written: Located<String>, condition: impl Fn(String) -> TextCondition) -> Condition {
    Condition::Text(Located {
        value: condition(written.value),
        span: written.span,
    })
}

/// Refuses conditions that say nothing about the subject.
fn check_pair(subject: &Subject, condition: &Condition) -> Result<(), String> {
    let refused = match (subject, condition) {
        (Subject::Object(_), Condition::Count(_)) => {
            "`count` goes with `objects`, `webhook` or `event`: one object is there or `absent`"
        }
        (Subject::Objects(_), Condition::Matches(_)) => {
            "`matches` goes with `object`, `every`, `event` or `webhook`: for `objects` write `that: objects.all(o, …)`"
        }
        (Subject::Every(_), Condition::Absent | Condition::Count(_)) => {
            "`every` goes with `that`, `never` or `matches`: how many there are says `objects`"
        }
        (
            Subject::Egress,
            Condition::Matches(_) | Condition::Absent | Condition::Count(_) | Condition::Never(_),
        ) => "`egress` goes with `that` only, over `allowed` and `refused`",
        (Subject::Log(_), Condition::Text(_)) => return Ok(()),
        (Subject::Log(_), _) => "`log` goes with `contains` or `matches`",
        (_, Condition::Text(_)) => "`contains` goes with `log`: for others write `that: ….contains(\"…\")`",
        (_, Condition::Matches(part)) if part.is_empty() => {
            "`matches: {}` matches everything: name at least one field"
        }
        _ => return Ok(()),
    };
    Err(refused.to_owned())
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
            Self::Objects(objects) | Self::Every(objects) => objects.fmt(formatter),
            Self::Webhook(webhook) => write!(formatter, "requests to {}", webhook.path),
            Self::Egress => formatter.write_str("connections out of the cluster"),
            Self::Event(object) => write!(formatter, "Events about {object}"),
            Self::Log(controller) => write!(formatter, "the log of {controller}"),
            Self::Outputs => formatter.write_str("the outputs"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::That(predicate) => predicate.fmt(formatter),
            Self::Matches(part) => write!(formatter, "matches {}", Value::Object(part.clone())),
            Self::Absent => formatter.write_str("absent"),
            Self::Never(predicate) => write!(formatter, "never {predicate}"),
            Self::Text(condition) => condition.fmt(formatter),
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
