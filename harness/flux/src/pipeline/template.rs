//! Templates of Azure Pipelines: files with parameters, lists that repeat or drop parts of themselves, and texts with
//! values filled in. What comes out has no template in it any more.

use super::{
    DefinitionError,
    expression::{Scope, evaluate, holds},
    parameters::parameters,
};
use serde_json::{Map, Value};
use std::{
    fs,
    path::{Component, Path, PathBuf},
};

/// How deep templates may name each other.
const DEEPEST: usize = 10;

/// A list that templates can be part of, and the list that each of its items has in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Stages,
    Jobs,
    Steps,
}

impl Section {
    const fn word(self) -> &'static str {
        match self {
            Self::Stages => "stages",
            Self::Jobs => "jobs",
            Self::Steps => "steps",
        }
    }

    const fn inner(self) -> Option<Self> {
        match self {
            Self::Stages => Some(Self::Jobs),
            Self::Jobs => Some(Self::Steps),
            Self::Steps => None,
        }
    }
}

/// Opens the files of a checkout.
pub(super) struct Templates<'a> {
    pub(super) root: &'a Path,
}

/// Where in the checkout something is said, and what names mean there.
pub(super) struct Place<'a> {
    pub(super) file: &'a Path,
    pub(super) scope: &'a Scope,
    pub(super) depth: usize,
}

impl Place<'_> {
    pub(super) fn wrong(&self, reason: impl Into<String>) -> DefinitionError {
        DefinitionError {
            file: self.file.to_owned(),
            reason: reason.into(),
        }
    }
}

