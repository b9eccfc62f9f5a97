//! Published releases: downloaded, compared with the pinned digest, and only then opened.

use crate::{ToolchainError, cache::Staging, lock::Release, programs::Source, source::Miss};
use flate2::read::GzDecoder;
use plumbline_model::{Progress, Unit};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    error::Error as _,
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::Duration,
};

/// A server that says nothing for this long counts as not there.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// Downloads a release and puts the program where `staging` wants it.
pub(crate) async fn download(
    release: &Release,
    what: &str,
    staging: &Staging,
    environment: &BTreeMap<String, String>,
    progress: &Progress,
) -> Result<(), Miss> {
    let folder = staging
        .scratch("download")
        .map_err(ToolchainError::file("create a folder in", &staging.program))?;
    let archive = folder.join("file");
    let found = receive(release, what, &archive, environment, progress).await?;
    if found != release.sha256 {
        let pinned = release.sha256.clone();
        return Err(ToolchainError::NotAsPinned {
            what: release.url.clone(),
            pinned,
            found,
        }
        .into());
    }
    let (member, program) = (release.member.clone(), staging.program.clone());
    let opened = tokio::task::spawn_blocking(move || open(&archive, member.as_deref(), &program)).await;
    opened
        .unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(|error| ToolchainError::file("write", &staging.program)(error).into())
}

/// Streams the file to disk and returns its digest.
async fn receive(
    release: &Release,
    what: &str,
    archive: &Path,
    environment: &BTreeMap<String, String>,
    progress: &Progress,
) -> Result<String, Miss> {
    let absent = |error: reqwest::Error| Miss::absent(Source::Release, chain(&error));
    let response = client(environment)
        .map_err(absent)?
        .get(&release.url)
        .send()
        .await
        .map_err(absent)?;
    let mut response = response.error_for_status().map_err(absent)?;
    let total = response.content_length().map(|length| (length, Unit::Bytes));
    let task = progress.sized_task(format!("downloading {what}"), total, None);
    let failed = || ToolchainError::file("write", archive);
    let mut file = File::create(archive).map_err(failed())?;
    let mut digest = Sha256::new();
    while let Some(bytes) = response.chunk().await.map_err(absent)? {
        digest.update(&bytes);
        file.write_all(&bytes).map_err(failed())?;
        task.advance(bytes.len() as u64);
    }
    Ok(hex::encode(digest.finalize()))
}

/// A client that uses the proxy of the given environment, and nothing of our own.
fn client(environment: &BTreeMap<String, String>) -> reqwest::Result<reqwest::Client> {
    let variable = |name: &str| {
        environment
            .get(name)
            .or_else(|| environment.get(&name.to_lowercase()))
    };
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(LONGEST_SILENCE)
        .read_timeout(LONGEST_SILENCE);
    let direct = variable("NO_PROXY").and_then(|hosts| reqwest::NoProxy::from_string(hosts));
    if let Some(proxy) = variable("HTTPS_PROXY") {
        builder = builder.proxy(reqwest::Proxy::https(proxy)?.no_proxy(direct.clone()));
    }
    if let Some(proxy) = variable("HTTP_PROXY") {
        builder = builder.proxy(reqwest::Proxy::http(proxy)?.no_proxy(direct));
    }
    builder.build()
}

/// An error with all its causes: the outermost of a refused connection does not even say that it was refused.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

fn open(archive: &Path, member: Option<&str>, program: &Path) -> io::Result<()> {
    let mut target = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o755)
        .open(program)?;
    let Some(member) = member else {
        return io::copy(&mut File::open(archive)?, &mut target).map(drop);
    };
    let mut entries = tar::Archive::new(GzDecoder::new(File::open(archive)?));
    for entry in entries.entries()? {
        let mut entry = entry?;
        let path = entry.path()?;
        if path.strip_prefix(".").unwrap_or(&path) == Path::new(member)
            && entry.header().entry_type().is_file()
        {
            return io::copy(&mut entry, &mut target).map(drop);
        }
    }
    Err(io::Error::other(format!(
        "the downloaded archive has no file `{member}`; correct `release.member` in the lock"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(folder: &Path, name: &str, content: &[u8]) -> std::path::PathBuf {
        let path = folder.join("archive");
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(
            File::create(&path).unwrap(),
            flate2::Compression::fast(),
        ));
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content).unwrap();
        builder.into_inner().unwrap().finish().unwrap();
        path
    }

    #[test]
    fn only_the_named_member_is_taken_out_and_it_is_executable() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let archive = archive(folder.path(), "./bin/tool", b"#!/bin/sh\n");
        let program = folder.path().join("tool");
        open(&archive, Some("bin/tool"), &program).unwrap();
        assert_eq!(fs::read(&program).unwrap(), b"#!/bin/sh\n");
        assert_eq!(
            fs::metadata(&program).unwrap().permissions().mode() & 0o111,
            0o111
        );
    }

    #[test]
    fn a_member_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let archive = archive(folder.path(), "other", b"x");
        let error = open(&archive, Some("bin/tool"), &folder.path().join("tool")).unwrap_err();
        assert!(error.to_string().contains("`bin/tool`"), "{error}");
    }
}
