//! `plumbline images sign` and `plumbline images verify`, against a registry and a key vault.

use crate::world::{Said, World};
use plumbline_images::KeyPair;
use plumbline_model::Secret;
use plumbline_servers::{Credentials, KeyVault, KeyVaultOptions, Registry, RegistryContent, RegistryOptions};
use serde_json::Value;
use std::{fs, process::Command};
use tokio::runtime::Runtime;

const PASSWORD: &str = "correct horse";

/// A registry with an image, and keys in files.
struct Bench {
    world: World,
    registry: Registry,
    runtime: Runtime,
}

impl Bench {
    fn start() -> Self {
        let (world, runtime) = (World::new(), Runtime::new().expect("a runtime"));
        let options = RegistryOptions {
            name: "registry".to_owned(),
            content: RegistryContent::Directory(world.path("registry")),
            credentials: None,
            tls: None,
            address: ([127, 0, 0, 1], 0).into(),
        };
        let registry = runtime.block_on(Registry::start(options)).expect("a registry");
        let bench = Self {
            world,
            registry,
            runtime,
        };
        let name = bench.image("one:1.0.0");
        bench
            .world
            .store_image(&bench.runtime, &bench.registry, &name, "one");
        bench.write_key("cosign");
        bench.write_key("stranger");
        bench
    }

    /// A key pair in two files, the private half encrypted, as cosign writes them.
    fn write_key(&self, name: &str) {
        let key = KeyPair::generate();
        let sealed = key.to_cosign(&Secret::new(PASSWORD.to_owned())).expect("a key");
        fs::write(self.world.path(&format!("{name}.key")), sealed.reveal()).expect("a file");
        let public = key.public_pem().expect("a key");
        fs::write(self.world.path(&format!("{name}.pub")), public).expect("a file");
    }

    fn image(&self, name: &str) -> String {
        format!("{}/team/{name}", self.registry.address())
    }

    /// A command of the group, over plain HTTP.
    fn command(&self, arguments: &[&str]) -> Command {
        let registry = self.registry.address().to_string();
        let [command, rest @ ..] = arguments else {
            panic!("a command is named");
        };
        let fixed = ["images", command, "--plain-http", &registry];
        let mut command = self.world.bare_command(&[&fixed[..], rest].concat());
        command.env("COSIGN_PASSWORD", PASSWORD);
        command
    }

    /// What the program says, with a name in place of the address.
    fn said(&self, command: &mut Command) -> Said {
        let mut said = Said::by(command);
        for text in [&mut said.output, &mut said.error] {
            *text = text.replace(&self.registry.address().to_string(), "[REGISTRY]");
        }
        said
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.said(&mut self.command(arguments))
    }

    fn golden(&self, name: &str, said: &Said, code: i32) {
        assert_eq!(said.code, code, "{said}");
        self.world.assert_golden(name, said);
    }
}

#[test]
fn help_tells_every_option() {
    let world = World::new();
    for command in ["sign", "verify"] {
        let said = Said::by(&mut world.bare_command(&["images", command, "--help"]));
        assert_eq!(said.code, 0, "{said}");
        world.assert_golden(&format!("help-images-{command}"), &said);
    }
}

#[test]
fn an_image_is_signed_by_its_digest_and_verified() {
    let bench = Bench::start();
    let image = bench.image("one:1.0.0");
    let verify = || bench.run(&["verify", "--key=cosign.pub", &image]);
    bench.golden("images-unsigned", &verify(), 1);
    let sign = || bench.run(&["sign", "--key=cosign.key", "--recursive", &image]);
    bench.golden("images-signed", &sign(), 0);
    bench.golden("images-signed-before", &sign(), 0);
    bench.golden("images-verified", &verify(), 0);
    let stranger = bench.run(&["verify", "--key=stranger.pub", &image]);
    bench.golden("images-wrong-key", &stranger, 1);
    let both = [
        "verify",
        "--key=stranger.pub",
        "--key=cosign.pub",
        "--recursive",
        "--contents",
        "--json",
        &image,
    ];
    let said = bench.run(&both);
    assert_eq!((said.code, said.error.as_str()), (0, ""), "{said}");
    let told: Value = serde_json::from_str(&said.output).expect("it is JSON");
    assert_eq!(
        (&told[0]["verdict"], &told[0]["keys"][0]),
        (&"verified".into(), &"cosign.pub".into())
    );
}

