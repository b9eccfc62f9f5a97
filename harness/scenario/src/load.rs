//! From files to a suite, or to every error of every file.

use crate::{
    Diagnostic, Diagnostics, Exclusive, Located, Scenario, ScenarioStep, Skip, Source, Span, Stage, Timespan,
    decode::{self, DecodeError},
    document::{self, Content, Entry, Node},
    files::Folders,
    rules, suggestion,
};
use plumbline_model::{RequirementId, requirements};
use serde::Deserialize;
use serde_json::Map;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The names that scenario files may use and that only the caller knows.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    /// The systems of the reference platform.
    pub systems: Vec<String>,
    /// The programs that `exec` may run.
    pub programs: Vec<String>,
    /// The environments.
    pub environments: Vec<String>,
    /// The repositories that all systems share; changing one needs `exclusive: true`.
    pub repositories: Vec<String>,
}

/// Scenarios that are valid, each by itself and all together; in order of their ids.
#[derive(Clone, Debug, Default)]
pub struct Suite {
    scenarios: Vec<Arc<Scenario>>,
}

impl Suite {
    /// All scenarios in order of their ids.
    #[must_use]
    pub fn scenarios(&self) -> &[Arc<Scenario>] {
        &self.scenarios
    }
}

/// Loads scenario files; `root` is the folder that their ids are relative to.
///
/// # Errors
/// Every error of every file, sorted by file and place.
pub fn load(paths: &[PathBuf], root: &Path, vocabulary: &Vocabulary) -> Result<Suite, Diagnostics> {
    let mut diagnostics = Vec::new();
    let mut scenarios = Vec::new();
    let mut complete = true;
    let mut folders = Folders::default();
    for path in paths {
        match read(&mut folders, path, root, vocabulary, &mut diagnostics) {
            Some(scenario) => scenarios.push(Arc::new(scenario)),
            None => complete = false,
        }
    }
    scenarios.sort_by(|one, other| one.id.cmp(&other.id));
    rules::together(&scenarios, complete, &mut diagnostics);
    if diagnostics.is_empty() {
        Ok(Suite { scenarios })
    } else {
        Err(Diagnostics::new(diagnostics))
    }
}

/// Reads one file. `None` if it is too broken to take part in the rules over all files.
fn read(
    folders: &mut Folders,
    path: &Path,
    root: &Path,
    vocabulary: &Vocabulary,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Scenario> {
    let parsed = folders
        .read(path, root)
        .and_then(|source| document::parse(&source).map(|node| (source, node)));
    let (source, node) = match parsed {
        Ok(parsed) => parsed,
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            return None;
        }
    };
    let mut reader = Reader {
        source,
        diagnostics,
        broken: false,
    };
    let scenario = reader.scenario(&node, identity(path, root));
    let broken = reader.broken;
    let scenario = scenario?;
    rules::alone(&scenario, broken, vocabulary, diagnostics);
    (!broken).then_some(scenario)
}

/// The path below the root, with `/` and without `.yaml`.
fn identity(path: &Path, root: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path).with_extension("");
    let parts: Vec<_> = below
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

/// Reads the parts of one file and notes what is wrong with each.
struct Reader<'load> {
    source: Arc<Source>,
    diagnostics: &'load mut Vec<Diagnostic>,
    broken: bool,
}

const FIELDS: [&str; 8] = [
    "claim",
    "requirements",
    "needs",
    "provides",
    "exclusive",
    "timeout",
    "skip",
    "steps",
];

