//! Places: where something is at a provider.

use crate::builder::Builder;
use crate::provider::ProviderId;
use std::fmt;

/// A region of a provider, or a zone of it, in the provider's own words.
///
/// Not every place can stand in a name: marketplaces call their regions `Denmark, DK, EU`. So this is what a
/// provider says, and [`Place::offers`] begins a name that may turn out not to be one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Place {
    /// The provider's short name.
    pub provider: ProviderId,
    /// Region.
    pub region: String,
    /// Zone, where one is meant.
    pub zone: Option<String>,
}

impl Place {
    /// Begins the name of something that is offered here.
    ///
    /// ```
    /// use welkin_name::Place;
    ///
    /// let zone = Some("us-east-1a".to_owned());
    /// let place = Place { provider: "aws".parse()?, region: "us-east-1".to_owned(), zone };
    /// let name = place.offers("vm", "p5.48xlarge").qualifier("tier", "spot").build()?;
    /// assert_eq!(name.as_str(), "sky:aws/us-east-1:us-east-1a/vm/p5.48xlarge?tier=spot");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn offers(&self, kind: &str, offering: &str) -> Builder {
        let location = match &self.zone {
            Some(zone) => format!("{}:{zone}", self.region),
            None => self.region.clone(),
        };
        Builder::new(&self.provider, kind, offering).location(&location)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.region)?;
        self.zone.iter().try_for_each(|zone| write!(f, "/{zone}"))
    }
}
