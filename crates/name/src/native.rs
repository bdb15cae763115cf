//! Native ids: what the providers call the things that have names.
//!
//! Each module holds one id type with the same four operations: parse it, print it, take it from a
//! [`Name`], make a name of it. (A SPIFFE id is of a trust domain too, which is no part of a name.) A native id says less than a name. An ARN tells no instance type, an
//! Azure id no region, so a name made of one has `-` in that place; and an id made of a name leaves
//! out what it cannot say. What holds for every id `i` and every name `n` that has an id:
//!
//! - `of(name(i)) = i`: nothing an id says is lost;
//! - `name(of(n))` is `n` reduced to what the id says, and doing it again changes nothing.
//!
//! Which resource types are known is one table per provider. A type outside it is refused and not
//! guessed at.
//!
//! Rejected: one opaque kind for unknown types. A name whose kind says nothing cannot be selected by
//! kind or matched with an offer, and it would change the day the type enters the table.

pub mod aws;
pub mod azure;
mod error;
pub mod gcp;
pub mod kubernetes;
pub mod spiffe;
mod table;

use std::fmt::Display;
use std::str::FromStr;

pub use error::NativeError;

use crate::Name;

/// An id that a provider, or a standard, gives to an instance.
pub trait NativeId: FromStr<Err = NativeError> + Display + Sized {
    /// What the ids are called, for messages.
    const SYSTEM: &'static str;

    /// The id of the instance that `name` names.
    ///
    /// # Errors
    /// If the name is not one that such an id can express.
    fn of(name: &Name) -> Result<Self, NativeError>;

    /// The name of the instance, with `-` for what the id does not tell.
    ///
    /// # Errors
    /// If the type of the resource has no kind.
    fn name(&self) -> Result<Name, NativeError>;
}

/// The name of the instance with this id, of whichever system the id is.
///
/// ```
/// let name = welkin_name::native::from_native("arn:aws:ec2:us-east-1:123456789012:instance/i-0abc")?;
/// assert_eq!(name.as_str(), "sky:aws/us-east-1/vm/-?acct=123456789012#i-0abc");
/// # Ok::<(), welkin_name::native::NativeError>(())
/// ```
///
/// # Errors
/// If no system has such ids, or the one that has cannot read this one.
pub fn from_native(id: &str) -> Result<Name, NativeError> {
    let starts =
        |prefix: &str| id.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if starts("arn:") {
        id.parse::<aws::Arn>()?.name()
    } else if starts("/subscriptions/") {
        id.parse::<azure::ResourceId>()?.name()
    } else if starts("spiffe:") {
        id.parse::<spiffe::SpiffeId>()?.name()
    } else if starts("//") || starts("https:") {
        id.parse::<gcp::ResourceName>()?.name()
    } else if id.contains("/api/") || id.contains("/apis/") {
        id.parse::<kubernetes::ObjectId>()?.name()
    } else {
        let expected =
            "an ARN, a Google Cloud resource name, an Azure resource id, a Kubernetes object or a SPIFFE id";
        Err(NativeError::syntax("native id", id, expected))
    }
}

/// The id that the name's own provider gives the instance; for a Kubernetes object, the id in its
/// cluster.
///
/// # Errors
/// If the provider's ids are not known here, or cannot express the name.
pub fn to_native(name: &Name) -> Result<String, NativeError> {
    if name.kind_path() == kubernetes::KIND {
        return kubernetes::ObjectId::of(name).map(|id| id.to_string());
    }
    match name.provider() {
        aws::PROVIDER => aws::Arn::of(name).map(|id| id.to_string()),
        azure::PROVIDER => azure::ResourceId::of(name).map(|id| id.to_string()),
        gcp::PROVIDER => gcp::ResourceName::of(name).map(|id| id.to_string()),
        _ => Err(NativeError::inexpressible("native id", name, "ids of this provider are not known")),
    }
}