impl Templates<'_> {
    /// Reads a file of the checkout.
    pub(super) fn read(&self, file: &Path) -> Result<Value, DefinitionError> {
        let wrong = |reason: String| DefinitionError {
            file: file.to_owned(),
            reason,
        };
        let text = fs::read_to_string(self.root.join(file)).map_err(|error| wrong(error.to_string()))?;
        serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))
    }

    /// The items of a list, with everything filled in and every template in its place.
    pub(super) fn list(
        &self,
        items: &Value,
        section: Section,
        place: &Place<'_>,
    ) -> Result<Vec<Value>, DefinitionError> {
        let Value::Array(items) = items else {
            return Err(place.wrong(format!("`{}` must be a list", section.word())));
        };
        let mut expanded = Vec::new();
        for item in items {
            let Value::Object(fields) = item else {
                return Err(place.wrong(format!("an item of `{}` must be a mapping", section.word())));
            };
            if let Some((directive, inner)) = directive(fields) {
                expanded.extend(self.directed(directive, inner, section, place)?);
            } else if fields.contains_key("template") {
                expanded.extend(self.template(fields, section, place)?);
            } else {
                expanded.push(self.item(fields, section, place)?);
            }
        }
        Ok(expanded)
    }

    /// One item: its own list is expanded as a list, the rest filled in.
    fn item(
        &self,
        fields: &Map<String, Value>,
        section: Section,
        place: &Place<'_>,
    ) -> Result<Value, DefinitionError> {
        let mut item = Map::new();
        for (name, value) in fields {
            let value = match section.inner() {
                Some(inner) if inner.word() == name => Value::Array(self.list(value, inner, place)?),
                _ => filled(value, place)?,
            };
            item.insert(name.clone(), value);
        }
        Ok(Value::Object(item))
    }

    /// `${{ if … }}` and `${{ each … }}`.
    fn directed(
        &self,
        directive: &str,
        items: &Value,
        section: Section,
        place: &Place<'_>,
    ) -> Result<Vec<Value>, DefinitionError> {
        if let Some(condition) = directive.strip_prefix("if ") {
            let chosen = holds(condition, place.scope).map_err(|reason| place.wrong(reason))?;
            return if chosen {
                self.list(items, section, place)
            } else {
                Ok(Vec::new())
            };
        }
        let each = directive
            .strip_prefix("each ")
            .and_then(|each| each.split_once(" in "));
        let Some((name, list)) = each else {
            return Err(place.wrong(format!(
                "`${{{{ {directive} }}}}` is not understood here; understood are `if` and `each … in`"
            )));
        };
        let list = evaluate(list, place.scope).map_err(|reason| place.wrong(reason))?;
        let Value::Array(list) = list else {
            return Err(place.wrong(format!("`each {name}` needs a list, not {list}")));
        };
        let mut expanded = Vec::new();
        for value in list {
            let mut scope = place.scope.clone();
            scope.values.insert(name.trim().to_owned(), value);
            let inner = Place {
                scope: &scope,
                ..*place
            };
            expanded.extend(self.list(items, section, &inner)?);
        }
        Ok(expanded)
    }

    /// The items of the template that an item names; the path is from the folder of the file that names it.
    fn template(
        &self,
        fields: &Map<String, Value>,
        section: Section,
        place: &Place<'_>,
    ) -> Result<Vec<Value>, DefinitionError> {
        if let Some(other) = fields
            .keys()
            .find(|name| !matches!(name.as_str(), "template" | "parameters"))
        {
            return Err(place.wrong(format!("`{other}` beside `template` is not understood here")));
        }
        if place.depth == DEEPEST {
            return Err(place.wrong("templates name each other without an end"));
        }
        let named = fields.get("template").and_then(Value::as_str);
        let named = named.ok_or_else(|| place.wrong("`template` must name a file"))?;
        let file = beside(place.file, named)
            .ok_or_else(|| place.wrong(format!("`{named}` is not a file of the repository")))?;
        let given = match fields.get("parameters") {
            None => Map::new(),
            Some(given) => match filled(given, place)? {
                Value::Object(given) => given,
                _ => return Err(place.wrong("`parameters` must be a mapping")),
            },
        };
        let Value::Object(mut template) = self.read(&file)? else {
            return Err(place.wrong(format!("{named} is not a mapping")));
        };
        let declared = template.remove("parameters");
        let items = template.remove(section.word());
        let inside = |reason: String| DefinitionError {
            file: file.clone(),
            reason,
        };
        let (Some(items), None) = (items, template.keys().next()) else {
            return Err(inside(format!(
                "a template of {} has `parameters` and `{}`, and nothing else",
                section.word(),
                section.word()
            )));
        };
        let parameters = parameters(declared, given).map_err(inside)?;
        let mut scope = Scope::default();
        scope
            .values
            .insert("parameters".to_owned(), Value::Object(parameters));
        let inner = Place {
            file: &file,
            scope: &scope,
            depth: place.depth + 1,
        };
        self.list(&items, section, &inner)
    }
}

/// The only key of an item, if that is `${{ … }}`: what is between the braces, and the value.
fn directive(fields: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = fields.iter();
    let (key, value) = entries.next()?;
    let directive = key.strip_prefix("${{")?.strip_suffix("}}")?.trim();
    entries.next().is_none().then_some((directive, value))
}

/// A value with every `${{ … }}` in it filled in. A text that is nothing else becomes the value itself, of whatever type.
pub(super) fn filled(value: &Value, place: &Place<'_>) -> Result<Value, DefinitionError> {
    match value {
        Value::String(text) => filled_text(text, place),
        Value::Array(items) => items
            .iter()
            .map(|item| filled(item, place))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        Value::Object(fields) => {
            let mut object = Map::new();
            for (name, value) in fields {
                if name.contains("${{") {
                    return Err(place.wrong(format!("`{name}` is not understood here")));
                }
                object.insert(name.clone(), filled(value, place)?);
            }
            Ok(Value::Object(object))
        }
        plain => Ok(plain.clone()),
    }
}

