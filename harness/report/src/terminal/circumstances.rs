//! Under which circumstances a run found what it found: how it was asked for, on what, and what was simulated.

use super::Palette;
use crate::{
    Summary,
    summary::Measured,
    text::{duration, printable},
};
use plumbline_model::Status;
use std::{collections::BTreeMap, fmt::Write as _};

/// How many scenarios are named as the slowest, and from how many scenarios on.
const SLOWEST: usize = 5;
const SLOWEST_OF: usize = 20;

pub(super) fn render_options(out: &mut String, summary: &Summary, palette: Palette) {
    let options = &summary.options;
    let mut lines = Vec::new();
    if let Some(seed) = options.seed {
        lines.push(format!(
            "shuffled with seed {seed}: run again with --shuffle={seed}"
        ));
    }
    if let Some(shard) = options.shard {
        lines.push(format!(
            "shard {shard}: merge the logs of all {} for the whole",
            shard.count()
        ));
    }
    if options.fail_fast {
        lines.push(
            "nothing new was to be started after the first that does not pass (--fail-fast)".to_owned(),
        );
    }
    if !options.selection.is_empty() {
        lines.push(format!("chosen by {}", printable(&options.selection.join(" "))));
    }
    for note in &summary.notes {
        lines.push(printable(&note.text));
    }
    for result in summary.sorted_scenarios() {
        for note in &result.notes {
            lines.push(printable(&format!("{}: {}", result.scenario, note.text)));
        }
    }
    if lines.is_empty() && summary.shards.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", palette.bold("Run"));
    for line in lines {
        let _ = writeln!(out, "  {line}");
    }
    for part in &summary.shards {
        let _ = writeln!(
            out,
            "  shard {:<7} exit code {:<3}  {} in {}",
            part.shard.to_string(),
            part.exit.number(),
            counted(part.scenarios, "scenario"),
            duration(part.duration)
        );
    }
    for shard in &summary.missing {
        let _ = writeln!(
            out,
            "  shard {:<7} {}",
            shard.to_string(),
            palette.paint("1;31", "missing")
        );
    }
}

pub(super) fn render_circumstances(out: &mut String, summary: &Summary, palette: Palette) {
    render_facts(out, summary, palette);
    if !summary.simulations.is_empty() {
        let _ = writeln!(out, "\n{}", palette.bold("Simulated"));
        for simulation in &summary.simulations {
            let _ = writeln!(
                out,
                "  {:<14} {}",
                printable(&simulation.subject),
                printable(&simulation.description)
            );
        }
    }
    render_measurements(out, summary, palette);
    render_slowest(out, summary, palette);
    let egress = &summary.egress;
    if !egress.allowed.is_empty() || !egress.refused.is_empty() {
        let _ = writeln!(out, "\n{}", palette.bold("Egress of the cluster"));
        for (target, count) in &egress.allowed {
            let _ = writeln!(out, "  allowed  {count:>5}  {}", printable(target));
        }
        for (target, count) in &egress.refused {
            let word = palette.paint("33", "refused");
            let _ = writeln!(out, "  {word}  {count:>5}  {}", printable(target));
        }
    }
}

/// Facts that all machines share, and those that they do not, machine by machine.
fn render_facts(out: &mut String, summary: &Summary, palette: Palette) {
    let mut differing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for part in &summary.shards {
        for (name, value) in &part.facts {
            let value = format!("{} (shard {})", printable(value), part.shard);
            differing.entry(name).or_default().push(value);
        }
    }
    if summary.facts.is_empty() && differing.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", palette.bold("Tested"));
    for (name, value) in &summary.facts {
        let _ = writeln!(out, "  {:<27} {}", printable(name), printable(value));
    }
    for (name, values) in differing {
        let values = palette.paint("33", &values.join(", "));
        let _ = writeln!(out, "  {:<27} {values}", printable(name));
    }
}

/// Each thing that was measured, once: how often, the median, and the extremes.
fn render_measurements(out: &mut String, summary: &Summary, palette: Palette) {
    let measured = summary.measured();
    if measured.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", palette.bold("Measured"));
    for Measured {
        name,
        count,
        fastest,
        median,
        slowest,
    } in measured
    {
        let (median, name) = (duration(median), printable(name));
        let _ = match count {
            1 => writeln!(out, "  {median:>8}  {name}"),
            _ => writeln!(
                out,
                "  {median:>8}  {name} ({count} times, {} to {})",
                duration(fastest),
                duration(slowest)
            ),
        };
    }
}

fn render_slowest(out: &mut String, summary: &Summary, palette: Palette) {
    let mut scenarios = summary.sorted_scenarios();
    scenarios.retain(|result| result.outcome.status() != Status::Skipped);
    if scenarios.len() <= SLOWEST_OF {
        return;
    }
    scenarios.sort_by_key(|result| std::cmp::Reverse(result.duration));
    let _ = writeln!(out, "\n{}", palette.bold("Slowest"));
    for result in scenarios.iter().take(SLOWEST) {
        let _ = writeln!(
            out,
            "  {:>8}  {}",
            duration(result.duration),
            printable(&result.scenario)
        );
    }
}

/// `1 scenario`, `2 scenarios`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}
