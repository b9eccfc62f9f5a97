//! What went wrong in one attempt: where, what was expected, what was there, and the evidence.

use super::Palette;
use crate::{
    AttemptResult, StepResult,
    difference::{difference, hunks},
    text::{duration, printable},
};
use plumbline_model::{Attachment, Outcome, Section, Status};
use std::fmt::Write as _;

/// How many unchanged lines stand around a changed one.
const CONTEXT: usize = 3;

/// How much of the evidence is shown; all of it is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Lines of one text.
    pub(crate) lines: usize,
    /// Characters of one line.
    pub(crate) width: usize,
}

impl Limit {
    /// For people who read along.
    pub(crate) const TERMINAL: Self = Self {
        lines: 40,
        width: 1_000,
    };
    /// For files.
    pub(crate) const NONE: Self = Self {
        lines: usize::MAX,
        width: usize::MAX,
    };

    /// `text` within the limit. What is left out is told, and it is the middle: the first lines say what it is, the last ones how
    /// it ended.
    pub(crate) fn cut(self, text: &str) -> String {
        let lines: Vec<_> = text.lines().collect();
        let mut out = String::new();
        let put = |out: &mut String, lines: &[&str]| {
            for line in lines {
                let _ = writeln!(out, "{}", self.narrowed(line));
            }
        };
        if lines.len() <= self.lines {
            put(&mut out, &lines);
            return out;
        }
        let head = self.lines / 3;
        let tail = self.lines - head - 1;
        let left_out = lines.len() - head - tail;
        put(&mut out, &lines[..head]);
        let _ = writeln!(out, "… {left_out} more lines are in the log");
        put(&mut out, &lines[lines.len() - tail..]);
        out
    }

    fn narrowed(self, line: &str) -> String {
        match line.char_indices().nth(self.width) {
            None => line.to_owned(),
            Some((end, _)) => {
                let all = line.chars().count();
                format!("{} … all {all} characters are in the log", &line[..end])
            }
        }
    }
}

/// The message of an outcome, in words; none for one that passed.
pub(crate) fn message(outcome: &Outcome) -> Option<String> {
    Some(match outcome {
        Outcome::Passed => return None,
        Outcome::Flaky { attempts } => format!("passed at attempt {attempts}, not before"),
        Outcome::Failed(failure) => failure.message.clone(),
        Outcome::Errored(fault) => fault.message.clone(),
        Outcome::Skipped(skip) => skip_reason(skip),
        Outcome::Interrupted => "interrupted".to_owned(),
    })
}

/// Why something was skipped, until when, and where that is followed up.
pub(crate) fn skip_reason(skip: &plumbline_model::Skip) -> String {
    let mut reason = skip.reason.clone();
    if let Some(until) = &skip.until {
        let _ = write!(reason, ", until {until}");
    }
    if let Some(issue) = &skip.issue {
        let _ = write!(reason, " ({issue})");
    }
    reason
}

/// The block of an attempt, without indentation.
pub(crate) fn attempt_block(attempt: &AttemptResult, palette: Palette, limit: Limit) -> String {
    let mut out = String::new();
    let decided = attempt.deciding_step();
    if let Some(step) = decided {
        place(&mut out, step, palette);
    }
    outcome_details(&mut out, &attempt.outcome, palette, limit);
    if let Some(step) = decided {
        waits(&mut out, step, &attempt.outcome, palette, limit);
    }
    let also = attempt.steps.iter().filter(|step| {
        let is_other = decided.is_none_or(|decided| !std::ptr::eq(decided, *step));
        is_other && step.outcome.status() > Status::Flaky
    });
    for step in also {
        let message = message(&step.outcome).unwrap_or_default();
        let _ = writeln!(out, "{} {}", palette.bold("also"), printable(&one_line(&message)));
        place(&mut out, step, palette);
    }
    out
}

/// What was expected, what was there, and the evidence.
fn outcome_details(out: &mut String, outcome: &Outcome, palette: Palette, limit: Limit) {
    match outcome {
        Outcome::Failed(failure) => {
            let (expected, actual) = (failure.expected.as_deref(), failure.actual.as_deref());
            match (expected, actual) {
                (Some(expected), Some(actual)) if is_long(expected) && is_long(actual) => {
                    render_difference(out, expected, actual, palette, limit);
                }
                _ => {
                    labelled(out, "expected", expected, limit);
                    labelled(out, "actual  ", actual, limit);
                }
            }
            attachments(out, &failure.attachments, palette, limit);
        }
        Outcome::Errored(fault) => attachments(out, &fault.attachments, palette, limit),
        _ => {}
    }
}

