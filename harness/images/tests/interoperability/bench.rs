//! A site, and the means to run programs against its private registry.

use crate::support::Site;
use plumbline_images::{
    Digest, ImageName, KeyPair, SignOptions,
    sign::{Signed, sign},
};
use plumbline_keeper::{Command, Keeper, KeeperOptions, Output, RunDirectory};
use plumbline_model::Secret;
use std::{fs, path::PathBuf};

/// A site, and the means to run programs against its private registry.
pub struct Bench {
    pub site: Site,
    keeper: Keeper,
    programs: PathBuf,
}

impl Bench {
    pub async fn start(programs: PathBuf) -> Self {
        let site = Site::start().await;
        let directory = site.directory.path();
        fs::write(directory.join("ca.pem"), site.authority.pem()).unwrap();
        fs::create_dir(directory.join("docker")).unwrap();
        let login = serde_json::json!({"username": "plumbline", "password": "correct"});
        let config = serde_json::json!({"auths": {
            site.private.address().to_string(): login,
            site.upstream.address().to_string(): login,
        }});
        fs::write(directory.join("docker/config.json"), config.to_string()).unwrap();
        let run_directory = RunDirectory::create(directory.join("runs")).unwrap();
        let options = KeeperOptions {
            executable: "/proc/self/exe".into(),
            run_directory,
        };
        let keeper = Keeper::start(options).await.unwrap();
        Self {
            site,
            keeper,
            programs,
        }
    }

    /// An image in the private registry, by digest.
    pub async fn image(&self, name: &str) -> ImageName {
        let packed = self.site.publish(name, name).await;
        let mirrored = self.site.mirror(&packed.name).await;
        mirrored.target.with_digest(mirrored.digest)
    }

    /// The image as a program names it: by the address of the registry.
    pub fn address(&self, image: &ImageName) -> String {
        image
            .at_registry(self.site.private.address().to_string())
            .to_string()
    }

    /// What cosign keeps the signatures of an image under.
    pub fn signatures(&self, image: &ImageName) -> String {
        let tag = format!("sha256-{}.sig", image.digest().unwrap().hexadecimal());
        let repository = image.at_registry(self.site.private.address().to_string());
        format!("{}:{tag}", repository.without_reference())
    }

    /// Runs a program; its output, or what went wrong.
    pub async fn run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let directory = self.site.directory.path();
        let text = |name: &str| directory.join(name).display().to_string();
        let command = Command::new(program, self.programs.join(program))
            .arguments(arguments)
            .environment([
                ("SSL_CERT_FILE", text("ca.pem")),
                ("DOCKER_CONFIG", text("docker")),
                ("HOME", text("")),
                ("TUF_ROOT", text("tuf")),
                ("COSIGN_PASSWORD", "correct horse".to_owned()),
                ("NO_PROXY", "127.0.0.1".to_owned()),
            ])
            .directory(directory)
            .output(Output::Captured);
        let finished = self
            .keeper
            .output(command)
            .await
            .map_err(|error| error.to_string())?;
        if finished.status.success() {
            Ok(finished.stdout.text())
        } else {
            Err(finished.stderr.text())
        }
    }

    /// What `cosign verify` says, of the release that `program` is.
    pub async fn cosign_verify(
        &self,
        program: &str,
        image: &ImageName,
        key: &KeyPair,
    ) -> Result<String, String> {
        let path = self
            .site
            .directory
            .path()
            .join(format!("{}.pub", Digest::of(program.as_bytes()).hexadecimal()));
        fs::write(&path, key.public_pem().unwrap()).unwrap();
        let path = path.display().to_string();
        let flags = ["verify", "--key", &path, "--private-infrastructure=true"];
        self.run(program, &[&flags[..], &[&self.address(image)]].concat())
            .await
    }

    /// Signs as cosign does; `key` is a file in the site's folder.
    pub async fn cosign_sign(&self, program: &str, image: &ImageName, flags: &[&str]) {
        let address = self.address(image);
        let all = ["sign", "--key", "cosign.key", "-y"];
        self.run(program, &[&all[..], flags, &[&address]].concat())
            .await
            .unwrap();
    }

    /// A key pair that cosign has made, read by us.
    pub async fn cosign_key(&self, program: &str) -> KeyPair {
        // cosign asks before it overwrites one.
        let _ = fs::remove_file(self.site.directory.path().join("cosign.key"));
        self.run(program, &["generate-key-pair"]).await.unwrap();
        let read = |name: &str| fs::read_to_string(self.site.directory.path().join(name)).unwrap();
        let pem = Secret::new(read("cosign.key"));
        let key = KeyPair::from_cosign(&pem, &Secret::new("correct horse".to_owned())).unwrap();
        assert_eq!(key.public_pem().unwrap().trim(), read("cosign.pub").trim());
        assert!(KeyPair::from_cosign(&pem, &Secret::new("wrong".to_owned())).is_err());
        key
    }

    pub async fn sign(&self, image: &ImageName, key: &KeyPair, options: SignOptions) -> Signed {
        sign(image, key, options, &self.site.endpoints).await.unwrap()
    }
}
