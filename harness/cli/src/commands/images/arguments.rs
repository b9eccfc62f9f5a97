//! The command line of `plumbline images`.

use clap::{Args, Subcommand, ValueEnum};
use plumbline_images::{
    list::{COMPONENTS, UPSTREAM, UPSTREAM_REGISTRY},
    scan::ScanMode,
};
use std::path::PathBuf;

/// `plumbline images`.
#[derive(Clone, Debug, Args)]
pub struct Images {
    /// What to do with them.
    #[command(subcommand)]
    pub command: ImagesCommand,
}

/// What to do with images.
#[derive(Clone, Debug, Subcommand)]
pub enum ImagesCommand {
    /// Print which images an operator and a release of Flux consist of, as the block that the pipeline takes
    List(List),
    /// Copy images to another registry: all platforms, signatures and whatever else is attached, every digest kept
    Mirror(Mirror),
    /// Look for known vulnerabilities of OS packages that can be fixed, by trivy, as the platform's pipelines do
    Scan(Scan),
    /// Sign images by their digests, as cosign does it without a transparency log
    Sign(Sign),
    /// Verify the signatures of images, of both forms, and that the registry serves what was signed
    Verify(Verify),
}

/// How registries are reached; every command that talks to one has these.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Registries")]
pub struct Registries {
    /// Trust the certificate authorities in this PEM file too, besides those of the system
    #[arg(long, value_name = "PEM")]
    pub ca_file: Option<PathBuf>,
    /// Speak plain HTTP to this registry (may be given several times)
    #[arg(long, value_name = "HOST[:PORT]")]
    pub plain_http: Vec<String>,
    /// Where the logins are, as `docker login` writes them [default: config.json in DOCKER_CONFIG or ~/.docker]
    #[arg(long, value_name = "FILE")]
    pub registry_config: Option<PathBuf>,
    /// How many transfers go on at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: u16,
}

const MIRROR_EXIT_CODES: &str = "Exit codes: 0 all mirrored; 1 an image is missing, refused, or not what its digest says; \
2 wrong usage; 3 a registry cannot be reached or trusted, or does not answer in time. An image that fails does not keep the others from being mirrored, \
and no tag of it is written.";

/// `plumbline images mirror`.
#[derive(Clone, Debug, Args)]
#[command(after_help = MIRROR_EXIT_CODES)]
pub struct Mirror {
    /// The images, as registry/repository[:tag][@sha256:…]
    #[arg(value_name = "IMAGE", required_unless_present = "from_file")]
    pub images: Vec<String>,
    /// The registry that they are copied to, as host[:port]; the rest of each name stays
    #[arg(long, value_name = "REGISTRY")]
    pub to: String,
    /// More images: one a line, empty lines and those with `#` aside; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub from_file: Option<PathBuf>,
    /// Print what was done as JSON
    #[arg(long)]
    pub json: bool,
    /// How registries are reached.
    #[command(flatten)]
    pub registries: Registries,
}

const SCAN_EXIT_CODES: &str = "Exit codes: 0 nothing was found that the mode refuses; 1 an image is refused; 2 wrong usage; \
3 the scan of an image failed, so nothing is known about it. An image without OS packages passes, and is told apart from a clean one.";

/// `plumbline images scan`.
#[derive(Clone, Debug, Args)]
#[command(after_help = SCAN_EXIT_CODES)]
pub struct Scan {
    /// The images, as registry/repository[:tag][@sha256:…]
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<String>,
    /// What to do about what is found: `audit` reports and passes, `enforce` refuses HIGH and CRITICAL
    #[arg(long, value_name = "MODE", default_value_t = ScanMode::Enforce)]
    pub mode: ScanMode,
    /// Where the vulnerability database is, as registry/repository:tag
    #[arg(long, value_name = "REPOSITORY")]
    pub db_repository: String,
    /// Print what was found as JSON
    #[arg(long)]
    pub json: bool,
    /// Trust the certificate authorities in this PEM file
    #[arg(long, value_name = "PEM")]
    pub ca_file: Option<PathBuf>,
    /// Where the logins are, as `docker login` writes them [default: config.json in DOCKER_CONFIG or ~/.docker]
    #[arg(long, value_name = "FILE")]
    pub registry_config: Option<PathBuf>,
}