pub(crate) fn attachments(out: &mut String, attachments: &[Attachment], palette: Palette, limit: Limit) {
    for attachment in attachments {
        let _ = writeln!(out, "{}", palette.bold(&printable(&attachment.title)));
        indent(out, 2, &limit.cut(&printable(&attachment.text)));
    }
}

fn place(out: &mut String, step: &StepResult, palette: Palette) {
    let position = printable(&step.position.to_string());
    let _ = writeln!(out, "--> {}", palette.paint("36", &position));
    for used in &step.used_at {
        let used = printable(&used.to_string());
        let _ = writeln!(out, "    used at {}", palette.paint("36", &used));
    }
    let _ = write!(out, "step: {}", printable(&one_line(&step.summary)));
    if let Some(cluster) = &step.cluster {
        let _ = write!(out, ", on cluster {}", printable(cluster));
    }
    if step.section == Section::Finally {
        out.push_str(", in finally");
    }
    if *step.outcome != Outcome::Interrupted || step.duration > 0 {
        let _ = write!(out, " (after {})", duration(step.duration));
    }
    out.push('\n');
}

/// What a step saw on its way, unless it is what the outcome says anyway.
fn waits(out: &mut String, step: &StepResult, outcome: &Outcome, palette: Palette, limit: Limit) {
    let said = match outcome {
        Outcome::Failed(failure) => failure.actual.as_deref(),
        _ => None,
    };
    let told = match step.waits.as_slice() {
        [] => return,
        [only] => said.is_some_and(|said| said.contains(&only.last_seen)),
        _ => false,
    };
    if told {
        return;
    }
    let count = match step.seen {
        seen if seen > step.waits.len() => format!(", the last {} of {seen}", step.waits.len()),
        _ => String::new(),
    };
    let _ = writeln!(
        out,
        "{}",
        palette.bold(&format!("what it saw while it waited{count}"))
    );
    let mut waiting_for = "";
    for wait in &step.waits {
        if wait.waiting_for != waiting_for {
            waiting_for = &wait.waiting_for;
            let what = format!("for {}", printable(&one_line(waiting_for)));
            indent(out, 2, &limit.cut(&what));
        }
        let line = format!(
            "after {}: {}",
            duration(wait.at.saturating_sub(step.at)),
            printable(&one_line(&wait.last_seen))
        );
        indent(out, 2, &limit.cut(&line));
    }
}

fn is_long(text: &str) -> bool {
    text.trim_end().contains('\n')
}

fn render_difference(out: &mut String, expected: &str, actual: &str, palette: Palette, limit: Limit) {
    let (expected, actual) = (printable(expected), printable(actual));
    let lines = hunks(&difference(&expected, &actual), CONTEXT);
    let _ = writeln!(
        out,
        "{}  {}  {}",
        palette.bold("difference"),
        palette.paint("32", "- expected"),
        palette.paint("31", "+ actual")
    );
    for line in limit.cut(&lines.join("\n")).lines() {
        let code = match line.as_bytes().first() {
            Some(b'-') => "32",
            Some(b'+') => "31",
            _ => "2",
        };
        let _ = writeln!(out, "  {}", palette.paint(code, line));
    }
}

fn labelled(out: &mut String, label: &str, value: Option<&str>, limit: Limit) {
    if let Some(value) = value {
        let value = limit.cut(&printable(value));
        let mut lines = value.lines();
        let _ = writeln!(out, "{label}  {}", lines.next().unwrap_or(""));
        for line in lines {
            let _ = writeln!(out, "          {line}");
        }
    }
}

/// `text` on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join(" ")
}

pub(crate) fn indent(out: &mut String, width: usize, text: &str) {
    for line in text.lines() {
        let _ = writeln!(out, "{:width$}{line}", "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_keeps_its_beginning_and_its_end() {
        let text: Vec<_> = (1..=10).map(|number| number.to_string()).collect();
        let limit = Limit { lines: 4, width: 80 };
        assert_eq!(
            limit.cut(&text.join("\n")),
            "1\n… 7 more lines are in the log\n9\n10\n"
        );
        assert_eq!(limit.cut("1\n2\n3\n4"), "1\n2\n3\n4\n");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let limit = Limit { lines: 4, width: 2 };
        assert_eq!(limit.cut("äöü"), "äö … all 3 characters are in the log\n");
    }
}
