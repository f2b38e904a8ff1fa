//! The word somebody probably meant.

/// Words longer than this are not compared: no key of ours is, and the comparison costs the
/// product of both lengths.
const MAX_COMPARED: usize = 64;

/// The candidate that `word` is most probably a misspelling of, if one is near enough: at most
/// a third of its letters differ, a missing or doubled separator and case count for nothing.
///
/// Of two equally near candidates the first wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.chars().nth(MAX_COMPARED).is_some() {
        return None;
    }
    let plain = plain(word);
    let limit = plain.chars().count().div_ceil(3);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= MAX_COMPARED)
        .map(|candidate| (strsim::osa_distance(&plain, &self::plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The word without case and separators.
fn plain(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_word_meant_is_found_and_strangers_are_not() {
        let known = ["scaling_plan", "workspace", "pool", "active-passive", "Group", "User"];
        for (word, expected) in [
            ("scaling_pln", Some("scaling_plan")),
            ("scalingPlan", Some("scaling_plan")),
            ("workspcae", Some("workspace")),
            ("group", Some("Group")),
            ("Active Passive", Some("active-passive")),
            ("pol", Some("pool")),
            ("traffic", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word:?}");
        }
        assert_eq!(nearest(&"p".repeat(100_000), known), None);
    }
}
