//! Google Cloud resource names.
//!
//! The full resource name (AIP-122) is the id: `//compute.googleapis.com/projects/p/zones/z/instances/i`.
//! A selfLink, the same path under an API host and version, is read as well. The project is the
//! account. A zone's region is the zone without its last letter, so a zonal id gives both levels.

use std::fmt;
use std::str::FromStr;

use super::table::{ANY, build, fits, instance, is_plain};
use super::{NativeError, NativeId};
use crate::{Location, Name};

/// The provider id in names.
pub const PROVIDER: &str = "gcp";

const ACCOUNT: &str = "acct";
const DOMAIN: &str = ".googleapis.com";
/// What stands for the project in the name of a bucket, whose names are global.
const NO_PROJECT: &str = "_";

/// A resource name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceName {
    /// The service's DNS name without `.googleapis.com`.
    pub service: String,
    /// The project's id; `_` for a bucket.
    pub project: String,
    /// Where the resource is.
    pub place: Place,
    /// The collection it is in: `instances`.
    pub collection: String,
    /// Its id in the collection.
    pub id: String,
}

/// The segment of a resource name that tells where the resource is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// No such segment.
    Unstated,
    /// `global`
    Global,
    /// `regions/R`
    Region(String),
    /// `zones/Z`
    Zone(String),
    /// `locations/L`: a region, a zone or `global`.
    Location(String),
}

/// How a service writes the place.
#[derive(Clone, Copy, PartialEq)]
enum Scope {
    /// Not at all: the resource is the project's, or everybody's.
    Unstated,
    /// As `global`, `regions/R` or `zones/Z`.
    Compute,
    /// As `locations/L`.
    Locations,
}

/// A type of resource.
struct Row {
    kind: &'static str,
    offering: &'static str,
    service: &'static str,
    scope: Scope,
    collection: &'static str,
}

const fn row(
    kind: &'static str,
    offering: &'static str,
    service: &'static str,
    scope: Scope,
    collection: &'static str,
) -> Row {
    Row { kind, offering, service, scope, collection }
}

const TABLE: &[Row] = &[
    row("vm", ANY, "compute", Scope::Compute, "instances"),
    row("block", ANY, "compute", Scope::Compute, "disks"),
    row("link.vpn", ANY, "compute", Scope::Compute, "vpnTunnels"),
    row("link", ANY, "compute", Scope::Compute, "interconnects"),
    row("tpu", ANY, "tpu", Scope::Locations, "nodes"),
    row("k8s", "gke", "container", Scope::Locations, "clusters"),
    row("func", "functions", "cloudfunctions", Scope::Locations, "functions"),
    row("func", "run", "run", Scope::Locations, "services"),
    row("batch", "batch", "batch", Scope::Locations, "jobs"),
    row("object", "gcs", "storage", Scope::Unstated, "buckets"),
    row("file", "filestore", "file", Scope::Locations, "instances"),
    row("db", "cloudsql", "cloudsql", Scope::Unstated, "instances"),
    row("db", "spanner", "spanner", Scope::Unstated, "instances"),
    row("db.cluster", "alloydb", "alloydb", Scope::Locations, "clusters"),
    row("kv", "bigtable", "bigtableadmin", Scope::Unstated, "instances"),
    row("kv.cache", "redis", "redis", Scope::Locations, "instances"),
    row("queue", "pubsub", "pubsub", Scope::Unstated, "subscriptions"),
    row("stream", "pubsub", "pubsub", Scope::Unstated, "topics"),
    row("infer", "vertex", "aiplatform", Scope::Locations, "endpoints"),
    row("registry", "artifact", "artifactregistry", Scope::Locations, "repositories"),
    row("secret", "secretmanager", "secretmanager", Scope::Unstated, "secrets"),
];

impl NativeId for ResourceName {
    const SYSTEM: &'static str = "Google Cloud resource name";

