//! Text for people: durations, and strangers' text that no build service obeys.

pub use plumbline_model::printable;
use std::collections::BTreeMap;

/// `912 ms`, `3.4 s`, `2 min 05 s`.
#[must_use]
pub fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => {
            // Rounded to a tenth of a second with integers, so that no platform prints another digit.
            let tenths = (milliseconds + 50) / 100;
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
        _ => {
            let seconds = (milliseconds + 500) / 1_000;
            format!("{} min {:02} s", seconds / 60, seconds % 60)
        }
    }
}

/// A map with its keys and values made [`printable`].
pub(crate) fn printable_map(map: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    map.iter()
        .map(|(name, value)| (printable(name), printable(value)))
        .collect()
}

/// `text` as a line of a build's log that no build service obeys: GitHub takes a line that begins with `::name` for a command, Azure DevOps
/// and the older GitHub form one that has `##[` or `##vso[` anywhere. The sign that makes it one is shown as `\u{…}`.
#[must_use]
pub fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let blank = line.len() - line.trim_start().len();
        let (indent, rest) = line.split_at(blank);
        out.push_str(indent);
        let rest = match rest.strip_prefix("::") {
            Some(command) if command.contains("::") => {
                out.push_str("\\u{3a}:");
                command
            }
            _ => rest,
        };
        out.push_str(&rest.replace("##[", "\\u{23}#[").replace("##vso[", "\\u{23}#vso["));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_read_well() {
        let read = [0, 999, 1_000, 1_049, 1_050, 59_949, 60_000, 125_400].map(duration);
        assert_eq!(
            read,
            [
                "0 ms",
                "999 ms",
                "1.0 s",
                "1.0 s",
                "1.1 s",
                "59.9 s",
                "1 min 00 s",
                "2 min 05 s"
            ]
        );
    }

    #[test]
    fn commands_of_build_services_are_not_obeyed() {
        for (text, shown) in [
            ("::error::broken", "\\u{3a}:error::broken"),
            (
                "a\n  ::set-output name=x::y\nb",
                "a\n  \\u{3a}:set-output name=x::y\nb",
            ),
            ("\u{a0}::stop-commands::x", "\u{a0}\\u{3a}:stop-commands::x"),
            ("x ##[error]y", "x \\u{23}#[error]y"),
            (
                "x ##vso[task.complete result=Succeeded;]",
                "x \\u{23}#vso[task.complete result=Succeeded;]",
            ),
            ("###[group]", "#\\u{23}#[group]"),
            ("::1 is loopback", "::1 is loopback"),
            ("std::fmt::Write", "std::fmt::Write"),
            ("## title\n", "## title\n"),
        ] {
            assert_eq!(inert(text), shown);
        }
    }

    proptest! {
        #[test]
        fn no_line_is_left_that_a_build_service_obeys(text in "([ \n:#\\[a]|::|##\\[|##vso\\[|::error::){0,20}") {
            let shown = inert(&printable(&text));
            for line in shown.lines() {
                prop_assert!(!line.contains("##[") && !line.contains("##vso["), "{}", line);
                let command = line.trim_start().strip_prefix("::");
                prop_assert!(!command.is_some_and(|command| command.contains("::")), "{}", line);
            }
        }
    }
}
