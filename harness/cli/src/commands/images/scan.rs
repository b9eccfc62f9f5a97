//! `plumbline images scan`: the real trivy, with the arguments of the platform's pipelines.

use super::{
    access::{named, registry_config},
    arguments::Scan,
};
use crate::{
    arguments::Places,
    commands::{CommandError, toolchain::with_toolchain},
    directories::variable,
    outputs,
};
use plumbline_flux::{ScanProgram, VerbError, chain};
use plumbline_images::{
    ImageName,
    scan::{Scanned, Verdict, passes},
};
use plumbline_keeper::Keeper;
use plumbline_model::ExitCode;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// The program of the lock that scans.
const SCANNER: &str = "trivy";

/// What trivy may know of the user's environment: how the network is reached, and what finds helpers for logins.
const PASSED_ON: [&str; 9] = [
    "PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// Scans, and says image by image what was found.
pub(super) fn scan(places: &Places, scan: &Scan) -> Result<ExitCode, CommandError> {
    let images = scan
        .images
        .iter()
        .map(|text| named(text))
        .collect::<Result<Vec<_>, _>>()?;
    named(&scan.db_repository)?;
    let logins = registry_config(scan.registry_config.as_deref())?;
    let authorities = scan.ca_file.as_deref().map(absolute).transpose()?;
    let scanned = with_toolchain(places, async |toolchain, keeper, progress| {
        let programs = toolchain
            .fetch(&[SCANNER], progress)
            .await
            .map_err(|error| CommandError::Toolchain(chain(&error)))?;
        let path = programs
            .path(SCANNER)
            .ok_or_else(|| {
                CommandError::Toolchain(format!("clusters/toolchain.toml has no program `{SCANNER}`"))
            })?
            .to_owned();
        let home = keeper.run_directory().path().join("scan");
        let environment =
            environment(&home, logins.as_ref().map(|(_, text)| text.as_str()), authorities).map_err(
                CommandError::machine(format!("cannot prepare {}", home.display())),
            )?;
        let mut scanned = Vec::with_capacity(images.len());
        for (number, image) in images.iter().enumerate() {
            let _task = progress.task(format!("scanning {image}"));
            let folder = home.join(number.to_string());
            let place = Place {
                keeper,
                path: &path,
                environment: &environment,
                folder,
            };
            scanned.push(place.scan(image, scan).await?);
        }
        Ok(scanned)
    })?;
    let mut code = ExitCode::Passed;
    for result in &scanned {
        code = code.and(match result.verdict {
            Verdict::Clean | Verdict::Allowed | Verdict::NothingToScan => ExitCode::Passed,
            Verdict::Refused => ExitCode::Failed,
            Verdict::CannotTell => ExitCode::Environment,
        });
    }
    let results = images.iter().zip(&scanned);
    if scan.json {
        let all = results
            .map(|(image, result)| as_json(image, scan, result))
            .collect::<Value>();
        outputs::print(&format!("{all:#}\n"));
    } else {
        results.for_each(|(image, result)| outputs::print(&as_text(image, result)));
    }
    Ok(code)
}

/// Where one image is scanned.
struct Place<'a> {
    keeper: &'a Keeper,
    path: &'a Path,
    environment: &'a BTreeMap<String, String>,
    folder: PathBuf,
}

impl Place<'_> {
    async fn scan(&self, image: &ImageName, scan: &Scan) -> Result<Scanned, CommandError> {
        private_folder(&self.folder).map_err(CommandError::machine(format!(
            "cannot make {}",
            self.folder.display()
        )))?;
        let program = ScanProgram {
            keeper: self.keeper,
            path: self.path.to_owned(),
            environment: self.environment.clone(),
            folder: &self.folder,
        };
        let ends = program
            .run(passes(scan.mode, &image.to_string(), &scan.db_repository))
            .await
            .map_err(not_started)?;
        Ok(Scanned::judge(&ends))
    }
}

fn not_started(error: VerbError) -> CommandError {
    CommandError::Toolchain(match error {
        VerbError::Fault(fault) => fault.message,
        VerbError::Unmet(failure) => failure.message,
    })
}

/// trivy's environment: a home of its own in the run's directory, with the user's logins.
fn environment(
    home: &Path,
    logins: Option<&str>,
    authorities: Option<PathBuf>,
) -> io::Result<BTreeMap<String, String>> {
    private_folder(home)?;
    if let Some(logins) = logins {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(home.join("config.json"))?;
        file.write_all(logins.as_bytes())?;
    }
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let mut environment: BTreeMap<_, _> = PASSED_ON
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), text(variable(name)?))))
        .collect();
    environment.insert("HOME".to_owned(), text(home.to_owned()));
    environment.insert("DOCKER_CONFIG".to_owned(), text(home.to_owned()));
    environment.extend(authorities.map(|path| ("SSL_CERT_FILE".to_owned(), text(path))));
    Ok(environment)
}

fn private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(folder)
}

/// trivy runs in another folder, so it needs the whole path.
fn absolute(path: &Path) -> Result<PathBuf, CommandError> {
    fs::canonicalize(path)
        .map_err(|error| CommandError::Usage(format!("cannot read {}: {error}", path.display())))
}

fn as_text(image: &ImageName, scanned: &Scanned) -> String {
    format!("{image}  {}\n", scanned.text().replace('\n', "\n  "))
}

fn as_json(image: &ImageName, scan: &Scan, scanned: &Scanned) -> Value {
    let mut result = json!(scanned);
    result["image"] = image.to_string().into();
    result["mode"] = scan.mode.word().into();
    result
}
