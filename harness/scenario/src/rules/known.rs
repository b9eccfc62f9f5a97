//! Names that only the caller knows.

use super::Findings;
use crate::{Located, suggestion, template};

/// A name must be one of `names`; one that is known only while the scenario runs may be any.
pub(super) fn check(what: &str, name: &Located<String>, names: &[String], findings: &mut Findings<'_>) {
    if !names.contains(&name.value) && !template::has_placeholder(name) {
        let help = suggestion::instead(name, names.iter().map(String::as_str));
        findings.note(name.span, format!("unknown {what} `{name}`"), help);
    }
}
