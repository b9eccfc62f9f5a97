//! The fields of a scenario beside its steps: each is read by itself, so that every error of every field is said at once.

use crate::{
    Exclusive, ExtraCluster, Located, Scenario, SecretSource, Span, Timespan,
    decode::{self, DecodeError},
    document::{Content, Entry, Node},
    findings::Findings,
    name::{IDENTIFIER, WORD, is_identifier, is_word},
    position, suggestion,
    template::{Part, Place, Placeholder, parts, visit_strings},
};
use plumbline_model::{RequirementId, requirements};
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};

/// The fields of a scenario, as they are written.
pub(crate) const FIELDS: [&str; 18] = [
    "claim",
    "requirements",
    "tags",
    "needs",
    "when",
    "provides",
    "exclusive",
    "retries",
    "timeout",
    "skip",
    "matrix",
    "variables",
    "secrets",
    "clusters",
    "given",
    "writes",
    "steps",
    "finally",
];

/// More attempts would only hide what is wrong.
const MOST_RETRIES: u32 = 5;

/// Reads fields of one mapping and notes what is wrong with each.
pub(crate) struct Header<'read, 'file> {
    pub(crate) root: &'read Node,
    pub(crate) findings: Findings<'file>,
}

impl<'read> Header<'read, '_> {
    pub(crate) fn check_fields(&mut self) {
        let Content::Mapping(entries) = &self.root.content else {
            return;
        };
        for entry in entries
            .iter()
            .filter(|entry| !FIELDS.contains(&entry.key.as_str()))
        {
            let message = format!("unknown field `{}`", entry.key);
            self.findings
                .note(entry.key_span, message, suggestion::instead(&entry.key, FIELDS));
        }
    }

    pub(crate) fn requirements(&mut self) -> Vec<Located<RequirementId>> {
        let mut known: Vec<Located<RequirementId>> = Vec::new();
        for name in self
            .required::<Vec<Located<String>>>("requirements")
            .unwrap_or_default()
        {
            match name.value.parse() {
                Ok(id) if known.iter().any(|other| other.value == id) => {
                    self.refuse(name.span, format!("the requirement `{id}` is here twice"), None);
                }
                Ok(id) => known.push(Located {
                    value: id,
                    span: name.span,
                }),
                Err(_) => {
                    let ids = requirements().iter().map(|requirement| requirement.id.as_str());
                    let help = match suggestion::nearest(&name.value, ids) {
                        Some(nearest) => format!("did you mean `{nearest}`?"),
                        None => "an id looks like `GITOPS-05`".to_owned(),
                    };
                    self.findings
                        .note(name.span, format!("unknown requirement `{}`", name.value), help);
                }
            }
        }
        known
    }

    pub(crate) fn exclusive(&mut self) -> Exclusive {
        let Some(entry) = self.entry("exclusive", false) else {
            return Exclusive::No;
        };
        match entry.value.content {
            Content::Boolean(true) => Exclusive::Alone,
            Content::Boolean(false) => Exclusive::No,
            Content::Sequence(ref lanes) if lanes.is_empty() => {
                self.findings.note(
                    entry.value.span,
                    "`exclusive: []` excludes nothing",
                    "name a lane, write `exclusive: true`, or leave it out",
                );
                Exclusive::No
            }
            Content::Sequence(_) => Exclusive::Lanes(self.words("exclusive", "a lane")),
            _ => {
                self.findings.note(
                    entry.value.span,
                    "`exclusive` is `true`, or a list of lanes",
                    "`true` runs alone; two scenarios that name the same lane do not run at the same time",
                );
                Exclusive::No
            }
        }
    }

    /// A list of words, each once.
    pub(crate) fn words(&mut self, field: &str, what: &str) -> Vec<Located<String>> {
        let words: Vec<Located<String>> = self.optional(field).unwrap_or_default();
        for (index, word) in words.iter().enumerate() {
            if !is_word(word) {
                self.findings
                    .note(word.span, format!("`{word}` cannot be the name of {what}"), WORD);
            }
            if words[..index].contains(word) {
                let message = format!("`{word}` is here twice");
                self.findings.note(word.span, message, "leave one of them out");
            }
        }
        words
    }

    pub(crate) fn retries(&mut self) -> u32 {
        let Some(retries) = self.optional::<Located<u32>>("retries") else {
            return 0;
        };
        if retries.value > MOST_RETRIES {
            self.findings.note(
                retries.span,
                format!("{retries} further attempts are too many"),
                format!("at most {MOST_RETRIES}: more would only hide what is wrong"),
            );
        }
        retries.value
    }

    pub(crate) fn timeout(&mut self) -> Duration {
        self.optional::<Timespan>("timeout")
            .map_or(Scenario::TIMEOUT, |timeout| timeout.0)
    }

    /// The values of `variables`, which may hold what is known before the first step.
    pub(crate) fn variables(&mut self) -> BTreeMap<String, Node> {
        let entries = self.named("variables", "a variable", is_identifier, IDENTIFIER);
        for entry in entries {
            let source = self.findings.source;
            let mut later = Vec::new();
            visit_strings(&entry.value, Place::Below, &mut |span, text| {
                for part in parts(text) {
                    if let Part::Placeholder {
                        offset,
                        length,
                        placeholder: Placeholder::Output { .. } | Placeholder::Secret(_),
                    } = part
                    {
                        let span = position::inside(source, span, text, offset, length);
                        later.push((span, text[offset..offset + length].to_owned()));
                    }
                }
            });
            for (span, placeholder) in later {
                let help = "a variable may hold `${matrix.<name>}`, `${registry}` and `${namespace}`; write this one in the step itself";
                let message = format!(
                    "`{placeholder}` cannot be a part of a variable: it changes while the scenario runs, or is masked"
                );
                self.findings.note(span, message, help);
            }
        }
        entries
            .iter()
            .map(|entry| (entry.key.clone(), entry.value.clone()))
            .collect()
    }

    pub(crate) fn secrets(&mut self) -> BTreeMap<String, SecretSource> {
        let mut secrets = BTreeMap::new();
        for entry in self.named("secrets", "a secret", is_identifier, IDENTIFIER) {
            let Some(source) = self.decode::<SecretSource>(&entry.value) else {
                continue;
            };
            if let SecretSource::Environment(name) = &source
                && !is_environment_name(name)
            {
                self.findings.note(
                    entry.value.span,
                    format!("`{name}` cannot be the name of an environment variable"),
                    "letters, digits and `_`, no digit first: `environment: REGISTRY_TOKEN`",
                );
            }
            secrets.insert(entry.key.clone(), source);
        }
        secrets
    }

    pub(crate) fn clusters(&mut self) -> BTreeMap<String, Located<ExtraCluster>> {
        let mut clusters = BTreeMap::new();
        for entry in self.named("clusters", "a cluster", is_word, WORD) {
            if let Some(cluster) = self.decode::<Located<ExtraCluster>>(&entry.value) {
                clusters.insert(
                    entry.key.clone(),
                    Located {
                        value: cluster.value,
                        span: entry.key_span,
                    },
                );
            }
        }
        clusters
    }

    /// The entries of a mapping from names.
    fn named(&mut self, field: &str, what: &str, is_name: fn(&str) -> bool, help: &str) -> &'read [Entry] {
        let Some(entry) = self.entry(field, false) else {
            return &[];
        };
        let Content::Mapping(entries) = &entry.value.content else {
            let message = format!("`{field}` is a mapping from names");
            self.findings.note(entry.key_span, message, "write `name: value`");
            return &[];
        };
        for entry in entries.iter().filter(|entry| !is_name(&entry.key)) {
            let message = format!("`{}` cannot be the name of {what}", entry.key);
            self.findings.note(entry.key_span, message, help);
        }
        entries
    }

    /// A list of steps as it is written.
    pub(crate) fn steps(&mut self, field: &str, required: bool) -> &'read [Node] {
        let Some(entry) = self.entry(field, required) else {
            return &[];
        };
        match &entry.value.content {
            Content::Sequence(items) => items,
            _ => {
                let message = format!("`{field}` is a list");
                self.findings
                    .note(entry.key_span, message, "begin each step with a dash");
                &[]
            }
        }
    }

    /// A field that is there and not empty.
    pub(crate) fn entry(&mut self, key: &str, required: bool) -> Option<&'read Entry> {
        let entry = self
            .root
            .entry(key)
            .filter(|entry| !matches!(entry.value.content, Content::Null));
        if entry.is_none() && required {
            let span = self
                .root
                .entry(key)
                .map_or(self.root.span, |entry| entry.key_span);
            self.refuse(span, format!("a scenario needs `{key}`"), None);
        }
        entry
    }

    pub(crate) fn required<T: Deserialize<'read>>(&mut self, key: &str) -> Option<T> {
        let entry = self.entry(key, true)?;
        self.decode(&entry.value)
    }

    pub(crate) fn optional<T: Deserialize<'read>>(&mut self, key: &str) -> Option<T> {
        let entry = self.entry(key, false)?;
        self.decode(&entry.value)
    }

    pub(crate) fn decode<T: Deserialize<'read>>(&mut self, node: &'read Node) -> Option<T> {
        match decode::from_node(node) {
            Ok(value) => Some(value),
            Err(DecodeError { span, message, help }) => {
                self.refuse(span.unwrap_or(node.span), message, help);
                None
            }
        }
    }

    fn refuse(&mut self, span: Span, message: String, help: Option<String>) {
        self.findings.refuse(span, message, help);
    }
}

/// What every shell can set.
fn is_environment_name(text: &str) -> bool {
    !text.starts_with(|first: char| first.is_ascii_digit())
        && !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
