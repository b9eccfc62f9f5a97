//! Step groups: steps with parameters, in a file of their own, for scenarios to use.

use crate::{
    Diagnostic, Source, Span,
    constants::{Constants, Used},
    document::{Content, Entry, Node},
    findings::Findings,
    header::Header,
    name::{IDENTIFIER, is_identifier},
    needs::Needs,
    suggestion,
    template::{Place, Scope},
};
use std::{collections::BTreeMap, sync::Arc};

/// Steps that scenarios use by the group's name.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) source: Arc<Source>,
    pub(crate) parameters: BTreeMap<String, Parameter>,
    /// What every scenario that uses it needs.
    pub(crate) needs: Needs,
    /// The steps as they are written; empty if they could not be read.
    pub(crate) steps: Vec<Node>,
    /// Whether it has errors, so that nothing more is said of its uses.
    pub(crate) broken: bool,
}

/// A parameter of a group.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// Where it is declared.
    pub(crate) span: Span,
    /// Its value where a use gives none; without one it is required.
    pub(crate) default: Option<Node>,
}

/// All groups by name: the path below the scenario folder, without `.yaml`.
pub(crate) type Groups = BTreeMap<String, Group>;

/// The verb of a step that uses a group.
pub(crate) const USE: &str = "use";

/// The fields of a group's file.
pub(crate) const FIELDS: [&str; 4] = ["about", "parameters", "needs", "steps"];

/// Whether a file is a group and not a scenario.
pub(crate) fn is_group(root: &Node) -> bool {
    root.entry("claim").is_none() && FIELDS[..2].iter().any(|field| root.entry(field).is_some())
}

/// Reads a group.
pub(crate) fn read(root: &Node, source: &Arc<Source>, diagnostics: &mut Vec<Diagnostic>) -> Group {
    let before = diagnostics.len();
    let mut findings = Findings::of_file(source, diagnostics);
    if let Content::Mapping(entries) = &root.content {
        for entry in entries
            .iter()
            .filter(|entry| !FIELDS.contains(&entry.key.as_str()))
        {
            let message = format!("unknown field `{}` of a step group", entry.key);
            findings.note(entry.key_span, message, suggestion::instead(&entry.key, FIELDS));
        }
    }
    check_about(root, &mut findings);
    let parameters = parameters(root, &mut findings);
    let steps = match root.entry("steps").map(|entry| (&entry.value.content, entry)) {
        Some((Content::Sequence(steps), _)) if !steps.is_empty() => steps.clone(),
        found => {
            let span = found.map_or(root.span, |(_, entry)| entry.key_span);
            findings.note(
                span,
                "a step group needs `steps`, a list",
                "begin each step with a dash",
            );
            Vec::new()
        }
    };
    check_parameters(&parameters, &steps, &mut findings);
    let mut header = Header { root, findings };
    let needs = header.needs();
    let broken = header.findings.diagnostics.len() > before;
    Group {
        source: Arc::clone(source),
        parameters,
        needs,
        steps,
        broken,
    }
}

fn check_about(root: &Node, findings: &mut Findings<'_>) {
    let help = "say in one line what the steps do";
    match root.entry("about") {
        None => findings.note(root.span, "a step group needs `about`", help),
        Some(about) => match &about.value.content {
            Content::Text(text) if !text.trim().is_empty() && !text.trim_end().contains('\n') => {}
            _ => findings.note(about.value.span, "`about` is one line of text", help),
        },
    }
}

fn parameters(root: &Node, findings: &mut Findings<'_>) -> BTreeMap<String, Parameter> {
    let help =
        "write `parameters: {system: , mode: calm}`: without a value it is required; `{}` if there is none";
    let entries: &[Entry] = match root.entry("parameters") {
        None => {
            findings.note(root.span, "a step group needs `parameters`", help);
            &[]
        }
        Some(entry) => match &entry.value.content {
            Content::Mapping(entries) => entries,
            _ => {
                findings.note(entry.key_span, "`parameters` is a mapping", help);
                &[]
            }
        },
    };
    let mut parameters = BTreeMap::new();
    for entry in entries {
        if !is_identifier(&entry.key) {
            let message = format!("`{}` cannot be the name of a parameter", entry.key);
            findings.note(entry.key_span, message, IDENTIFIER);
        }
        let default = match entry.value.content {
            Content::Null => None,
            _ => Some(entry.value.clone()),
        };
        parameters.insert(
            entry.key.clone(),
            Parameter {
                span: entry.key_span,
                default,
            },
        );
    }
    parameters
}

