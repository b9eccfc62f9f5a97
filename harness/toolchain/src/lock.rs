//! The lock file: which programs there are, at which version, and every way to get each of them.

use crate::lock_error::{LockError, LockProblem, position};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;

/// All programs that plumbline can use, in the order in which they are best built: what warms the build cache of the
/// others comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The Go release that builds every module.
    pub go: GoRelease,
    /// The programs, in the order of the file.
    pub programs: Vec<Program>,
    /// Names of programs that belong together, by what they are together.
    pub sets: BTreeMap<String, Vec<String>>,
}

/// One Go release for all programs, so that they share the build cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoRelease {
    /// The release that compiles; any installed Go that is not older than `minimum` fetches it by itself.
    pub release: String,
    /// The oldest installed Go that knows how to fetch another release.
    pub minimum: String,
}

/// One program at one version. A further version of a program is an entry of its own, called `<name>@<version>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The name of its file.
    pub name: String,
    /// The name of its folder under `clusters/go/`: that which the lock file gives it.
    #[serde(skip)]
    pub folder: String,
    /// The version without a leading `v`.
    pub version: String,
    /// How a program of this name on PATH is asked for its version; without it PATH is not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathSource>,
    /// Published releases whose digest is known for certain, one for each platform.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub release: Vec<Release>,
    /// The Go module that holds the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub go: Option<GoModule>,
    /// Whether only few runs need it: whoever asks for all programs does not mean this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_demand: bool,
}

/// How a program on PATH tells its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathSource {
    /// The arguments that make it print its version.
    pub ask: Vec<String>,
    /// What it prints, with `{version}` in the place of the version.
    pub pattern: String,
    /// Which versions will do.
    #[serde(default)]
    pub accept: Accept,
}

/// Which version on PATH will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accept {
    /// Only the very version of the lock.
    #[default]
    Exact,
    /// That version or a later one.
    Minimum,
}

/// A published file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// `<os>-<architecture>` as Rust names them, for example `linux-x86_64`.
    pub platform: String,
    /// Where it is.
    pub url: String,
    /// The digest of the file behind `url`, in hexadecimal digits.
    pub sha256: String,
    /// The file inside, where `url` is a gzipped tar archive; without it the file is the program itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
}

/// A command inside a Go module, built through our own go.mod and go.sum in `clusters/go/<name>/`; or the command whose
/// source is itself in that folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoModule {
    /// The published module; its version is `v` and the version of the program. Without it, `clusters/go/<name>/` is the
    /// module, and every file there is source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The package of the command.
    pub package: String,
    /// Variables set by the linker; `{version}` stands for the version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stamp: BTreeMap<String, String>,
    /// Environment of the build besides that of every build.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Present where the published module does not build as it is: it is then copied to `./module`, which the go.mod
    /// must name in a `replace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<ModuleCopy>,
    /// Folders of the module that are kept with the program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<String>,
}

/// A changed copy of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleCopy {
    /// The checksum of the published module; a replaced module is not covered by go.sum.
    pub sum: String,
    /// Files that are added, by their path in the module.
    pub add: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LockFile {
    go: GoRelease,
    #[serde(default)]
    sets: BTreeMap<String, Vec<Spanned<String>>>,
    program: Vec<Spanned<Program>>,
}

impl Lock {
    /// Reads a lock file; `origin` is the name that errors give it.
    ///
    /// # Errors
    /// With the place of everything that is wrong.
    pub fn parse(text: &str, origin: &str) -> Result<Self, LockError> {
        let mut file: LockFile = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            LockError::new(
                origin,
                vec![LockProblem {
                    position: position(text, offset),
                    message: error.message().into(),
                }],
            )
        })?;
        let mut problems = Vec::new();
        let mut names = BTreeSet::new();
        for program in &mut file.program {
            program.get_mut().folder = program.get_ref().name.clone();
            let mut found = violations(program.get_ref());
            if !names.insert(program.get_ref().name.clone()) {
                found.push("is listed twice".to_owned());
            }
            problems.extend(found.into_iter().map(|message| LockProblem {
                position: position(text, program.span().start),
                message: format!("program `{}` {message}", program.get_ref().name),
            }));
        }
        for (set, members) in &file.sets {
            let unknown = members.iter().filter(|member| !names.contains(member.get_ref()));
            problems.extend(unknown.map(|member| LockProblem {
                position: position(text, member.span().start),
                message: format!(
                    "set `{set}` names `{}`, which is not a program of this file",
                    member.get_ref()
                ),
            }));
        }
        for (set, members) in &file.sets {
            let mut names = BTreeSet::new();
            let twice = members
                .iter()
                .filter(|member| !names.insert(plain_name(member.get_ref())));
            problems.extend(twice.map(|member| LockProblem {
                position: position(text, member.span().start),
                message: format!(
                    "set `{set}` names two versions of `{}`",
                    plain_name(member.get_ref())
                ),
            }));
        }
        if problems.is_empty() {
            let plain =
                |members: Vec<Spanned<String>>| members.into_iter().map(Spanned::into_inner).collect();
            Ok(Self {
                go: file.go,
                sets: file
                    .sets
                    .into_iter()
                    .map(|(set, members)| (set, plain(members)))
                    .collect(),
                programs: file.program.into_iter().map(Spanned::into_inner).collect(),
            })
        } else {
            Err(LockError::new(origin, problems))
        }
    }

    /// The program of that name.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<&Program> {
        self.programs.iter().find(|program| program.name == name)
    }

    /// The known name that is most like `name`, if one is close enough to be meant.
    #[must_use]
    pub fn similar(&self, name: &str) -> Option<&str> {
        self.programs
            .iter()
            .map(|program| (strsim::jaro_winkler(name, &program.name), program.name.as_str()))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .map(|(_, name)| name)
    }
}

