//! The container in which the scripts of the recipe run.

use super::{
    Mirrors, NodeImageError, Recipe,
    follow::Long,
    recipe::{DEBIAN_RELEASE, REGISTRY_VERSION},
    workplace::Workplace,
};
use plumbline_model::Progress;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

/// Longer than a slow line and a slow disk need.
const LONGEST_BUILD: Duration = Duration::from_secs(30 * 60);

/// What the scripts are told, as variables.
type Variables = BTreeMap<String, String>;

/// Runs the scripts to their end; the container stays, to be made an image of.
pub(super) async fn run_container(
    workplace: &Workplace<'_>,
    recipe: &Recipe,
    programs: &[(&str, PathBuf)],
    progress: &Progress,
) -> Result<(), NodeImageError> {
    let options = workplace.options;
    let variables = variables(recipe, &options.mirrors, &options.environment);
    let mounts = mounts(&workplace.folder, &options.packages(), &recipe.folder, programs);
    let mut arguments = arguments(&workplace.names.container, &mounts, &variables);
    arguments.extend([workplace.names.base.clone(), "/run/build/build".to_owned()]);
    let long = Long {
        step: "starting the build container",
        tells_steps: true,
        within: LONGEST_BUILD,
        mirror: &options.mirrors.debian,
    };
    let command = options.docker.command(arguments).environment(&variables);
    long.follow(options.docker.keeper(), command, progress).await
}

/// What the scripts are told, and the caller's proxies.
fn variables(recipe: &Recipe, mirrors: &Mirrors, environment: &Variables) -> Variables {
    let told = [
        ("KUBERNETES_VERSION", recipe.version.as_str()),
        ("REGISTRY_VERSION", REGISTRY_VERSION),
        ("DEBIAN_RELEASE", DEBIAN_RELEASE),
        ("DEBIAN_MIRROR", &mirrors.debian),
        ("DEBIAN_SECURITY_MIRROR", &mirrors.security),
    ];
    let told = told.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let proxies = environment.iter().filter(|(name, _)| is_proxy(name));
    let proxies = proxies.map(|(name, value)| (name.clone(), value.clone()));
    proxies.chain(told).collect()
}

/// What the container sees of this machine, as the client takes it.
fn mounts(folder: &Path, packages: &Path, scripts: &Path, programs: &[(&str, PathBuf)]) -> Vec<String> {
    let mount = |from: &Path, to: &str| format!("type=bind,source={},target={to}", from.display());
    let programs = programs
        .iter()
        .map(|(name, path)| mount(path, &format!("/run/programs/{name},readonly")));
    [
        mount(&folder.join("out"), "/run/out"),
        mount(packages, "/var/cache/apt/archives"),
        mount(scripts, "/run/build,readonly"),
    ]
    .into_iter()
    .chain(programs)
    .collect()
}

/// Of the variables only the names: the address of a mirror or a proxy can hold a password, which every user could read
/// in the arguments. The client takes the values from its environment.
fn arguments(container: &str, mounts: &[String], variables: &Variables) -> Vec<String> {
    // A network of its own may lack names and proxies that the machine has. The tmpfs is under all the mounts, so that the
    // image gets no empty folders of theirs; the volume is for containerd, which cannot stack layers on layers.
    ["run", "--name", container, "--privileged", "--network", "host"]
        .into_iter()
        .chain(["--tmpfs", "/run", "--tmpfs", "/tmp", "--volume", "/run/work"])
        .chain(mounts.iter().flat_map(|mount| ["--mount", mount]))
        .chain(variables.keys().flat_map(|name| ["--env", name]))
        .map(str::to_owned)
        .collect()
}

fn is_proxy(name: &str) -> bool {
    matches!(
        name.to_ascii_lowercase().as_str(),
        "http_proxy" | "https_proxy" | "no_proxy"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_of_a_variable_is_among_the_arguments() {
        let proxy = "http://user:hunter2@proxy.example".to_owned();
        let environment = Variables::from([
            ("https_proxy".to_owned(), proxy),
            ("HOME".to_owned(), "/root".to_owned()),
        ]);
        let mirrors = Mirrors {
            debian: "http://user:hunter2@mirror.example/debian".to_owned(),
            security: "http://mirror.example/security".to_owned(),
        };
        let recipe = Recipe::for_tests("1.34.4");
        let variables = variables(&recipe, &mirrors, &environment);
        assert_eq!(variables["KUBERNETES_VERSION"], "1.34.4");
        assert!(variables.contains_key("https_proxy") && !variables.contains_key("HOME"));
        let programs = [("kubelet", PathBuf::from("/cache/kubelet"))];
        let mounts = mounts(
            Path::new("/run/x"),
            Path::new("/cache/debian"),
            Path::new("/clusters/node"),
            &programs,
        );
        let arguments = arguments("plumbline-build-0123456789abcdef", &mounts, &variables).join(" ");
        assert!(
            !arguments.contains("hunter2") && !arguments.contains("example"),
            "{arguments}"
        );
        assert!(arguments.contains("--env https_proxy"), "{arguments}");
        assert!(
            arguments
                .contains("--mount type=bind,source=/cache/kubelet,target=/run/programs/kubelet,readonly"),
            "{arguments}"
        );
    }
}
