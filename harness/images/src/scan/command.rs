//! trivy's command line, as the platform's pipeline writes it.

use std::{fmt, path::Path, str::FromStr};

/// What every pass of a scan has in common: OS packages only, vulnerabilities only, and of these only what can be fixed.
const COMMON: [&str; 6] = [
    "image",
    "--ignore-unfixed",
    "--pkg-types",
    "os",
    "--scanners",
    "vuln",
];

/// The option that says where the vulnerability database comes from.
const DATABASE: &str = "--db-repository";

/// What a scan does about what it finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScanMode {
    /// Reports and passes.
    Audit,
    /// Fails on HIGH and CRITICAL, informs about LOW and MEDIUM.
    #[default]
    Enforce,
}

impl ScanMode {
    /// The mode as it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Enforce => "enforce",
        }
    }
}

impl fmt::Display for ScanMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

impl FromStr for ScanMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Audit, Self::Enforce]
            .into_iter()
            .find(|mode| mode.word() == text)
            .ok_or_else(|| format!("there is no mode `{text}`; there are `audit` and `enforce`"))
    }
}

/// The arguments of each call of trivy that scans `image` with the database of `database`, in the order of the calls.
#[must_use]
pub fn passes(mode: ScanMode, image: &str, database: &str) -> Vec<Vec<String>> {
    let pass = |more: &[&str]| {
        let database = format!("{DATABASE}={database}");
        COMMON
            .into_iter()
            .chain([database.as_str()])
            .chain(more.iter().copied())
            .chain([image])
            .map(str::to_owned)
            .collect()
    };
    match mode {
        ScanMode::Audit => vec![pass(&[])],
        ScanMode::Enforce => vec![
            pass(&["--severity", "LOW,MEDIUM"]),
            pass(&["--exit-code", "1", "--severity", "HIGH,CRITICAL"]),
        ],
    }
}

/// The same call, with its report written to `file` as JSON. What it decides is not touched.
#[must_use]
pub fn reported(mut arguments: Vec<String>, file: &Path) -> Vec<String> {
    arguments.extend(["--format", "json", "--output"].map(str::to_owned));
    arguments.push(file.to_string_lossy().into_owned());
    arguments
}

/// The same call, with its database from elsewhere.
#[must_use]
pub fn with_database(arguments: Vec<String>, database: &str) -> Vec<String> {
    let mut changed = Vec::with_capacity(arguments.len() + 1);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.strip_prefix(DATABASE) {
            Some("") => drop(arguments.next()),
            Some(value) if value.starts_with('=') => {}
            _ => changed.push(argument),
        }
    }
    changed.push(format!("{DATABASE}={database}"));
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = "ghcr.io/a/b:1";

    fn lines(passes: &[Vec<String>]) -> Vec<String> {
        passes.iter().map(|arguments| arguments.join(" ")).collect()
    }

    #[test]
    fn an_audit_is_one_pass_over_all_severities() {
        let audit = lines(&passes(ScanMode::Audit, IMAGE, "r.test/trivy/trivy-db:2"));
        assert_eq!(
            audit,
            [
                "image --ignore-unfixed --pkg-types os --scanners vuln --db-repository=r.test/trivy/trivy-db:2 ghcr.io/a/b:1"
            ]
        );
    }

    #[test]
    fn enforcing_informs_first_and_then_fails_on_what_is_grave() {
        let passes = lines(&passes(ScanMode::Enforce, IMAGE, "d"));
        assert!(passes[0].contains("--severity LOW,MEDIUM") && !passes[0].contains("--exit-code"));
        assert!(passes[1].contains("--exit-code 1 --severity HIGH,CRITICAL"));
        assert_eq!(passes.len(), 2);
    }

    #[test]
    fn the_database_is_replaced_however_it_was_written() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for line in [
            "image --db-repository=a i",
            "image --db-repository a i",
            "image i",
        ] {
            assert_eq!(
                with_database(words(line), "b"),
                words("image i --db-repository=b"),
                "{line}"
            );
        }
        let other = "image --db-repositories x";
        assert!(with_database(words(other), "b").join(" ").starts_with(other));
    }

    #[test]
    fn a_mode_is_read_as_it_is_written() {
        for mode in [ScanMode::Audit, ScanMode::Enforce] {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        assert!("Enforce".parse::<ScanMode>().is_err());
    }
}
