//! `plumbline verify-report`: whether a conformance report holds.

use super::{CommandError, count, recorded::read};
use crate::{
    arguments::VerifyReport,
    outputs,
    signature::{beside, is_signed},
};
use plumbline_model::ExitCode;
use plumbline_report::{Verified, printable, verify_conformance};
use std::fmt::Write as _;

/// Verifies, and says what holds and what does not.
pub fn verify_report(verify: &VerifyReport) -> Result<ExitCode, CommandError> {
    let path = &verify.report;
    let name = path.display();
    let content =
        std::fs::read(path).map_err(|error| CommandError::Usage(format!("cannot read {name}: {error}")))?;
    let log = verify.log.as_deref().map(read).transpose()?;
    let signed = match &verify.key {
        Some(key) => {
            let signature = verify.signature.clone().unwrap_or_else(|| beside(path));
            Some(is_signed(&content, key, &signature)?)
        }
        None => None,
    };
    // What is not text is no JSON either; the error tells the place.
    let text = String::from_utf8_lossy(&content);
    let Verified { verdict, differences } = verify_conformance(&text, log.as_ref())
        .map_err(|error| CommandError::Usage(format!("cannot verify {name}: {error}")))?;
    let mut said = String::new();
    for difference in &differences {
        let _ = writeln!(said, "{difference}");
    }
    let (derived, from) = match log {
        Some(_) => ("made again from the log of its run", "the log"),
        None => ("derived again from its own tests", "its tests"),
    };
    let _ = match differences.len() {
        0 => writeln!(
            said,
            "{name}: the verdict is {verdict}, and everything follows; it was {derived}"
        ),
        number => writeln!(
            said,
            "{name} does not hold: {} from what follows from {from}",
            count(number, "difference")
        ),
    };
    let _ = match signed {
        Some(true) => writeln!(said, "{name}: signed by the owner of the key"),
        Some(false) => writeln!(
            said,
            "{name} does not hold: it is not signed by the owner of the key, or was changed after that"
        ),
        None => writeln!(
            said,
            "{name}: who wrote it was not verified; name the public key with --key"
        ),
    };
    outputs::print(&printable_lines(&said));
    let holds = differences.is_empty() && signed != Some(false);
    Ok(if holds { ExitCode::Passed } else { ExitCode::Failed })
}

/// Names of files are the user's, and can hold anything.
fn printable_lines(text: &str) -> String {
    text.lines().map(|line| printable(line) + "\n").collect()
}
