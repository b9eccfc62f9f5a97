//! “Did you mean”: the known word that is nearest to an unknown one.

/// The known word nearest to `word`, if it is near enough to be what was meant.
pub(crate) fn nearest<'known>(
    word: &str,
    known: impl IntoIterator<Item = &'known str>,
) -> Option<&'known str> {
    // A word far longer than any known one is near to none, and costs time.
    const LONGEST: usize = 100;
    if word.len() > LONGEST {
        return None;
    }
    let length = word.chars().count();
    let furthest = match length {
        0..=2 => 1,
        3..=8 => 2,
        _ => 3,
    };
    let word = word.to_lowercase();
    known
        .into_iter()
        // Each character more or less is a slip of its own.
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= furthest)
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= furthest && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What to write instead of an unknown word: the nearest one, or all of them if none is near.
pub(crate) fn instead<'known>(word: &str, known: impl IntoIterator<Item = &'known str> + Clone) -> String {
    match nearest(word, known.clone()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => match listed(known).as_str() {
            "" => "there is none to choose from".to_owned(),
            all => format!("known are {all}"),
        },
    }
}

/// `` `a`, `b` ``.
pub(crate) fn listed<'word>(words: impl IntoIterator<Item = &'word str>) -> String {
    words
        .into_iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["onboard", "offboard", "expect"];
        assert_eq!(nearest("onbord", known), Some("onboard"));
        assert_eq!(nearest("Expect", known), Some("expect"));
        assert_eq!(nearest("teleport", known), None);
        assert_eq!(nearest("ab", ["as"]), Some("as"));
        assert_eq!(nearest("x", ["a"]), None);
    }

    #[test]
    fn all_are_listed_when_none_is_near() {
        assert_eq!(
            instead("teleport", ["commit", "revert"]),
            "known are `commit`, `revert`"
        );
    }
}
