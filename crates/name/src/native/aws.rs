//! Amazon Resource Names.
//!
//! `arn:partition:service:region:account:resource`. The partition follows from the region; where there
//! is no region (buckets) and the partition is not `aws`, the name carries it as
//! `x-aws.partition`. Source: AWS Service Authorization Reference, the resource types of each service.

use std::fmt;
use std::str::FromStr;

use super::table::{ANY, build, fits, instance, is_plain};
use super::{NativeError, NativeId};
use crate::Name;

/// The provider id in names.
pub const PROVIDER: &str = "aws";

const ACCOUNT: &str = "acct";
const PARTITION: &str = "x-aws.partition";

/// An ARN, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arn {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// The service's namespace: `ec2`.
    pub service: String,
    /// The region; empty for a global resource.
    pub region: String,
    /// The account's twelve digits; empty for some global resources.
    pub account: String,
    /// The rest, in the service's own syntax: `instance/i-0abc`.
    pub resource: String,
}

/// A type of resource.
struct Row {
    kind: &'static str,
    offering: &'static str,
    service: &'static str,
    /// What stands before the id in the resource.
    prefix: &'static str,
    /// Whether the ARN has region and account.
    regional: bool,
}

const fn row(kind: &'static str, offering: &'static str, service: &'static str, prefix: &'static str) -> Row {
    Row { kind, offering, service, prefix, regional: true }
}

/// Within a kind, a row that takes any offering comes last. No prefix of a service is the start of
/// another.
const TABLE: &[Row] = &[
    row("vm", ANY, "ec2", "instance/"),
    row("bm", ANY, "ec2", "dedicated-host/"),
    row("block", ANY, "ec2", "volume/"),
    row("egress", ANY, "ec2", "natgateway/"),
    row("link.vpn", ANY, "ec2", "vpn-connection/"),
    row("link", "directconnect", "directconnect", "dxcon/"),
    Row { kind: "object", offering: "s3", service: "s3", prefix: "", regional: false },
    row("file", "efs", "elasticfilesystem", "file-system/"),
    row("file", "fsx", "fsx", "file-system/"),
    row("k8s", "eks", "eks", "cluster/"),
    row("func", "lambda", "lambda", "function:"),
    row("batch", "batch", "batch", "job-queue/"),
    row("db.cluster", ANY, "rds", "cluster:"),
    row("db", ANY, "rds", "db:"),
    row("kv", "dynamodb", "dynamodb", "table/"),
    row("kv.cache", ANY, "elasticache", "cluster:"),
    row("queue", "sqs", "sqs", ""),
    row("queue.topic", "sns", "sns", ""),
    row("stream", "kinesis", "kinesis", "stream/"),
    row("stream", "msk", "kafka", "cluster/"),
    row("infer", "sagemaker", "sagemaker", "endpoint/"),
    row("registry", "ecr", "ecr", "repository/"),
    row("secret", "secretsmanager", "secretsmanager", "secret:"),
    row("secret.key", "kms", "kms", "key/"),
    row("license", "license-manager", "license-manager", "license-configuration:"),
];

/// Regions of these prefixes lie in partitions of their own, the longer prefix first.
const PARTITIONS: [(&str, &str); 7] = [
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-isob-", "aws-iso-b"),
    ("us-isof-", "aws-iso-f"),
    ("us-iso-", "aws-iso"),
    ("eu-isoe-", "aws-iso-e"),
    ("eusc-", "aws-eusc"),
];

fn partition_of(region: &str) -> &'static str {
    PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

impl NativeId for Arn {
    const SYSTEM: &'static str = "ARN";

