//! Versions as the operator's data has them.

/// A version without its `v`.
pub(super) fn plain(version: &str) -> &str {
    version.strip_prefix('v').unwrap_or(version)
}

/// The three numbers of a release.
pub(super) fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut parts = plain(version).split('.').map(str::parse);
    let numbers = [parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?];
    parts.next().is_none().then_some(numbers)
}

/// The releases by how far they are from `version`; those that are as far, the newest first.
pub(super) fn nearest_first(version: &str, mut releases: Vec<String>) -> Vec<String> {
    let given = plain(version)
        .split('.')
        .map(|part| part.parse::<u64>().unwrap_or(0));
    let given: Vec<u64> = given.chain(std::iter::repeat(0)).take(3).collect();
    // A stable sort leaves the order of those that are as far.
    releases.sort_by_key(|release| {
        let numbers = numbers(release).unwrap_or_default();
        let distance: Vec<u64> = numbers
            .iter()
            .zip(&given)
            .map(|(number, given)| number.abs_diff(*given))
            .collect();
        distance
    });
    releases
}