fn filled_text(text: &str, place: &Place<'_>) -> Result<Value, DefinitionError> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${{") {
        let (expression, after) = after
            .split_once("}}")
            .ok_or_else(|| place.wrong(format!("`${{{{` is not closed in `{text}`")))?;
        let value = evaluate(expression, place.scope).map_err(|reason| place.wrong(reason))?;
        if before.is_empty() && out.is_empty() && after.is_empty() {
            return Ok(value);
        }
        out.push_str(before);
        match value {
            Value::String(text) => out.push_str(&text),
            Value::Bool(truth) => out.push_str(if truth { "True" } else { "False" }),
            Value::Number(number) => out.push_str(&number.to_string()),
            other => return Err(place.wrong(format!("{other} cannot be a part of a text"))),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(Value::String(out))
}

/// The file that `named` means in `file`, as a path in the checkout; `None` if it leads out of it.
fn beside(file: &Path, named: &str) -> Option<PathBuf> {
    let (folder, named) = match named.strip_prefix('/') {
        Some(named) => (Path::new(""), named),
        None => (file.parent()?, named),
    };
    let mut path = PathBuf::new();
    for part in folder.join(named).components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn expanded(files: &[(&str, &str)]) -> Result<Vec<Value>, String> {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let templates = Templates { root: root.path() };
        let file = Path::new(files[0].0);
        let scope = Scope::default();
        let place = Place {
            file,
            scope: &scope,
            depth: 0,
        };
        let steps = templates.read(file).unwrap()["steps"].clone();
        templates
            .list(&steps, Section::Steps, &place)
            .map_err(|error| error.to_string())
    }

    const PARAMETERS: &str = "parameters:\n  - name: images\n    type: object\n  - name: mode\n    default: audit\n    values: [audit, enforce]\n";

    #[test]
    fn a_template_is_put_in_place_with_its_loops_conditions_and_parameters() {
        let caller = "steps:\n  - template: steps/each.yaml\n    parameters:\n      images: [a, b]\n  - bash: echo end\n";
        let each = format!(
            "{PARAMETERS}steps:\n  - ${{{{ each image in parameters.images }}}}:\n      - template: one.yaml\n        \
             parameters:\n          image: ${{{{ image }}}}\n  - ${{{{ if eq(parameters.mode, 'enforce') }}}}:\n      - bash: no\n"
        );
        let one = "parameters:\n  - name: image\nsteps:\n  - bash: scan\n    displayName: Scan ${{ parameters.image }}!\n";
        let steps = expanded(&[
            ("a.yaml", caller),
            ("steps/each.yaml", &each),
            ("steps/one.yaml", one),
        ])
        .unwrap();
        assert_eq!(
            steps,
            [
                json!({"bash": "scan", "displayName": "Scan a!"}),
                json!({"bash": "scan", "displayName": "Scan b!"}),
                json!({"bash": "echo end"}),
            ]
        );
    }

    #[test]
    fn what_a_template_does_not_take_is_said_with_its_file() {
        let called = |parameters: &str, template: &str| {
            let caller = format!("steps:\n  - template: b.yaml\n    parameters: {parameters}\n");
            expanded(&[("a.yaml", &caller), ("b.yaml", template)]).unwrap_err()
        };
        let template = format!("{PARAMETERS}steps: []\n");
        assert_eq!(
            called("{}", &template),
            "b.yaml: its parameter `images` is not given"
        );
        assert_eq!(
            called("{images: [], mode: off}", &template),
            "b.yaml: its parameter `mode` cannot be false"
        );
        assert_eq!(
            called("{images: [], mode: lax}", &template),
            "b.yaml: its parameter `mode` may not be \"lax\""
        );
        assert_eq!(
            called("{images: [], more: 1}", &template),
            "b.yaml: it has no parameter `more`"
        );
        assert!(called("{}", "jobs: []\n").contains("has `parameters` and `steps`, and nothing else"));
        assert!(called("{}", "steps:\n  - template: b.yaml\n").contains("without an end"));
        assert!(
            expanded(&[("a.yaml", "steps:\n  - template: ../../b.yaml\n")])
                .unwrap_err()
                .contains("is not a file of the repository")
        );
        assert!(
            expanded(&[("a.yaml", "steps:\n  - ${{ insert x }}:\n      - bash: a\n")])
                .unwrap_err()
                .contains("understood are `if` and `each … in`")
        );
    }
}
