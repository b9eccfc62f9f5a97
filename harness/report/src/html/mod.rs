//! The HTML report: one file that needs nothing else, readable without its script.
//!
//! Everything is rendered here; the script only filters, moves the focus and copies. A content security policy names the hashes of the one
//! style sheet and the one script, so nothing that a stranger's text might smuggle in would run.

mod evidence;
mod overview;
mod scenario;
mod tested;
mod timeline;
mod view;

use crate::{Summary, text::printable};
use base64::Engine as _;
use minijinja::{
    AutoEscape, Environment, Error, Output, State, UndefinedBehavior, Value,
    value::{Serde, ValueKind},
};
use sha2::{Digest as _, Sha256};
use view::View;

const TEMPLATE: &str = include_str!("report.html.j2");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Renders the report.
///
/// # Errors
/// The template's own, which fits every summary; no input should lead here.
pub fn render_html(summary: &Summary) -> Result<String, HtmlError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_formatter(write_harmless);
    environment.add_template("report.html.j2", TEMPLATE)?;
    // Only these two are written as they are; both are files beside this one.
    environment.add_global("style", Value::from_safe_string(STYLE.to_owned()));
    environment.add_global("script", Value::from_safe_string(SCRIPT.to_owned()));
    environment.add_global("style_hash", hash(STYLE));
    environment.add_global("script_hash", hash(SCRIPT));
    let view = View::of(summary);
    Ok(environment.get_template("report.html.j2")?.render(Serde(&view))?)
}

/// The report could not be rendered.
#[derive(Debug, thiserror::Error)]
#[error("the HTML report cannot be rendered: {0}")]
pub struct HtmlError(#[from] Error);

/// Writes text so that neither a browser nor a reader's eye obeys it.
fn write_harmless(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) if value.kind() == ValueKind::String && !value.is_safe() => {
            minijinja::escape_formatter(out, state, &Value::from(printable(text)))
        }
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// As a content security policy names it.
fn hash(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text))
}
