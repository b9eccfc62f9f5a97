//! `plumbline gc`: removes what killed runs have left behind.

use super::{CommandError, count};
use crate::{arguments::Places, directories::Directories, outputs};
use plumbline_model::ExitCode;

/// Collects, and says what it found.
pub fn gc(places: &Places) -> Result<ExitCode, CommandError> {
    let directories = Directories::resolve(places)?;
    let collected = plumbline_keeper::gc::collect(&directories.runs)?;
    let mut code = ExitCode::Passed;
    for found in &collected {
        let path = found.path.display();
        match &found.problem {
            None => outputs::print(&format!(
                "removed {path}, ended {}\n",
                count(found.ended.len(), "process")
            )),
            Some(problem) => {
                code = ExitCode::LeftBehind;
                outputs::complain(&format!("{path} is left behind: {problem}"));
            }
        }
    }
    if collected.is_empty() {
        outputs::print("nothing was left behind\n");
    }
    Ok(code)
}