    fn of(name: &Name) -> Result<Self, NativeError> {
        let refuse = |why| NativeError::inexpressible(Self::SYSTEM, name, why);
        if name.provider() != PROVIDER {
            return Err(refuse("the provider is not `aws`"));
        }
        let row = TABLE
            .iter()
            .find(|row| fits(name, row.kind, row.offering))
            .ok_or_else(|| refuse("no resource type for this kind and offering"))?;
        let id = instance(Self::SYSTEM, name)?;
        let (region, account) = if row.regional {
            let region = name.location().region().ok_or_else(|| refuse("the ARN needs a region"))?;
            let account =
                name.qualifier(ACCOUNT).ok_or_else(|| refuse("the ARN needs the account, `acct=`"))?;
            (region.to_owned(), account.into_owned())
        } else {
            (String::new(), String::new())
        };
        let partition = match name.qualifier(PARTITION) {
            Some(partition) if region.is_empty() => partition.into_owned(),
            _ => partition_of(name.location().region().unwrap_or_default()).to_owned(),
        };
        let resource = format!("{}{id}", row.prefix);
        let arn = Self { partition, service: row.service.to_owned(), region, account, resource };
        // An id with a separator in it would be read as something inside another resource.
        match (arn.check(), arn.row()) {
            (Ok(()), Some((same, read))) if std::ptr::eq(same, row) && read == id => Ok(arn),
            _ => Err(refuse("the account is not twelve digits, or the id is not one of this type")),
        }
    }

    fn name(&self) -> Result<Name, NativeError> {
        let (row, id) = self.row().ok_or_else(|| {
            NativeError::unsupported(Self::SYSTEM, &format!("{}:{}", self.service, self.resource))
        })?;
        let mut builder = Name::builder(PROVIDER, row.kind, row.offering).instance(id);
        if row.regional {
            builder = builder.location(&self.region).qualifier(ACCOUNT, &self.account);
        } else if self.partition != "aws" {
            builder = builder.qualifier(PARTITION, &self.partition);
        }
        build(Self::SYSTEM, &builder)
    }
}

impl Arn {
    /// The type of the resource, and its id.
    fn row(&self) -> Option<(&'static Row, &str)> {
        let (row, id) = TABLE
            .iter()
            .filter(|row| row.service == self.service && row.regional != self.region.is_empty())
            .find_map(|row| Some((row, self.resource.strip_prefix(row.prefix)?)))?;
        // A slash after a bucket, or a colon after a topic, begins something inside it. An account
        // where the row has none would be lost.
        let inside = row.prefix.is_empty() && id.contains(['/', ':']);
        (!inside && row.regional != self.account.is_empty()).then_some((row, id))
    }

    fn check(&self) -> Result<(), &'static str> {
        let word =
            |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !self.partition.starts_with("aws") || !word(&self.partition) {
            return Err("a partition such as `aws`");
        }
        if self.service.is_empty() || !word(&self.service) || !word(&self.region) {
            return Err("a service and a region in lower case");
        }
        if !self.region.is_empty() && partition_of(&self.region) != self.partition {
            return Err("the partition that the region lies in");
        }
        let digits = self.account.len() == 12 && self.account.bytes().all(|byte| byte.is_ascii_digit());
        let global = self.account.is_empty() && self.region.is_empty();
        if !(digits || global) {
            return Err("an account of twelve digits");
        }
        if !is_plain(&self.resource) {
            return Err("one resource, without wildcards");
        }
        Ok(())
    }
}

impl FromStr for Arn {
    type Err = NativeError;

    fn from_str(text: &str) -> Result<Self, NativeError> {
        let syntax = |expected| NativeError::syntax(Self::SYSTEM, text, expected);
        let mut fields = text.splitn(6, ':');
        let mut next =
            || fields.next().ok_or_else(|| syntax("arn:partition:service:region:account:resource"));
        if next()? != "arn" {
            return Err(syntax("`arn:` at the start"));
        }
        let arn = Self {
            partition: next()?.to_owned(),
            service: next()?.to_owned(),
            region: next()?.to_owned(),
            account: next()?.to_owned(),
            resource: next()?.to_owned(),
        };
        arn.check().map_err(syntax)?;
        Ok(arn)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}
