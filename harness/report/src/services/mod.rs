//! What build services are told in their own words: problems at their places, and a page for the build.
//!
//! All text of the platform is hostile here: it must neither become a command of the service nor break out of the page.

mod azure;
mod github;
mod issue;
mod page;

pub use azure::render_azure;
pub use github::render_github;
pub use issue::Repository;
pub use page::render_step_summary;
