//! Where data outside the job lies, as far as its price needs it.
//!
//! 1. The provider is the one that `infra` of the input names, else the one that the address belongs to.
//! 2. The region is the one that `infra` names, in any case and also as a pattern, else the one that the
//!    address states, as long as it is a region of that provider.
//! 3. What stays open, or was misspelt, is an assumption of the plan: the data is then priced as from
//!    another region of its provider, or as from a provider without a tariff.
//!
//! *Rejected:* refusing a region that is not known: a table of regions is always older than the newest
//! of them, and a plan that says what it assumed can be corrected or taken.

use crate::request::Request;
use std::collections::BTreeMap;
use welkin_address::{AddressError, StoreAddress};
use welkin_catalog::Glob;
use welkin_job::{Infra, Input};

/// The provider of an address that belongs to none that is known.
const UNKNOWN: &str = "unknown";

/// Where data outside the job lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) provider: String,
    pub(crate) region: Option<String>,
    /// What was assumed of it, in words that follow its address.
    pub(crate) assumed: Vec<String>,
}

impl Origin {
    /// Where the data behind `uri` lies, whose file says `place` besides.
    pub(crate) fn of(request: &Request<'_>, uri: &str, place: Option<&Infra>) -> Self {
        let address = uri.parse::<StoreAddress>();
        let mut assumed = Vec::new();
        let stated = place.and_then(|place| place.provider.clone());
        let own = address.as_ref().ok().map(|address| address.service.provider());
        let provider = stated.unwrap_or_else(|| own.unwrap_or(UNKNOWN).to_owned());
        if place.is_none_or(|place| place.provider.is_none()) {
            assumed.extend(address.as_ref().err().map(misread));
        } else if let (Ok(address), Some(own)) = (&address, own)
            && own != provider
            && !address.service.is_of_many()
        {
            assumed.push(format!("names a store of {own}, and `infra` says {provider}, which counts"));
        }
        let written = place.and_then(|place| place.region.clone());
        let written = written.or_else(|| address.ok().and_then(|address| address.region));
        let region = written.and_then(|region| match known_region(request, &provider, &region) {
            Ok(region) => Some(region),
            Err(why) => {
                assumed.push(why);
                None
            }
        });
        if provider != UNKNOWN && !request.tariffs.publishes(&provider) {
            assumed.push(format!("lies at {provider}, whose tariff is not known: a dear one is assumed"));
        }
        Self { provider, region, assumed }
    }
}

fn misread(error: &AddressError) -> String {
    let hint = match error {
        AddressError::UnknownScheme { near: Some(near), .. } => format!(" (did you mean `{near}://`?)"),
        _ => String::new(),
    };
    format!("cannot be placed, because {error}{hint}: it is priced like data of a provider without a tariff")
}

/// The region of a provider that a text names.
fn known_region(request: &Request<'_>, provider: &str, written: &str) -> Result<String, String> {
    let catalog = request.catalog.places().map(|(_, place)| (place.provider, place.region));
    let all = request.tables.regions.names().into_iter().chain(catalog);
    let of_provider = all.filter(|(known, _)| known.eq_ignore_ascii_case(provider));
    // Spelt as the catalog does, where it has the region.
    let known: BTreeMap<String, &str> =
        of_provider.map(|(_, region)| (region.to_ascii_lowercase(), region)).collect();
    let pattern = Glob::new(written);
    let fitting: Vec<&str> = known.values().copied().filter(|region| pattern.matches(region)).collect();
    let assumed = format!("it is priced as from another region of {provider}");
    match fitting.as_slice() {
        [region] => Ok((*region).to_owned()),
        // Nothing is known of this provider's regions, so its tariff does not depend on them.
        [] if known.is_empty() => Ok(written.to_ascii_lowercase()),
        [] => {
            let near = welkin_catalog::nearest(written, known.values().copied(), 1);
            let hint = near.first().map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
            Err(format!(
                "lies in `{written}`, which is no region of {provider} that is known{hint}: {assumed}"
            ))
        }
        several => {
            let (count, some) = (several.len(), several[..several.len().min(3)].join(", "));
            Err(format!("lies in `{written}`, which stands for {count} regions ({some}…): {assumed}"))
        }
    }
}

/// What was assumed of the places of data outside the job.
pub(crate) fn assumptions(request: &Request<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    for task in &request.job.tasks {
        let inputs = task.inputs.values().filter_map(|input| match input {
            Input::Uri { uri, place, .. } => Some((uri, place.as_ref())),
            Input::Task { .. } => None,
        });
        let outputs = task.outputs.values().filter_map(|output| Some((output.uri.as_ref()?, None)));
        for (uri, place) in inputs.chain(outputs) {
            let assumed = Origin::of(request, uri, place).assumed;
            notes.extend(assumed.into_iter().map(|assumed| format!("{}: {uri} {assumed}", task.name)));
        }
    }
    notes.sort();
    notes.dedup();
    notes
}
