//! Rules for `expect`: what it names is there, and what it waits for can change.

use super::{Findings, expression, known, steps::Made, text};
use crate::{
    ScenarioStep, Vocabulary,
    steps::{Condition, Expect, Subject},
};

pub(super) fn check(
    expect: &Expect,
    step: &ScenarioStep,
    vocabulary: &Vocabulary,
    made: &Made<'_>,
    findings: &mut Findings<'_>,
) {
    let expression = match &expect.condition {
        Condition::That(predicate) => Some((predicate, true)),
        Condition::Never(predicate) => Some((predicate, false)),
        _ => None,
    };
    if let Some((predicate, wanted)) = expression {
        let subject = expect.subject.variables().iter().copied();
        let place = expression::Place {
            environment: &expression::environment(&expect.subject, made),
            changing: &subject.chain([expression::OUTPUTS]).collect::<Vec<_>>(),
            wanted,
        };
        expression::check(predicate, &place, made, findings);
    }
    if let Condition::Text(condition) = &expect.condition {
        text::check(condition, findings);
    }
    match &expect.subject {
        Subject::Webhook(webhook) if !webhook.path.starts_with('/') => {
            let message = format!("`{}` is not the path of a request", webhook.path);
            findings.note(step.span, message, "a path begins with `/`");
        }
        Subject::Log(controller) => {
            known::check("controller", controller, &vocabulary.controllers, findings);
        }
        Subject::Outputs => {
            for time in expect.within.iter().chain(&expect.holds) {
                findings.note(
                    time.span,
                    "outputs do not change while one waits",
                    "leave the time out, or name an object to wait for",
                );
            }
        }
        _ => {}
    }
}
