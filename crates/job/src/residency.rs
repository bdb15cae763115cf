//! Jurisdictions and the countries in them, as far as intersecting two residency lists needs it.
//!
//! Source: the member lists of the European Union and the European Economic Area as of 2026.

/// Members of the European Union, ISO 3166-1 codes in lower case.
const EU: &[&str] = &[
    "at", "be", "bg", "cy", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hr", "hu", "ie", "it", "lt",
    "lu", "lv", "mt", "nl", "pl", "pt", "ro", "se", "si", "sk",
];

/// Members of the European Economic Area that are not in the European Union.
const EEA_ONLY: &[&str] = &["is", "li", "no"];

/// Whether a code stands for several countries.
#[must_use]
pub fn residency_is_union(code: &str) -> bool {
    ["eu", "eea"].iter().any(|union| union.eq_ignore_ascii_case(code))
}

/// Whether all of `inner` lies in `outer`, both jurisdictions or countries in lower case.
#[must_use]
pub fn residency_contains(outer: &str, inner: &str) -> bool {
    outer == inner
        || match outer {
            "eu" => EU.contains(&inner),
            "eea" => inner == "eu" || EU.contains(&inner) || EEA_ONLY.contains(&inner),
            _ => false,
        }
}

/// What lies in both lists, in the order of the second; `de` and `eu` have `de` in common. An
/// empty list is the whole world.
pub(crate) fn intersect(first: &[String], second: &[String]) -> Vec<String> {
    if first.is_empty() || second.is_empty() {
        return [first, second].concat();
    }
    let mut common: Vec<String> = Vec::new();
    for b in second {
        for a in first {
            let smaller = if residency_contains(a, b) {
                b
            } else if residency_contains(b, a) {
                a
            } else {
                continue;
            };
            if !common.contains(smaller) {
                common.push(smaller.clone());
            }
        }
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_lie_in_their_unions() {
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (first, second, common) in [
            ("", "eu", "eu"),
            ("us eu", "", "us eu"),
            ("us eu", "de", "de"),
            ("de fr", "eu", "de fr"),
            ("eu", "eea", "eu"),
            ("eea", "no us", "no"),
            ("eu", "us", ""),
            ("eu de", "de", "de"),
        ] {
            assert_eq!(intersect(&list(first), &list(second)), list(common), "{first} & {second}");
        }
    }
}
