//! Serves a registry over plain HTTP on loopback until standard input ends: for benchmarks, and to try clients against.
//!
//! ```sh
//! cargo run --package plumbline-servers --example registry DIRECTORY [LAYOUT REPOSITORY TAG]
//! ```
//!
//! It prints `host:port` once it listens. An OCI image layout, if one is named, is made available as `REPOSITORY:TAG`.
#![allow(clippy::print_stdout)]

use plumbline_servers::{Registry, RegistryContent, RegistryOptions};
use std::{error::Error, path::PathBuf};
use tokio::io::{AsyncReadExt as _, stdin};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let (directory, layout) = match arguments.as_slice() {
        [directory] => (directory, None),
        [directory, layout, repository, tag] => (directory, Some((layout, repository, tag))),
        _ => return Err("usage: registry DIRECTORY [LAYOUT REPOSITORY TAG]".into()),
    };
    let registry = Registry::start(RegistryOptions {
        name: "example".to_owned(),
        content: RegistryContent::Directory(PathBuf::from(directory)),
        credentials: None,
        tls: None,
        address: ([127, 0, 0, 1], 0).into(),
    })
    .await?;
    if let Some((layout, repository, tag)) = layout {
        registry.seed(repository, tag, layout.as_ref()).await?;
    }
    println!("{}", registry.address());
    // Whoever started this ends it by ending.
    stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}
