//! The table itself, in Markdown.

use super::{Environments, column::Column, notes::Notes};
use crate::{markdown::cell, text::inert};
use plumbline_model::{Level, requirements as all_requirements};
use std::fmt::Write as _;

/// Renders the table: one row for each environment with what was tested there, then one row for each known requirement, and what is too
/// long for either below.
#[must_use]
pub fn render_table(environments: &Environments) -> String {
    let runs = &environments.runs;
    let names = &environments.names;
    let columns: Vec<_> = runs
        .iter()
        .zip(names)
        .map(|(run, name)| Column::of(run, name))
        .collect();
    let mut notes = Notes::default();
    let mut out = "# Requirements by environment\n\n".to_owned();
    row(
        &mut out,
        [
            "Environment",
            "Kubernetes",
            "Flux",
            "Flux Operator",
            "Begun",
            "Scenarios",
        ],
    );
    row(&mut out, ["---"; 6]);
    for column in &columns {
        row(&mut out, column.head(&mut notes));
    }
    if runs
        .windows(2)
        .any(|pair| pair[0].suite.digest != pair[1].suite.digest)
    {
        out.push_str("\nThese runs did not choose from the same set of scenarios.\n");
    }
    out.push('\n');
    requirements(&mut out, environments, &columns, &mut notes);
    notes.render(&mut out);
    simulated(&mut out, environments);
    // Whoever prints it in a build prints strangers' text there.
    inert(&out)
}

fn requirements(out: &mut String, environments: &Environments, columns: &[Column<'_>], notes: &mut Notes) {
    let names = environments.names.iter().map(|name| cell(name));
    let head = ["Requirement", "Level", "What it says"].map(str::to_owned);
    row(out, head.into_iter().chain(names));
    row(out, std::iter::repeat_n("---", 3 + columns.len()));
    for (index, requirement) in all_requirements().iter().enumerate() {
        let level = match requirement.level {
            Level::Core => "core",
            Level::Extended => "extended",
        };
        let first = [
            requirement.id.to_string(),
            level.to_owned(),
            requirement.statement.to_owned(),
        ];
        // Every column has all of them, in this order.
        let found = columns
            .iter()
            .filter_map(|column| Some(column.cell(column.results.get(index)?, notes)));
        row(out, first.into_iter().chain(found));
    }
    let sums = columns.iter().map(Column::sum);
    let last = ["In all", "", ""].map(str::to_owned);
    row(out, last.into_iter().chain(sums));
}

/// What each environment puts in the place of something real.
fn simulated(out: &mut String, environments: &Environments) {
    let environments = environments.runs.iter().zip(&environments.names);
    for (index, (run, name)) in environments.enumerate() {
        let subjects: Vec<_> = run
            .simulations
            .iter()
            .map(|simulation| cell(&simulation.subject))
            .collect();
        let gap = if index == 0 { "\n" } else { "" };
        let _ = match subjects.is_empty() {
            true => writeln!(out, "{gap}- Simulated on {}: nothing", cell(name)),
            false => writeln!(out, "{gap}- Simulated on {}: {}", cell(name), subjects.join(", ")),
        };
    }
}

fn row(out: &mut String, cells: impl IntoIterator<Item = impl AsRef<str>>) {
    out.push('|');
    for cell in cells {
        // Writing to a String cannot fail.
        let _ = write!(out, " {} |", cell.as_ref());
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Summary,
        summary::tests::{finished, log, started},
    };
    use plumbline_model::{Event, Failure, LogEntry, Outcome, Skip, SkipCause};

    fn table(runs: Vec<Vec<LogEntry>>) -> String {
        let runs = runs.iter().enumerate().map(|(index, log)| {
            let mut run = Summary::recorded(log).unwrap();
            run.provider = format!("{}{index}", run.provider);
            (format!("{index}.ndjson"), run)
        });
        render_table(&Environments::new(runs.collect()).unwrap())
    }

    fn skipped(reason: &str) -> Outcome {
        Outcome::Skipped(Skip {
            reason: reason.into(),
            cause: SkipCause::Unsupported,
            ..Skip::default()
        })
    }

    /// The cells of the row that begins with `first`.
    fn row_of<'a>(table: &'a str, first: &str) -> Vec<&'a str> {
        let row = table
            .lines()
            .find(|line| line.starts_with(&format!("| {first} |")));
        row.unwrap()
            .trim_matches('|')
            .split(" | ")
            .map(str::trim)
            .collect()
    }

    #[test]
    fn a_cell_says_what_the_run_says_and_why() {
        let long = "needs a network that enforces what NetworkPolicies say";
        let runs = vec![
            log(vec![
                started(&[]),
                finished("a", "GITOPS-05", Outcome::Passed),
                finished("b", "GITOPS-05", skipped(long)),
                finished("c", "GITOPS-06", skipped("needs pods")),
                finished("d", "GITOPS-07", skipped(long)),
                finished("e", "TENANT-04", skipped(long)),
            ]),
            log(vec![
                started(&[]),
                finished(
                    "a",
                    "GITOPS-05",
                    Failure {
                        message: "still there".into(),
                        ..Failure::default()
                    }
                    .into(),
                ),
                finished("b", "GITOPS-06", Outcome::Flaky { attempts: 2 }),
                finished("c", "GITOPS-07", Outcome::Interrupted),
            ]),
        ];
        let table = table(runs);
        // What is told of the runs themselves comes first.
        assert_eq!(
            row_of(&table, "GITOPS-05")[3..],
            ["passed, 1 of 2 scenarios skipped (2)", "**failed** (3)"]
        );
        assert_eq!(
            row_of(&table, "GITOPS-06")[3..],
            ["skipped: `needs pods`", "**flaky** (4)"]
        );
        assert_eq!(
            row_of(&table, "GITOPS-07")[3..],
            ["skipped (2)", "skipped: `interrupted`"]
        );
        assert_eq!(row_of(&table, "GITOPS-08")[3..], ["not run", "not run"]);
        for note in [
            "2. `needs a network that enforces what NetworkPolicies say`",
            "3. `a: still there`",
            "4. `b: passed at attempt 2, not before`",
        ] {
            assert!(table.lines().any(|line| line == note), "{note}\n{table}");
        }
    }

    #[test]
    fn strangers_break_nothing() {
        let hostile = "| x |\n| y | `z` \u{1b}[31m ##vso[task.complete]";
        let mut begun = started(&[]);
        if let Event::RunStarted { provider, .. } = &mut begun {
            *provider = hostile.into();
        }
        let table = table(vec![log(vec![
            begun,
            finished("a", "GITOPS-05", skipped(hostile)),
        ])]);
        assert!(!table.contains('\u{1b}') && !table.contains("##vso["), "{table}");
        let rows: Vec<_> = table.lines().filter(|line| line.starts_with('|')).collect();
        // A head and its line, and one row, or one for each requirement and their sum.
        assert_eq!(rows.len(), 3 + 2 + all_requirements().len() + 1, "{table}");
        for row in rows {
            let strokes = row.replace("\\|", "").matches('|').count();
            assert!(strokes == 7 || strokes == 5, "{row}");
        }
    }
}
