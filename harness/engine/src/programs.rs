//! The programs of a run: only what its plan needs is fetched.

use crate::{
    RunRequest,
    set_up::{environment, ours},
};
use plumbline_flux::{
    ADMISSION_PROGRAM, PIPELINE_TOOLS, PLATFORM_PROGRAMS, Release, SAMPLE_PROGRAM, names::KYVERNO_CHART,
    release_programs,
};
use plumbline_keeper::Keeper;
use plumbline_model::{Fault, Progress, Provider};
use plumbline_scenario::{Plan, Stage, Step, steps::BuiltArtifact};
use plumbline_toolchain::{Programs, Toolchain, ToolchainOptions};
use std::collections::{BTreeMap, BTreeSet};

/// The programs of clusters, and of the Git server.
const fn cluster_programs(provider: Provider) -> &'static [&'static str] {
    match provider {
        Provider::Embedded => &["git", "etcd", "kube-apiserver", "kube-controller-manager"],
        Provider::Kind => &["git", "kind"],
    }
}

/// What installs the operator and packages charts.
const HELM: &str = "helm";

/// What scans images, and what makes the vulnerability database for it.
const SCAN_PROGRAMS: [&str; 2] = ["trivy", "trivy-db"];

/// What a run works with.
pub(crate) struct Fetched {
    /// Where further programs come from.
    pub(crate) toolchain: Toolchain,
    pub(crate) programs: Programs,
    /// The release of Flux that the run is about, if it is not the one that the fixtures name.
    pub(crate) release: Option<Release>,
    /// Names of programs by the release of Flux that they make up, besides that of the reference platform.
    pub(crate) further_releases: BTreeMap<String, Vec<String>>,
}

/// Fetches what the plan needs.
pub(crate) async fn fetch(
    request: &RunRequest,
    keeper: &Keeper,
    progress: &Progress,
) -> Result<Fetched, Fault> {
    let lock = request.lock.clone();
    let Needed { mut names, versions } = needed(&request.plan, request.provider);
    let release = match &request.flux {
        Some(version) => Some(Release {
            version: version.clone(),
            components: release_programs(&lock, version).map_err(ours)?,
        }),
        None => None,
    };
    if let Some(release) = &release {
        let [_, controllers @ ..] = &PLATFORM_PROGRAMS;
        let is_of = |name: &String| release.components.contains(name);
        names.retain(|name| is_of(name) || !controllers.contains(&name.as_str()));
    }
    let mut further_releases = BTreeMap::new();
    for version in versions {
        let programs = release_programs(&lock, &version).map_err(ours)?;
        names.extend(programs.iter().cloned());
        further_releases.insert(version, programs);
    }
    let toolchain = Toolchain::new(ToolchainOptions {
        lock,
        clusters_directory: request.project.join("clusters"),
        cache_directory: request.cache.clone(),
        search_path: request.search_path.clone(),
        environment: request.environment.clone(),
        offline: request.offline,
        keeper: keeper.clone(),
    });
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let programs = toolchain
        .fetch(&names, progress)
        .await
        .map_err(|error| environment(&error))?;
    Ok(Fetched {
        toolchain,
        programs,
        release,
        further_releases,
    })
}

/// What the scenarios of a plan need.
#[derive(Debug, Default, PartialEq, Eq)]
struct Needed {
    /// Programs.
    names: BTreeSet<String>,
    /// Releases of Flux that they name.
    versions: BTreeSet<String>,
}

fn needed(plan: &Plan, provider: Provider) -> Needed {
    let mut needed = Needed {
        names: cluster_programs(provider)
            .iter()
            .chain(&PLATFORM_PROGRAMS)
            .chain([&SAMPLE_PROGRAM])
            .map(ToString::to_string)
            .collect(),
        versions: BTreeSet::new(),
    };
    for planned in &plan.scenarios {
        if planned.scenario.needs == Stage::Admission {
            needed.names.insert(ADMISSION_PROGRAM.to_owned());
        }
        for cluster in planned.scenario.clusters.values() {
            needed.names.insert(HELM.to_owned());
            let version = cluster.value.version.as_ref();
            needed
                .versions
                .extend(version.map(|version| version.value.clone()));
        }
        for placed in planned.scenario.all_steps() {
            match &placed.step {
                Step::Install(install) => {
                    if install.chart.value == KYVERNO_CHART {
                        needed.names.insert(ADMISSION_PROGRAM.to_owned());
                    }
                    needed.names.insert(HELM.to_owned())
                }
                Step::Build(build) if matches!(build.artifact, BuiltArtifact::Chart { .. }) => {
                    needed.names.insert(HELM.to_owned())
                }
                Step::Pipeline(_) => {
                    let tools = PIPELINE_TOOLS.map(|(program, _)| program.to_owned());
                    needed.names.extend(tools);
                    needed.names.extend(SCAN_PROGRAMS.map(str::to_owned));
                    false
                }
                Step::Scan(_) => {
                    needed.names.extend(SCAN_PROGRAMS.map(str::to_owned));
                    true
                }
                Step::Exec(exec) => needed.names.insert(exec.program.value.clone()),
                Step::Upgrade(upgrade) => needed.versions.insert(upgrade.to.value.clone()),
                _ => false,
            };
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_scenario::{Selection, Vocabulary, load};

    fn needed_by(steps: &str) -> Needed {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        let text =
            format!("claim: a\nrequirements: [UPGRADE-01]\nneeds: cluster\nexclusive: true\nsteps:\n{steps}");
        std::fs::write(&file, text).unwrap();
        let vocabulary = Vocabulary {
            programs: vec!["crane".to_owned()],
            ..Vocabulary::default()
        };
        let suite = load(&[file], folder.path(), &vocabulary)
            .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render()));
        needed(&suite.plan(&Selection::default()).unwrap(), Provider::Embedded)
    }

    #[test]
    fn a_run_needs_the_cluster_and_what_its_steps_name_and_nothing_else() {
        let expectation = "  - expect: {object: Namespace a, absent: true}\n";
        let plain = needed_by(expectation);
        assert_eq!(
            plain.names.len(),
            cluster_programs(Provider::Embedded).len() + PLATFORM_PROGRAMS.len() + 1
        );
        assert!(plain.versions.is_empty());
        let more = needed_by(&format!(
            "  - upgrade: {{to: 2.9.2}}\n  - exec: {{program: crane, arguments: []}}\n{expectation}"
        ));
        let further: Vec<_> = more.names.difference(&plain.names).collect();
        assert_eq!(further, ["crane"]);
        let scanned = needed_by("  - scan: {images: platform}\n");
        let further: Vec<_> = scanned.names.difference(&plain.names).collect();
        assert_eq!(further, ["trivy", "trivy-db"]);
        assert_eq!(more.versions, BTreeSet::from(["2.9.2".to_owned()]));
    }
}
