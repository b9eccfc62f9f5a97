//! `plumbline images`: one file per command of the group.

mod access;
mod arguments;
mod keys;
mod list;
mod mirror;
mod outcome;
mod scan;
mod sign;
mod verify;

pub(super) use access::{exit_code, words};
pub use arguments::{Images, ImagesCommand};

use super::CommandError;
use crate::arguments::Places;
use plumbline_model::ExitCode;

/// Does what the command of the group says.
pub fn images(places: &Places, images: &Images) -> Result<ExitCode, CommandError> {
    match &images.command {
        ImagesCommand::List(list) => list::list(places, list),
        ImagesCommand::Mirror(mirror) => mirror::mirror(places, mirror),
        ImagesCommand::Scan(scan) => scan::scan(places, scan),
        ImagesCommand::Sign(sign) => sign::sign(sign),
        ImagesCommand::Verify(verify) => verify::verify(verify),
    }
}
