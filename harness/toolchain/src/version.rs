//! Finding a version in what a program prints, and comparing two of them.

use std::cmp::Ordering;

/// The version in `output`, at the place that `{version}` has in `pattern`, without a leading `v`.
pub(crate) fn find_version<'text>(output: &'text str, pattern: &str) -> Option<&'text str> {
    let (before, after) = pattern.split_once("{version}")?;
    output.match_indices(before).find_map(|(index, _)| {
        let rest = &output[index + before.len()..];
        let rest = rest.strip_prefix('v').unwrap_or(rest);
        let end = rest
            .find(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '+')))
            .unwrap_or(rest.len());
        let (version, tail) = rest.split_at(end);
        (version.starts_with(|first: char| first.is_ascii_digit()) && tail.starts_with(after))
            .then_some(version)
    })
}

/// Compares the leading numbers of two versions; whatever follows them (`-rc1`, `.windows`) has no weight.
pub(crate) fn compare(one: &str, other: &str) -> Ordering {
    let (one, other) = (numbers(one), numbers(other));
    (0..one.len().max(other.len()))
        .map(|index| one.get(index).unwrap_or(&0).cmp(other.get(index).unwrap_or(&0)))
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn numbers(version: &str) -> Vec<u64> {
    version
        .split('.')
        .map_while(|part| {
            let digits = part
                .find(|letter: char| !letter.is_ascii_digit())
                .unwrap_or(part.len());
            part[..digits].parse().ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_are_found_where_the_pattern_says() {
        assert_eq!(
            find_version("git version 2.39.5\n", "git version {version}"),
            Some("2.39.5")
        );
        assert_eq!(
            find_version("Client Version: v1.34.4\n", "Client Version: {version}"),
            Some("1.34.4")
        );
        assert_eq!(find_version("git version unknown", "git version {version}"), None);
        assert_eq!(
            find_version("go version go1.26.8 linux/amd64", "go version go{version} "),
            Some("1.26.8")
        );
        assert_eq!(
            find_version("v3.18.4+gd80839c", "{version}"),
            Some("3.18.4+gd80839c")
        );
    }

    #[test]
    fn versions_compare_by_number_not_by_letter() {
        assert!(compare("2.9.1", "2.34").is_lt());
        assert!(compare("2.39.5.windows.1", "2.34.0").is_gt());
        assert!(compare("2.34", "2.34.0").is_eq());
    }

    proptest! {
        #[test]
        fn what_is_put_in_is_found(version in "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}", before in "[a-z :]{0,8}") {
            let text = format!("{before}{version}\nmore");
            prop_assert_eq!(find_version(&text, &format!("{before}{{version}}")), Some(version.as_str()));
        }
    }
}
