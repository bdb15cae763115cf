//! Azure resource ids.
//!
//! `/subscriptions/S/resourceGroups/G/providers/NAMESPACE/TYPE/NAME[/TYPE/NAME…]`. Azure compares ids
//! without regard to case and returns them in whatever case the service at hand likes, so an id is
//! kept lowered but for its fixed words, namespace and types, which print in the documented case.
//! The id tells no region. The instance part of a name is the resource group and the names.

use std::fmt;
use std::str::FromStr;

use super::table::{ANY, build, fits, instance, is_plain};
use super::{NativeError, NativeId};
use crate::Name;

/// The provider id in names.
pub const PROVIDER: &str = "azure";

const ACCOUNT: &str = "acct";

/// A resource id, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceId {
    /// The subscription's UUID in lower case.
    pub subscription: String,
    /// The resource group in lower case.
    pub group: String,
    /// The provider namespace and the types, `Microsoft.Sql/servers/databases`: in the documented case
    /// if the type has a kind, else in lower case.
    pub resource_type: String,
    /// The names, one for each type, in lower case.
    pub names: Vec<String>,
}

/// A type of resource.
struct Row {
    kind: &'static str,
    offering: &'static str,
    resource_type: &'static str,
}

const fn row(kind: &'static str, offering: &'static str, resource_type: &'static str) -> Row {
    Row { kind, offering, resource_type }
}

/// Within a kind, a row that takes any offering comes last.
const TABLE: &[Row] = &[
    row("vm", ANY, "Microsoft.Compute/virtualMachines"),
    row("vm.set", ANY, "Microsoft.Compute/virtualMachineScaleSets"),
    row("bm", ANY, "Microsoft.Compute/hostGroups/hosts"),
    row("block", ANY, "Microsoft.Compute/disks"),
    row("object", "blob", "Microsoft.Storage/storageAccounts"),
    row("file", "netapp", "Microsoft.NetApp/netAppAccounts/capacityPools/volumes"),
    row("k8s", "aks", "Microsoft.ContainerService/managedClusters"),
    row("func", "functions", "Microsoft.Web/sites"),
    row("batch", "batch", "Microsoft.Batch/batchAccounts"),
    row("db", "sql", "Microsoft.Sql/servers/databases"),
    row("db", "postgresql", "Microsoft.DBforPostgreSQL/flexibleServers"),
    row("db", "mysql", "Microsoft.DBforMySQL/flexibleServers"),
    row("kv", "cosmos", "Microsoft.DocumentDB/databaseAccounts"),
    row("kv.cache", "redis", "Microsoft.Cache/Redis"),
    row("queue", "servicebus", "Microsoft.ServiceBus/namespaces"),
    row("stream", "eventhubs", "Microsoft.EventHub/namespaces"),
    row("infer", "ml", "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"),
    row("infer", "cognitive", "Microsoft.CognitiveServices/accounts"),
    row("registry", "acr", "Microsoft.ContainerRegistry/registries"),
    row("secret", "keyvault", "Microsoft.KeyVault/vaults"),
    row("tee", "attestation", "Microsoft.Attestation/attestationProviders"),
    row("link", "expressroute", "Microsoft.Network/expressRouteCircuits"),
    row("egress", "natgateway", "Microsoft.Network/natGateways"),
];

impl NativeId for ResourceId {
    const SYSTEM: &'static str = "Azure resource id";

    fn of(name: &Name) -> Result<Self, NativeError> {
        let refuse = |why| NativeError::inexpressible(Self::SYSTEM, name, why);
        if name.provider() != PROVIDER {
            return Err(refuse("the provider is not `azure`"));
        }
        let row = TABLE
            .iter()
            .find(|row| fits(name, row.kind, row.offering))
            .ok_or_else(|| refuse("no resource type for this kind and offering"))?;
        let instance = instance(Self::SYSTEM, name)?.to_ascii_lowercase();
        let (group, names) =
            instance.split_once('/').ok_or_else(|| refuse("the instance is not `group/name`"))?;
        let subscription = name
            .qualifier(ACCOUNT)
            .ok_or_else(|| refuse("the id needs the subscription, `acct=`"))?
            .to_ascii_lowercase();
        let id = Self {
            subscription,
            group: group.to_owned(),
            resource_type: row.resource_type.to_owned(),
            names: names.split('/').map(str::to_owned).collect(),
        };
        if !id.is_sound() {
            return Err(refuse("the subscription is no UUID, or the names do not match the types"));
        }
        Ok(id)
    }

    fn name(&self) -> Result<Name, NativeError> {
        let row = row_of(&self.resource_type)
            .ok_or_else(|| NativeError::unsupported(Self::SYSTEM, &self.resource_type))?;
        let builder = Name::builder(PROVIDER, row.kind, row.offering)
            .qualifier(ACCOUNT, &self.subscription)
            .instance(&format!("{}/{}", self.group, self.names.join("/")));
        build(Self::SYSTEM, &builder)
    }
}

impl ResourceId {
    fn is_sound(&self) -> bool {
        is_uuid(&self.subscription)
            && is_plain(&self.group)
            && self.names.iter().all(|name| is_plain(name))
            && self.resource_type.split('/').count() == self.names.len() + 1
            && self.resource_type.split('/').all(is_plain)
    }
}

fn row_of(resource_type: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.resource_type.eq_ignore_ascii_case(resource_type))
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

impl FromStr for ResourceId {
    type Err = NativeError;

    fn from_str(text: &str) -> Result<Self, NativeError> {
        let syntax = || {
            NativeError::syntax(
                Self::SYSTEM,
                text,
                "/subscriptions/UUID/resourceGroups/GROUP/providers/NAMESPACE/TYPE/NAME",
            )
        };
        let lowered = text.to_ascii_lowercase();
        let segments: Vec<&str> = lowered.split('/').collect();
        let ["", "subscriptions", subscription, "resourcegroups", group, "providers", namespace, rest @ ..] =
            &segments[..]
        else {
            return Err(syntax());
        };
        let (pairs, odd) = rest.as_chunks::<2>();
        if pairs.is_empty() || !odd.is_empty() {
            return Err(syntax());
        }
        let mut resource_type = (*namespace).to_owned();
        for [type_name, _] in pairs {
            resource_type.push('/');
            resource_type.push_str(type_name);
        }
        let id = Self {
            subscription: (*subscription).to_owned(),
            group: (*group).to_owned(),
            resource_type: row_of(&resource_type).map_or(resource_type, |row| row.resource_type.to_owned()),
            names: pairs.iter().map(|[_, name]| (*name).to_owned()).collect(),
        };
        if id.is_sound() { Ok(id) } else { Err(syntax()) }
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut types = self.resource_type.split('/');
        let namespace = types.next().unwrap_or_default();
        write!(
            f,
            "/subscriptions/{}/resourceGroups/{}/providers/{namespace}",
            self.subscription, self.group
        )?;
        types.zip(&self.names).try_for_each(|(type_name, name)| write!(f, "/{type_name}/{name}"))
    }
}
