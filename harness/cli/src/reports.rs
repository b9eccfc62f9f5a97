//! The reports of a run, or of its log: on the terminal, in files, and to build services.

use crate::{
    arguments::Outputs,
    commands::CommandError,
    display::palette,
    outputs::{OutputError, check_distinct, check_writable, print, write_whole},
    services::Services,
    signature::{self, Signer},
};
use plumbline_report::{Summary, render_conformance, render_html, render_json, render_junit, render_summary};
use std::{
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
};

/// Which reports were asked for, and by whom else.
pub struct Reports<'run> {
    outputs: &'run Outputs,
    services: Services,
    signer: Option<Signer>,
}

impl<'run> Reports<'run> {
    /// Looks whether each report can be written, and reads the key, if one is to sign: what is wrong is told before anything is started.
    /// Nothing is written over what is in `others`.
    ///
    /// # Errors
    /// A file that cannot be written, or is asked for twice; a key that cannot be used.
    pub fn new(outputs: &'run Outputs, others: &[PathBuf]) -> Result<Self, CommandError> {
        let services = Services::of(outputs);
        let Outputs {
            json,
            junit,
            html,
            conformance,
            ..
        } = outputs;
        let files = [json, junit, html, conformance].into_iter().flatten();
        let files: Vec<_> = files.chain(services.page()).collect();
        check_distinct(others.iter().chain(files.iter().copied())).map_err(CommandError::misnamed)?;
        check_writable(files).map_err(CommandError::misnamed)?;
        Ok(Self {
            outputs,
            services,
            signer: Signer::of(outputs)?,
        })
    }

    /// Prints the summary, tells build services, and writes the files: each of them, also when another cannot be written.
    ///
    /// # Errors
    /// The first that cannot be written.
    pub fn tell(&self, summary: &Summary) -> Result<(), OutputError> {
        print(&render_summary(summary, palette(io::stdout().is_terminal())));
        self.services.tell(summary).and(self.write(summary))
    }

    /// Writes the files.
    ///
    /// # Errors
    /// The first that cannot be written.
    pub fn write(&self, summary: &Summary) -> Result<(), OutputError> {
        let Outputs {
            json,
            junit,
            html,
            conformance,
            ..
        } = self.outputs;
        let json = written(json.as_deref(), || Ok(render_json(summary)));
        let junit = written(junit.as_deref(), || Ok(render_junit(summary)));
        let html = written(html.as_deref(), || render_html(summary).map_err(io::Error::other));
        let conformance = match conformance {
            Some(path) => self.write_conformance(path, summary),
            None => Ok(()),
        };
        json.and(junit).and(html).and(conformance)
    }

    fn write_conformance(&self, path: &Path, summary: &Summary) -> Result<(), OutputError> {
        let report = render_conformance(summary);
        write_whole(path, &report)?;
        match &self.signer {
            Some(signer) => write_whole(&signature::beside(path), &signer.sign(&report)),
            None => Ok(()),
        }
    }
}

fn written(path: Option<&Path>, render: impl FnOnce() -> io::Result<String>) -> Result<(), OutputError> {
    let Some(path) = path else {
        return Ok(());
    };
    let content = render().map_err(|source| OutputError {
        path: path.to_owned(),
        source,
    })?;
    write_whole(path, &content)
}
