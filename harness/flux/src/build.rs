//! Making an image or a chart and publishing it, as an application's own pipeline does.

use crate::{Patience, Platform, VerbError, chain, last_lines};
use plumbline_images::{Digest, ImageError, ImageFile, ImageName, ProgramImage, pack, push_layout};
use plumbline_model::Progress;
use std::{collections::BTreeMap, fs, path::Path};

/// What was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The name that it has in its registry, with the tag.
    pub name: String,
    /// The digest that the registry has it under.
    pub digest: String,
}

/// A folder with a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChartFolder<'a> {
    /// The repository that it is in.
    pub repository: &'a str,
    /// The branch.
    pub branch: &'a str,
    /// From the repository's root.
    pub path: &'a str,
}

impl Platform {
    /// Makes an image with these files, by absolute path, below the program of all sample images, and pushes it. Nothing of
    /// it stays on this machine.
    ///
    /// # Errors
    /// The name or a path cannot be, or the registry does not take it.
    pub async fn build_image(
        &self,
        name: &str,
        files: &BTreeMap<String, String>,
    ) -> Result<Published, VerbError> {
        let name = tagged(name)?;
        let files = files
            .iter()
            .map(|(path, content)| ImageFile::written(path.as_str(), content.as_bytes()));
        let image = pack::sample_image(&name, files.collect(), self.supply().sample_program());
        let folder = self.scratch().map_err(|error| VerbError::environment(&error))?;
        let published = self.pack_and_push(&image, &folder).await;
        // It goes with the run's directory at the latest.
        let _ = fs::remove_dir_all(&folder);
        Ok(Published {
            digest: published?.to_string(),
            name: name.to_string(),
        })
    }

    async fn pack_and_push(&self, image: &ProgramImage, folder: &Path) -> Result<Digest, ImageError> {
        let packed = pack::pack(image, folder, &Progress::silent()).await?;
        push_layout(&packed.layout, &image.name, &self.services().endpoints).await
    }

    /// Packages a folder of a repository by Helm, at the version that is the tag of `name`, and pushes it.
    ///
    /// # Errors
    /// There is no such folder or it is no chart of that name, or the registry does not take it.
    pub async fn build_chart(
        &self,
        name: &str,
        folder: ChartFolder<'_>,
        patience: Patience<'_>,
    ) -> Result<Published, VerbError> {
        let ChartFolder {
            repository,
            branch,
            path,
        } = folder;
        let name = tagged(name)?;
        let (Some((parent, chart)), Some(version)) = (name.repository().rsplit_once('/'), name.tag()) else {
            return Err(VerbError::unmet(format!(
                "a chart cannot be pushed to `{name}`: Helm wants a folder before the chart's name, as in {}/charts/{}",
                name.registry(),
                name.repository()
            )));
        };
        let checkout = self.check_out(repository, branch, &format!("{path}/")).await?;
        patience.saw(&format!("helm to package and push {name}"), "started");
        let package = ["package", path, "--version", version].map(str::to_owned);
        let archive = format!("{chart}-{version}.tgz");
        let push = [
            "push".to_owned(),
            archive.clone(),
            format!("oci://{}/{parent}", name.registry()),
        ];
        let pushed = async {
            self.helm(&package, &checkout).await?;
            if !checkout.join(&archive).is_file() {
                return Err(VerbError::unmet(format!(
                    "the chart at {path} of {repository} is not called `{chart}`: Helm pushes a chart under its own name"
                )));
            }
            self.helm(&push, &checkout).await
        }
        .await;
        let _ = fs::remove_dir_all(&checkout);
        let said = pushed?;
        let digest = said.lines().find_map(|line| line.trim().strip_prefix("Digest: "));
        let digest = digest.ok_or_else(|| {
            VerbError::unmet(format!(
                "helm pushed {name} without naming its digest: {}",
                last_lines(&said)
            ))
        })?;
        Ok(Published {
            digest: digest.to_owned(),
            name: name.to_string(),
        })
    }

    /// Runs helm to its good end and gives what it said.
    async fn helm(&self, arguments: &[String], folder: &Path) -> Result<String, VerbError> {
        let finished = self.execute_in("helm", arguments, folder).await?;
        let said = format!("{}\n{}", finished.stdout.text(), finished.stderr.text());
        if finished.status.success() {
            return Ok(said);
        }
        Err(VerbError::mismatch(
            format!("helm {} failed", arguments.join(" ")),
            "exit code 0",
            format!("{}: {}", finished.status, last_lines(&said)),
        ))
    }
}

fn tagged(name: &str) -> Result<ImageName, VerbError> {
    let parsed: ImageName = name.parse().map_err(|error| VerbError::unmet(chain(&error)))?;
    match (parsed.tag(), parsed.digest()) {
        (Some(_), None) => Ok(parsed),
        _ => Err(VerbError::unmet(format!(
            "`{name}` cannot be published: name it with a tag and without a digest"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_has_a_tag_and_no_digest() {
        assert!(tagged("registry.plumbline.test/shop/app:1.0.0").is_ok());
        let digest = format!("ghcr.io/a/b:1@sha256:{}", "0".repeat(64));
        for name in [digest.as_str(), "ghcr.io/A/b:1", ""] {
            assert!(matches!(tagged(name), Err(VerbError::Unmet(_))), "{name}");
        }
    }
}
