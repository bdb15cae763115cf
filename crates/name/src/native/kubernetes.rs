//! Kubernetes objects.
//!
//! An object's own id is its API path, `/apis/GROUP/VERSION/namespaces/NAMESPACE/RESOURCE/NAME` (the
//! core group: `/api/VERSION/…`), which is unique in one cluster only. The cluster is therefore
//! written in front, as the provider, location and name that its own name has:
//! `onprem.acme.org/fra1/prod/apis/apps/v1/namespaces/web/deployments/front`. In a name the object has
//! the kind `k8s.object`, the offering `CLUSTER/GROUP/RESOURCE`, the API version as version and
//! `[NAMESPACE/]NAME` as instance.

use std::fmt;
use std::str::FromStr;

use super::table::{build, instance, is_plain};
use super::{NativeError, NativeId};
use crate::Name;

/// The kind that objects have in names.
pub const KIND: &str = "k8s.object";

/// What stands for the core group, which has an empty name, in the offering.
const CORE: &str = "core";

/// An object in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectId {
    /// Where the object lives.
    pub cluster: Cluster,
    /// The API group; empty for the core group.
    pub group: String,
    /// The version of the group: `v1`.
    pub version: String,
    /// The resource in the plural: `deployments`.
    pub resource: String,
    /// The namespace; none for an object of the whole cluster.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: String,
}

/// A cluster, as names have it: `sky:PROVIDER/LOCATION/k8s/…#NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cluster {
    /// Who runs it.
    pub provider: String,
    /// Where it is, `region[:zone[:cell]]` or `-`.
    pub location: String,
    /// What it is called there.
    pub name: String,
}

impl ObjectId {
    /// Reads the API path of an object in a known cluster.
    ///
    /// # Errors
    /// If the path is not that of one object.
    pub fn in_cluster(cluster: Cluster, path: &str) -> Result<Self, NativeError> {
        let expected = "/apis/GROUP/VERSION/[namespaces/NAMESPACE/]RESOURCE/NAME, or /api/VERSION/…";
        Self::from_path(cluster, path).ok_or_else(|| NativeError::syntax(Self::SYSTEM, path, expected))
    }

    /// The API path, without the cluster.
    pub fn path(&self) -> String {
        let Self { group, version, resource, name, .. } = self;
        let root =
            if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        match &self.namespace {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{resource}/{name}"),
            None => format!("{root}/{resource}/{name}"),
        }
    }

    fn from_path(cluster: Cluster, path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').collect();
        let (group, rest) = match &segments[..] {
            ["", "api", rest @ ..] => ("", rest),
            // `core` as a named group would be mistaken for the unnamed one.
            ["", "apis", group, rest @ ..] if !group.is_empty() && *group != CORE => (*group, rest),
            _ => return None,
        };
        let (version, namespace, resource, name) = match *rest {
            [version, "namespaces", namespace, resource, name] => (version, Some(namespace), resource, name),
            [version, resource, name] => (version, None, resource, name),
            _ => return None,
        };
        let id = Self {
            cluster,
            group: group.to_owned(),
            version: version.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        };
        id.is_sound().then_some(id)
    }

    fn is_sound(&self) -> bool {
        let lower = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
        };
        (self.group.is_empty() || lower(&self.group))
            && lower(&self.version)
            && lower(&self.resource)
            && self.namespace.as_deref().is_none_or(lower)
            && is_object_name(&self.name)
            && is_plain(&self.cluster.name)
    }
}

/// Any path segment: some resources allow more than a DNS label (`system:masters`).
fn is_object_name(text: &str) -> bool {
    is_plain(text) && !text.contains(['/', '%']) && text != "." && text != ".."
}

impl NativeId for ObjectId {
    const SYSTEM: &'static str = "Kubernetes object";

    fn of(name: &Name) -> Result<Self, NativeError> {
        let refuse = |why| NativeError::inexpressible(Self::SYSTEM, name, why);
        if name.kind_path() != KIND {
            return Err(refuse("the kind is not `k8s.object`"));
        }
        let instance = instance(Self::SYSTEM, name)?;
        let segments: Vec<_> = name.segments().collect();
        let [cluster, group, resource] = &segments[..] else {
            return Err(refuse("the offering is not `CLUSTER/GROUP/RESOURCE`"));
        };
        let version = name.version().ok_or_else(|| refuse("the API version is missing"))?;
        let (namespace, object) = match instance.split_once('/') {
            Some((namespace, object)) => (Some(namespace.to_owned()), object),
            None => (None, &*instance),
        };
        let id = Self {
            cluster: Cluster {
                provider: name.provider().to_owned(),
                location: name.location().as_str().to_owned(),
                name: cluster.clone().into_owned(),
            },
            group: if group == CORE { String::new() } else { group.clone().into_owned() },
            version: version.into_owned(),
            resource: resource.clone().into_owned(),
            namespace,
            name: object.to_owned(),
        };
        if id.is_sound() && !id.cluster.name.contains('/') {
            Ok(id)
        } else {
            Err(refuse("a part is not one that Kubernetes allows"))
        }
    }

    fn name(&self) -> Result<Name, NativeError> {
        let Cluster { provider, location, name: cluster } = &self.cluster;
        let group = if self.group.is_empty() { CORE } else { &self.group };
        let instance = match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.clone(),
        };
        let builder = Name::builder(provider, KIND, &format!("{cluster}/{group}/{}", self.resource))
            .location(location)
            .version(&self.version)
            .instance(&instance);
        build(Self::SYSTEM, &builder)
    }
}

impl FromStr for ObjectId {
    type Err = NativeError;

    fn from_str(text: &str) -> Result<Self, NativeError> {
        let expected = "PROVIDER/LOCATION/CLUSTER and the API path, /api/… or /apis/…";
        let syntax = || NativeError::syntax(Self::SYSTEM, text, expected);
        let mut parts = text.splitn(4, '/');
        let mut next = || parts.next().filter(|part| !part.is_empty()).ok_or_else(syntax);
        let (provider, location, name, path) = (next()?, next()?, next()?, next()?);
        let cluster =
            Cluster { provider: provider.to_owned(), location: location.to_owned(), name: name.to_owned() };
        let id = Self::in_cluster(cluster, &format!("/{path}"))?;
        // Provider and location are those of names, and one spelling of them is kept.
        match Self::of(&id.name()?) {
            Ok(same) if same == id => Ok(id),
            _ => Err(syntax()),
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cluster { provider, location, name } = &self.cluster;
        write!(f, "{provider}/{location}/{name}{}", self.path())
    }
}