impl Program {
    /// Its name, without the version that a further version carries in it.
    #[must_use]
    pub fn plain_name(&self) -> &str {
        plain_name(&self.name)
    }

    /// The published release for the platform that plumbline runs on.
    #[must_use]
    pub fn release_for_this_platform(&self) -> Option<&Release> {
        let platform = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
        self.release.iter().find(|release| release.platform == platform)
    }
}

/// What the types alone do not refuse. Names, versions and paths become parts of file names: nothing in them may lead
/// out of the folder that they are meant for.
fn violations(program: &Program) -> Vec<String> {
    let mut found = Vec::new();
    let mut refuse = |wrong: bool, message: &str| {
        if wrong {
            found.push(message.to_owned());
        }
    };
    refuse(
        !is_name(program.plain_name()),
        "has a name that is not lower-case letters, digits and dashes",
    );
    let further = program.name.split_once('@');
    refuse(
        further.is_some_and(|(_, version)| version != program.version),
        "has another version in its name than in `version`",
    );
    refuse(
        !is_version(&program.version),
        "has a version that is not like `1.2.3`",
    );
    refuse(
        program.path.is_none() && program.release.is_empty() && program.go.is_none(),
        "has no source: give it `path`, `release` or `go`",
    );
    if let Some(path) = &program.path {
        refuse(
            path.pattern.matches("{version}").count() != 1,
            "needs `{version}` once in `path.pattern`",
        );
    }
    for release in &program.release {
        let hexadecimal = release
            .sha256
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        refuse(
            release.sha256.len() != 64 || !hexadecimal,
            "has a `release.sha256` that is not 64 lower-case hexadecimal digits",
        );
        let web = release.url.starts_with("https://") || release.url.starts_with("http://");
        refuse(!web, "has a `release.url` that is not a web address");
    }
    if let Some(module) = &program.go {
        refuse(
            module.module.is_none() && (module.copy.is_some() || !module.assets.is_empty()),
            "has `go.copy` or `go.assets`, but no `go.module` that they could come from",
        );
        refuse(
            module.assets.iter().any(|path| !is_inside(path)),
            "has a path in `go.assets` that leaves the module",
        );
        if let Some(copy) = &module.copy {
            refuse(
                copy.add.keys().any(|path| !is_inside(path)),
                "has a path in `go.copy.add` that leaves the module",
            );
            refuse(
                !copy.sum.starts_with("h1:"),
                "has a `go.copy.sum` that does not start with `h1:`",
            );
        }
    }
    found
}

