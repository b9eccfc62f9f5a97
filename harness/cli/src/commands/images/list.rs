//! `plumbline images list`: the images that an operator and a release of Flux consist of.

use super::arguments::List;
use crate::{
    arguments::Places,
    commands::{CommandError, toolchain::with_toolchain},
    outputs,
};
use plumbline_flux::chain;
use plumbline_images::list::{ListError, OperatorData, OperatorValues, Wanted};
use plumbline_model::ExitCode;

/// The program of the lock whose data it is.
const OPERATOR: &str = "flux-operator";

/// Prints the block, or JSON.
pub(super) fn list(places: &Places, list: &List) -> Result<ExitCode, CommandError> {
    let values = match &list.values {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|source| CommandError::Unreadable {
                path: path.clone(),
                source,
            })?;
            Some(OperatorValues::parse(&text).map_err(refused)?)
        }
        None => None,
    };
    let wanted = Wanted {
        flux: list.flux.clone(),
        operator: list.operator.clone(),
        values,
        variant: list.variant.clone(),
        registry: list.registry.trim_end_matches('/').to_owned(),
        components: list.components.clone(),
    };
    with_toolchain(places, async |toolchain, _, progress| {
        check_operator(&wanted.operator, toolchain.version(OPERATOR))?;
        let programs = toolchain
            .fetch(&[OPERATOR], progress)
            .await
            .map_err(|error| CommandError::Toolchain(chain(&error)))?;
        let assets = programs.assets(OPERATOR).ok_or_else(|| {
            CommandError::Toolchain(format!(
                "`{OPERATOR}` comes without its data here; let clusters/toolchain.toml build it from its module"
            ))
        })?;
        let data = OperatorData::below(assets).map_err(|error| refused(error.into()))?;
        let images = data.list(&wanted).map_err(refused)?;
        outputs::print(&match list.json {
            true => format!("{:#}\n", images.json(list.digests)),
            false => images.block(list.digests),
        });
        Ok(ExitCode::Passed)
    })
}

/// The data of an operator comes with its program, so there is that of the locked version and no other.
fn check_operator(asked: &str, locked: Option<&str>) -> Result<(), CommandError> {
    let plain = asked.strip_prefix('v').unwrap_or(asked);
    match locked {
        Some(locked) if locked == plain => Ok(()),
        Some(locked) => Err(CommandError::Usage(format!(
            "there is no data of the operator {plain}: clusters/toolchain.toml has the operator {locked}; list that one, or lock the other"
        ))),
        None => Err(CommandError::Toolchain(format!(
            "clusters/toolchain.toml has no program `{OPERATOR}`"
        ))),
    }
}

fn refused(error: ListError) -> CommandError {
    match error {
        ListError::Data(error) => CommandError::Toolchain(chain(&error)),
        error => CommandError::Usage(chain(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_locked_operator_has_data_here() {
        assert!(check_operator("v0.59.0", Some("0.59.0")).is_ok());
        let said = check_operator("0.45.1", Some("0.59.0")).unwrap_err().to_string();
        assert!(said.contains("has the operator 0.59.0"), "{said}");
        assert!(check_operator("0.45.1", None).is_err());
    }
}
