//! What differs between two texts, line by line.

/// The most pairs of lines that are compared; beyond, the texts are taken to differ from their first different line on.
const MOST_PAIRS: usize = 1 << 20;

/// A line of one of the texts, or of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferenceLine<'a> {
    /// In both.
    Same(&'a str),
    /// Only in what was expected.
    Expected(&'a str),
    /// Only in what was there.
    Actual(&'a str),
}

impl DifferenceLine<'_> {
    /// The line with the sign that unified diffs give it.
    #[must_use]
    pub fn signed(self) -> String {
        match self {
            Self::Same(line) => format!("  {line}"),
            Self::Expected(line) => format!("- {line}"),
            Self::Actual(line) => format!("+ {line}"),
        }
    }
}

/// The lines of both texts in one order, with as many shared ones as there can be.
#[must_use]
pub fn difference<'a>(expected: &'a str, actual: &'a str) -> Vec<DifferenceLine<'a>> {
    let expected: Vec<_> = expected.lines().collect();
    let actual: Vec<_> = actual.lines().collect();
    let shared = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let head = expected.iter().zip(&actual).take_while(shared).count();
    let tail = expected[head..]
        .iter()
        .rev()
        .zip(actual[head..].iter().rev())
        .take_while(shared)
        .count();
    let (left, right) = (
        &expected[head..expected.len() - tail],
        &actual[head..actual.len() - tail],
    );
    let same = |lines: &[&'a str]| {
        lines
            .iter()
            .copied()
            .map(DifferenceLine::Same)
            .collect::<Vec<_>>()
    };
    let mut lines = same(&expected[..head]);
    align(left, right, &mut lines);
    lines.extend(same(&expected[expected.len() - tail..]));
    lines
}

/// Aligns by a longest common subsequence.
fn align<'a>(left: &[&'a str], right: &[&'a str], lines: &mut Vec<DifferenceLine<'a>>) {
    let width = right.len() + 1;
    let mut longest = vec![0_u32; 0];
    let comparable = left.len().saturating_mul(right.len()) <= MOST_PAIRS;
    if comparable {
        // longest[i * width + j]: how many lines left[i..] and right[j..] can share.
        longest = vec![0; (left.len() + 1) * width];
        for i in (0..left.len()).rev() {
            for j in (0..right.len()).rev() {
                longest[i * width + j] = if left[i] == right[j] {
                    longest[(i + 1) * width + j + 1] + 1
                } else {
                    longest[(i + 1) * width + j].max(longest[i * width + j + 1])
                };
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    while comparable && i < left.len() && j < right.len() {
        if left[i] == right[j] {
            lines.push(DifferenceLine::Same(left[i]));
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            lines.push(DifferenceLine::Expected(left[i]));
            i += 1;
        } else {
            lines.push(DifferenceLine::Actual(right[j]));
            j += 1;
        }
    }
    lines.extend(left[i..].iter().copied().map(DifferenceLine::Expected));
    lines.extend(right[j..].iter().copied().map(DifferenceLine::Actual));
}

/// Lines of a difference with what is far from any change replaced by how much it is.
pub(crate) fn hunks(lines: &[DifferenceLine<'_>], context: usize) -> Vec<String> {
    let changed: Vec<usize> = (0..lines.len())
        .filter(|&index| !matches!(lines[index], DifferenceLine::Same(_)))
        .collect();
    let near = |index: usize| {
        let after = changed.partition_point(|&change| change < index);
        let close = |change: Option<&usize>| change.is_some_and(|change| change.abs_diff(index) <= context);
        close(changed.get(after)) || close(after.checked_sub(1).and_then(|before| changed.get(before)))
    };
    let mut out = Vec::new();
    let mut left_out = 0;
    let tell = |out: &mut Vec<String>, left_out: &mut usize| {
        match *left_out {
            0 => {}
            1 => out.push("  … 1 line as expected".to_owned()),
            many => out.push(format!("  … {many} lines as expected")),
        }
        *left_out = 0;
    };
    for (index, line) in lines.iter().enumerate() {
        if near(index) {
            tell(&mut out, &mut left_out);
            out.push(line.signed());
        } else {
            left_out += 1;
        }
    }
    tell(&mut out, &mut left_out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_changed_line_stands_between_its_neighbours() {
        let lines = difference("a\nb\nc\nd\ne\nf\ng", "a\nb\nc\nd\nE\nf\ng\nh");
        assert_eq!(
            hunks(&lines, 1),
            [
                "  … 3 lines as expected",
                "  d",
                "- e",
                "+ E",
                "  f",
                "  g",
                "+ h"
            ]
        );
    }

    proptest! {
        #[test]
        fn each_side_can_be_read_from_the_difference(
            left in prop::collection::vec("[abc]", 0..12),
            right in prop::collection::vec("[abc]", 0..12),
        ) {
            let (left, right) = (left.join("\n"), right.join("\n"));
            let lines = difference(&left, &right);
            let mut sides = (Vec::new(), Vec::new());
            for line in lines {
                match line {
                    DifferenceLine::Same(line) => {
                        sides.0.push(line);
                        sides.1.push(line);
                    }
                    DifferenceLine::Expected(line) => sides.0.push(line),
                    DifferenceLine::Actual(line) => sides.1.push(line),
                }
            }
            prop_assert_eq!(sides.0.join("\n"), left.as_str());
            prop_assert_eq!(sides.1.join("\n"), right.as_str());
        }
    }
}
