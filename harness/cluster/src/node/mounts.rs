//! Where a container's mount paths really are.
//!
//! A process sees the machine's file system, not its image's. What Kubernetes would mount is found by rewriting: an
//! argument or a variable that begins with a mount path, or whose part after the first `=` does, names the real
//! directory instead (`--storage-path=/data`). A path written into a file or compiled into a program is not found.

use k8s_openapi::api::core::v1::Container;
use std::path::{Component, Path, PathBuf};

/// A path of the container and the real path behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) volume: String,
    pub(crate) mount_path: PathBuf,
    pub(crate) real: PathBuf,
    pub(crate) read_only: bool,
}

/// All mounts of a container, the longest path first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mounts(Vec<Mount>);

impl Mounts {
    /// The mounts of `container` for a pod whose volumes are below `volumes`; `expanded` fills in `subPathExpr`.
    pub(crate) fn of(
        container: &Container,
        volumes: &Path,
        expanded: impl Fn(&str) -> String,
    ) -> Result<Self, String> {
        let mut mounts = Vec::new();
        for mount in container.volume_mounts.iter().flatten() {
            let sub_path = match (&mount.sub_path_expr, &mount.sub_path) {
                (Some(expression), _) => expanded(expression),
                (None, Some(path)) => path.clone(),
                (None, None) => String::new(),
            };
            if !Path::new(&sub_path)
                .components()
                .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
            {
                return Err(format!(
                    "sub path {sub_path:?} of volume {} leaves the volume",
                    mount.name
                ));
            }
            let volume = volumes.join(&mount.name);
            mounts.push(Mount {
                volume: mount.name.clone(),
                mount_path: PathBuf::from(&mount.mount_path),
                real: if sub_path.is_empty() {
                    volume
                } else {
                    volume.join(sub_path)
                },
                read_only: mount.read_only == Some(true),
            });
        }
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.mount_path.components().count()));
        Ok(Self(mounts))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mount> {
        self.0.iter()
    }

    /// The real path behind a path of the container, if it is in a volume.
    pub(crate) fn real(&self, path: &Path) -> Option<PathBuf> {
        self.0.iter().find_map(|mount| {
            let below = path.strip_prefix(&mount.mount_path).ok()?;
            Some(if below.as_os_str().is_empty() {
                mount.real.clone()
            } else {
                mount.real.join(below)
            })
        })
    }

    /// `text` with the mount path that it, or its part after the first `=`, begins with made real.
    pub(crate) fn rewrite(&self, text: &str) -> String {
        if text.starts_with('/') {
            return self
                .real(Path::new(text))
                .map_or_else(|| text.to_owned(), |real| real.display().to_string());
        }
        match text.split_once('=') {
            Some((name, value)) if value.starts_with('/') => format!("{name}={}", self.rewrite(value)),
            _ => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mounts() -> Mounts {
        let container = serde_json::from_value(json!({"name": "a", "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "deep", "mountPath": "/data/deep", "readOnly": true},
            {"name": "temp", "mountPath": "/tmp"},
            {"name": "file", "mountPath": "/etc/app/config.yaml", "subPath": "config.yaml"}]}))
        .unwrap();
        Mounts::of(&container, Path::new("/pods/p/volumes"), str::to_owned).unwrap()
    }

    #[test]
    fn only_whole_paths_below_a_mount_are_rewritten() {
        for (text, expected) in [
            ("--storage-path=/data", "--storage-path=/pods/p/volumes/data"),
            ("/tmp/.sigstore", "/pods/p/volumes/temp/.sigstore"),
            ("/data/deep/x", "/pods/p/volumes/deep/x"),
            ("/etc/app/config.yaml", "/pods/p/volumes/file/config.yaml"),
            ("/database", "/database"),
            ("--path=/database", "--path=/database"),
            ("--url=http://data/tmp", "--url=http://data/tmp"),
            ("a/tmp", "a/tmp"),
            ("", ""),
        ] {
            assert_eq!(mounts().rewrite(text), expected, "of {text:?}");
        }
    }

    #[test]
    fn a_sub_path_may_not_leave_its_volume() {
        let container = serde_json::from_value(
            json!({"name": "a", "volumeMounts": [{"name": "v", "mountPath": "/v", "subPathExpr": "$(X)"}]}),
        )
        .unwrap();
        assert!(Mounts::of(&container, Path::new("/p"), |_| "../etc".to_owned()).is_err());
        assert!(Mounts::of(&container, Path::new("/p"), |_| "/etc".to_owned()).is_err());
        assert!(Mounts::of(&container, Path::new("/p"), |_| "etc/x".to_owned()).is_ok());
    }
}
