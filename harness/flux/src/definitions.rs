//! The CustomResourceDefinitions of a chart, which come from the program's own module at run time and are in no repository.

use crate::{
    FixtureError, VerbError,
    names::{FLUX_NAMESPACE, KYVERNO_CHART, KYVERNO_NAMESPACE, OPERATOR_CHART, POLICIES_CHART},
};
use plumbline_model::FaultClass;
use plumbline_toolchain::Programs;
use serde_json::{Value, json};
use std::{ffi::OsString, fs, path::Path};

/// Where a chart is installed.
pub(crate) fn namespace_of(chart: &str) -> &'static str {
    match chart {
        KYVERNO_CHART | POLICIES_CHART => KYVERNO_NAMESPACE,
        _ => FLUX_NAMESPACE,
    }
}

/// The folders of a chart's definitions below the assets of the program of the same name.
fn folders(chart: &str) -> &'static [&'static str] {
    match chart {
        OPERATOR_CHART => &["config/crd/bases"],
        KYVERNO_CHART => &[
            "config/crds/kyverno",
            "config/crds/policies.kyverno.io",
            "config/crds/policyreport",
            "config/crds/reports",
        ],
        _ => &[],
    }
}

/// The definitions of a chart as templates, by their file names. They go among the templates, as in the official
/// charts: Helm waits for a `crds` folder by looking every two seconds.
///
/// # Errors
/// The program was not fetched with its definitions, or they are none.
pub(crate) fn definitions_of(chart: &str, programs: &Programs) -> Result<Vec<(OsString, String)>, VerbError> {
    let Some(assets) = programs.assets(chart) else {
        return Ok(Vec::new());
    };
    let mut templates = Vec::new();
    for folder in folders(chart) {
        add_templates(&assets.join(folder), &mut templates)?;
    }
    Ok(templates)
}

fn add_templates(folder: &Path, templates: &mut Vec<(OsString, String)>) -> Result<(), VerbError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| VerbError::environment(&FixtureError::Unreadable { path, source })
    };
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let Some(name) = path
            .file_name()
            .filter(|_| path.extension().is_some_and(|is| is == "yaml"))
        else {
            continue;
        };
        let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
        let template = template(&text)
            .map_err(|why| VerbError::fault(FaultClass::Environment, format!("{}: {why}", path.display())))?;
        templates.push((name.to_owned(), template));
    }
    Ok(())
}

/// A definition as a template of a chart. It outlives the release: without it, its objects would go as well.
fn template(text: &str) -> Result<String, String> {
    let mut definition: Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let metadata = definition
        .get_mut("metadata")
        .and_then(Value::as_object_mut)
        .ok_or("it has no metadata")?;
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    let annotations = annotations
        .as_object_mut()
        .ok_or("its annotations are not a mapping")?;
    annotations.insert("helm.sh/resource-policy".to_owned(), json!("keep"));
    leave_out_descriptions(&mut definition);
    // JSON is YAML. Two braces can only open one after the other inside of a string, where the template is told to
    // write them.
    Ok(definition.to_string().replace("{{", "{{`{{`}}"))
}

/// Helm keeps a whole release in one Secret, and most of a large definition is prose.
fn leave_out_descriptions(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // A property may itself be called so; then it is a schema, not a text.
            fields.retain(|name, value| name != "description" || !value.is_string());
            fields.values_mut().for_each(leave_out_descriptions);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out_descriptions),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_becomes_a_template_that_outlives_the_release() {
        let text = "metadata:\n  name: a\nspec:\n  pattern: '^[{]{2}$'\n";
        let template = template(text).unwrap();
        assert!(!template.contains("{{"), "{template}");
        let definition: Value = serde_json::from_str(&template).unwrap();
        assert_eq!(
            definition["metadata"]["annotations"]["helm.sh/resource-policy"],
            "keep"
        );
        assert_eq!(definition["spec"]["pattern"], "^[{]{2}$");
    }

    #[test]
    fn a_definition_needs_metadata() {
        assert_eq!(template("spec: {}").unwrap_err(), "it has no metadata");
    }

    #[test]
    fn prose_is_left_out_and_properties_of_that_name_are_not() {
        let text = "metadata: {name: a}\nspec:\n  description: long\n  properties: {description: {type: string, description: long}}\n";
        let definition: Value = serde_json::from_str(&template(text).unwrap()).unwrap();
        assert_eq!(
            definition["spec"],
            json!({"properties": {"description": {"type": "string"}}})
        );
    }

    #[test]
    fn braces_of_a_text_are_not_obeyed() {
        let template = template("metadata: {name: a}\nspec: {default: '{{ request }}'}\n").unwrap();
        assert!(template.contains("\"{{`{{`}} request }}\""), "{template}");
    }
}
