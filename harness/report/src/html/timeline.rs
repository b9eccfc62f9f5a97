//! When each scenario ran: bars over the time of the run.

use super::scenario::anchor;
use crate::{Summary, text::duration};
use plumbline_model::Status;
use serde::Serialize;

/// The drawing is so wide; its rows are so high.
const WIDTH: f64 = 1_000.0;
const ROW: f64 = 16.0;
const TOP: f64 = 18.0;
/// More rows than a reader would look at are left out; the longest stay.
const ROWS: usize = 400;

/// The drawing.
#[derive(Serialize)]
pub(super) struct TimelineView {
    height: f64,
    ticks: Vec<TickView>,
    rows: Vec<RowView>,
    left_out: usize,
}

#[derive(Serialize)]
struct TickView {
    x: f64,
    label: String,
}

#[derive(Serialize)]
struct RowView {
    anchor: String,
    status: &'static str,
    x: f64,
    y: f64,
    width: f64,
    title: String,
    label: String,
    label_x: f64,
    label_y: f64,
    label_end: bool,
}

/// A stretch of time.
struct Stretch {
    anchor: String,
    status: &'static str,
    label: String,
    at: u64,
    duration: u64,
}

impl TimelineView {
    /// Nothing is drawn of a run that took no time.
    pub(super) fn of(summary: &Summary) -> Option<Self> {
        let phases = summary.phases.iter().map(|phase| Stretch {
            anchor: "tested".to_owned(),
            status: "phase",
            label: format!("set-up: {}", phase.phase),
            at: phase.at,
            duration: phase.duration,
        });
        let scenarios = summary
            .scenarios
            .iter()
            .filter(|result| result.outcome.status() != Status::Skipped)
            .map(|result| Stretch {
                anchor: anchor(&result.scenario),
                status: result.outcome.status().word(),
                label: result.scenario.clone(),
                at: result.at,
                duration: result.duration,
            });
        let mut stretches: Vec<Stretch> = phases.chain(scenarios).collect();
        let end = stretches
            .iter()
            .map(|stretch| stretch.at.saturating_add(stretch.duration))
            .chain([summary.duration])
            .max()
            .filter(|end| *end > 0)?;
        let left_out = stretches.len().saturating_sub(ROWS);
        stretches.sort_by_key(|stretch| std::cmp::Reverse(stretch.duration));
        stretches.truncate(ROWS);
        stretches.sort_by(|one, other| (one.at, &one.label).cmp(&(other.at, &other.label)));
        let rows: Vec<RowView> = stretches
            .into_iter()
            .zip(0_u32..)
            .map(|(stretch, row)| RowView::of(stretch, f64::from(row), end))
            .collect();
        Some(Self {
            height: TOP + ROW * f64::from(u32::try_from(rows.len()).unwrap_or(u32::MAX)),
            ticks: ticks(end),
            rows,
            left_out,
        })
    }
}

impl RowView {
    fn of(stretch: Stretch, row: f64, end: u64) -> Self {
        let (x, width) = (place(stretch.at, end), place(stretch.duration, end).max(2.0));
        // The label stands beside its bar, on the side that has room.
        let label_end = x + width > WIDTH * 0.7;
        let y = TOP + row * ROW;
        Self {
            title: format!(
                "{}: {} from {} on",
                stretch.label,
                duration(stretch.duration),
                duration(stretch.at)
            ),
            anchor: stretch.anchor,
            status: stretch.status,
            x,
            y,
            width,
            label: stretch.label,
            label_x: if label_end { x - 4.0 } else { x + width + 4.0 },
            label_y: y + 10.0,
            label_end,
        }
    }
}

/// Where a moment is drawn.
#[expect(clippy::cast_precision_loss, reason = "a drawing needs four digits")]
fn place(moment: u64, end: u64) -> f64 {
    (moment as f64 * WIDTH * 10.0 / end as f64).round() / 10.0
}

/// Up to ten marks at round times.
fn ticks(end: u64) -> Vec<TickView> {
    let step = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600]
        .into_iter()
        .map(|seconds| seconds * 1_000)
        .find(|step| end / step <= 10)
        .unwrap_or(end / 10)
        .max(1);
    (0..=end / step)
        .map(|index| index * step)
        .filter(|moment| *moment == 0 || *moment < end - end / 20)
        .map(|moment| TickView {
            x: place(moment, end),
            label: match moment {
                0 => "0 s".to_owned(),
                moment if moment % 60_000 == 0 => format!("{} min", moment / 60_000),
                moment if moment < 60_000 => format!("{} s", moment / 1_000),
                moment => duration(moment),
            },
        })
        .collect()
}
