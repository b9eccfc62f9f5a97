//! The `plumbline` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    plumbline::main()
}