const LIST_EXIT_CODES: &str = "Exit codes: 0 printed; 2 wrong usage, a version or a component that there is not; \
3 the operator's data cannot be had.";

/// `plumbline images list`.
#[derive(Clone, Debug, Args)]
#[command(after_help = LIST_EXIT_CODES)]
pub struct List {
    /// The release of Flux
    #[arg(long, value_name = "VERSION")]
    pub flux: String,
    /// The version of the Flux Operator: it decides which images a release has; that of clusters/toolchain.toml
    #[arg(long, value_name = "VERSION")]
    pub operator: String,
    /// Take the operator's repository and tag from these Helm values; the registry in them is the private one, so the list has --registry's
    #[arg(long, value_name = "FILE")]
    pub values: Option<PathBuf>,
    /// Which of the published images
    #[arg(long, value_name = "NAME", default_value = UPSTREAM)]
    pub variant: String,
    /// Where the controllers are published
    #[arg(long, value_name = "REGISTRY/PATH", default_value = UPSTREAM_REGISTRY)]
    pub registry: String,
    /// Which controllers, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_values = COMPONENTS)]
    pub components: Vec<String>,
    /// Write the digest behind each controller that the operator deploys it by; nothing pins the operator's own image
    #[arg(long)]
    pub digests: bool,
    /// Print JSON instead, always with the digests
    #[arg(long)]
    pub json: bool,
}

/// Where keys are that are not in files.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Key vault")]
pub struct Vault {
    /// Where the vault of an `azurekms://` key is, if not where its name says
    #[arg(long, value_name = "URL")]
    pub vault_url: Option<String>,
}

const SIGN_EXIT_CODES: &str = "Exit codes: 0 all signed; 1 an image is missing, or the key or the registry refuses; 2 wrong usage, an unusable \
key; 3 a registry or a vault cannot be reached. The password of an encrypted key is taken from COSIGN_PASSWORD, the login of a vault \
from AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, and where they are set AZURE_TENANT_ID and AZURE_AUTHORITY_HOST.";

/// `plumbline images sign`.
#[derive(Clone, Debug, Args)]
#[command(after_help = SIGN_EXIT_CODES)]
pub struct Sign {
    /// The images, as registry/repository[:tag][@sha256:…]; of a tag, the digest that it names now is signed
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<String>,
    /// Whose signature: a private key as cosign writes it or in PKCS#8 PEM, or azurekms://<vault>/<key>[/<version>]
    #[arg(long, value_name = "KEY")]
    pub key: String,
    /// Where signatures are kept
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Signature)]
    pub format: Format,
    /// Sign every child of an index too
    #[arg(long)]
    pub recursive: bool,
    /// Print what was done as JSON
    #[arg(long)]
    pub json: bool,
    /// Where the key is.
    #[command(flatten)]
    pub vault: Vault,
    /// How registries are reached.
    #[command(flatten)]
    pub registries: Registries,
}

/// Where a signature is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Under the tag `sha256-….sig`, which cosign 2 and 3, Flux and Kyverno read
    Signature,
    /// In a Sigstore bundle that refers to the image, as cosign 3 signs
    Bundle,
}

const VERIFY_EXIT_CODES: &str = "Exit codes: 0 all verified; 1 an image is not: unsigned, signed by others only, not what was signed, or \
missing; 2 wrong usage, an unusable key; 3 a registry or a vault does not answer, so it cannot be told.";

/// `plumbline images verify`.
#[derive(Clone, Debug, Args)]
#[command(after_help = VERIFY_EXIT_CODES)]
pub struct Verify {
    /// The images, as registry/repository[:tag][@sha256:…]
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<String>,
    /// A key that counts: a public key in PEM, or azurekms://<vault>/<key>[/<version>] (may be given several times: any of them is enough)
    #[arg(long, value_name = "KEY", required = true)]
    pub key: Vec<String>,
    /// Want a signature of every child of an index too
    #[arg(long)]
    pub recursive: bool,
    /// Pull every blob too, and compare it with its digest
    #[arg(long)]
    pub contents: bool,
    /// Let a signature count that names another repository, as cosign does
    #[arg(long)]
    pub any_repository: bool,
    /// Print what came out as JSON
    #[arg(long)]
    pub json: bool,
    /// Where the keys are.
    #[command(flatten)]
    pub vault: Vault,
    /// How registries are reached.
    #[command(flatten)]
    pub registries: Registries,
}