/// Every parameter that a step names is declared, and every one that is declared is named.
fn check_parameters(parameters: &BTreeMap<String, Parameter>, steps: &[Node], findings: &mut Findings<'_>) {
    if steps.is_empty() {
        return;
    }
    let value = |parameter: &Parameter| {
        let unknown = Node {
            span: parameter.span,
            content: Content::Text("x".to_owned()),
        };
        parameter.default.clone().unwrap_or(unknown)
    };
    let values = parameters
        .iter()
        .map(|(name, parameter)| (name.clone(), value(parameter)))
        .collect();
    let constants = Constants::default().with(Scope::Parameters, values);
    let mut used = Used::default();
    for step in steps {
        constants.fill(step, Place::Step, &mut used, findings);
    }
    for (name, parameter) in parameters {
        if !used.names.contains(&(Scope::Parameters, name.clone())) {
            findings.note(
                parameter.span,
                format!("the parameter `{name}` is not used"),
                format!("write `${{parameters.{name}}}` in a step, or leave it out"),
            );
        }
    }
}

/// Calls `visit` with every CEL expression of a step.
pub(crate) fn visit_conditions<'node>(node: &'node Node, place: Place, visit: &mut impl FnMut(&'node str)) {
    match &node.content {
        Content::Text(text) if place == Place::Cel => visit(text),
        Content::Mapping(entries) => {
            for entry in entries {
                visit_conditions(&entry.value, place.of_value(&entry.key), visit);
            }
        }
        _ => {}
    }
}

/// Notes every group that uses itself, once for each circle, and marks those in it as broken.
pub(crate) fn check_circles(groups: &mut Groups, diagnostics: &mut Vec<Diagnostic>) {
    let mut circles: Vec<Vec<String>> = Vec::new();
    for name in groups.keys() {
        let known = circles.iter().any(|circle| circle.contains(name));
        if let Some(circle) = (!known).then(|| circle_from(name, groups)).flatten() {
            circles.push(circle);
        }
    }
    for circle in circles {
        let mut findings = Vec::new();
        if let [first, rest @ ..] = &circle[..]
            && let Some(group) = groups.get(first)
        {
            let next = rest.first().unwrap_or(first);
            let span = used_groups(&group.steps)
                .find(|used| used.name == next)
                .map_or_else(Span::default, |used| used.span);
            let chain: Vec<String> = circle
                .iter()
                .chain([first])
                .map(|name| format!("`{name}`"))
                .collect();
            Findings::of_file(&group.source, &mut findings).note(
                span,
                format!("the group `{first}` uses itself: {}", chain.join(" uses ")),
                "a group may use others, but no circle of them ever ends",
            );
        }
        diagnostics.append(&mut findings);
        for name in circle {
            if let Some(group) = groups.get_mut(&name) {
                group.broken = true;
            }
        }
    }
}

/// A circle that begins and ends at `start`.
fn circle_from(start: &str, groups: &Groups) -> Option<Vec<String>> {
    let mut seen = vec![start];
    let mut paths: Vec<Vec<&str>> = vec![vec![start]];
    while let Some(path) = paths.pop() {
        let group = path.last().and_then(|name| groups.get(*name));
        for used in group.iter().flat_map(|group| used_groups(&group.steps)) {
            if used.name == start {
                return Some(path.iter().map(|name| (*name).to_owned()).collect());
            }
            if !seen.contains(&used.name) {
                seen.push(used.name);
                let mut longer = path.clone();
                longer.push(used.name);
                paths.push(longer);
            }
        }
    }
    None
}

/// A group's name in a `use` step.
struct UsedGroup<'node> {
    name: &'node str,
    span: Span,
}

fn used_groups(steps: &[Node]) -> impl Iterator<Item = UsedGroup<'_>> {
    steps.iter().filter_map(|step| {
        let group = &step.entry(USE)?.value.entry("group")?.value;
        match &group.content {
            Content::Text(name) => Some(UsedGroup {
                name,
                span: group.span,
            }),
            _ => None,
        }
    })
}
