//! A YAML file as a tree in which every key and value knows its place. The only module that knows the YAML crate.
//!
//! What is taken is YAML as `kubectl` reads it: anchors, aliases and merge keys within a budget, the tags of YAML itself (`!!str 1` is a
//! text, `!!binary` is decoded and must be text), `yes` and `0644` as of old. What would be lost or changed without a word is refused: a key
//! that is there twice or is no text, another tag, a number that cannot be kept, a second document.

use crate::{Diagnostic, Source, Span};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Location, Spanned};
use std::{fmt, sync::Arc};

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) content: Content,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Null,
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

impl Node {
    /// The entry of a mapping.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.content {
            Content::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }
}

/// Nested deeper than any manifest; everything that walks the tree may recurse.
const DEEPEST: usize = 64;
/// Values in a file, aliases expanded.
const LARGEST: usize = 100_000;

/// The YAML crate needs some 30 KiB of stack per level when it is not optimised; the thread of a caller may have 2 MiB in all.
const STACK: usize = 8 << 20;

/// Parses the one document of a file.
pub(crate) fn parse(source: &Arc<Source>) -> Result<Node, Diagnostic> {
    on_a_large_stack(source, parse_here)
}

/// Parses all documents of a file of manifests; those that are empty are left aside.
pub(crate) fn parse_all(source: &Arc<Source>) -> Result<Vec<Node>, Diagnostic> {
    on_a_large_stack(source, parse_all_here)
}

fn on_a_large_stack<T: Send>(
    source: &Arc<Source>,
    parse: impl FnOnce(&Arc<Source>) -> Result<T, Diagnostic> + Send,
) -> Result<T, Diagnostic> {
    std::thread::scope(|scope| {
        let parser = std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || parse(source));
        match parser.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Diagnostic::new(
                source,
                Span::default(),
                "the YAML parser panicked on this file".to_owned(),
            )),
            Err(error) => Err(Diagnostic::new(
                source,
                Span::default(),
                format!("no thread could be started to parse the file: {error}"),
            )),
        }
    })
}

fn options(documents: usize) -> serde_saphyr::Options {
    serde_saphyr::options! {
        legacy_octal_numbers: true,
        reject_unsupported_tags: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: DEEPEST,
            max_nodes: LARGEST,
            max_total_scalar_bytes: 4 << 20,
            max_documents: documents,
        },
    }
}

/// Documents in a file of manifests.
const MOST_DOCUMENTS: usize = 1_000;

fn parse_all_here(source: &Arc<Source>) -> Result<Vec<Node>, Diagnostic> {
    let spanned: Vec<Spanned<SpannedContent>> =
        serde_saphyr::from_multiple_with_options(source.text(), options(MOST_DOCUMENTS))
            .map_err(|error| refusal(source, &error))?;
    Ok(spanned.into_iter().map(Node::from).collect())
}

fn parse_here(source: &Arc<Source>) -> Result<Node, Diagnostic> {
    let spanned: Spanned<SpannedContent> = serde_saphyr::from_str_with_options(source.text(), options(2))
        .map_err(|error| refusal(source, &error))?;
    let root = Node::from(spanned);
    if let Some(span) = rounded_number(source, &root) {
        let message = "a whole number that is too large to be kept exactly".to_owned();
        return Err(Diagnostic::new(source, span, message).with_help("put it in quotes to make it a string"));
    }
    match root {
        Node {
            content: Content::Null,
            ..
        } => Err(Diagnostic::new(source, root.span, "the file is empty".to_owned())
            .with_help("a scenario has a `claim`, `requirements` and `steps`")),
        _ => Ok(root),
    }
}

fn refusal(source: &Arc<Source>, error: &serde_saphyr::Error) -> Diagnostic {
    use serde_saphyr::Error;
    let error = error.without_snippet();
    let span = error.location().map_or_else(Span::default, span_of);
    // An error inside an alias is told at the alias.
    let error = if let Error::AliasError { error, .. } = error {
        error.without_snippet()
    } else {
        error
    };
    match error {
        Error::MultipleDocuments { .. } => {
            Diagnostic::new(source, span, "the file has more than one document".to_owned())
                .with_help("one file is one scenario: put each into a file of its own")
        }
        Error::DuplicateMappingKey { key, .. } => {
            let message = match key {
                Some(key) => format!("the key `{key}` is here twice"),
                None => "a key is here twice".to_owned(),
            };
            Diagnostic::new(source, span, message)
        }
        Error::Eof { .. } => Diagnostic::new(source, span, "the file is empty".to_owned())
            .with_help("a scenario has a `claim`, `requirements` and `steps`"),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            Diagnostic::new(source, span, "an anchor is used inside of itself".to_owned())
        }
        Error::NonFiniteFloat { value, .. } => Diagnostic::new(
            source,
            span,
            format!("`{value}` is not a number that can be kept"),
        )
        .with_help("put it in quotes to make it a string"),
        Error::UnsupportedTag { tag, .. } => Diagnostic::new(source, span, format!("unknown tag `{tag}`"))
            .with_help("leave it out: only the tags of YAML itself are known, such as `!!str`"),
        Error::InvalidScalar { .. } => {
            Diagnostic::new(source, span, "the value is not what its tag says".to_owned())
        }
        Error::BinaryNotUtf8 { .. } => {
            Diagnostic::new(source, span, "what `!!binary` holds is not text".to_owned())
                .with_help("binary content goes base64 into `binaryData`, without the tag")
        }
        // The only text that nothing but a text may stand for.
        Error::NullIntoString { .. } => not_a_key(source, span),
        _ if words_of(error) == "expected string scalar" => not_a_key(source, span),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => too_much(source, span),
        _ if words_of(error) == "recursion limit exceeded" => too_much(source, span),
        _ => Diagnostic::new(source, span, format!("not valid YAML: {}", words_of(error))),
    }
}

