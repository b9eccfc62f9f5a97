//! What a pod's volumes hold, as a pure plan, and the writing of it.
//!
//! There is no mount namespace: a volume is a directory below the pod's own, and [`super::mounts`] rewrites the paths
//! that a container's arguments and environment name.

use super::{configuration::Configuration, fields::PodFacts};
use k8s_openapi::api::core::v1::{DownwardAPIVolumeFile, KeyToPath, Volume, VolumeProjection};
use std::{
    collections::BTreeMap,
    fs::{DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Component, Path, PathBuf},
};

/// A file of a volume.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct VolumeFile {
    pub(crate) content: Vec<u8>,
    /// Secrets are readable by their owner only.
    pub(crate) secret: bool,
}

/// A ServiceAccount token that the API server has to issue for a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenFile {
    /// Below the volume's directory.
    pub(crate) path: PathBuf,
    pub(crate) audience: Option<String>,
    pub(crate) seconds: i64,
}

/// What a volume's directory is to hold.
#[derive(Clone, Default)]
pub(crate) struct VolumePlan {
    pub(crate) name: String,
    /// Containers may write to it unless they mount it read-only.
    pub(crate) writable: bool,
    pub(crate) files: BTreeMap<PathBuf, VolumeFile>,
    pub(crate) tokens: Vec<TokenFile>,
    /// Why the node agent cannot provide it to a process.
    pub(crate) unsupported: Option<String>,
}

impl VolumePlan {
    /// The plan for `volume`; the error is the message of a `FailedMount` event.
    pub(crate) fn of(
        volume: &Volume,
        facts: &PodFacts,
        configuration: &Configuration,
    ) -> Result<Self, String> {
        let mut plan = Self {
            name: volume.name.clone(),
            ..Self::default()
        };
        if volume.empty_dir.is_some() {
            plan.writable = true;
        } else if let Some(source) = &volume.config_map {
            let (items, optional) = (source.items.as_deref(), source.optional);
            plan.add_data(
                configuration.config_maps.get(&source.name),
                "configmap",
                &source.name,
                items,
                optional,
            )?;
        } else if let Some(source) = &volume.secret {
            let name = source.secret_name.as_deref().unwrap_or_default();
            let (items, optional) = (source.items.as_deref(), source.optional);
            plan.add_data(configuration.secrets.get(name), "secret", name, items, optional)?;
        } else if let Some(source) = &volume.downward_api {
            plan.add_fields(source.items.as_deref().unwrap_or_default(), facts)?;
        } else if let Some(projected) = &volume.projected {
            for source in projected.sources.iter().flatten() {
                plan.add_projection(source, facts, configuration)?;
            }
        } else {
            plan.unsupported = Some(
                "the node agent supports emptyDir, configMap, secret, downwardAPI and projected volumes only"
                    .to_owned(),
            );
        }
        Ok(plan)
    }

    fn add_projection(
        &mut self,
        source: &VolumeProjection,
        facts: &PodFacts,
        configuration: &Configuration,
    ) -> Result<(), String> {
        if let Some(source) = &source.config_map {
            let (items, optional) = (source.items.as_deref(), source.optional);
            self.add_data(
                configuration.config_maps.get(&source.name),
                "configmap",
                &source.name,
                items,
                optional,
            )
        } else if let Some(source) = &source.secret {
            let (items, optional) = (source.items.as_deref(), source.optional);
            self.add_data(
                configuration.secrets.get(&source.name),
                "secret",
                &source.name,
                items,
                optional,
            )
        } else if let Some(source) = &source.downward_api {
            self.add_fields(source.items.as_deref().unwrap_or_default(), facts)
        } else if let Some(source) = &source.service_account_token {
            self.tokens.push(TokenFile {
                path: inside(&source.path)?,
                audience: source.audience.clone().filter(|audience| !audience.is_empty()),
                seconds: source.expiration_seconds.unwrap_or(3600),
            });
            Ok(())
        } else {
            self.unsupported = Some("a projected source is not supported by the node agent".to_owned());
            Ok(())
        }
    }

    fn add_data(
        &mut self,
        data: Option<&BTreeMap<String, Vec<u8>>>,
        kind: &str,
        name: &str,
        items: Option<&[KeyToPath]>,
        optional: Option<bool>,
    ) -> Result<(), String> {
        let optional = optional == Some(true);
        let secret = kind == "secret";
        let Some(data) = data else {
            return if optional {
                Ok(())
            } else {
                Err(format!("{kind} \"{name}\" not found"))
            };
        };
        match items.filter(|items| !items.is_empty()) {
            None => {
                for (key, content) in data {
                    self.files.insert(
                        inside(key)?,
                        VolumeFile {
                            content: content.clone(),
                            secret,
                        },
                    );
                }
            }
            Some(items) => {
                for item in items {
                    match data.get(&item.key) {
                        Some(content) => {
                            self.files.insert(
                                inside(&item.path)?,
                                VolumeFile {
                                    content: content.clone(),
                                    secret,
                                },
                            );
                        }
                        None if optional => {}
                        None => return Err(format!("references non-existent {kind} key: {}", item.key)),
                    }
                }
            }
        }
        Ok(())
    }

