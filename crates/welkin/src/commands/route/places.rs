//! Places as people write them.

use crate::report::{Code, Fault};
use welkin_catalog::Glob;
use welkin_route::{SiteId, SiteName, Wan};

/// The one place that a text names.
pub(super) fn one(wan: &Wan, text: &str) -> Result<SiteId, Fault> {
    let found = matching(wan, text)?;
    match found.as_slice() {
        [site] => Ok(*site),
        _ => {
            let message = format!("`{text}` stands for {} places; data starts at one", found.len());
            Err(Fault::new(Code::Usage, message))
        }
    }
}

/// All places that texts name, each once. A pattern does not mean the source.
pub(super) fn all(wan: &Wan, texts: &[String], from: SiteId) -> Result<Vec<SiteId>, Fault> {
    let mut sites = Vec::new();
    for text in texts {
        let is_pattern = text.contains(['*', '?']);
        for site in matching(wan, text)? {
            if !(is_pattern && (site == from || sites.contains(&site))) {
                sites.push(site);
            }
        }
    }
    Ok(sites)
}

fn matching(wan: &Wan, text: &str) -> Result<Vec<SiteId>, Fault> {
    let (provider, place) = split(text).ok_or_else(|| {
        let fault = Fault::new(Code::Place, format!("`{text}` is not a place"));
        fault.hint("a place is PROVIDER:REGION, such as `azure:canadacentral`")
    })?;
    if provider.contains(['*', '?']) || place.contains(['*', '?']) {
        let (provider_glob, place_glob) = (Glob::new(&provider), Glob::new(&place));
        let fits = |id: &SiteId| {
            let site = wan.site(*id);
            provider_glob.matches(&site.name.provider)
                && (place_glob.matches(&site.region) || place_glob.matches(&site.name.place))
        };
        let found: Vec<SiteId> = wan.ids().filter(fits).collect();
        return if found.is_empty() { Err(unknown(wan, text, &provider, &place)) } else { Ok(found) };
    }
    let name = SiteName { provider, place };
    let found = wan.find(&name).ok_or_else(|| unknown(wan, text, &name.provider, &name.place))?;
    Ok(vec![found])
}

/// Provider and region or zone. Of a `sky:` name or selector the kind and what follows say nothing here.
fn split(text: &str) -> Option<(String, String)> {
    let (name, is_sky) = match text.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("sky:") => (&text[4..], true),
        _ => (text, false),
    };
    let (provider, rest) = name.split_once(['/', ':'])?;
    let place = match is_sky {
        // A location is a region or `region:zone`.
        true => rest.split('/').next().unwrap_or(rest).rsplit(':').next().unwrap_or(rest),
        false => rest,
    };
    let fits = !provider.is_empty() && !place.is_empty() && !place.contains('/');
    fits.then(|| (provider.to_ascii_lowercase(), place.to_ascii_lowercase()))
}

/// Names what comes nearest to a place nobody has.
fn unknown(wan: &Wan, text: &str, provider: &str, place: &str) -> Fault {
    let wanted = format!("{provider}:{place}");
    let near = wan
        .sites()
        .iter()
        .flat_map(|site| [site.name.to_string(), format!("{}:{}", site.name.provider, site.region)])
        .map(|name| (strsim::jaro_winkler(&name, &wanted), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(&a.1)));
    let fault = Fault::new(Code::Place, format!("`{text}` is not a place of this graph"));
    match near {
        Some((_, name)) => fault.hint(format!("did you mean `{name}`?")),
        None => fault.hint("without --grid the places are those of the large providers' public regions"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_catalog::tables::Tables;
    use welkin_route::{Gateways, Rates, Tariffs};

    #[test]
    fn places_are_understood_however_they_are_written() {
        let wan =
            Wan::starter(&Rates::builtin(), &Tariffs::builtin(), &Gateways::builtin(), Tables::embedded());
        let canada = one(&wan, "azure:canadacentral").unwrap();
        for text in [
            "azure/canadacentral",
            "Azure:CanadaCentral",
            "sky:azure/canadacentral",
            "SKY:azure/canadacentral/vm",
        ] {
            assert_eq!(one(&wan, text).unwrap(), canada, "{text}");
        }
        let europe = all(&wan, &["gcp:europe-*".to_owned()], canada).unwrap();
        assert!(europe.len() > 5);
        assert!(one(&wan, "gcp:europe-*").is_err());
        for text in ["azure", "", "azure:", "a/b/c", "azure:nowhere-at-all", "gcp:mars-*"] {
            assert!(one(&wan, text).is_err(), "{text}");
        }
    }
}