fn too_much(source: &Arc<Source>, span: Span) -> Diagnostic {
    Diagnostic::new(
        source,
        span,
        "the file is too deeply nested, too large, or expands too many aliases".to_owned(),
    )
    .with_help(format!(
        "at most {DEEPEST} levels and {LARGEST} values, aliases expanded"
    ))
}

fn not_a_key(source: &Arc<Source>, span: Span) -> Diagnostic {
    Diagnostic::new(source, span, "a key is a text".to_owned())
}

/// The first whole number that only a floating-point number could hold: it would be another one.
fn rounded_number(source: &Source, node: &Node) -> Option<Span> {
    match &node.content {
        Content::Float(_) => {
            let written = source.text().get(node.span.offset..)?.get(..node.span.length)?;
            let digits = written.trim_start_matches(['+', '-']);
            let whole =
                !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
            whole.then_some(node.span)
        }
        Content::Sequence(items) => items.iter().find_map(|item| rounded_number(source, item)),
        Content::Mapping(entries) => entries
            .iter()
            .find_map(|entry| rounded_number(source, &entry.value)),
        _ => None,
    }
}

/// The parser's message without the place, which is shown with the line.
fn words_of(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let words = match first.rfind(" at line ") {
        Some(place) => &first[..place],
        None => first,
    };
    words.trim_end_matches([':', ',']).to_owned()
}

fn span_of(location: Location) -> Span {
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let size = |size: Option<u64>| {
        size.and_then(|size| usize::try_from(size).ok())
            .unwrap_or_default()
    };
    let span = location.span();
    Span {
        line: number(location.line()),
        column: number(location.column()),
        offset: size(span.byte_offset()),
        length: size(span.byte_len()),
    }
}

/// The same tree as the YAML crate hands it over.
enum SpannedContent {
    Leaf(Content),
    Sequence(Vec<Spanned<SpannedContent>>),
    Mapping(Vec<(Spanned<String>, Spanned<SpannedContent>)>),
}

impl From<Spanned<SpannedContent>> for Node {
    fn from(spanned: Spanned<SpannedContent>) -> Self {
        let content = match spanned.value {
            SpannedContent::Leaf(content) => content,
            SpannedContent::Sequence(items) => Content::Sequence(items.into_iter().map(Self::from).collect()),
            SpannedContent::Mapping(entries) => Content::Mapping(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry {
                        key_span: span_of(key.referenced),
                        key: key.value,
                        value: value.into(),
                    })
                    .collect(),
            ),
        };
        Self {
            span: span_of(spanned.referenced),
            content,
        }
    }
}

impl<'de> Deserialize<'de> for SpannedContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = SpannedContent;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any YAML value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<SpannedContent, E> {
        Ok(SpannedContent::Leaf(Content::Null))
    }

    fn visit_none<E: de::Error>(self) -> Result<SpannedContent, E> {
        Ok(SpannedContent::Leaf(Content::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<SpannedContent, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<SpannedContent, E> {
        Ok(SpannedContent::Leaf(Content::Boolean(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<SpannedContent, E> {
        Ok(SpannedContent::Leaf(Content::Integer(value)))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<SpannedContent, E> {
        Ok(SpannedContent::Leaf(
            i64::try_from(value).map_or(Content::Unsigned(value), Content::Integer),
        ))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<SpannedContent, E> {
        Ok(SpannedContent::Leaf(Content::Float(value)))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<SpannedContent, E> {
        Ok(SpannedContent::Leaf(Content::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<SpannedContent, A::Error> {
        let mut sequence = Vec::new();
        while let Some(item) = items.next_element()? {
            sequence.push(item);
        }
        Ok(SpannedContent::Sequence(sequence))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<SpannedContent, A::Error> {
        let mut mapping = Vec::new();
        while let Some(entry) = fields.next_entry()? {
            mapping.push(entry);
        }
        Ok(SpannedContent::Mapping(mapping))
    }
}
