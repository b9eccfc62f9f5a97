//! Scanning an image as the platform's pipeline does, by the real trivy.

use crate::{
    Platform, VerbError,
    names::{GITOPS_REPOSITORY, PRIVATE_REGISTRY},
    programs::path_of,
    scan_template,
};
use plumbline_images::{
    ImageName,
    scan::{PassEnd, ScanMode, Scanned, reported, with_database},
};
use plumbline_keeper::{Command, Keeper, Output};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The scanner, as the lock has it.
const SCANNER: &str = "trivy";

/// What makes trivy keep to the registries that it is given: no container engine of the machine, no word to its makers.
pub(crate) const KEEP_TO_ITSELF: [(&str, &str); 4] = [
    ("TRIVY_IMAGE_SRC", "remote"),
    ("TRIVY_SKIP_VERSION_CHECK", "true"),
    ("TRIVY_DISABLE_TELEMETRY", "true"),
    ("TRIVY_NO_PROGRESS", "true"),
];

/// What a scan found, and whom trivy asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageScan {
    /// The result.
    pub scanned: Scanned,
    /// The exit code of the last pass that ended by itself.
    pub exit: Option<i32>,
    /// What trivy has connected to, as `host:port`.
    pub reached: BTreeSet<String>,
    /// What it has tried to connect to in vain: it is outside.
    pub refused: BTreeSet<String>,
}

/// A trivy that can be run, and what it finds around it.
pub struct ScanProgram<'a> {
    /// Starts it.
    pub keeper: &'a Keeper,
    /// Where it is.
    pub path: PathBuf,
    /// Its environment; what keeps it to itself is added.
    pub environment: BTreeMap<String, String>,
    /// An empty folder of its own: its cache and its reports are in there. Each scan so takes the database anew.
    pub folder: &'a Path,
}

impl ScanProgram<'_> {
    /// Runs the passes one after the other, up to the first that fails: a pipeline ends there too.
    ///
    /// # Errors
    /// trivy cannot be started. That it fails is no error but an end.
    pub async fn run(&self, passes: Vec<Vec<String>>) -> Result<Vec<PassEnd>, VerbError> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut environment = self.environment.clone();
        environment.extend(KEEP_TO_ITSELF.map(|(name, value)| (name.to_owned(), value.to_owned())));
        environment.insert("TRIVY_CACHE_DIR".to_owned(), text(&self.folder.join("cache")));
        environment.insert("TMPDIR".to_owned(), text(self.folder));
        let mut ends = Vec::with_capacity(passes.len());
        for (number, arguments) in passes.into_iter().enumerate() {
            let report = self.folder.join(format!("report-{number}.json"));
            let command = Command::new(SCANNER, &self.path)
                .arguments(reported(arguments, &report))
                .environment(environment.clone())
                .directory(self.folder)
                .output(Output::Captured);
            let finished = self.keeper.output(command).await?;
            ends.push(PassEnd {
                exit: finished.status.code(),
                report: fs::read(&report).ok(),
                said: finished.stderr.text(),
            });
            if !finished.status.success() {
                break;
            }
        }
        Ok(ends)
    }
}

impl Platform {
    /// Scans an image by the template of the platform's pipeline, with the vulnerability database of the private registry
    /// unless `database` names another.
    ///
    /// # Errors
    /// The template is not understood, or trivy cannot be started. What trivy says, and that it fails, is a result.
    pub async fn scan(
        &self,
        image: &ImageName,
        mode: ScanMode,
        database: Option<&str>,
    ) -> Result<ImageScan, VerbError> {
        let repository = self.fixtures().repository_folder(GITOPS_REPOSITORY);
        let mut passes = scan_template::passes(&repository, mode, &image.to_string(), PRIVATE_REGISTRY)?;
        if let Some(database) = database {
            passes = passes
                .into_iter()
                .map(|arguments| with_database(arguments, database))
                .collect();
        }
        let folder = self.scratch().map_err(|error| VerbError::environment(&error))?;
        let scanned = self.scan_in(passes, &folder).await;
        // It goes with the run's directory at the latest.
        let _ = fs::remove_dir_all(&folder);
        scanned
    }

    /// Through a proxy of its own, so that what this scan reached is not mixed up with what others did.
    async fn scan_in(&self, passes: Vec<Vec<String>>, folder: &Path) -> Result<ImageScan, VerbError> {
        let proxy = self.services().outside_proxy(self.service_names()).await?;
        let mut environment = self.program_environment();
        for name in ["HTTPS_PROXY", "HTTP_PROXY"] {
            environment.insert(name.to_owned(), format!("http://{}", proxy.address()));
        }
        let program = ScanProgram {
            keeper: self.keeper(),
            path: path_of(self.programs(), SCANNER)?,
            environment,
            folder,
        };
        let ends = program.run(passes).await?;
        let egress = proxy.egress();
        let tried = |allowed: bool| {
            let tried = egress.iter().filter(|record| record.allowed == allowed);
            tried.map(|record| record.target.clone()).collect()
        };
        Ok(ImageScan {
            scanned: Scanned::judge(&ends),
            exit: ends.iter().filter_map(|end| end.exit).next_back(),
            reached: tried(true),
            refused: tried(false),
        })
    }
}
