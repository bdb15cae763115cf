//! The providers in reach, as the broker sees them.

use crate::catalog::{self, Stamp};
use crate::error::SkyError;
use crate::reach;
use crate::sky::Sky;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use welkin_catalog::{Catalog, Filter};
use welkin_clouds::{
    AgentCommand, Clusters, Emulated, EmulatedConfig, KnownTypes, Local, LocalConfig, MachineError,
    WithClusters,
};
use welkin_provider::{Clock, Location, Provider};

/// Opens this machine, the user's own hosts, and an emulated cloud for each other name.
pub(super) fn open(
    sky: &Sky,
    catalog: Catalog<'static>,
    names: impl IntoIterator<Item = String>,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Arc<dyn Provider>>, SkyError> {
    let program = sky.program()?;
    let agent = AgentCommand { program, args: vec!["agent".to_owned()] };
    let clouds: Vec<String> = names.into_iter().filter(|name| reach::is_emulated(name)).collect();
    let root = sky.folders().clouds();
    let failed = |source: MachineError| SkyError::Clouds { path: root.clone(), source: Box::new(source) };
    let mut config = LocalConfig::new(root.clone(), agent.clone());
    config.clock = Arc::clone(clock);
    let local = Local::new(config).map_err(failed)?;
    let mut config = EmulatedConfig::new(root.clone(), clouds, agent, known(sky, catalog));
    config.clock = Arc::clone(clock);
    let emulated = Emulated::new(&config).map_err(failed)?;
    let clouds = emulated.clouds().iter().map(|cloud| Arc::clone(cloud) as Arc<dyn Provider>);
    let ssh = sky.hosts().provider(clock)?.map(|ssh| Arc::new(ssh) as Arc<dyn Provider>);
    let all = clouds.chain(std::iter::once(Arc::new(local) as Arc<dyn Provider>)).chain(ssh);
    let clusters = Clusters::new(sky.folders().clusters(), Arc::clone(clock));
    let with = |provider| Arc::new(WithClusters::new(provider, Arc::clone(&clusters))) as Arc<dyn Provider>;
    Ok(all.map(with).collect())
}

/// A machine type exists where the catalog has an offer of it. A broker outlives imports: it looks again when the
/// catalog on disk has become another.
fn known(sky: &Sky, catalog: Catalog<'static>) -> KnownTypes {
    let dir = sky.folders().catalog();
    let last = Mutex::new((catalog::stamp(&dir), catalog));
    Arc::new(move |location: &Location, instance_type: &str| {
        let catalog = newest(&dir, &last);
        let filter = Filter {
            providers: vec![location.provider.clone()],
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
