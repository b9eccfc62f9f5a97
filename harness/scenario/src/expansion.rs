//! From a list of steps as it is written to the steps that run: constants filled in, groups replaced by their steps.

use crate::{
    Diagnostic, Located, Source, Span,
    constants::{Constants, Used},
    document::{Content, Entry, Node},
    findings::Findings,
    group::{Group, Groups, USE},
    needs::Needs,
    scenario_step::Use,
    suggestion,
    template::{Place, Scope},
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// A step whose constants are filled in, not yet decoded.
pub(crate) struct PlacedNode {
    pub(crate) node: Node,
    pub(crate) source: Arc<Source>,
    pub(crate) uses: Vec<Use>,
    pub(crate) constants: Arc<Map<String, Value>>,
    pub(crate) cluster: Option<Located<String>>,
}

/// Where a list of steps stands, and what is known there.
pub(crate) struct Site<'load> {
    source: &'load Arc<Source>,
    constants: Constants,
    cluster: Option<Located<String>>,
    uses: Vec<Use>,
    /// The names of the groups around it.
    chain: Vec<&'load str>,
}

/// Expands lists of steps.
pub(crate) struct Expansion<'load> {
    pub(crate) groups: &'load Groups,
    pub(crate) diagnostics: &'load mut Vec<Diagnostic>,
    /// What was read of constants so far.
    pub(crate) used: &'load mut Used,
    /// Whether steps are missing because of errors.
    pub(crate) incomplete: bool,
    /// What the groups need that are used so far.
    pub(crate) needs: &'load mut Needs,
    /// How many steps there are so far.
    pub(crate) steps_so_far: usize,
}

/// Deeper than this nobody can follow.
const DEEPEST: usize = 8;
/// Groups in groups multiply.
const MOST_STEPS: usize = 1_000;

impl<'load> Site<'load> {
    /// The steps of a scenario.
    pub(crate) fn of_scenario(source: &'load Arc<Source>, constants: Constants) -> Self {
        Self {
            source,
            constants,
            cluster: None,
            uses: Vec::new(),
            chain: Vec::new(),
        }
    }
}

impl<'load> Expansion<'load> {
    /// The steps of a list that run, in order.
    pub(crate) fn expand(&mut self, steps: &[Node], site: &Site<'load>) -> Vec<PlacedNode> {
        let json = Arc::new(site.constants.to_json());
        let mut expanded = Vec::new();
        for step in steps {
            let before = self.diagnostics.len();
            if self.steps_so_far == MOST_STEPS {
                self.too_many(step, site);
                break;
            }
            let mut findings = Findings {
                source: site.source,
                uses: &site.uses,
                diagnostics: self.diagnostics,
            };
            let node = site.constants.fill(step, Place::Step, self.used, &mut findings);
            if self.diagnostics.len() > before {
                // What is missing in it is said: decoding it would say it again in other words.
                self.incomplete = true;
                continue;
            }
            match node.entry(USE) {
                Some(entry) if is_single(&node) => {
                    let entry = entry.clone();
                    self.expand_use(&entry, site, &mut expanded);
                }
                _ => {
                    self.steps_so_far += 1;
                    expanded.push(PlacedNode {
                        node,
                        source: Arc::clone(site.source),
                        uses: site.uses.clone(),
                        constants: Arc::clone(&json),
                        cluster: site.cluster.clone(),
                    });
                }
            }
        }
        expanded
    }

    fn too_many(&mut self, step: &Node, site: &Site<'load>) {
        self.incomplete = true;
        let mut findings = Findings {
            source: site.source,
            uses: &site.uses,
            diagnostics: self.diagnostics,
        };
        let message = format!("a scenario of more than {MOST_STEPS} steps, those of its groups among them");
        findings.note(step.span, message, "split it: one scenario is one claim");
    }

    fn expand_use(&mut self, entry: &Entry, site: &Site<'load>, expanded: &mut Vec<PlacedNode>) {
        let before = self.diagnostics.len();
        let groups = self.groups;
        let mut findings = Findings {
            source: site.source,
            uses: &site.uses,
            diagnostics: self.diagnostics,
        };
        let Some((fields, name, group)) = Fields::read(entry, groups, &mut findings) else {
            self.incomplete = true;
            return;
        };
        let parameters = arguments(&fields, name, group, &mut findings);
        let mut chain = site.chain.clone();
        chain.push(name);
        if chain.len() > DEEPEST {
            findings.note(
                fields.group_span,
                format!(
                    "groups are used more than {DEEPEST} deep: {}",
                    chain.join(" uses ")
                ),
                "put the steps of some of them into one",
            );
        }
        if group.broken || self.diagnostics.len() > before {
            self.incomplete = true;
            return;
        }
        self.needs.add(&group.needs);
        let mut uses = vec![Use {
            source: Arc::clone(site.source),
            span: entry.key_span,
        }];
        uses.extend(site.uses.iter().cloned());
        let inner = Site {
            source: &group.source,
            constants: Constants::default().with(Scope::Parameters, parameters),
            cluster: fields.cluster.or_else(|| site.cluster.clone()),
            uses,
            chain,
        };
        expanded.extend(self.expand(&group.steps, &inner));
    }
}

