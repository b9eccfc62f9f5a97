//! Reading of container logs: the end of a file, a limit, and what is still being written.
//!
//! Logs are the very bytes that a process wrote: nobody stamps the lines, so times cannot be asked for.

use super::{
    file_changes::FileChanges,
    records::{Records, log_file},
};
use axum::body::{Body, Bytes};
use futures::stream;
use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncSeekExt as _},
    sync::watch,
};

const BLOCK: usize = 64 * 1024;

/// What of a log is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogSelection {
    pub(crate) tail_lines: Option<u64>,
    pub(crate) limit_bytes: Option<u64>,
    pub(crate) follow: bool,
    pub(crate) previous: bool,
}

/// Why there is no log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoLog {
    /// There is no such pod or container.
    Unknown(String),
    /// The container has no log that answers the request.
    Absent(String),
}

/// The log of a container as a body.
pub(crate) async fn read(
    records: &Records,
    namespace: &str,
    pod: &str,
    container: &str,
    selection: LogSelection,
) -> Result<Body, NoLog> {
    let record = records
        .get(namespace, pod)
        .ok_or_else(|| NoLog::Unknown(format!("pod \"{pod}\" not found in namespace \"{namespace}\"")))?;
    let known = record
        .containers
        .get(container)
        .ok_or_else(|| NoLog::Unknown(format!("container \"{container}\" not found in pod \"{pod}\"")))?;
    if !known.process {
        return Ok(Body::from(format!(
            "{container} is simulated by plumbline: its image {} was resolved, but no program runs here\n",
            known.image
        )));
    }
    let generation = if selection.previous {
        known.restarts.checked_sub(1).ok_or_else(|| {
            NoLog::Absent(format!(
                "previous terminated container \"{container}\" in pod \"{pod}\" not found"
            ))
        })?
    } else {
        known.restarts
    };
    let path = log_file(&record.directory, container, generation);
    let absent = |error: io::Error| {
        NoLog::Absent(format!(
            "no log of container \"{container}\" in pod \"{pod}\": {error}"
        ))
    };
    let follower = if selection.follow && !selection.previous {
        let watched = Followed {
            records: records.clone(),
            uid: record.pod.metadata.uid.clone(),
            restarts: generation,
        };
        let target = (namespace.to_owned(), pod.to_owned(), container.to_owned());
        Some(Follower::new(&path, watched, target).map_err(absent)?)
    } else {
        None
    };
    let start = {
        let path = path.clone();
        tokio::task::spawn_blocking(move || start_of_tail(&path, selection.tail_lines)).await
    };
    let start = start
        .unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(absent)?;
    let mut file = tokio::fs::File::open(&path).await.map_err(absent)?;
    file.seek(SeekFrom::Start(start)).await.map_err(absent)?;
    let state = Reading {
        file,
        follower,
        left: selection.limit_bytes.unwrap_or(u64::MAX),
    };
    Ok(Body::from_stream(stream::try_unfold(
        state,
        |mut state| async move { Ok::<_, io::Error>(state.next().await?.map(|bytes| (bytes, state))) },
    )))
}

struct Reading {
    file: tokio::fs::File,
    follower: Option<Follower>,
    left: u64,
}

impl Reading {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut block = vec![0; BLOCK.min(usize::try_from(self.left).unwrap_or(BLOCK))];
        if block.is_empty() {
            return Ok(None);
        }
        loop {
            let count = self.file.read(&mut block).await?;
            if count > 0 {
                block.truncate(count);
                self.left -= count as u64;
                return Ok(Some(block.into()));
            }
            match &mut self.follower {
                Some(follower) => {
                    if !follower.wait().await? {
                        self.follower = None;
                    }
                }
                None => return Ok(None),
            }
        }
    }
}

/// The container whose log is followed; following ends with it.
struct Followed {
    records: Records,
    uid: Option<String>,
    restarts: u32,
}

struct Follower {
    written: FileChanges,
    followed: Followed,
    target: (String, String, String),
    changes: watch::Receiver<u64>,
}

impl Follower {
    fn new(path: &Path, followed: Followed, target: (String, String, String)) -> io::Result<Self> {
        let written = FileChanges::new()?;
        written.watch(path)?;
        let changes = followed.records.changes();
        Ok(Self {
            written,
            followed,
            target,
            changes,
        })
    }

    /// Waits until there may be more to read; false once the container has ended and nothing more will come.
    async fn wait(&mut self) -> io::Result<bool> {
        loop {
            let (namespace, pod, container) = &self.target;
            let alive = self.followed.records.get(namespace, pod).is_some_and(|record| {
                record.pod.metadata.uid == self.followed.uid
                    && record
                        .containers
                        .get(container)
                        .is_some_and(|known| known.running && known.restarts == self.followed.restarts)
            });
            if !alive {
                return Ok(false);
            }
            tokio::select! {
                changed = self.changes.changed() => if changed.is_err() { return Ok(false) },
                written = self.written.next() => return written.map(|()| true),
            }
        }
    }
}

