//! What source and target are: folders or single objects.

use crate::error::SkyError;
use crate::place::{Place, PlaceOptions, Root};
use crate::sky::Sky;
use crate::transfers::ends::refuse_overlap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use welkin_stores::Links;
use welkin_transfer::engine::{Notice, Observer, Options, Patience, Scope, Side, Stats, Transfer};

/// A pause after which silence would be taken for a standstill: about the fifth, a second or two after the first.
const LONG_PAUSE: Duration = Duration::from_millis(800);

/// A transfer that is ready to run.
#[derive(Debug, Clone)]
pub struct Aimed {
    /// What is done in one word, such as `cp`.
    pub verb: String,
    /// What the engine is given.
    pub transfer: Transfer,
    /// The place that keys of its manifest are of.
    pub keys_at: String,
    /// Both places, each in its one spelling.
    pub named: [String; 2],
}

impl Aimed {
    /// What tells transfers apart that are not the same: a hash of everything that decides what one does, and of where.
    #[must_use]
    pub fn what(&self) -> String {
        let Transfer { source, target, scope, options } = &self.transfer;
        let ends = [source, target].map(|side| (side.endpoint.identity(), side.prefix.as_str()));
        let Options { compare, filter, delete, part_bytes, .. } = options;
        let verb = &self.verb;
        let text = format!("{verb} {ends:?} {scope:?} {compare:?} {filter:?} {delete:?} {part_bytes:?}");
        blake3::hash(text.as_bytes()).to_hex().to_string()
    }
}

/// Opens both places. An object goes into a folder under its name, or exactly to the key that is named.
pub(crate) async fn aim(
    sky: &Sky,
    verb: &str,
    ends: [&Place; 2],
    places: &PlaceOptions,
    options: Options,
) -> Result<Aimed, SkyError> {
    let [source, target] = ends;
    let (source_side, single) = from(source.clone(), sky, places).await?;
    let (target_side, scope, keys_at) = match single {
        None => {
            let (endpoint, key) = target.open(sky, places).await?.apart();
            let side = Side::new(endpoint, folder_key(&key));
            let keys_at = Place { key: String::new(), ..target.clone() }.canonical();
            (side, Scope::Tree, keys_at)
        }
        Some(name) => one_target(target, name, sky, places).await?,
    };
    // What removes surplus looks at a whole tree.
    let options = Options { delete: options.delete.filter(|_| scope == Scope::Tree), ..options };
    let transfer = Transfer { source: source_side, target: target_side, scope, options };
    refuse_overlap(sky, ends, &transfer).await?;
    let named = ends.map(Place::canonical);
    let mut aimed = Aimed { verb: verb.to_owned(), transfer, keys_at, named };
    aimed.transfer.options.pairs = sky.transfers().same(&aimed.what()).pairs();
    Ok(aimed)
}

/// The source, and its key when it is a single object. A name that is both an object and a folder is the object,
/// unless it ends with a slash.
async fn from(source: Place, sky: &Sky, places: &PlaceOptions) -> Result<(Side, Option<String>), SkyError> {
    if let Root::Local(path) = &source.root
        && !std::fs::metadata(path).map_err(SkyError::reading(Path::new(&source.text)))?.is_dir()
    {
        let (folder, name) = split_file(path)?;
        let folder = Place { root: Root::Local(folder), ..source.clone() };
        // What is named is meant, link or not.
        let places = PlaceOptions { links: Links::Follow, ..places.clone() };
        let endpoint = folder.open(sky, &places).await?.below()?;
        return Ok((Side::new(endpoint, ""), Some(name)));
    }
    let (endpoint, key) = source.open(sky, places).await?.apart();
    let whole = Side::new(Arc::clone(&endpoint), "");
    if !source.says_folder() && !key.is_empty() {
        let stats = Stats::default();
        let waiting = Waiting { places, text: &source.text, told: AtomicBool::new(false) };
        let patience = Patience::new(Options::default().attempts, &stats, &waiting);
        if whole.endpoint.find(&patience, &key).await.map_err(SkyError::Store)?.is_some() {
            return Ok((whole, Some(key)));
        }
    }
    Ok((Side::new(endpoint, folder_key(&key)), None))
}

/// Tells once why the first look at a place takes so long.
struct Waiting<'a> {
    places: &'a PlaceOptions,
    text: &'a str,
    told: AtomicBool,
}

impl Observer for Waiting<'_> {
    fn notice(&self, notice: &Notice<'_>) {
        if let Notice::Retrying { why, pause } = notice
            && *pause >= LONG_PAUSE
            && !self.told.swap(true, Ordering::Relaxed)
        {
            self.places.hearer.hear(self.text, &format!("trying again: {why}"));
        }
    }
}

/// Where a single object goes: into a folder under its name, or exactly there.
async fn one_target(
    target: &Place,
    name: String,
    sky: &Sky,
    places: &PlaceOptions,
) -> Result<(Side, Scope, String), SkyError> {
    let last = name.rsplit('/').next().unwrap_or(&name).to_owned();
    let (place, key) = match &target.root {
        Root::Local(path) if target.says_folder() || path.is_dir() => (target.clone(), last),
        Root::Local(path) => {
            let (folder, file) = split_file(path)?;
            (Place { root: Root::Local(folder), ..target.clone() }, file)
        }
        Root::Ssh { .. } => (target.clone(), last),
        _ if target.says_folder() => {
            let key = format!("{}{last}", folder_key(&target.key));
            (target.clone(), key)
        }
        _ => (target.clone(), target.key.clone()),
    };
    // The key has been made into the object's.
    let side = Side::new(place.open(sky, places).await?.apart().0, "");
    let keys_at = Place { key: String::new(), ..place }.canonical();
    Ok((side, Scope::One { source: name, target: key }, keys_at))
}

/// The folder and the name of a file of this machine.
///
/// # Errors
/// [`SkyError::Place`] for a name that is not text.
pub fn split_file(path: &Path) -> Result<(PathBuf, String), SkyError> {
    let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let folder = path.parent().map(Path::to_owned);
    let wrong = || SkyError::place(format!("{} is not a file with a name in UTF-8", path.display()));
    folder.zip(name).ok_or_else(wrong)
}

/// A prefix that ends with a slash, so that `a` does not take `ab` along.
fn folder_key(key: &str) -> String {
    if key.is_empty() || key.ends_with('/') { key.to_owned() } else { format!("{key}/") }
}
