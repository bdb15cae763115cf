//! What parties have noted, held against each other and against what the coordinator has.
//!
//! A coordinator that has lost everything goes on from what all parties have noted. None of them is believed for another: of
//! records that some have and others have not nothing counts, and a party whose notes contradict those of the others is sent
//! away by name. As the same rounds of the same rows have the same bits, that happens to nobody who has changed nothing.

use crate::notes::Digest;
use std::collections::BTreeMap;

/// What comes of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Concord {
    /// So many records are known, to the coordinator or to all parties.
    Known(usize),
    /// This party's notes are not those of the others.
    Odd(usize),
    /// These parties' notes are of several kinds, and no kind has more of them than each other one.
    Divided(Vec<usize>),
}

/// By digests of records: the coordinator's own, and those of each party.
pub(super) fn of_records(own: &[Digest], parties: &[&[Digest]]) -> Concord {
    let differs = |chain: &&[Digest]| chain.iter().zip(own).any(|(one, other)| one != other);
    if let Some(odd) = parties.iter().position(differs) {
        return Concord::Odd(odd);
    }
    let lengths = || parties.iter().map(|chain| chain.len());
    // As each digest stands for all before it, the first difference is that of all behind it.
    for at in own.len()..lengths().max().unwrap_or_default() {
        let mut kinds: BTreeMap<&Digest, Vec<usize>> = BTreeMap::new();
        for (party, chain) in parties.iter().enumerate() {
            chain.get(at).into_iter().for_each(|digest| kinds.entry(digest).or_default().push(party));
        }
        if let Some(odd) = odd_one(kinds.into_values().collect()) {
            return odd;
        }
    }
    Concord::Known(lengths().min().unwrap_or_default().max(own.len()))
}

fn odd_one(mut kinds: Vec<Vec<usize>>) -> Option<Concord> {
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.len()));
    match &kinds[..] {
        [most, next, ..] if most.len() == next.len() => {
            let mut all = kinds.concat();
            all.sort_unstable();
            Some(Concord::Divided(all))
        }
        [_, .., least] => least.first().map(|odd| Concord::Odd(*odd)),
        _ => None,
    }
}

/// By what parties' rows are, and what some of them have noted that these were. A party has other rows now if most notes say so,
/// and otherwise the notes that say so are odd. Nothing where nobody is odd.
pub(super) fn odd_by_rows(rows: &[Digest], notes: &[Option<&[u8]>]) -> Option<(usize, &'static str)> {
    for (party, own) in rows.iter().enumerate() {
        let noted =
            notes.iter().enumerate().filter_map(|(by, notes)| Some((by, (*notes)?.as_chunks::<32>().0)));
        let all: Vec<(usize, &[Digest])> = noted.collect();
        let against: Vec<usize> =
            all.iter().filter(|(_, rows)| rows.get(party) != Some(own)).map(|(by, _)| *by).collect();
        match against.first() {
            Some(_) if against.len() * 2 > all.len() => return Some((party, OTHER_ROWS)),
            Some(by) => return Some((*by, OTHER_NOTES)),
            None => {}
        }
    }
    None
}

/// What parties are told that are sent away.
pub(super) const OTHER_ROWS: &str = "its rows are not those that the training began with";
pub(super) const OTHER_NOTES: &str = "what it has noted of the training (MODEL.PARTY.federated) is not what the others have; remove it there, and start it again";

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain of digests that are told by letters.
    fn chain(letters: &str) -> Vec<Digest> {
        letters.bytes().map(|letter| [letter; 32]).collect()
    }

    fn of(own: &str, parties: &[&str]) -> Concord {
        let chains: Vec<Vec<Digest>> = parties.iter().map(|letters| chain(letters)).collect();
        of_records(&chain(own), &chains.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    #[test]
    fn what_all_have_is_known_and_whoever_differs_is_odd() {
        assert_eq!(of("", &["", "", ""]), Concord::Known(0));
        assert_eq!(of("", &["abc", "ab", "abcd"]), Concord::Known(2));
        assert_eq!(of("", &["abc", "", "abcd"]), Concord::Known(0), "nobody is believed for another");
        assert_eq!(of("abc", &["abcd", "abcde", ""]), Concord::Known(3));
        assert_eq!(of("a", &["abcd", "abc", "abc"]), Concord::Known(3));
        assert_eq!(of("abc", &["abc", "xbc", "a"]), Concord::Odd(1), "the coordinator's own are right");
        assert_eq!(of("abc", &["x", "x", "x"]), Concord::Odd(0));
        assert_eq!(of("", &["abc", "abx", "ab", "abc"]), Concord::Odd(1));
        assert_eq!(of("", &["abcd", "abcx", "", "abcd"]), Concord::Odd(1), "also of what does not count");
        assert_eq!(of("", &["ab", "ax"]), Concord::Divided(vec![0, 1]));
        assert_eq!(of("", &["ab", "ax", "ax", "a", "ab"]), Concord::Divided(vec![0, 1, 2, 4]));
        assert_eq!(of("", &["ab", "ax", "ay", "ab"]), Concord::Odd(2));
    }

    #[test]
    fn whose_rows_have_changed_is_told_from_who_says_so_of_others() {
        let rows = chain("abc");
        let odd = |notes: [Option<&str>; 3]| {
            let notes = notes.map(|notes| notes.map(|letters| chain(letters).concat()));
            odd_by_rows(&rows, &notes.iter().map(Option::as_deref).collect::<Vec<_>>())
        };
        assert_eq!(odd([None, None, None]), None);
        assert_eq!(odd([Some("abc"), None, Some("abc")]), None);
        assert_eq!(odd([Some("axc"), None, Some("axc")]), Some((1, OTHER_ROWS)));
        assert_eq!(odd([Some("axc"), None, None]), Some((1, OTHER_ROWS)));
        assert_eq!(odd([Some("abc"), Some("abx"), Some("abc")]), Some((1, OTHER_NOTES)));
        assert_eq!(odd([Some("abc"), Some("ab"), Some("abc")]), Some((1, OTHER_NOTES)));
    }
}
