//! Blobs on their way in: started, appended to in order, finished by digest, or given up.
//!
//! The content is hashed while it arrives. Only a digest that is not SHA-256, named when most of the content is
//! already here, costs a second reading.

use super::{
    answers::{Answer, Refusal, created, respond},
    names::{Algorithm, Digest},
    routes,
    server::Call,
    storage::Storage,
};
use axum::body::Body;
use futures::StreamExt as _;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use sha2::{Digest as _, Sha256, Sha512};
use std::{
    collections::HashMap,
    fs, io,
    io::SeekFrom,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    fs::File,
    io::{AsyncSeekExt as _, AsyncWriteExt as _},
};

const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// The uploads under way.
#[derive(Default)]
pub(super) struct Uploads {
    open: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Upload>>>>,
}

/// One upload. `length` and `hash` are about the content that is known to be in the file; a write that was cut off
/// may have left more there, which the next one overwrites.
struct Upload {
    repository: String,
    path: PathBuf,
    file: File,
    length: u64,
    hash: Sha256,
}

impl Uploads {
    /// Starts an upload, or mounts the blob if that is asked for and possible.
    pub(super) async fn start(&self, storage: &Storage, repository: &str, call: Call) -> Answer {
        if call.method != Method::POST {
            return Err(Refusal::method(&call.method));
        }
        if let Some(digest) = call.parameters("mount").next() {
            let digest = routes::digest(digest)?;
            if storage.mount_blob(repository, &digest, call.parameters("from").next())? {
                return Ok(created(repository, "blobs", &digest));
            }
        }
        let digest = call.parameters("digest").next().map(routes::digest).transpose()?;
        let id = format!("{:032x}", rand::random::<u128>());
        let path = storage.upload_path(&id);
        let file = File::options().write(true).create_new(true).open(&path).await?;
        let upload = Upload {
            repository: repository.to_owned(),
            path,
            file,
            length: 0,
            hash: Sha256::new(),
        };
        let upload = Arc::new(tokio::sync::Mutex::new(upload));
        self.open().insert(id.clone(), upload.clone());
        let mut held = upload.lock().await;
        if let Err(refusal) = held.append(call.body).await {
            // The client never learnt this upload's id, so nobody can go on with it.
            self.open().remove(&id);
            fs::remove_file(&held.path)?;
            return Err(refusal);
        }
        match digest {
            Some(digest) => self.finish(storage, &id, &mut held, &digest).await,
            None => Ok(accepted(StatusCode::ACCEPTED, &id, &held)),
        }
    }

    /// Answers a request about the upload `id`.
    pub(super) async fn answer(&self, storage: &Storage, repository: &str, id: &str, call: Call) -> Answer {
        let unknown = || Refusal::missing("BLOB_UPLOAD_UNKNOWN", format_args!("there is no upload {id}"));
        let upload = self.open().get(id).cloned().ok_or_else(unknown)?;
        let mut held = upload.lock().await;
        // While this request waited for its turn, the one before may have finished the upload.
        if held.repository != repository || !self.open().contains_key(id) {
            return Err(unknown());
        }
        match call.method {
            Method::PATCH => {
                held.check_order(id, &call.headers)?;
                held.append(call.body).await?;
                Ok(accepted(StatusCode::ACCEPTED, id, &held))
            }
            Method::PUT => {
                let digest = call
                    .parameters("digest")
                    .next()
                    .ok_or_else(|| Refusal::bad("DIGEST_INVALID", "the digest parameter is missing"))?;
                let digest = routes::digest(digest)?;
                held.check_order(id, &call.headers)?;
                held.append(call.body).await?;
                self.finish(storage, id, &mut held, &digest).await
            }
            Method::GET => Ok(accepted(StatusCode::NO_CONTENT, id, &held)),
            Method::DELETE => {
                self.open().remove(id);
                fs::remove_file(&held.path)?;
                Ok(respond(StatusCode::NO_CONTENT, [], Body::empty()))
            }
            method => Err(Refusal::method(&method)),
        }
    }

    async fn finish(&self, storage: &Storage, id: &str, upload: &mut Upload, digest: &Digest) -> Answer {
        self.open().remove(id);
        let real = upload.digest(digest.algorithm()).await?;
        if real != *digest {
            fs::remove_file(&upload.path)?;
            return Err(Refusal::bad(
                "DIGEST_INVALID",
                format_args!("the content is {real}, not {digest}"),
            ));
        }
        storage.adopt_blob(&upload.repository, digest, &upload.path)?;
        Ok(created(&upload.repository, "blobs", digest))
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<Upload>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    async fn append(&mut self, body: Body) -> Result<(), Refusal> {
        self.file.seek(SeekFrom::Start(self.length)).await?;
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk
                .map_err(|error| Refusal::bad("BLOB_UPLOAD_INVALID", format_args!("cut off: {error}")))?;
            self.file.write_all(&chunk).await?;
            self.length += chunk.len() as u64;
            self.hash.update(&chunk);
        }
        self.file.flush().await?;
        Ok(())
    }

    /// The digest of all content; the file ends where it ends.
    async fn digest(&mut self, algorithm: Algorithm) -> io::Result<Digest> {
        self.file.set_len(self.length).await?;
        self.file.flush().await?;
        match algorithm {
            Algorithm::Sha256 => Ok(Digest::from_sha256(std::mem::take(&mut self.hash))),
            Algorithm::Sha512 => {
                let path = self.path.clone();
                tokio::task::spawn_blocking(move || {
                    let mut hash = Sha512::new();
                    io::copy(&mut fs::File::open(path)?, &mut hash)?;
                    Ok(Digest::from_sha512(hash))
                })
                .await?
            }
        }
    }

    /// Refuses a chunk that does not begin where the content ends.
    fn check_order(&self, id: &str, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(range) = headers.get(header::CONTENT_RANGE) else {
            return Ok(());
        };
        let text = range.to_str().unwrap_or_default();
        let bounds = text
            .trim_start_matches("bytes ")
            .split_once('-')
            .and_then(|(first, last)| {
                let last = last.split('/').next()?;
                Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?))
            });
        if bounds.is_some_and(|(first, last)| first == self.length && last.checked_add(1) >= Some(first)) {
            return Ok(());
        }
        Err(Refusal::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "BLOB_UPLOAD_INVALID",
            format_args!("the upload has {} bytes, the chunk is {text}", self.length),
        )
        .with(header::LOCATION, location(&self.repository, id))
        .with(header::RANGE, received(self.length)))
    }
}

fn accepted(status: StatusCode, id: &str, upload: &Upload) -> axum::response::Response {
    let headers = [
        (header::LOCATION, location(&upload.repository, id)),
        (header::RANGE, received(upload.length)),
        (UPLOAD_ID, id.to_owned()),
    ];
    respond(status, headers, Body::empty())
}

fn location(repository: &str, id: &str) -> String {
    format!("/v2/{repository}/blobs/uploads/{id}")
}

fn received(length: u64) -> String {
    format!("0-{}", length.saturating_sub(1))
}
