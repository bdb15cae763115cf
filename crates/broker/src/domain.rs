//! Failure domains: what else is likely to say no after one place did.
//!
//! A zone that has none left of a type has none a second later, for whichever task asks; an account
//! without quota has none in the whole region; credentials that are refused are refused everywhere. So
//! a refusal keeps the tasks of its run away from its domain for [`REFUSAL_BLOCKS`], as long as there
//! is any other place to ask.

use crate::limits::REFUSAL_BLOCKS;
use crate::view::PlaceView;
use std::collections::BTreeMap;
use welkin_provider::{ErrorKind, ProviderId, Tier, UnixMillis};

/// The places that one refusal speaks for; an absent part stands for all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Domain {
    provider: ProviderId,
    region: Option<String>,
    zone: Option<String>,
    instance_type: Option<String>,
    spot: Option<bool>,
}

impl Domain {
    fn of(kind: ErrorKind, place: &PlaceView) -> Self {
        let all = Self {
            provider: place.location.provider.clone(),
            region: Some(place.location.region.clone()),
            zone: place.location.zone.clone(),
            instance_type: Some(place.instance_type.clone()),
            spot: Some(place.tier == Tier::Spot),
        };
        match kind {
            ErrorKind::Unauthenticated | ErrorKind::Forbidden => {
                Self { region: None, zone: None, instance_type: None, spot: None, ..all }
            }
            // Control planes are regional, and so are the limits on calls to them.
            ErrorKind::RateLimited | ErrorKind::Transient => {
                Self { zone: None, instance_type: None, spot: None, ..all }
            }
            ErrorKind::QuotaExceeded => Self { zone: None, ..all },
            // Sold or not, whatever the market.
            ErrorKind::NotFound | ErrorKind::NotSupported | ErrorKind::Invalid => Self { spot: None, ..all },
            _ => all,
        }
    }

    fn holds(&self, place: &PlaceView) -> bool {
        let fits =
            |part: &Option<String>, of: Option<&String>| part.as_ref().is_none_or(|part| Some(part) == of);
        self.provider == place.location.provider
            && fits(&self.region, Some(&place.location.region))
            && fits(&self.zone, place.location.zone.as_ref())
            && fits(&self.instance_type, Some(&place.instance_type))
            && self.spot.is_none_or(|spot| spot == (place.tier == Tier::Spot))
    }
}

/// The latest refusal of each domain of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Refusals(BTreeMap<Domain, UnixMillis>);

impl Refusals {
    /// Notes that a place said no.
    pub(crate) fn note(&mut self, kind: ErrorKind, place: &PlaceView, at: UnixMillis) {
        self.0.insert(Domain::of(kind, place), at);
    }

    /// Whether a place lies in a domain that said no a short while ago.
    pub(crate) fn block(&self, place: &PlaceView, now: UnixMillis) -> bool {
        self.0.iter().any(|(domain, at)| now < at.after(REFUSAL_BLOCKS) && domain.holds(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_provider::Location;
    use welkin_units::Usd;

    fn place(text: &str) -> PlaceView {
        let parts: Vec<&str> = text.split(' ').collect();
        PlaceView {
            location: Location {
                provider: parts[0].parse().unwrap(),
                region: parts[1].to_owned(),
                zone: (parts[2] != "-").then(|| parts[2].to_owned()),
            },
            instance_type: parts[3].to_owned(),
            tier: if parts[4] == "spot" { Tier::Spot } else { Tier::OnDemand },
            nodes: 1,
            hourly: Usd::ZERO,
            node: welkin_placement::Node::default(),
        }
    }

    #[test]
    fn a_refusal_speaks_for_its_domain_and_for_a_while() {
        let asked = place("aws us-east-1 us-east-1a m5 spot");
        let others = [
            "aws us-east-1 us-east-1a m5 spot",
            "aws us-east-1 us-east-1a m5 demand",
            "aws us-east-1 us-east-1b m5 spot",
            "aws us-east-1 us-east-1a c5 spot",
            "aws eu-west-1 eu-west-1a m5 spot",
            "gcp us-east-1 us-east-1a m5 spot",
        ];
        for (kind, blocked) in [
            (ErrorKind::NoCapacity, [true, false, false, false, false, false]),
            (ErrorKind::QuotaExceeded, [true, false, true, false, false, false]),
            (ErrorKind::NotFound, [true, true, false, false, false, false]),
            (ErrorKind::RateLimited, [true, true, true, true, false, false]),
            (ErrorKind::Forbidden, [true, true, true, true, true, false]),
        ] {
            let mut refusals = Refusals::default();
            refusals.note(kind, &asked, UnixMillis(1_000));
            let now = UnixMillis(2_000);
            assert_eq!(others.map(|other| refusals.block(&place(other), now)), blocked, "{kind}");
            let later = UnixMillis(1_000).after(REFUSAL_BLOCKS);
            assert!(!refusals.block(&asked, later), "{kind}");
        }
    }
}
