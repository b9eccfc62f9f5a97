//! `plumbline images mirror`, from one registry to another.

use crate::world::{Said, World};
use plumbline_model::Secret;
use plumbline_servers::{Credentials, Registry, RegistryContent, RegistryOptions};
use serde_json::Value;
use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
};
use tokio::runtime::Runtime;

/// Two registries: one that has images, and one that wants a login.
struct Registries {
    world: World,
    source: Registry,
    target: Registry,
    runtime: Runtime,
}

impl Registries {
    fn start() -> Self {
        let (world, runtime) = (World::new(), Runtime::new().expect("a runtime"));
        let start = |name: &str, credentials| {
            let options = RegistryOptions {
                name: name.to_owned(),
                content: RegistryContent::Directory(world.path(name)),
                credentials,
                tls: None,
                address: ([127, 0, 0, 1], 0).into(),
            };
            runtime.block_on(Registry::start(options)).expect("a registry")
        };
        let login = Credentials {
            user: "robot".to_owned(),
            password: Secret::new("hunter22".to_owned()),
        };
        let (source, target) = (start("source", None), start("target", Some(login)));
        let registries = Self {
            world,
            source,
            target,
            runtime,
        };
        for repository in ["team/one", "team/two"] {
            let name = format!("{}/{repository}:1.0.0", registries.source.address());
            registries
                .world
                .store_image(&registries.runtime, &registries.source, &name, repository);
        }
        registries
    }

    fn image(&self, name: &str) -> String {
        format!("{}/team/{name}", self.source.address())
    }

    /// Writes down the login for the target, as `docker login` would.
    fn log_in(&self, password: &str) {
        let folder = self.world.path("home/.docker");
        fs::create_dir_all(&folder).expect("a folder");
        let login = format!(
            r#"{{"auths":{{"{}":{{"username":"robot","password":"{password}"}}}}}}"#,
            self.target.address()
        );
        fs::write(folder.join("config.json"), login).expect("a file");
    }

    /// `plumbline images mirror` to the target, over plain HTTP.
    fn command(&self, arguments: &[&str]) -> Command {
        let (source, target) = (
            self.source.address().to_string(),
            self.target.address().to_string(),
        );
        let fixed = [
            "images",
            "mirror",
            "--to",
            &target,
            "--plain-http",
            &source,
            "--plain-http",
            &target,
        ];
        self.world.bare_command(&[&fixed[..], arguments].concat())
    }

    /// What the program says, with names in place of addresses.
    fn said(&self, command: &mut Command) -> Said {
        let mut said = Said::by(command);
        for text in [&mut said.output, &mut said.error] {
            *text = text
                .replace(&self.source.address().to_string(), "[SOURCE]")
                .replace(&self.target.address().to_string(), "[TARGET]");
        }
        said
    }
}

#[test]
fn help_on_mirror_tells_every_option() {
    let world = World::new();
    let said = Said::by(&mut world.bare_command(&["images", "mirror", "--help"]));
    assert_eq!(said.code, 0, "{said}");
    world.assert_golden("help-images-mirror", &said);
}

#[test]
fn images_are_mirrored_and_told_one_by_one() {
    let registries = Registries::start();
    registries.log_in("hunter22");
    let said = registries
        .said(&mut registries.command(&[&registries.image("one:1.0.0"), &registries.image("two:1.0.0")]));
    assert_eq!(said.code, 0, "{said}");
    registries.world.assert_golden("images-mirrored", &said);

    let again = registries.said(&mut registries.command(&["--json", &registries.image("one:1.0.0")]));
    assert_eq!((again.code, again.error.as_str()), (0, ""), "{again}");
    let told: Value = serde_json::from_str(&again.output).expect("it is JSON");
    let target = told[0]["target"].as_str().expect("a target");
    assert!(said.output.contains(target), "{again}");
    assert_eq!(told[0]["blobs"]["sent"], 0, "{again}");
}

#[test]
fn a_list_is_read_from_standard_input() {
    let registries = Registries::start();
    registries.log_in("hunter22");
    let mut command = registries.command(&["--from-file", "-"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut program = command.spawn().expect("the program can be started");
    let list = format!(
        "# both\n- {}\n\n- \"{}\"\n",
        registries.image("one:1.0.0"),
        registries.image("two:1.0.0")
    );
    let mut input = program.stdin.take().expect("a pipe");
    input.write_all(list.as_bytes()).expect("the program reads");
    drop(input);
    let said = Said::of(program.wait_with_output().expect("the program ends"));
    assert_eq!((said.code, said.output.lines().count()), (0, 2), "{said}");
}

#[test]
fn an_image_that_is_missing_keeps_no_other_back() {
    let registries = Registries::start();
    registries.log_in("hunter22");
    let said = registries
        .said(&mut registries.command(&[&registries.image("none:1.0.0"), &registries.image("two:1.0.0")]));
    assert_eq!(said.code, 1, "{said}");
    registries.world.assert_golden("images-missing", &said);
}

#[test]
fn a_wrong_password_is_refused_and_never_shown() {
    let registries = Registries::start();
    registries.log_in("not-hunter22");
    let mut said = registries.said(&mut registries.command(&[&registries.image("one:1.0.0")]));
    assert_eq!(said.code, 1, "{said}");
    assert!(!format!("{said}").contains("hunter22"), "{said}");
    // Parts of the image are sent side by side: which of them is refused first is nobody's promise.
    if let Some((before, digest)) = said.error.split_once("@sha256:") {
        let (part, after) = digest.split_once(';').expect("the name ends");
        assert_eq!(part.len(), 64, "{part}");
        said.error = format!("{before}@sha256:[PART];{after}");
    }
    registries.world.assert_golden("images-wrong-password", &said);
}

#[test]
fn plain_http_has_to_be_asked_for() {
    let registries = Registries::start();
    let (image, target) = (
        registries.image("one:1.0.0"),
        registries.target.address().to_string(),
    );
    let mut command = registries
        .world
        .bare_command(&["images", "mirror", &image, "--to", &target]);
    let said = registries.said(&mut command);
    assert_eq!(said.code, 3, "{said}");
    registries.world.assert_golden("images-plain-http", &said);
}

#[test]
fn what_is_no_registry_no_image_and_no_file_is_wrong_usage() {
    let world = World::new();
    for (name, arguments) in [
        (
            "images-no-registry",
            ["alpine", "--to", "https://registry.example.com/team"],
        ),
        ("images-no-name", ["UPPER", "--to", "registry.example.com"]),
        (
            "images-no-file",
            ["--from-file=none.txt", "--to", "registry.example.com"],
        ),
    ] {
        let said = Said::by(&mut world.bare_command(&[&["images", "mirror"], &arguments[..]].concat()));
        assert_eq!(said.code, 2, "{said}");
        world.assert_golden(name, &said);
    }
}

#[test]
fn a_login_that_a_helper_keeps_is_told() {
    let world = World::new();
    let folder = world.path("home/.docker");
    fs::create_dir_all(&folder).expect("a folder");
    let helper = r#"{"credHelpers": {"registry.example.com": "acr-env"}}"#;
    fs::write(folder.join("config.json"), helper).expect("a file");
    let said =
        Said::by(&mut world.bare_command(&["images", "mirror", "alpine", "--to", "registry.example.com"]));
    assert_eq!(said.code, 2, "{said}");
    world.assert_golden("images-credential-helper", &said);
}