    fn of(name: &Name) -> Result<Self, NativeError> {
        let refuse = |why| NativeError::inexpressible(Self::SYSTEM, name, why);
        if name.provider() != PROVIDER {
            return Err(refuse("the provider is not `gcp`"));
        }
        let row = TABLE
            .iter()
            .find(|row| fits(name, row.kind, row.offering))
            .ok_or_else(|| refuse("no resource type for this kind and offering"))?;
        let id = instance(Self::SYSTEM, name)?.into_owned();
        let project = match name.qualifier(ACCOUNT) {
            _ if row.service == "storage" => NO_PROJECT.to_owned(),
            Some(project) => project.into_owned(),
            None => return Err(refuse("the id needs the project, `acct=`")),
        };
        let place = place_of(name.location(), row.scope)
            .ok_or_else(|| refuse("the zone is not one of its region"))?;
        let resource = Self {
            service: row.service.to_owned(),
            project,
            place,
            collection: row.collection.to_owned(),
            id,
        };
        if Self::from_path(row.service, &resource.path()).as_ref() == Some(&resource) {
            Ok(resource)
        } else {
            Err(refuse("the project, the location or the id is not one of Google Cloud's"))
        }
    }

    fn name(&self) -> Result<Name, NativeError> {
        let row = TABLE
            .iter()
            .find(|row| {
                row.service == self.service
                    && row.collection == self.collection
                    && row.scope == self.place.scope()
            })
            .ok_or_else(|| {
                NativeError::unsupported(
                    Self::SYSTEM,
                    &format!("{}{DOMAIN}/{}", self.service, self.collection),
                )
            })?;
        let mut builder = Name::builder(PROVIDER, row.kind, row.offering)
            .location(&self.place.location())
            .instance(&self.id);
        if self.project != NO_PROJECT {
            builder = builder.qualifier(ACCOUNT, &self.project);
        }
        build(Self::SYSTEM, &builder)
    }
}

impl ResourceName {
    /// The URL that the Compute Engine and Cloud Storage APIs call the resource's selfLink; other
    /// services have none, or none that follows from the id.
    pub fn self_link(&self) -> Option<String> {
        match self.service.as_str() {
            "compute" => {
                let path = self.path();
                Some(format!("https://www.googleapis.com/compute/v1/{path}"))
            }
            "storage" => Some(format!("https://www.googleapis.com/storage/v1/b/{}", self.id)),
            _ => None,
        }
    }

    fn path(&self) -> String {
        let Self { project, place, collection, id, .. } = self;
        match place {
            Place::Unstated => format!("projects/{project}/{collection}/{id}"),
            Place::Global => format!("projects/{project}/global/{collection}/{id}"),
            Place::Region(region) => format!("projects/{project}/regions/{region}/{collection}/{id}"),
            Place::Zone(zone) => format!("projects/{project}/zones/{zone}/{collection}/{id}"),
            Place::Location(location) => format!("projects/{project}/locations/{location}/{collection}/{id}"),
        }
    }

    /// Reads what follows the host.
    fn from_path(service: &str, path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').collect();
        let owned = |text: &str| text.to_owned();
        let (project, place, collection, id) = match segments[..] {
            ["projects", project, "zones", zone, collection, id] => {
                region_of(zone)?;
                (project, Place::Zone(owned(zone)), collection, id)
            }
            ["projects", project, "regions", region, collection, id] => {
                (project, Place::Region(owned(region)), collection, id)
            }
            ["projects", project, "locations", location, collection, id] => {
                (project, Place::Location(owned(location)), collection, id)
            }
            ["projects", project, "global", collection, id] => (project, Place::Global, collection, id),
            ["projects", project, collection, id] => (project, Place::Unstated, collection, id),
            _ => return None,
        };
        let place_sound = match &place {
            // A region spelt like a zone would come back as one.
            Place::Region(text) => is_place(text) && region_of(text).is_none(),
            Place::Zone(text) | Place::Location(text) => is_place(text),
            Place::Unstated | Place::Global => true,
        };
        let sound = place_sound && [service, project, collection, id].into_iter().all(is_segment);
        // A bucket has no project, and nothing else lacks one.
        let owner_sound = (project == NO_PROJECT) == (service == "storage");
        (sound && owner_sound).then(|| Self {
            service: owned(service),
            project: owned(project),
            place,
            collection: owned(collection),
            id: owned(id),
        })
    }
}