impl Reader<'_> {
    fn scenario(&mut self, root: &Node, id: String) -> Option<Scenario> {
        let Content::Mapping(entries) = &root.content else {
            self.refuse(
                root.span,
                "a scenario is a mapping".to_owned(),
                Some("it has a `claim`, `requirements` and `steps`".to_owned()),
            );
            return None;
        };
        for entry in entries {
            if !FIELDS.contains(&entry.key.as_str()) {
                let message = format!("unknown field `{}`", entry.key);
                self.refuse(
                    entry.key_span,
                    message,
                    Some(suggestion::instead(&entry.key, FIELDS)),
                );
            }
        }
        let claim = self.required::<Located<String>>(root, "claim");
        let requirements = self.requirements(root);
        let steps = self.steps(root);
        let provides = self.optional::<Located<Stage>>(root, "provides");
        // Who provides a stage begins, unless it says otherwise, on the stage below.
        let needs =
            self.optional(root, "needs")
                .unwrap_or(match provides.as_ref().map(|stage| stage.value) {
                    Some(Stage::Operator | Stage::Cluster) => Stage::Cluster,
                    Some(Stage::Platform) => Stage::Operator,
                    None => Stage::Platform,
                });
        Some(Scenario {
            id,
            claim: claim.unwrap_or_else(|| Located {
                value: String::new(),
                span: root.span,
            }),
            requirements,
            needs,
            provides,
            capabilities: Vec::new(),
            when: None,
            tags: Vec::new(),
            exclusive: match self.optional(root, "exclusive") {
                Some(true) => Exclusive::Alone,
                _ => Exclusive::No,
            },
            retries: 0,
            matrix: Map::new(),
            variables: Map::new(),
            secrets: BTreeMap::new(),
            clusters: BTreeMap::new(),
            timeout: self
                .optional::<Timespan>(root, "timeout")
                .map_or(Scenario::TIMEOUT, |timeout| timeout.0),
            skip: self.optional::<Skip>(root, "skip"),
            steps,
            finally: Vec::new(),
            source: Arc::clone(&self.source),
        })
    }

    fn requirements(&mut self, root: &Node) -> Vec<Located<RequirementId>> {
        let mut known: Vec<Located<RequirementId>> = Vec::new();
        for name in self
            .required::<Vec<Located<String>>>(root, "requirements")
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
                    self.refuse(
                        name.span,
                        format!("unknown requirement `{}`", name.value),
                        Some(help),
                    );
                }
            }
        }
        known
    }

    fn steps(&mut self, root: &Node) -> Vec<ScenarioStep> {
        let Some(entry) = self.entry(root, "steps", true) else {
            return Vec::new();
        };
        let Content::Sequence(items) = &entry.value.content else {
            self.refuse(
                entry.key_span,
                "`steps` is a list".to_owned(),
                Some("begin each step with a dash".to_owned()),
            );
            return Vec::new();
        };
        let mut steps = Vec::new();
        for node in items {
            let span = match &node.content {
                Content::Mapping(entries) => entries.first().map_or(node.span, |entry| entry.key_span),
                _ => node.span,
            };
            if let Some(step) = self.decode(node) {
                steps.push(ScenarioStep {
                    source: Arc::clone(&self.source),
                    span,
                    step,
                    cluster: None,
                    used_at: Vec::new(),
                    node: node.clone(),
                });
            }
        }
        steps
    }

    fn entry<'node>(&mut self, root: &'node Node, key: &str, required: bool) -> Option<&'node Entry> {
        let entry = root
            .entry(key)
            .filter(|entry| !matches!(entry.value.content, Content::Null));
        if entry.is_none() && required {
            let span = root.entry(key).map_or(root.span, |entry| entry.key_span);
            self.refuse(span, format!("a scenario needs `{key}`"), None);
        }
        entry
    }

    fn required<'node, T: Deserialize<'node>>(&mut self, root: &'node Node, key: &str) -> Option<T> {
        let entry = self.entry(root, key, true)?;
        self.decode(&entry.value)
    }

    fn optional<'node, T: Deserialize<'node>>(&mut self, root: &'node Node, key: &str) -> Option<T> {
        let entry = self.entry(root, key, false)?;
        self.decode(&entry.value)
    }

    fn decode<'node, T: Deserialize<'node>>(&mut self, node: &'node Node) -> Option<T> {
        match decode::from_node(node) {
            Ok(value) => Some(value),
            Err(DecodeError { span, message, help }) => {
                self.refuse(span.unwrap_or(node.span), message, help);
                None
            }
        }
    }

    fn refuse(&mut self, span: Span, message: String, help: Option<String>) {
        self.broken = true;
        let diagnostic = Diagnostic::new(&self.source, span, message);
        self.diagnostics.push(match help {
            Some(help) => diagnostic.with_help(help),
            None => diagnostic,
        });
    }
}
