//! Lists of globs and continents, as the tables write them.

use crate::endpoint::Endpoint;
use welkin_catalog::Continent;

/// A list of alternatives; empty means anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pattern(Vec<Alternative>);

#[derive(Debug, Clone, PartialEq)]
enum Alternative {
    Glob(String),
    Continent(Continent),
}

impl Pattern {
    /// Reads `us-*;@europe`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let alternatives = text.split(';').map(str::trim).filter(|part| !part.is_empty());
        alternatives
            .map(|part| match part.strip_prefix('@') {
                Some(name) => continent(name).map(Alternative::Continent),
                None => Ok(Alternative::Glob(part.to_owned())),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn matches(&self, endpoint: &Endpoint<'_>) -> bool {
        self.0.is_empty()
            || self.0.iter().any(|alternative| match alternative {
                Alternative::Glob(glob) => glob_matches(glob, endpoint.region.unwrap_or("")),
                Alternative::Continent(continent) => *continent == endpoint.continent,
            })
    }
}

fn continent(name: &str) -> Result<Continent, String> {
    Ok(match name {
        "north_america" => Continent::NorthAmerica,
        "south_america" => Continent::SouthAmerica,
        "europe" => Continent::Europe,
        "middle_east" => Continent::MiddleEast,
        "africa" => Continent::Africa,
        "asia" => Continent::Asia,
        "oceania" => Continent::Oceania,
        _ => return Err(format!("`{name}` is not a continent")),
    })
}

/// Whether `text` matches `glob`, where `*` stands for any run of characters. Linear in practice and
/// at most quadratic: only the last star is ever retried.
pub(crate) fn glob_matches(glob: &str, text: &str) -> bool {
    let (glob, text) = (glob.as_bytes(), text.as_bytes());
    let (mut g, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if g < glob.len() && glob[g] == b'*' {
            star = Some((g, t));
            g += 1;
        } else if g < glob.len() && glob[g] == text[t] {
            g += 1;
            t += 1;
        } else if let Some((star_g, star_t)) = star {
            g = star_g + 1;
            t = star_t + 1;
            star = Some((star_g, star_t + 1));
        } else {
            return false;
        }
    }
    glob[g..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (glob, text, expected) in [
            ("*", "", true),
            ("us-*", "us-east-1", true),
            ("us-*", "eu-west-1", false),
            ("*east*1", "us-east-1", true),
            ("a*b*c", "aXbXbc", true),
            ("a*b", "ab1", false),
            ("", "x", false),
        ] {
            assert_eq!(glob_matches(glob, text), expected, "{glob} {text}");
        }
    }
}