impl Place {
    const fn scope(&self) -> Scope {
        match self {
            Self::Unstated => Scope::Unstated,
            Self::Global | Self::Region(_) | Self::Zone(_) => Scope::Compute,
            Self::Location(_) => Scope::Locations,
        }
    }

    /// The location in a name.
    fn location(&self) -> String {
        match self {
            Self::Unstated | Self::Global => "-".to_owned(),
            Self::Location(location) if location == "global" => "-".to_owned(),
            Self::Region(place) | Self::Zone(place) | Self::Location(place) => match region_of(place) {
                Some(region) => format!("{region}:{place}"),
                None => place.clone(),
            },
        }
    }
}

fn place_of(location: Location<'_>, scope: Scope) -> Option<Place> {
    if let (Some(region), Some(zone)) = (location.region(), location.zone())
        && region_of(zone) != Some(region)
    {
        return None;
    }
    let (region, zone) = (location.region().map(str::to_owned), location.zone().map(str::to_owned));
    Some(match (scope, region, zone) {
        (Scope::Unstated, ..) => Place::Unstated,
        (Scope::Compute, _, Some(zone)) => Place::Zone(zone),
        (Scope::Compute, Some(region), None) => Place::Region(region),
        (Scope::Compute, None, None) => Place::Global,
        (Scope::Locations, region, zone) => {
            Place::Location(zone.or(region).unwrap_or_else(|| "global".to_owned()))
        }
    })
}

/// The region of a zone: `us-central1` of `us-central1-a`. None if the text is no zone.
fn region_of(zone: &str) -> Option<&str> {
    let (region, letter) = zone.rsplit_once('-')?;
    let lettered = letter.len() == 1 && letter.as_bytes()[0].is_ascii_lowercase();
    (lettered && region.ends_with(|last: char| last.is_ascii_digit())).then_some(region)
}

fn is_segment(text: &str) -> bool {
    is_plain(text) && !text.contains('/')
}

fn is_place(text: &str) -> bool {
    // Not `-`, which stands for every location in Google's list calls and for none in a name.
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl FromStr for ResourceName {
    type Err = NativeError;

    fn from_str(text: &str) -> Result<Self, NativeError> {
        let syntax = || {
            NativeError::syntax(
                Self::SYSTEM,
                text,
                "//SERVICE.googleapis.com/projects/PROJECT[/zones/ZONE]/COLLECTION/ID, or a selfLink",
            )
        };
        let (link, rest) = match text.strip_prefix("//") {
            Some(rest) => (false, rest),
            None => (true, text.strip_prefix("https://").ok_or_else(syntax)?),
        };
        let (host, path) = rest.split_once('/').ok_or_else(syntax)?;
        let service = host.strip_suffix(DOMAIN).ok_or_else(syntax)?;
        if !link {
            return Self::from_path(service, path).ok_or_else(syntax);
        }
        // https://www.googleapis.com/SERVICE/VERSION/…, or https://SERVICE.googleapis.com/[SERVICE/]VERSION/…
        let (service, path) = if service == "www" {
            path.split_once('/').ok_or_else(syntax)?
        } else {
            (service, path.strip_prefix(service).and_then(|path| path.strip_prefix('/')).unwrap_or(path))
        };
        let (version, path) = path.split_once('/').ok_or_else(syntax)?;
        if !is_version(version) {
            return Err(syntax());
        }
        match path.strip_prefix("b/") {
            Some(bucket) if service == "storage" => {
                Self::from_path(service, &format!("projects/{NO_PROJECT}/buckets/{bucket}"))
            }
            _ => Self::from_path(service, path),
        }
        .ok_or_else(syntax)
    }
}

/// `v1`, `v2beta1`, `beta`, `alpha`.
fn is_version(text: &str) -> bool {
    matches!(text, "alpha" | "beta")
        || text.strip_prefix('v').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "//{}{DOMAIN}/{}", self.service, self.path())
    }
}
