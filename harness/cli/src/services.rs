//! What build services are told in their own words, when one of them is there or the user says so.

use crate::{
    arguments::{Annotations, Outputs},
    directories::variable,
    outputs::{self, OutputError},
};
use plumbline_report::{Repository, Summary, render_azure, render_github, render_step_summary};
use std::path::PathBuf;

/// Who is told.
pub struct Services {
    annotations: Annotations,
    page: Option<PathBuf>,
    repository: Repository,
}

impl Services {
    /// As the flags say, else as the environment does.
    pub fn of(outputs: &Outputs) -> Self {
        let annotations = outputs.annotations.unwrap_or_else(service_around);
        let page = outputs.step_summary.clone();
        let (page, root) = match annotations {
            Annotations::Github => (
                page.or_else(|| variable("GITHUB_STEP_SUMMARY")),
                variable("GITHUB_WORKSPACE"),
            ),
            Annotations::Azure => (page, variable("BUILD_SOURCESDIRECTORY")),
            Annotations::None => (page, None),
        };
        let current = std::env::current_dir().unwrap_or_default();
        Self {
            annotations,
            page,
            repository: Repository {
                root: root.unwrap_or_else(|| current.clone()),
                project: current,
            },
        }
    }

    /// The file that the page is added to.
    pub fn page(&self) -> Option<&PathBuf> {
        self.page.as_ref()
    }

    /// Tells the result.
    ///
    /// # Errors
    /// The page cannot be written.
    pub fn tell(&self, summary: &Summary) -> Result<(), OutputError> {
        match self.annotations {
            Annotations::Github => outputs::print(&render_github(summary, &self.repository)),
            Annotations::Azure => outputs::print(&render_azure(summary, &self.repository)),
            Annotations::None => {}
        }
        match &self.page {
            Some(page) => outputs::append(page, &render_step_summary(summary)),
            None => Ok(()),
        }
    }
}

/// The build service that this program runs in.
fn service_around() -> Annotations {
    let is_set =
        |name: &str| variable(name).is_some_and(|value| value.as_os_str().eq_ignore_ascii_case("true"));
    if is_set("GITHUB_ACTIONS") {
        Annotations::Github
    } else if is_set("TF_BUILD") {
        Annotations::Azure
    } else {
        Annotations::None
    }
}
