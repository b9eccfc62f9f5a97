//! Every report of every recorded run, as a reader sees it.

use crate::{page::Page, recorded};
use plumbline_report::{
    Palette, Repository, Summary, render_azure, render_github, render_json, render_junit,
    render_scenario_end, render_step_summary, render_summary,
};
use serde_json::Value;

fn json(summary: &Summary) -> String {
    let mut json: Value = serde_json::from_str(&render_json(summary)).expect("JSON");
    let requirements = json["requirements"].as_object_mut().expect("requirements by id");
    requirements.retain(|_, requirement| requirement["status"] != "not-run");
    format!("{json:#}\n")
}

/// The page without what is the same on each, and without the long table of requirements.
fn page(summary: &Summary) -> String {
    let text = Page::of(summary).text;
    let (_, body) = text.split_once("<header").expect("a header");
    let (head, rest) = body.split_once("<h2 id=\"requirements\">").expect("requirements");
    let (_, rest) = rest.split_once("<h2 id=\"scenarios\">").expect("scenarios");
    let (rest, _) = rest.split_once("</main>").expect("an end");
    format!("<header{head}…\n<h2 id=\"scenarios\">{rest}</main>\n")
}

#[test]
fn a_whole_page() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let text = Page::of(&recorded::summaries()["failed"]).text;
    settings.bind(|| insta::assert_snapshot!("failed-page", text));
}

#[test]
fn every_report_of_every_recorded_run() {
    let repository = Repository {
        root: "/build".into(),
        project: "/build/platform".into(),
    };
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (name, summary) in recorded::summaries() {
        let ends = summary.scenarios.iter();
        let terminal: String = ends
            .map(|result| render_scenario_end(result, Palette::Plain))
            .chain([render_summary(&summary, Palette::Plain)])
            .collect();
        let reports = [
            ("terminal", terminal),
            ("JUnit", render_junit(&summary)),
            ("GitHub annotations", render_github(&summary, &repository)),
            ("GitHub step summary", render_step_summary(&summary)),
            ("Azure DevOps", render_azure(&summary, &repository)),
            ("HTML, without style, script and requirements", page(&summary)),
            ("JSON, without requirements that were not run", json(&summary)),
        ];
        let all: String = reports
            .iter()
            .map(|(title, report)| format!("======== {title}\n{report}\n"))
            .collect();
        settings.bind(|| insta::assert_snapshot!(name, all));
    }
}
