//! The page that GitHub shows for a build, in its Markdown.

use crate::{
    RequirementStatus, ScenarioResult, Summary,
    markdown::{cell, code, fence, html},
    terminal::{
        Limit, Palette, attachments, attempt_block, cause_in_words, message, one_line, skip_reason, verdict,
    },
    text::printable,
};
use plumbline_model::{ExitCode, Level, Outcome};
use std::fmt::Write as _;

/// The service takes 1 MiB, and nothing of a page that is longer; the rest is for what follows the failures.
const ROOM: usize = 900 << 10;
/// How many rows a table may have.
const ROWS: usize = 200;
/// How much of a failure is on the page.
const LIMIT: Limit = Limit {
    lines: 40,
    width: 500,
};

/// The page: verdict, requirements, and each failure folded up.
#[must_use]
pub fn render_step_summary(summary: &Summary) -> String {
    let mut page = format!("## plumbline: {}\n\n", summary.verdict());
    let _ = writeln!(page, "{}\n", code(&verdict(summary, Palette::Plain)));
    requirements(&mut page, summary);
    failures(&mut page, summary);
    skipped(&mut page, summary);
    page
}

fn requirements(page: &mut String, summary: &Summary) {
    let results = summary.requirements();
    let mut rows = String::new();
    for result in results
        .iter()
        .filter(|result| result.status != RequirementStatus::NotRun)
    {
        let level = match result.level {
            Level::Core => "core",
            Level::Extended => "extended",
        };
        let status = match result.status {
            RequirementStatus::Passed => "passed".to_owned(),
            other => format!("**{}**", other.word()),
        };
        let scenarios = match result.scenarios.len() {
            1..=3 => result
                .scenarios
                .iter()
                .map(|id| cell(id))
                .collect::<Vec<_>>()
                .join(" "),
            many => format!("{many} scenarios"),
        };
        let _ = writeln!(
            rows,
            "| {status} | {} | {level} | {} | {scenarios} |",
            result.id, result.statement
        );
    }
    if !rows.is_empty() {
        let _ = writeln!(
            page,
            "| | Requirement | Level | What it says | Scenarios |\n|---|---|---|---|---|\n{rows}"
        );
    }
}

fn failures(page: &mut String, summary: &Summary) {
    let mut blocks: Vec<_> = summary
        .sorted_scenarios()
        .into_iter()
        .filter_map(|result| scenario(summary, result))
        .collect();
    blocks.extend(summary.troubles().iter().map(|trouble| {
        let mut text = format!("{}\n", printable(&trouble.message));
        attachments(&mut text, &trouble.attachments, Palette::Plain, LIMIT);
        folded(&format!("{}: {}", trouble.subject, trouble.message), &text)
    }));
    let all = blocks.len();
    for (index, block) in blocks.iter().enumerate() {
        if page.len() + block.len() > ROOM {
            let left = all - index;
            let _ = writeln!(
                page,
                "\n{left} of {all} more are not on this page; the other reports have them.\n"
            );
            return;
        }
        page.push_str(block);
    }
}

fn scenario(summary: &Summary, result: &ScenarioResult) -> Option<String> {
    let is_flaky = matches!(*result.outcome, Outcome::Flaky { .. });
    if summary.code_of(result) == ExitCode::Passed && !is_flaky {
        return None;
    }
    let mut text = String::new();
    let decided = result.attempts.last().filter(|_| !is_flaky);
    for attempt in result.earlier_attempts().iter().chain(decided) {
        if result.attempts.len() > 1 {
            let _ = writeln!(
                text,
                "attempt {} {}",
                attempt.attempt,
                attempt.outcome.status().word()
            );
        }
        let said = message(&attempt.outcome).unwrap_or_default();
        let _ = writeln!(text, "{}", printable(&said));
        text.push_str(&attempt_block(attempt, Palette::Plain, LIMIT));
    }
    let _ = writeln!(text, "\n{}", printable(&one_line(&summary.reproduction(result))));
    let said = message(&result.outcome).unwrap_or_default();
    Some(folded(
        &format!("{} {}: {said}", result.scenario, result.outcome.status().word()),
        &text,
    ))
}

fn skipped(page: &mut String, summary: &Summary) {
    let mut rows = String::new();
    let mut count = 0;
    for result in summary.sorted_scenarios() {
        if let Outcome::Skipped(skip) = &*result.outcome {
            count += 1;
            if count <= ROWS {
                let reason = cell(&LIMIT.cut(&one_line(&skip_reason(skip))));
                let cause = cause_in_words(skip.cause);
                let _ = writeln!(rows, "| {} | {cause} | {reason} |", cell(&result.scenario));
            }
        }
    }
    // Nothing may push the page over the edge, whatever the reasons are.
    if count > 0 && page.len() + rows.len() <= ROOM + (100 << 10) {
        let _ = writeln!(page, "\n| Skipped | | Reason |\n|---|---|---|\n{rows}");
    }
    if count > ROWS {
        let _ = writeln!(page, "{} more scenarios were skipped.", count - ROWS);
    }
}

/// A section that opens when it is asked for.
fn folded(title: &str, text: &str) -> String {
    let title = html(&printable(&LIMIT.cut(&one_line(title))));
    let text = text.trim_end();
    let fence = fence(text, 3);
    format!(
        "<details><summary>{}</summary>\n\n{fence}text\n{text}\n{fence}\n\n</details>\n\n",
        title.trim_end()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::{finished, log, started};
    use plumbline_model::{Attachment, Failure, Skip};

    #[test]
    fn no_text_breaks_out_of_its_fence() {
        let text = "```\n</details><script>\n````\n# title";
        let block = folded("<script>", text);
        assert!(
            block.starts_with("<details><summary>&lt;script&gt;</summary>"),
            "{block}"
        );
        assert!(block.contains("\n\n`````text\n"), "{block}");
    }

    #[test]
    fn a_page_is_never_longer_than_the_service_takes() {
        let failure = |number: usize| Failure {
            message: format!("failure {number}"),
            attachments: vec![Attachment {
                title: "log".into(),
                text: "ä".repeat(4_000) + "\n" + &"line\n".repeat(1_000),
            }],
            ..Failure::default()
        };
        let skip = Skip {
            reason: "x".repeat(10_000),
            ..Skip::default()
        };
        let mut events = vec![started(&[])];
        for number in 0..3_000 {
            let id = format!("a/{number:05}");
            events.push(finished(&id, "GITOPS-05", failure(number).into()));
            let id = format!("b/{number:05}");
            events.push(finished(&id, "GITOPS-05", Outcome::Skipped(skip.clone())));
        }
        let page = render_step_summary(&Summary::fold(&log(events)));
        assert!(page.len() < 1 << 20, "{}", page.len());
        assert!(page.contains("are not on this page"), "{}", &page[..500]);
    }
}
