//! Rules for `${…}` in the strings of steps.

use super::{Findings, expression::check_output, steps::Made};
use crate::{
    ScenarioStep, position, suggestion,
    template::{Part, Placeholder, parts, visit_strings},
};

pub(super) fn check(step: &ScenarioStep, made: &Made<'_>, findings: &mut Findings<'_>) {
    visit_strings(&step.node, &mut |node, text| {
        for part in parts(text) {
            let Part::Placeholder {
                offset,
                length,
                placeholder,
            } = part
            else {
                continue;
            };
            let span = position::inside(findings.source, node.span, text, offset, length);
            match placeholder {
                Placeholder::Registry => {}
                Placeholder::Output { name, field } => check_output(name, Some(field), span, made, findings),
                Placeholder::Unknown(body) => {
                    let help = match suggestion::nearest(body, ["registry"]) {
                        Some(nearest) => format!("did you mean `${{{nearest}}}`?"),
                        None => "known are `${registry}` and `${outputs.<name>.<field>}`; write `$${` for a literal `${`".to_owned(),
                    };
                    findings.note(span, format!("unknown variable `${{{body}}}`"), help);
                }
                Placeholder::Unclosed => {
                    findings.note(
                        span,
                        "`${` without its `}`",
                        "close it, or write `$${` for a literal `${`",
                    );
                }
            }
        }
    });
}
