//! The vulnerability database of a run: made of the fixtures' advisories, upstream and in the private registry.

use crate::{
    Fixtures, VerbError, last_lines,
    names::{DATABASE, PUBLISHED_DATABASE},
    programs::path_of,
    site::Foundation,
};
use plumbline_images::{ImageName, PackedImage, push_layout, scan::VulnerabilityDatabase};
use plumbline_keeper::{Command, Output};
use plumbline_model::FaultClass;
use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
};

/// What makes the database.
const BUILDER: &str = "trivy-db";

/// Publishes the database where trivy's authors do, and where the platform expects it, if the run has what makes it.
pub(crate) async fn publish(
    foundation: &Foundation,
    fixtures: &Fixtures,
    cache: &Path,
    search_path: &str,
) -> Result<(), VerbError> {
    let Some(version) = foundation.programs.version(BUILDER) else {
        return Ok(());
    };
    let published = name(PUBLISHED_DATABASE)?;
    let database = VulnerabilityDatabase::new(&fixtures.advisories(), version)?;
    let packed = match database.cached(&published, cache) {
        Some(packed) => packed,
        None => build(foundation, &database, &published, cache, search_path).await?,
    };
    let tag = published.tag().unwrap_or_default();
    let services = &foundation.services;
    services
        .upstream
        .seed(published.repository(), tag, &packed.layout)
        .await?;
    push_layout(&packed.layout, &name(DATABASE)?, &services.endpoints).await?;
    Ok(())
}

async fn build(
    foundation: &Foundation,
    database: &VulnerabilityDatabase,
    name: &ImageName,
    cache: &Path,
    search_path: &str,
) -> Result<PackedImage, VerbError> {
    let folder = foundation.directory().join("vulnerability-database");
    let environment = |error: std::io::Error| VerbError::environment(&error);
    DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .map_err(environment)?;
    let text = folder.to_string_lossy().into_owned();
    let command = Command::new(BUILDER, path_of(&foundation.programs, BUILDER)?)
        .arguments(database.builder_arguments(&folder))
        .environment([
            ("HOME", text.as_str()),
            ("TMPDIR", text.as_str()),
            // It asks `go` for the names of the standard packages, whatever it builds; that must not fetch anything.
            ("PATH", search_path),
            ("GOTOOLCHAIN", "local"),
            ("GOPROXY", "off"),
        ])
        .directory(&folder)
        .output(Output::Captured);
    let finished = foundation.keeper.output(command).await?;
    if !finished.status.success() {
        let said = last_lines(&finished.stderr.text());
        return Err(VerbError::fault(
            FaultClass::Environment,
            format!(
                "no vulnerability database can be made of fixtures/advisories: {BUILDER} ended with {}: {said}",
                finished.status
            ),
        ));
    }
    let packed = database.pack(&folder, name, cache).await?;
    fs::remove_dir_all(&folder).map_err(environment)?;
    Ok(packed)
}

fn name(text: &str) -> Result<ImageName, VerbError> {
    text.parse().map_err(|error| VerbError::environment(&error))
}