#[test]
fn a_bundle_is_found_beside_signatures_of_others() {
    let bench = Bench::start();
    let image = bench.image("one:1.0.0");
    let keys = [("stranger", "signature"), ("cosign", "bundle")];
    for (key, format) in keys {
        let key = format!("--key={key}.key");
        let said = bench.run(&["sign", &key, "--format", format, &image]);
        assert_eq!(said.code, 0, "{said}");
    }
    for (key, _) in keys {
        let said = bench.run(&["verify", &format!("--key={key}.pub"), &image]);
        assert_eq!(said.code, 0, "{said}");
    }
}

#[test]
fn one_image_that_is_missing_keeps_no_other_back() {
    let bench = Bench::start();
    let (none, one) = (bench.image("none:1.0.0"), bench.image("one:1.0.0"));
    bench.golden(
        "images-sign-missing",
        &bench.run(&["sign", "--key=cosign.key", &none, &one]),
        1,
    );
    let said = bench.run(&["verify", "--key=cosign.pub", "--json", &none, &one]);
    assert_eq!(said.code, 1, "{said}");
    let told: Value = serde_json::from_str(&said.output).expect("it is JSON");
    assert_eq!(
        (&told[0]["verdict"], &told[1]["verdict"]),
        (&"not-found".into(), &"verified".into())
    );
}

#[test]
fn a_registry_that_is_not_there_leaves_it_open() {
    let bench = Bench::start();
    let said = bench.run(&[
        "verify",
        "--plain-http=127.0.0.1:1",
        "--key=cosign.pub",
        "127.0.0.1:1/team/one:1.0.0",
    ]);
    bench.golden("images-cannot-tell", &said, 3);
}

#[test]
fn a_key_that_cannot_be_used_is_wrong_usage() {
    let bench = Bench::start();
    let image = bench.image("one:1.0.0");
    let mut locked = bench.command(&["sign", "--key=cosign.key", &image]);
    bench.golden(
        "images-no-password",
        &bench.said(locked.env_remove("COSIGN_PASSWORD")),
        2,
    );
    let mut wrong = bench.command(&["sign", "--key=cosign.key", &image]);
    bench.golden(
        "images-wrong-key-password",
        &bench.said(wrong.env("COSIGN_PASSWORD", "wrong")),
        2,
    );
    bench.golden(
        "images-private-as-public",
        &bench.run(&["verify", "--key=cosign.key", &image]),
        2,
    );
    bench.golden(
        "images-no-vault-login",
        &bench.run(&["sign", "--key=azurekms://vault/dev", &image]),
        2,
    );
    bench.golden(
        "images-no-vault-key",
        &bench.run(&["sign", "--key=azurekms://vault", &image]),
        2,
    );
}

#[test]
fn a_key_in_a_vault_signs_for_who_may_log_in() {
    let bench = Bench::start();
    let image = bench.image("one:1.0.0");
    let client = Credentials {
        user: "pipeline".to_owned(),
        password: Secret::new("hunter22".to_owned()),
    };
    let options = KeyVaultOptions {
        client,
        tls: None,
        address: ([127, 0, 0, 1], 0).into(),
    };
    let vault = bench.runtime.block_on(KeyVault::start(options)).expect("a vault");
    let key = KeyPair::generate().private_pem().expect("a key");
    vault.import("dev", &key).expect("a key");
    let run = |secret: &str, command: &str| {
        let mut command = bench.command(&[
            command,
            "--key=azurekms://vault/dev",
            "--vault-url",
            vault.url(),
            &image,
        ]);
        let command = command
            .env("AZURE_CLIENT_ID", "pipeline")
            .env("AZURE_CLIENT_SECRET", secret)
            .env("AZURE_AUTHORITY_HOST", vault.url());
        bench.said(command)
    };
    let stranger = run("not-hunter22", "sign");
    assert!(!format!("{stranger}").contains("hunter22"), "{stranger}");
    bench.golden("images-vault-refuses", &stranger, 1);
    assert_eq!(run("hunter22", "sign").code, 0);
    bench.golden("images-vault-verified", &run("hunter22", "verify"), 0);
}
