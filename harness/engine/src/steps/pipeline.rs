//! Runs a pipeline and looks at what came of it.

use super::ScenarioState;
use plumbline_flux::{Patience, PipelineRequest, PipelineResult, PipelineRun, VerbError, last_lines};
use plumbline_model::Attachment;
use plumbline_scenario::steps::{self, Pipeline};

pub(super) async fn pipeline(
    pipeline: &Pipeline,
    state: &mut ScenarioState,
    patience: Patience<'_>,
) -> Result<(), VerbError> {
    let request = PipelineRequest {
        file: &pipeline.run,
        repository: &pipeline.repository,
        branch: &pipeline.branch,
        target: pipeline.into.as_ref().map(|into| into.value.as_str()),
    };
    let run = state.platform.run_pipeline(&request, patience).await?;
    judge(pipeline, &run).map_err(|error| with_log(error, &run))?;
    state.leave(pipeline.output.as_ref(), run.to_json());
    Ok(())
}

/// Adds all that the steps have printed: the message has only the end of it.
fn with_log(error: VerbError, run: &PipelineRun) -> VerbError {
    match error {
        VerbError::Unmet(mut failure) => {
            failure.attachments.push(Attachment {
                title: "log of the pipeline".to_owned(),
                text: run.log.clone(),
            });
            VerbError::Unmet(failure)
        }
        fault @ VerbError::Fault(_) => fault,
    }
}

/// Whether the run is as the step says.
fn judge(pipeline: &Pipeline, run: &PipelineRun) -> Result<(), VerbError> {
    let expect = pipeline.expect.as_ref();
    let wanted = expect.map_or(PipelineResult::Succeeded, |expect| result(expect.result));
    let failed = run.failed().unwrap_or_default();
    if run.result != wanted {
        let at = match failed {
            "" => String::new(),
            step => format!(" at the step `{step}`"),
        };
        let actual = format!("{}{at}: {}", run.result.word(), last_lines(&run.log));
        let message = format!("the pipeline {} ended otherwise than expected", pipeline.run);
        return Err(VerbError::mismatch(message, wanted.word(), actual));
    }
    let Some(expect) = expect else {
        return Ok(());
    };
    for (name, text, shown, condition) in [
        ("step that failed", failed, failed.to_owned(), &expect.step),
        ("log", run.log.as_str(), last_lines(&run.log), &expect.log),
    ] {
        if let Some(condition) = condition
            && !condition.value.holds(text).map_err(VerbError::unmet)?
        {
            let message = format!("the {name} of the pipeline {} is not as expected", pipeline.run);
            return Err(VerbError::mismatch(message, condition.value.to_string(), shown));
        }
    }
    Ok(())
}

const fn result(written: steps::PipelineResult) -> PipelineResult {
    match written {
        steps::PipelineResult::Succeeded => PipelineResult::Succeeded,
        steps::PipelineResult::Failed => PipelineResult::Failed,
        steps::PipelineResult::NotTriggered => PipelineResult::NotTriggered,
    }
}
