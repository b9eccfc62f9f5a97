use super::*;
use std::{fs, path::Path};

fn data(directory: &Path) -> OperatorData {
    let entry = |name: &str, tag: &str, digit: &str| {
        let digest = digit.repeat(64);
        format!("  - name: ghcr.io/fluxcd/{name}\n    newTag: {tag}\n    digest: sha256:{digest}\n")
    };
    for version in ["v2.8.10", "v2.8.9", "v2.9.0", "v2.9.2", "v1.0.0"] {
        let folder = directory.join("data/flux-images").join(version);
        fs::create_dir_all(&folder).unwrap();
        let list = ["images:\n".to_owned()]
            .into_iter()
            .chain([
                entry("source-controller", "v1.9.3", "a"),
                entry("helm-controller", "v1.6.2", "b"),
            ])
            .collect::<String>();
        fs::write(folder.join("upstream-alpine.yaml"), list).unwrap();
    }
    fs::write(directory.join("data/flux-images/VERSION"), "v2.9.2").unwrap();
    OperatorData::below(directory).unwrap()
}

fn wanted() -> Wanted {
    Wanted {
        flux: "v2.9.2".into(),
        operator: "0.59.0".into(),
        values: None,
        variant: UPSTREAM.into(),
        registry: UPSTREAM_REGISTRY.into(),
        components: vec!["helm-controller".into(), "source-controller".into()],
    }
}

#[test]
fn the_block_names_the_operator_and_then_the_controllers_that_were_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let list = data(directory.path()).list(&wanted()).unwrap();
    assert_eq!(
        list.block(false),
        "containerImages:\n  - ghcr.io/controlplaneio-fluxcd/flux-operator:v0.59.0\n  \
         - ghcr.io/fluxcd/helm-controller:v1.6.2\n  - ghcr.io/fluxcd/source-controller:v1.9.3\n"
    );
    let (a, b) = ("a".repeat(64), "b".repeat(64));
    assert!(list.block(true).ends_with(&format!(
        "flux-operator:v0.59.0\n  - ghcr.io/fluxcd/helm-controller:v1.6.2@sha256:{b}\n  \
             - ghcr.io/fluxcd/source-controller:v1.9.3@sha256:{a}\n"
    )));
    assert_eq!(
        list.json(false)["containerImages"][1]["digest"],
        format!("sha256:{b}")
    );
}

#[test]
fn the_values_name_a_copy_and_the_list_the_source() {
    let directory = tempfile::tempdir().unwrap();
    let data = data(directory.path());
    let text = "image:\n  repository: registry.example/mirror/flux-operator\n  tag: v0.59.0\nreplicas: 2\n";
    let mut wanted = wanted();
    wanted.values = Some(OperatorValues::parse(text).unwrap());
    let list = data.list(&wanted).unwrap();
    assert_eq!(
        list.images[0].name.to_string(),
        "ghcr.io/mirror/flux-operator:v0.59.0"
    );
    wanted.operator = "0.60.0".into();
    assert!(matches!(data.list(&wanted), Err(ListError::OtherOperator { .. })));
    wanted.values = Some(OperatorValues::parse("replicas: 2").unwrap());
    let list = data.list(&wanted).unwrap();
    assert_eq!(
        list.images[0].name.to_string(),
        "ghcr.io/controlplaneio-fluxcd/flux-operator:v0.60.0"
    );
    assert!(matches!(
        OperatorValues::parse("image: [1]"),
        Err(ListError::Values(_))
    ));
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let directory = tempfile::tempdir().unwrap();
    let data = data(directory.path());
    let refused = |change: &dyn Fn(&mut Wanted)| {
        let mut wanted = wanted();
        change(&mut wanted);
        data.list(&wanted).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&|wanted| wanted.flux = "2.9.9".into()),
        "the operator knows no Flux 2.9.9; it knows, the nearest first: 2.9.2, 2.9.0, 2.8.9, 2.8.10, 1.0.0"
    );
    assert_eq!(
        refused(&|wanted| wanted.flux = "../..".into()),
        "the operator knows no Flux ../..; it knows, the nearest first: 1.0.0, 2.8.9, 2.8.10, 2.9.0, 2.9.2"
    );
    assert_eq!(
        refused(&|wanted| wanted.variant = "upstream".into()),
        "Flux 2.9.2 has no variant `upstream`; it has: upstream-alpine"
    );
    assert_eq!(
        refused(&|wanted| wanted.components = vec!["source-watcher".into()]),
        "Flux 2.9.2 has no component `source-watcher`; it has: source-controller, helm-controller"
    );
}

#[test]
fn a_folder_without_data_is_said() {
    let directory = tempfile::tempdir().unwrap();
    assert!(OperatorData::below(directory.path()).is_err());
}
