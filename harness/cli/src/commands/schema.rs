//! `plumbline schema`: the JSON Schema of a format.

use crate::{
    arguments::{Format, Schema},
    outputs,
};
use plumbline_model::ExitCode;

/// Prints it.
pub fn schema(schema: Schema) -> ExitCode {
    let schema = match schema.format {
        Format::Scenario => plumbline_scenario::schema(),
        Format::Report => plumbline_report::report_schema(),
        Format::Conformance => plumbline_report::conformance_schema(),
    };
    outputs::print(&format!("{schema:#}\n"));
    ExitCode::Passed
}
