//! The text report: what failed and why, then requirement by requirement.

mod block;
mod circumstances;
mod palette;
mod requirements;
mod scenario;
mod summary;

pub(crate) use block::{Limit, attachments, attempt_block, message, one_line, skip_reason};
pub(crate) use circumstances::counted;
pub use palette::Palette;
pub use scenario::render_scenario_end;
pub use summary::render_summary;
pub(crate) use summary::{cause_in_words, verdict};
