//! The reports of a run, or of its log: on the terminal, in files, and to build services.

use crate::{
    arguments::Outputs,
    commands::CommandError,
    display::palette,
    outputs::{OutputError, print, write_whole},
    services::Services,
    signature::{self, Signer},
};
use plumbline_report::{Summary, render_conformance, render_html, render_json, render_junit, render_summary};
use std::{
    io::{self, IsTerminal as _},
    path::Path,
};

/// Which reports were asked for, and by whom else.
pub struct Reports<'run> {
    outputs: &'run Outputs,
    services: Services,
    signer: Option<Signer>,
}

impl<'run> Reports<'run> {
    /// Reads the key, if one is to sign: a wrong one is told before anything is started.
    ///
    /// # Errors
    /// The key cannot be used.
    pub fn new(outputs: &'run Outputs) -> Result<Self, CommandError> {
        Ok(Self {
            outputs,
            services: Services::of(outputs),
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
