//! `plumbline doctor`: whether this machine can run kind.

use super::{CommandError, toolchain::with_toolchain_for};
use crate::{
    arguments::{Doctor, Kubernetes, Places},
    directories::Directories,
    outputs,
};
use plumbline_cluster::{
    doctor::{Finding, Question, State, examine, look, render},
    kind::KindSettings,
};
use plumbline_model::ExitCode;

/// Looks, and says what is missing.
pub fn doctor(places: &Places, doctor: &Doctor) -> Result<ExitCode, CommandError> {
    let findings = findings(places, &doctor.kubernetes)?;
    if doctor.json {
        let text = serde_json::to_string_pretty(&findings);
        let text = text.map_err(|error| CommandError::machine("cannot write JSON")(error.into()))?;
        outputs::print(&format!("{text}\n"));
    } else {
        outputs::print(&render(&findings));
    }
    let wrong = findings.iter().any(|finding| finding.state == State::Wrong);
    Ok(if wrong {
        ExitCode::Environment
    } else {
        ExitCode::Passed
    })
}

/// The first thing for want of which kind cannot be used.
pub fn what_kind_lacks(places: &Places, kubernetes: &Kubernetes) -> Result<Option<String>, CommandError> {
    let findings = findings(places, kubernetes)?;
    let wrong = findings.into_iter().find(|finding| finding.state == State::Wrong);
    Ok(wrong.map(|finding| format!("kind cannot be used: {}: {}", finding.check, finding.found)))
}

fn findings(places: &Places, kubernetes: &Kubernetes) -> Result<Vec<Finding>, CommandError> {
    let directories = Directories::resolve(places)?;
    let clusters = directories.project.join("clusters");
    let settings = KindSettings::read(&clusters.join("kind.yaml")).map_err(CommandError::Usage)?;
    with_toolchain_for(places, kubernetes, async |toolchain, keeper, _| {
        let settings = settings.for_kubernetes(toolchain.kubernetes());
        let question = Question {
            keeper,
            toolchain,
            clusters: &clusters,
            image: &settings.image,
            registry: settings.registry.as_deref(),
            cache: &directories.cache,
            search_path: &directories.search_path,
            environment: &directories.environment,
        };
        Ok(examine(&look(&question).await))
    })
}
