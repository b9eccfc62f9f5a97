//! The `plumbline` program: flags, environment, terminal, exit code; and the same scenarios as tests.

mod arguments;
mod commands;
mod directories;
mod display;
mod keys;
mod outputs;
mod reports;
mod services;
mod signals;
mod signature;
pub mod testing;

use arguments::{Arguments, Command};
use clap::Parser as _;
use plumbline_model::ExitCode;

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> std::process::ExitCode {
    // The keeper and the confinement shim are this program again; they never come back from here.
    plumbline_keeper::entry::dispatch();
    install_crypto_provider();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, not errors. A closed output must not turn into a panic.
            let _ = error.print();
            let code = if error.use_stderr() {
                ExitCode::Usage
            } else {
                ExitCode::Passed
            };
            return std::process::ExitCode::from(code.number());
        }
    };
    let code = match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            error.complain();
            error.exit_code()
        }
    };
    std::process::ExitCode::from(code.number())
}

/// Sends what the crates tell of their insides to standard error, as far as `filter` lets it.
fn install_trace(filter: &str) -> Result<(), commands::CommandError> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter).map_err(|error| {
        commands::CommandError::Usage(format!("`{filter}` is no filter for --trace: {error}"))
    })?;
    // An error means that a trace is installed already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
    Ok(())
}

fn run(arguments: Arguments) -> Result<ExitCode, commands::CommandError> {
    let places = &arguments.places;
    if let Some(filter) = &places.trace {
        install_trace(filter)?;
    }
    match arguments.command {
        Command::Run(run) => commands::run(places, &run),
        Command::Check(selection) => commands::check(places, &selection),
        Command::List(selection) => commands::list(places, &selection),
        Command::Up(up) => commands::up(places, &up),
        Command::Down => commands::down(places),
        Command::Tools(tools) => commands::tools(places, &tools),
        Command::Report(report) => commands::report(&report),
        Command::Table(table) => commands::table(&table),
        Command::VerifyReport(verify) => commands::verify_report(&verify),
        Command::Schema(schema) => Ok(commands::schema(schema)),
        Command::Images(images) => commands::images(places, &images),
        Command::NodeImage(image) => commands::node_image(places, &image),
        Command::Doctor(doctor) => commands::doctor(places, &doctor),
        Command::Gc(gc) => commands::gc(places, &gc),
    }
}

/// One TLS implementation for everything: two in one program would make rustls refuse to choose.
pub(crate) fn install_crypto_provider() {
    // An error means that it is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