/// The name of a program without a version: `helm-controller` of `helm-controller@1.6.1`.
#[must_use]
pub fn plain_name(name: &str) -> &str {
    name.split_once('@').map_or(name, |(plain, _)| plain)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn is_version(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+'))
}

fn is_inside(path: &str) -> bool {
    !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GO: &str = "[go]\nrelease = \"1.27.4\"\nminimum = \"1.21.0\"\n";

    fn problem(programs: &str) -> String {
        Lock::parse(&format!("{GO}{programs}"), "lock.toml")
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn the_lock_of_this_repository_is_valid_and_agrees_with_its_go_modules() {
        let clusters = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clusters");
        let lock = Lock::parse(
            &std::fs::read_to_string(clusters.join("toolchain.toml")).unwrap(),
            "lock",
        )
        .unwrap();
        for program in &lock.programs {
            let Some(module) = &program.go else { continue };
            let folder = clusters.join("go").join(&program.name);
            let line = match &module.module {
                Some(module) => format!("require {module} v{}\n", program.version),
                None => format!("module {}\n", module.package),
            };
            let go_mod = std::fs::read_to_string(folder.join("go.mod")).unwrap();
            assert!(go_mod.contains(&line), "{}: no line {line}", program.name);
            assert!(folder.join("go.sum").is_file(), "{}: no go.sum", program.name);
        }
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_place() {
        assert_eq!(
            problem("[[program]]\nname = \"etcd\"\nversion = \"1\"\n  colour = \"red\"\n"),
            "lock.toml:7:3: unknown field `colour`, expected one of `name`, `version`, `path`, `release`, `go`, `on_demand`"
        );
    }

    #[test]
    fn every_wrong_program_is_named_not_only_the_first() {
        let text = "[[program]]\nname = \"../up\"\nversion = \"1\"\n[[program]]\nname = \"etcd\"\nversion = \"v1\"\n\
                    [program.path]\nask = []\npattern = \"version\"\n";
        assert_eq!(
            problem(text),
            "lock.toml:4:1: program `../up` has a name that is not lower-case letters, digits and dashes\n\
             lock.toml:4:1: program `../up` has no source: give it `path`, `release` or `go`\n\
             lock.toml:7:1: program `etcd` has a version that is not like `1.2.3`\n\
             lock.toml:7:1: program `etcd` needs `{version}` once in `path.pattern`"
        );
    }

    #[test]
    fn source_of_our_own_has_nothing_to_copy_from() {
        let text = "[[program]]\nname = \"pause\"\nversion = \"1.0.0\"\ngo = { package = \"x/pause\", assets = [\"data\"] }\n";
        assert!(
            problem(text)
                .ends_with("has `go.copy` or `go.assets`, but no `go.module` that they could come from")
        );
    }

    #[test]
    fn a_program_listed_twice_is_refused() {
        let one =
            "[[program]]\nname = \"git\"\nversion = \"2\"\npath = { ask = [], pattern = \"{version}\" }\n";
        assert_eq!(
            problem(&format!("{one}{one}")),
            "lock.toml:8:1: program `git` is listed twice"
        );
    }

    #[test]
    fn a_further_version_is_an_entry_of_its_own_and_sets_name_what_belongs_together() {
        let source = "path = { ask = [], pattern = \"{version}\" }";
        let entry = |name: &str| format!("[[program]]\nname = \"{name}\"\nversion = \"2.1\"\n{source}\n");
        let text = format!(
            "{GO}[sets]\nold = [\"git@2.1\"]\n{}{}",
            entry("git"),
            entry("git@2.1")
        );
        let lock = Lock::parse(&text, "lock.toml").unwrap();
        assert_eq!(lock.sets["old"], ["git@2.1"]);
        assert_eq!(lock.program("git@2.1").unwrap().plain_name(), "git");
        assert_eq!(
            problem(&format!("[sets]\nold = [\"got\"]\n{}", entry("git@2.0"))),
            "lock.toml:6:1: program `git@2.0` has another version in its name than in `version`\n\
             lock.toml:5:8: set `old` names `got`, which is not a program of this file"
        );
        assert_eq!(
            problem(&format!(
                "[sets]\nold = [\"git\", \"git@2.1\"]\n{}{}",
                entry("git"),
                entry("git@2.1")
            )),
            "lock.toml:5:15: set `old` names two versions of `git`"
        );
        // What leads out of the folder is refused behind the `@` as well.
        assert!(problem(&entry("git@../2.1")).contains("has another version in its name"));
    }

    #[test]
    fn a_digest_of_the_wrong_length_is_refused() {
        let text = "[[program]]\nname = \"helm\"\nversion = \"3.18.4\"\n\
                    release = [{ platform = \"linux-x86_64\", url = \"https://x/y\", sha256 = \"abc\" }]\n";
        assert!(
            problem(text).ends_with("has a `release.sha256` that is not 64 lower-case hexadecimal digits")
        );
    }

    #[test]
    fn a_close_name_is_proposed_and_a_far_one_is_not() {
        let one = "[[program]]\nname = \"kube-apiserver\"\nversion = \"1\"\npath = { ask = [], pattern = \"{version}\" }\n";
        let lock = Lock::parse(&format!("{GO}{one}"), "lock.toml").unwrap();
        assert_eq!(lock.similar("kube-apisever"), Some("kube-apiserver"));
        assert_eq!(lock.similar("terraform"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(\\[\\[program\\]\\]|\\[go\\]|[a-z]+ = \"[^\"]*\"|\n|[ -~é]){0,40}") {
            let _ = Lock::parse(&text, "lock.toml");
        }

        #[test]
        fn a_path_that_is_accepted_stays_inside(path in "[a./]{0,12}") {
            if is_inside(&path) {
                let walked = std::path::Path::new(&path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
                prop_assert!(walked);
            }
        }
    }
}
