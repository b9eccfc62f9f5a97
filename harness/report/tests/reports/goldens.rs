//! Every report of every recorded run, as a reader sees it.

use crate::recorded;
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
            ("JSON, without requirements that were not run", json(&summary)),
        ];
        let all: String = reports
            .iter()
            .map(|(title, report)| format!("======== {title}\n{report}\n"))
            .collect();
        settings.bind(|| insta::assert_snapshot!(name, all));
    }
}
