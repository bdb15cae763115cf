//! The providers in reach, as the broker sees them.

use crate::catalog::{self, Stamp};
use crate::error::SkyError;
use crate::sky::Sky;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use welkin_catalog::{Catalog, Filter};
use welkin_clouds::registry::{self, Opening, OpeningError};
use welkin_clouds::{AgentCommand, KnownTypes};
use welkin_provider::{Clock, Location, Provider, ProviderId};

/// Opens this machine, the user's own hosts, and an emulated cloud for each other name.
pub(super) fn open(
    sky: &Sky,
    catalog: Catalog<'static>,
    names: impl IntoIterator<Item = ProviderId>,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Arc<dyn Provider>>, SkyError> {
    let root = sky.folders().clouds();
    let opened = registry::open(Opening {
        root: root.clone(),
        clusters: sky.folders().clusters(),
        agent: AgentCommand { program: sky.program()?, args: vec!["agent".to_owned()] },
        clock: Arc::clone(clock),
        names: names.into_iter().collect(),
        known: known(sky, catalog),
        ssh: sky.hosts().config(clock)?,
    });
    opened.map_err(|error| match error {
        OpeningError::Machine(source) => SkyError::Clouds { path: root, source: Box::new(source) },
        OpeningError::Hosts { path, source } => SkyError::Hosts { path, source: Box::new(source) },
    })
}

/// A machine type exists where the catalog has an offer of it. A broker outlives imports: it looks again when the
/// catalog on disk has become another.
fn known(sky: &Sky, catalog: Catalog<'static>) -> KnownTypes {
    let dir = sky.folders().catalog();
    let last = Mutex::new((catalog::stamp(&dir), catalog));
    Arc::new(move |location: &Location, instance_type: &str| {
        let catalog = newest(&dir, &last);
        let filter = Filter {
            providers: vec![location.provider.to_string()],
            region: Some(location.region.clone()),
            zone: location.zone.clone(),
            instance_type: Some(instance_type.to_owned()),
            include_restricted: true,
            ..Filter::default()
        };
        !catalog.select(&filter).ids.is_empty()
    })
}

fn newest(dir: &Path, last: &Mutex<(Option<Stamp>, Catalog<'static>)>) -> Catalog<'static> {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let stamp = catalog::stamp(dir);
    if stamp != last.0
        && let Ok(catalog) = catalog::open(dir)
    {
        *last = (stamp, catalog);
    }
    last.1
}
