//! The scripts of one template, for a verb that does what a part of a pipeline does.

use super::{
    DefinitionError,
    definition::Step,
    expression::Scope,
    template::{Place, Section, Templates},
};
use crate::{VerbError, chain};
use serde_json::{Value, json};
use std::path::Path;

/// The scripts that a template of steps comes to with these parameters. `root` is the repository, `template` a path in it.
///
/// # Errors
/// The template is not understood, or has steps that are more than a script which runs as long as all goes well.
pub(crate) fn scripts(root: &Path, template: &str, parameters: &Value) -> Result<Vec<String>, VerbError> {
    read(root, template, parameters).map_err(|error| VerbError::unmet(chain(&error)))
}

fn read(root: &Path, template: &str, parameters: &Value) -> Result<Vec<String>, DefinitionError> {
    let scope = Scope::default();
    let place = Place {
        file: Path::new(template),
        scope: &scope,
        depth: 0,
    };
    let named = json!([{"template": format!("/{template}"), "parameters": parameters}]);
    let steps = Templates { root }.list(&named, Section::Steps, &place)?;
    let wrong = |reason: String| DefinitionError {
        file: template.into(),
        reason,
    };
    let script = |step| match serde_json::from_value(step) {
        Ok(Step::Script(script)) if script.is_plain() => Ok(script.bash),
        Ok(Step::Script(script)) => Err(wrong(format!(
            "`{}` has a condition or variables of its own, which are understood only where a whole pipeline runs",
            script.name()
        ))),
        Ok(Step::Checkout(_)) => Err(wrong(
            "a checkout is understood only where a whole pipeline runs".to_owned(),
        )),
        Err(error) => Err(wrong(format!("a step is not understood: {error}"))),
    };
    steps.into_iter().map(script).collect()
}