    fn add_fields(&mut self, items: &[DownwardAPIVolumeFile], facts: &PodFacts) -> Result<(), String> {
        for item in items {
            let value = match (&item.field_ref, &item.resource_field_ref) {
                (Some(field), _) => facts.field(&field.field_path)?,
                (None, Some(resource)) => facts.resource(resource, "")?,
                (None, None) => return Err(format!("file {} of the downward API names no field", item.path)),
            };
            self.files.insert(
                inside(&item.path)?,
                VolumeFile {
                    content: value.into_bytes(),
                    secret: false,
                },
            );
        }
        Ok(())
    }

    /// Makes the volume's directory with all its files but the tokens.
    pub(crate) fn write(&self, directory: &Path) -> io::Result<()> {
        make_directory(directory)?;
        for (path, file) in &self.files {
            write_file(&directory.join(path), &file.content, file.secret)?;
        }
        Ok(())
    }
}

/// Makes `path` and its missing parents, for the owner only.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Replaces the file at `path` in one step, so that no reader ever sees a part of it.
pub(crate) fn write_file(path: &Path, content: &[u8], secret: bool) -> io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a file needs a name"));
    };
    make_directory(parent)?;
    let mut temporary = name.to_owned();
    temporary.push(".new");
    let temporary = parent.join(temporary);
    if temporary.exists() {
        std::fs::remove_file(&temporary)?;
    }
    let mode = if secret { 0o600 } else { 0o644 };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)?;
    file.write_all(content)?;
    std::fs::rename(&temporary, path)
}

/// `path` if it stays below the volume's directory.
fn inside(path: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(path);
    if path.as_os_str().is_empty() || !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(format!("path {} leaves the volume", path.display()));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::{super::fields::tests::facts, *};
    use serde_json::{Value, json};
    use std::os::unix::fs::PermissionsExt as _;

    fn plan(volume: Value) -> Result<VolumePlan, String> {
        let configuration = Configuration {
            config_maps: BTreeMap::from([(
                "settings".into(),
                BTreeMap::from([("a".into(), b"1".to_vec()), ("b".into(), b"2".to_vec())]),
            )]),
            secrets: BTreeMap::from([("login".into(), BTreeMap::from([("key".into(), b"s".to_vec())]))]),
        };
        VolumePlan::of(
            &serde_json::from_value(volume).unwrap(),
            &facts(json!({"containers": []})),
            &configuration,
        )
    }

    fn files(plan: &VolumePlan) -> Vec<(String, String, bool)> {
        plan.files
            .iter()
            .map(|(path, file)| {
                (
                    path.display().to_string(),
                    String::from_utf8_lossy(&file.content).into_owned(),
                    file.secret,
                )
            })
            .collect()
    }

    #[test]
    fn the_volume_of_every_pod_is_a_token_an_authority_and_a_namespace() {
        let plan = plan(json!({"name": "kube-api-access", "projected": {"sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "settings", "items": [{"key": "a", "path": "ca/crt"}]}},
            {"secret": {"name": "login"}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}}]}}))
        .unwrap();
        assert_eq!(
            plan.tokens,
            [TokenFile {
                path: "token".into(),
                audience: None,
                seconds: 3607
            }]
        );
        let expected = [
            ("ca/crt", "1", false),
            ("key", "s", true),
            ("namespace", "shop", false),
        ];
        assert_eq!(
            files(&plan),
            expected.map(|(path, text, secret)| (path.to_owned(), text.to_owned(), secret))
        );
        assert!(!plan.writable && plan.unsupported.is_none());
    }

    #[test]
    fn what_is_missing_or_escapes_is_refused_by_name() {
        for (volume, message) in [
            (
                json!({"name": "v", "configMap": {"name": "none"}}),
                "configmap \"none\" not found",
            ),
            (
                json!({"name": "v", "configMap": {"name": "settings", "items": [{"key": "z", "path": "z"}]}}),
                "references non-existent configmap key: z",
            ),
            (
                json!({"name": "v", "configMap": {"name": "settings", "items": [{"key": "a", "path": "../z"}]}}),
                "path ../z leaves the volume",
            ),
        ] {
            assert_eq!(plan(volume).err().as_deref(), Some(message));
        }
        assert!(plan(json!({"name": "v", "secret": {"secretName": "none", "optional": true}})).is_ok());
        assert!(
            plan(json!({"name": "v", "hostPath": {"path": "/"}}))
                .unwrap()
                .unsupported
                .is_some()
        );
        assert!(plan(json!({"name": "v", "emptyDir": {}})).unwrap().writable);
    }

    #[test]
    fn secrets_are_written_for_their_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let volume = directory.path().join("volume");
        for _ in 0..2 {
            plan(json!({"name": "v", "secret": {"secretName": "login"}}))
                .unwrap()
                .write(&volume)
                .unwrap();
        }
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(std::fs::read(volume.join("key")).unwrap(), b"s");
        assert_eq!((mode(&volume), mode(&volume.join("key"))), (0o700, 0o600));
        assert_eq!(std::fs::read_dir(&volume).unwrap().count(), 1);
    }
}
