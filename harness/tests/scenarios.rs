//! Every scenario of the project as a test: `cargo test -- drift` picks those with `drift` in their name.

use std::process::ExitCode;

fn main() -> ExitCode {
    plumbline::testing::main(env!("CARGO_MANIFEST_DIR"))
}