/// The fields of `use`.
struct Fields<'node> {
    group_span: Span,
    arguments: &'node [Entry],
    with_span: Span,
    cluster: Option<Located<String>>,
}

pub(crate) const USE_FIELDS: [&str; 3] = ["group", "with", "cluster"];

impl<'node> Fields<'node> {
    fn read<'load>(
        entry: &'node Entry,
        groups: &'load Groups,
        findings: &mut Findings<'_>,
    ) -> Option<(Self, &'load str, &'load Group)> {
        let help = "write `use: {group: groups/edit-by-hand, with: {system: ledger}}`";
        let Content::Mapping(entries) = &entry.value.content else {
            findings.note(entry.key_span, "`use` is a mapping with `group` and `with`", help);
            return None;
        };
        for field in entries
            .iter()
            .filter(|field| !USE_FIELDS.contains(&field.key.as_str()))
        {
            let message = format!("unknown field `{}`", field.key);
            findings.note(
                field.key_span,
                message,
                suggestion::instead(&field.key, USE_FIELDS),
            );
        }
        let text = |name: &str, findings: &mut Findings<'_>| {
            let value = &entry.value.entry(name)?.value;
            match &value.content {
                Content::Text(text) => Some(Located {
                    value: text.clone(),
                    span: value.span,
                }),
                _ => {
                    findings.note(value.span, format!("`{name}` of `use` is a name"), help);
                    None
                }
            }
        };
        let cluster = text("cluster", findings);
        let (arguments, with_span): (&[Entry], Span) = match entry.value.entry("with") {
            None => (&[], entry.key_span),
            Some(with) => match &with.value.content {
                Content::Mapping(arguments) => (arguments, with.key_span),
                _ => {
                    findings.note(with.key_span, "`with` is a mapping of parameters", help);
                    (&[], with.key_span)
                }
            },
        };
        if entry.value.entry("group").is_none() {
            findings.note(entry.key_span, "`use` needs the `group` that it uses", help);
        }
        let group = text("group", findings)?;
        match groups.get_key_value(&group.value) {
            Some((name, found)) => Some((
                Self {
                    group_span: group.span,
                    arguments,
                    with_span,
                    cluster,
                },
                name,
                found,
            )),
            None => {
                let names = groups.keys().map(String::as_str);
                let help = match suggestion::nearest(&group, names.clone()) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None if groups.is_empty() => {
                        "a group is a file with `about`, `parameters` and `steps`; its name is the path below the scenario folder without `.yaml`".to_owned()
                    }
                    None => format!("known are {}", suggestion::listed(names)),
                };
                findings.note(group.span, format!("there is no step group `{group}`"), help);
                None
            }
        }
    }
}

/// The values of a group's parameters in one use.
fn arguments(
    fields: &Fields<'_>,
    name: &str,
    group: &Group,
    findings: &mut Findings<'_>,
) -> BTreeMap<String, Node> {
    let known = group.parameters.keys().map(String::as_str);
    let mut values: BTreeMap<String, Node> = BTreeMap::new();
    for argument in fields.arguments {
        if !group.parameters.contains_key(&argument.key) {
            findings.note(
                argument.key_span,
                format!("the group `{name}` has no parameter `{}`", argument.key),
                suggestion::instead(&argument.key, known.clone()),
            );
        } else if !matches!(argument.value.content, Content::Null) {
            values.insert(argument.key.clone(), argument.value.clone());
        }
    }
    for (parameter, declared) in &group.parameters {
        if values.contains_key(parameter) {
            continue;
        }
        match &declared.default {
            Some(default) => {
                values.insert(parameter.clone(), default.clone());
            }
            None => findings.note(
                fields.with_span,
                format!("the group `{name}` needs a value for its parameter `{parameter}`"),
                format!("give it `with: {{{parameter}: …}}`"),
            ),
        }
    }
    values
}

fn is_single(node: &Node) -> bool {
    matches!(&node.content, Content::Mapping(entries) if entries.len() == 1)
}
