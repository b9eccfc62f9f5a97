//! The command line of `plumbline images`.

use clap::{Args, Subcommand};
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
    /// Copy images to another registry: all platforms, signatures and whatever else is attached, every digest kept
    Mirror(Mirror),
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
2 wrong usage; 3 a registry cannot be reached or does not answer in time. An image that fails does not keep the others from being mirrored, \
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
