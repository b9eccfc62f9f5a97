//! Scenarios of the project on kind, as tests: what only real nodes can prove, and the core of the platform. They are ignored
//! where kind cannot be used; `plumbline doctor` tells what is missing, and `plumbline run --on kind` runs all.

use std::process::ExitCode;

fn main() -> ExitCode {
    plumbline::testing::on_kind(
        env!("CARGO_MANIFEST_DIR"),
        &[
            "scenarios/nodes",
            "scenarios/gitops",
            "scenarios/supply/egress.yaml",
        ],
    )
}
