//! Findings as people read them.

use super::finding::{Finding, State};

/// A line for each finding, and under it what to do where something is to be done; at the end what follows for kind.
#[must_use]
pub fn render(findings: &[Finding]) -> String {
    let width = findings
        .iter()
        .map(|finding| finding.check.len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for finding in findings {
        let Finding { check, state, .. } = finding;
        // What other programs say may have several lines.
        let found = finding.found.replace('\n', " ");
        text.push_str(&format!("{state:<8}  {check:<width$}  {found}\n"));
        if let Some(remedy) = &finding.remedy {
            text.push_str(&format!("{:<8}  {:<width$}  -> {remedy}\n", "", ""));
        }
    }
    let wrong = findings
        .iter()
        .filter(|finding| finding.state == State::Wrong)
        .count();
    text.push_str(&match wrong {
        0 => "\nkind can be used: plumbline run --on kind\n".to_owned(),
        1 => "\nkind cannot be used: put right what is wrong\n".to_owned(),
        _ => format!("\nkind cannot be used: put right the {wrong} things that are wrong, from the first\n"),
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        docker::DockerError,
        doctor::{Builder, Container, Host, Machine, NodeImage, RegistryImage, Room, RunningEngine, examine},
    };

    fn healthy() -> Machine {
        let room = |path: &str| {
            Some(Room {
                path: path.into(),
                free: 20_000,
            })
        };
        Machine {
            engine: Ok(RunningEngine {
                server_version: "28.2.2".into(),
                driver: "overlay2".into(),
                cgroup_version: "2".into(),
                default_runtime: "runc".into(),
                docker_root_dir: "/var/lib/docker".into(),
            }),
            image: NodeImage {
                name: "plumbline/node:v1.34.4".into(),
                present: true,
                ours: true,
                current: true,
            },
            registry: Some(RegistryImage {
                name: "plumbline/registry:2.8.2".into(),
                present: true,
                ours: true,
            }),
            container: Container::Ran,
            host: Host {
                can_raise_limits: true,
                inotify_instances: Some(512),
                inotify_watches: Some(524_288),
                engine_disk: room("/var/lib/docker"),
                cache_disk: room("/home/me/.cache/plumbline"),
            },
            builder: Builder {
                missing_programs: Vec::new(),
                go: Some("/usr/bin/go".into()),
                git: Some("/usr/bin/git".into()),
                debootstrap: Some("/usr/sbin/debootstrap".into()),
                root: true,
            },
        }
    }

    fn told(change: impl FnOnce(&mut Machine)) -> String {
        let mut machine = healthy();
        change(&mut machine);
        render(&examine(&machine))
    }

    #[test]
    fn a_machine_that_has_everything() {
        insta::assert_snapshot!(told(|_| ()));
    }

    #[test]
    fn a_machine_without_an_engine() {
        insta::assert_snapshot!(told(|machine| {
            machine.engine = Err(DockerError::NoClient);
            machine.image.present = false;
            machine.container = Container::NotTried;
            machine.host.engine_disk = None;
            machine.builder = Builder {
                missing_programs: vec!["kube-apiserver".into(), "kind".into()],
                ..Builder::default()
            };
        }));
    }

    #[test]
    fn an_engine_that_is_not_for_this_user_hides_what_only_it_can_tell() {
        insta::assert_snapshot!(told(|machine| {
            let said =
                "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock";
            machine.engine = Err(DockerError::NoPermission { said: said.into() });
        }));
    }

    #[test]
    fn a_machine_that_withholds_a_capability_and_is_short_of_much() {
        insta::assert_snapshot!(told(|machine| {
            if let Ok(engine) = &mut machine.engine {
                engine.driver = "vfs".into();
                engine.cgroup_version = "1".into();
                engine.server_version = "19.3.1".into();
            }
            machine.image.present = false;
            machine.container = Container::NotTried;
            machine.host = Host {
                can_raise_limits: false,
                inotify_instances: Some(128),
                inotify_watches: Some(8_192),
                engine_disk: Some(Room {
                    path: "/var/lib/docker".into(),
                    free: 900,
                }),
                ..machine.host.clone()
            };
            machine.builder.root = false;
            machine.builder.debootstrap = None;
            machine.builder.missing_programs = vec!["kind".into()];
        }));
    }

    #[test]
    fn an_image_for_registries_is_looked_for_where_there_is_to_be_one() {
        let with = |registry: Option<(&str, bool)>| {
            told(|machine| {
                machine.registry = registry.map(|(name, ours)| RegistryImage {
                    name: name.into(),
                    present: false,
                    ours,
                });
            })
        };
        let own = with(Some(("plumbline/registry:2.8.2", true)));
        assert!(own.contains("-> plumbline node-image build\n"), "{own}");
        let published = with(Some(("registry:2", false)));
        assert!(published.contains("-> docker pull registry:2; or"), "{published}");
        assert!(!with(None).contains("registry image"));
    }

    #[test]
    fn a_container_that_does_not_start_is_told_in_the_engines_words() {
        let failed = told(|machine| {
            machine.container = Container::Failed("OCI runtime create failed:\nunable to apply caps".into());
            machine.host.can_raise_limits = false;
        });
        assert!(
            failed.contains("do not start: OCI runtime create failed: unable to apply caps\n"),
            "{failed}"
        );
        assert!(
            failed.contains("-> stop the engine and run ci/docker-engine"),
            "{failed}"
        );
        assert!(
            failed.ends_with("kind cannot be used: put right what is wrong\n"),
            "{failed}"
        );
    }

    #[test]
    fn an_image_that_is_there_needs_no_room_of_its_own() {
        let with = |present: bool| {
            told(|machine| {
                machine.image.present = present;
                machine
                    .host
                    .engine_disk
                    .iter_mut()
                    .for_each(|disk| disk.free = 2_000);
            })
        };
        assert!(with(true).ends_with("run --on kind\n"), "{}", with(true));
        let without = with(false);
        assert!(
            without.contains("-> free some space: 4000 MB are needed\n"),
            "{without}"
        );
    }

    #[test]
    fn an_image_that_is_outdated_or_pulled_by_kind_does_not_keep_from_using_kind() {
        let outdated = told(|machine| machine.image.current = false);
        assert!(outdated.contains("doubtful  node image"), "{outdated}");
        assert!(outdated.ends_with("run --on kind\n"), "{outdated}");
        let published = told(|machine| {
            machine.image.ours = false;
            machine.image.present = false;
            machine.container = Container::NotTried;
        });
        assert!(
            published.contains("which kind pulls when it is needed"),
            "{published}"
        );
        assert!(published.ends_with("run --on kind\n"), "{published}");
    }
}
