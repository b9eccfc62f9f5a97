//! What came of each image, told to people or to programs.

use crate::outputs;
use plumbline_images::ImageName;
use plumbline_model::ExitCode;
use serde_json::Value;

/// How a command tells what it did to an image, or why it could not.
pub(super) struct Outcome<T, E> {
    pub json: fn(&ImageName, &Result<T, E>) -> Value,
    pub line: fn(&ImageName, &T) -> String,
    pub complaint: fn(&E) -> String,
    pub exit_code: fn(&E) -> ExitCode,
}

impl<T, E> Outcome<T, E> {
    /// Prints the results in the order of the images, failures on standard error; gives the exit code of them all.
    pub fn tell(&self, images: &[ImageName], results: &[Result<T, E>], as_json: bool) -> ExitCode {
        let all = || images.iter().zip(results);
        if as_json {
            let all: Value = all().map(|(image, result)| (self.json)(image, result)).collect();
            outputs::print(&format!("{all:#}\n"));
        }
        let mut code = ExitCode::Passed;
        for (image, result) in all() {
            match result {
                Ok(done) if !as_json => outputs::print(&(self.line)(image, done)),
                Ok(_) => {}
                Err(error) => {
                    outputs::complain(&(self.complaint)(error));
                    code = code.and((self.exit_code)(error));
                }
            }
        }
        code
    }
}
