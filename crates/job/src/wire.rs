//! What lies on disk, apart from what the program works with.
//!
//! Each version of a written form has a module of its own (`v1`, ...) that mirrors the domain types as they
//! were, field by field, and is never changed in what it reads. A type of the model may be renamed, split or
//! given fields; the compiler then points at every mirror that has to say what this means for what was
//! written before, since mirrors take types apart and put them together without `..`.
//!
//! A field that is new and says nothing in most documents is added to the newest version, left out where it
//! says nothing (`default, skip_serializing_if`). A change of what is there needs a new version.
//!
//! *Guarantee:* a key that is not known is refused, so that no version obeys half of what a newer one wrote.
//!
//! *Rejected:* serde on the domain types (a field that is added changes the hash of whatever was kept), and
//! keys that are passed over (a condition that an older version does not know would not be kept).

pub mod v1;

use std::collections::BTreeMap;
use welkin_units::{Bytes, Span, Usd};

/// The written form of a type.
pub trait Mirror: Sized {
    /// What it is the form of.
    type Of;

    /// As it is written.
    fn of(domain: &Self::Of) -> Self;

    /// What was written.
    fn domain(self) -> Self::Of;
}

macro_rules! as_they_are {
    ($($type:ty),+ $(,)?) => {
        $(impl Mirror for $type {
            type Of = Self;

            fn of(domain: &Self) -> Self {
                domain.clone()
            }

            fn domain(self) -> Self {
                self
            }
        })+
    };
}

// Quantities are written as whole numbers, whose meaning is fixed.
as_they_are!(bool, i32, u32, u64, usize, f64, String, Bytes, Span, Usd);

impl<M: Mirror> Mirror for Option<M> {
    type Of = Option<M::Of>;

    fn of(domain: &Self::Of) -> Self {
        domain.as_ref().map(M::of)
    }

    fn domain(self) -> Self::Of {
        self.map(M::domain)
    }
}

impl<M: Mirror> Mirror for Vec<M> {
    type Of = Vec<M::Of>;

    fn of(domain: &Self::Of) -> Self {
        domain.iter().map(M::of).collect()
    }

    fn domain(self) -> Self::Of {
        self.into_iter().map(M::domain).collect()
    }
}

impl<M: Mirror> Mirror for BTreeMap<String, M> {
    type Of = BTreeMap<String, M::Of>;

    fn of(domain: &Self::Of) -> Self {
        domain.iter().map(|(key, value)| (key.clone(), M::of(value))).collect()
    }

    fn domain(self) -> Self::Of {
        self.into_iter().map(|(key, value)| (key, value.domain())).collect()
    }
}

impl<A: Mirror, B: Mirror> Mirror for (A, B) {
    type Of = (A::Of, B::Of);

    fn of((a, b): &Self::Of) -> Self {
        (A::of(a), B::of(b))
    }

    fn domain(self) -> Self::Of {
        (self.0.domain(), self.1.domain())
    }
}

/// Declares a written form field by field, in the order in which it is written, and how it becomes the type
/// that it mirrors. A variant with one value names it: `Fixed(span: Span)`.
#[macro_export]
macro_rules! mirror {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident of $domain:path {
            $($(#[$on_field:meta])* $field:ident: $type:ty,)+
        }
    ) => {
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        $(#[$meta])*
        $vis struct $name {
            $($(#[$on_field])* $field: $type,)+
        }

        impl $crate::wire::Mirror for $name {
            type Of = $domain;

            fn of(domain: &$domain) -> Self {
                let $domain { $($field),+ } = domain;
                Self { $($field: $crate::wire::Mirror::of($field)),+ }
            }

            fn domain(self) -> $domain {
                $domain { $($field: $crate::wire::Mirror::domain(self.$field)),+ }
            }
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident of $domain:path {
            $($(#[$on_variant:meta])* $variant:ident
                $(($value:ident: $inner:ty))?
                $({ $($(#[$on_field:meta])* $field:ident: $type:ty,)+ })?,
            )+
        }
    ) => {
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        $(#[$meta])*
        $vis enum $name {
            $($(#[$on_variant])* $variant $(($inner))? $({ $($(#[$on_field])* $field: $type,)+ })?,)+
        }

        impl $crate::wire::Mirror for $name {
            type Of = $domain;

            fn of(domain: &$domain) -> Self {
                use $domain as Domain;
                match domain {
                    $(Domain::$variant $(($value))? $({ $($field),+ })? => Self::$variant
                        $(($crate::wire::Mirror::of($value)))?
                        $({ $($field: $crate::wire::Mirror::of($field)),+ })?,)+
                }
            }

            fn domain(self) -> $domain {
                use $domain as Domain;
                match self {
                    $(Self::$variant $(($value))? $({ $($field),+ })? => Domain::$variant
                        $(($crate::wire::Mirror::domain($value)))?
                        $({ $($field: $crate::wire::Mirror::domain($field)),+ })?,)+
                }
            }
        }
    };
}
