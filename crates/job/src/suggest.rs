//! "Did you mean": the nearest of the words that would have been right.

/// Words people write for a key, where the distance between the two says nothing.
const SYNONYMS: &[(&str, &str)] = &[
    ("command", "run"),
    ("commands", "run"),
    ("depends_on", "after"),
    ("disk", "disk_size"),
    ("duration", "time"),
    ("env", "envs"),
    ("environment", "envs"),
    ("gpu", "accelerators"),
    ("image", "image_id"),
    ("machine_type", "instance_type"),
    ("mem", "memory"),
    ("mounts", "file_mounts"),
    ("needs", "after"),
    ("nodes", "num_nodes"),
    ("script", "run"),
    ("spot", "use_spot"),
    ("spot_recovery", "job_recovery"),
    ("storage_mounts", "file_mounts"),
    ("vcpus", "cpus"),
    ("working_dir", "workdir"),
];

/// Longest word that is compared, in bytes: twice the longest key.
const MAX_WORD: usize = 64;

/// The known word most like `word`: a synonym, or one within a third of its letters.
pub(crate) fn nearest<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    if word.len() > MAX_WORD {
        return None;
    }
    let lower = word.to_lowercase().replace('-', "_");
    let synonym = SYNONYMS.iter().find(|(from, _)| *from == lower).map(|(_, to)| *to);
    let limit = (lower.chars().count() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        if Some(candidate) == synonym {
            return Some(candidate);
        }
        if candidate.starts_with('_') || candidate.len() > MAX_WORD {
            continue;
        }
        let distance = strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The hint for it.
pub(crate) fn hint<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<String> {
    nearest(word, known).map(|found| format!("did you mean `{found}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = ["accelerators", "cpus", "memory", "use_spot", "job_recovery", "_secret_key"];
        for (word, found) in [
            ("accelerater", Some("accelerators")),
            ("Accelerators", Some("accelerators")),
            ("cpu", Some("cpus")),
            ("mem", Some("memory")),
            ("use-spot", Some("use_spot")),
            ("spot_recovery", Some("job_recovery")),
            ("secret_key", None),
            ("banana", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), found, "{word}");
        }
    }
}