/// The position in the file of its last `lines` lines.
fn start_of_tail(path: &PathBuf, lines: Option<u64>) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let Some(lines) = lines else { return Ok(0) };
    let size = file.metadata()?.len();
    let mut end = size;
    let mut wanted = lines;
    let mut block = vec![0; BLOCK];
    if lines == 0 {
        return Ok(size);
    }
    while end > 0 {
        let start = end.saturating_sub(BLOCK as u64);
        let block = &mut block[..usize::try_from(end - start).unwrap_or(BLOCK)];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(block)?;
        for (index, byte) in block.iter().enumerate().rev() {
            let position = start + index as u64;
            // The newline at the very end finishes the last line; it does not begin another.
            if *byte == b'\n' && position + 1 != size {
                wanted -= 1;
                if wanted == 0 {
                    return Ok(position + 1);
                }
            }
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::{
        super::records::{ContainerRecord, PodRecord},
        *,
    };
    use proptest::prelude::*;
    use std::{collections::BTreeMap, io::Write as _, sync::Arc};

    fn records(directory: &Path, process: bool, restarts: u32) -> Records {
        let records = Records::new();
        let pod = serde_json::json!({"metadata": {"namespace": "n", "name": "p", "uid": "u"}});
        let container = ContainerRecord {
            image: "i".into(),
            process,
            restarts,
            running: true,
        };
        records.insert(PodRecord {
            pod: Arc::new(serde_json::from_value(pod).unwrap()),
            directory: directory.to_owned(),
            containers: BTreeMap::from([("c".into(), container)]),
            processes: BTreeMap::new(),
        });
        records
    }

    fn log(directory: &Path, restarts: u32, text: &str) -> File {
        let path = log_file(directory, "c", restarts);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = File::create(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    async fn text(records: &Records, selection: LogSelection) -> Result<String, NoLog> {
        let body = read(records, "n", "p", "c", selection).await?;
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn tails_limits_and_previous_logs_are_given() {
        let directory = tempfile::tempdir().unwrap();
        log(directory.path(), 0, "old\n");
        log(directory.path(), 1, "one\ntwo\nthree\n");
        let records = records(directory.path(), true, 1);
        let all = LogSelection::default();
        assert_eq!(text(&records, all).await.unwrap(), "one\ntwo\nthree\n");
        assert_eq!(
            text(
                &records,
                LogSelection {
                    tail_lines: Some(1),
                    ..all
                }
            )
            .await
            .unwrap(),
            "three\n"
        );
        assert_eq!(
            text(
                &records,
                LogSelection {
                    tail_lines: Some(0),
                    ..all
                }
            )
            .await
            .unwrap(),
            ""
        );
        assert_eq!(
            text(
                &records,
                LogSelection {
                    limit_bytes: Some(5),
                    ..all
                }
            )
            .await
            .unwrap(),
            "one\nt"
        );
        assert_eq!(
            text(
                &records,
                LogSelection {
                    previous: true,
                    ..all
                }
            )
            .await
            .unwrap(),
            "old\n"
        );
    }

    #[tokio::test]
    async fn what_is_not_there_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let first = records(directory.path(), true, 0);
        let previous = LogSelection {
            previous: true,
            ..LogSelection::default()
        };
        assert!(matches!(text(&first, previous).await, Err(NoLog::Absent(_))));
        assert!(matches!(
            text(&first, LogSelection::default()).await,
            Err(NoLog::Absent(_))
        ));
        assert!(matches!(
            text(&Records::new(), previous).await,
            Err(NoLog::Unknown(_))
        ));
        let simulated = records(directory.path(), false, 0);
        assert!(
            text(&simulated, LogSelection::default())
                .await
                .unwrap()
                .contains("is simulated")
        );
    }

    #[tokio::test]
    async fn following_ends_with_the_container_and_misses_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = log(directory.path(), 0, "one\n");
        let records = records(directory.path(), true, 0);
        let follow = LogSelection {
            follow: true,
            ..LogSelection::default()
        };
        let body = read(&records, "n", "p", "c", follow).await.unwrap();
        let reader = tokio::spawn(axum::body::to_bytes(body, usize::MAX));
        file.write_all(b"two\n").unwrap();
        tokio::task::yield_now().await;
        file.write_all(b"three\n").unwrap();
        let pod = records.get("n", "p").unwrap().pod;
        records.update(&pod, |record| {
            if let Some(container) = record.containers.get_mut("c") {
                container.running = false;
            }
        });
        assert_eq!(reader.await.unwrap().unwrap(), "one\ntwo\nthree\n");
    }

    proptest! {
        #[test]
        fn a_tail_is_the_last_lines(lines in proptest::collection::vec("[a-c]{0,4}", 0..20), wanted in 0u64..25, closed: bool) {
            let directory = tempfile::tempdir().unwrap();
            let mut content = lines.join("\n");
            if closed { content.push('\n'); }
            let path = directory.path().join("log");
            std::fs::write(&path, &content).unwrap();
            let start = usize::try_from(start_of_tail(&path, Some(wanted)).unwrap()).unwrap();
            let all: Vec<&str> = content.split_inclusive('\n').collect();
            let expected = all[all.len().saturating_sub(usize::try_from(wanted).unwrap())..].concat();
            prop_assert_eq!(&content[start..], expected);
        }
    }
}
