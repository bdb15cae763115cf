//! Names of cloud service instances, and selectors over them.
//!
//! A [`Name`] says, in one line and the same way for every provider, which service it is, who offers
//! it and where:
//!
//! ```text
//! sky:aws/us-east-1/vm/p5.48xlarge?hw=nvidia-h100-80gb:8&tier=spot#i-0abc
//! sky:gcp/europe-west4/tpu/v5p-8
//! sky:azure/westeurope/vm/Standard_DC4as_v5?tee=sev-snp
//! sky:onprem.acme.org/fra1/k8s/gpu-pool@1.34
//! sky:openrouter/-/infer/meta/llama-3.3-70b?api=openai.chat-v1
//! ```
//!
//! Without the part after `#` it names an offering, with it one running instance. A [`Selector`] is a
//! pattern over names (`sky:*/eu-*/vm/*?hw=nvidia-h100*`), and [`native`] translates to and from the
//! ids that AWS, Google Cloud, Azure, Kubernetes and SPIFFE give the same things. The model is the
//! package URL (ECMA-427): a plain URI scheme, one canonical form, a suite of JSON cases.
//!
//! # Names
//! ```abnf
//! sky-name  = "sky:" provider "/" location "/" kind "/" offering
//!             ["@" version] ["?" quals] ["#" instance]
//! provider  = label *("." label)             ; a short id, or a DNS name
//! location  = level *2(":" level) / "-"      ; region[:zone[:cell]], or none
//! kind      = word *("." word)               ; the first word is registered: see `Kind`
//! offering  = seg *("/" seg)                 ; the provider's own name of the product
//! version   = pin / 1*(unreserved / pct / ":")
//! pin       = "sha256:" 64(DIGIT / %x61-66)  ; the digest of one signed offer
//! quals     = qual *("&" qual)               ; each key once, in the order of its bytes
//! qual      = key "=" 1*(unreserved / pct / ":" / "," / "+")
//! key       = "acct" / "api" / "hw" / "net" / "sw" / "tee" / "tier" / vendor
//! vendor    = "x-" provider "." 1*(lower / DIGIT / "-")
//! instance  = iseg *("/" iseg)               ; the provider's id
//! label     = lnum [*61(lnum / "-") lnum]
//! level     = lnum [*(lnum / "-" / "_" / ".") lnum]
//! word      = lower [*61(lnum / "-") lnum]
//! seg       = 1*(unreserved / pct / "+" / ",")     ; neither "." nor ".."
//! iseg      = 1*(unreserved / pct / ":")           ; neither "." nor ".."
//! lower     = %x61-7A     lnum = lower / DIGIT
//! pct       = "%" 2(DIGIT / %x41-46)         ; only of a byte that may not stand unescaped here
//! unreserved = ALPHA / DIGIT / "-" / "." / "_" / "~"
//! ```
//! This is the canonical form, at most [`MAX_LEN`] bytes of ASCII. Two names are the same exactly when
//! their canonical texts are the same bytes. The parser also reads, and rewrites:
//! - upper case in the scheme, provider, location, kind, keys, pins and the values of `api`, `hw`,
//!   `net`, `tee` and `tier`; offering, version, instance and other values keep their case;
//! - an escape of any byte that is not a control character: it becomes the byte where that may stand
//!   (so `%2C` in an offering is `,`), else an escape in upper case; escapes hold UTF-8. Only the slash
//!   differs: in an offering `%2F` is text within a segment, in an instance the two mean the same;
//! - qualifiers in any order, with empty values (dropped), and with values that say what their absence
//!   says (`tier=ondemand`, `tee=none`: dropped); items of a set in any order.
//!
//! Everything else is refused with the byte, the reason and a hint: an empty part, `//`, a slash at the
//! end, `.` and `..`, a user before the provider, an unknown kind or key, a key twice, a raw byte
//! outside the grammar. The parser knows nothing of providers: that `us-east-1a` is another zone in
//! each account, or that `k8s` was meant for `kubernetes`, is the directory's business.
//!
//! | key | value | absent |
//! |---|---|---|
//! | `acct` | alias or id of the account | not stated |
//! | `api` | set of interfaces spoken | not stated |
//! | `hw` | `model:count[:topology]`: [`Hardware`] | no accelerator, or as the offering implies |
//! | `net` | set of networks or fabrics | not stated |
//! | `sw` | set of hosted software, `name%40version` | not stated |
//! | `tee` | set of trusted execution environments | none |
//! | `tier` | `ondemand`, `spot`, `reserved`, `free` | `ondemand` |
//! | `x-<provider>.<key>` | the provider's own | not stated |
//!
//! Price, carbon, availability and certificates are never in a name: they change while the thing
//! stays the same.
//!
//! # Selectors
//! ```abnf
//! sky-sel   = ["!"] ("sky:" full / short)
//! full      = pat ["/" pat ["/" pat ["/" pat]]] ["@" pat] ["?" quals] ["#" pat]
//! short     = pat ["/" pat ["/" pat]]        ; provider/region/zone
//! pat       = ["!"] 1*(text / "*" / "{" alt *("," alt) "}")
//! alt       = 1*(text / "*")
//! ```
//! - `text` is what may stand in that part of a name. None of `* { } !` may, so **every name is a
//!   selector**: of itself, its instances, versions and variants, and the same offering in its zones.
//! - `*` is any run of characters of the part, slashes of an offering included; in a location, of one
//!   level. `!` in front of a part is anything but; in front of the whole, it turns the selector round.
//! - Missing trailing parts are `*`: `sky:aws/us-east-1` is `sky:aws/us-east-1/*/*`, and is so written.
//! - A location selects what lies within it.
//! - A version, qualifier or instance that the selector does not mention may be anything. One that it
//!   mentions must be there: `#*` selects instances, `#!*` selects offerings.
//! - A set qualifier asks for each of its items: `api=s3,{oidc,otlp}` is `s3` and one of the two.
//! - What absence means can be asked for: `tier=ondemand`, `tee=!none`.
//! - Comparisons (at least 80 GB) are not patterns; they belong to the policy language.
//!
//! # Points settled
//! Three questions that the grammar had left open, with the alternative rejected:
//! 1. **The topology of `hw` is a third field after a colon**, `hw=google-tpu-v5p:64:4x4x4`. The colon
//!    already separates the count and may stand in a value, so nothing is escaped, and
//!    `hw=google-tpu-v5p:64*` selects every topology. A slash would have to be written `%2F`; a hyphen
//!    or `x` alone would not tell a topology from a model. The count is compulsory, in its one shortest
//!    decimal form, and may be a fraction, because shared devices are sold so.
//! 2. **A pin takes the place of the version**; there is no `@1.34@sha256:…`. The pinned offer record
//!    holds the version, so both in one name would be two names for one thing, or a contradiction of
//!    which one half is silently ignored (as with `repo:tag@digest` of container images). Whoever
//!    shows a pinned name to a person looks the version up in the record. `sha256:` is recognised
//!    in any case and must be followed by 64 digits: a broken pin is an error and not a version.
//! 3. **A comma separates alternatives only within braces**, where a comma that is text is `%2C`.
//!    Elsewhere it is text, in a selector as in a name, except in the value of a set, where it
//!    separates items in both. A name with a comma therefore stays a selector of itself.
//!
//! Further choices: the default of `tee` (`none`) is dropped like that of `tier`; items of a set are
//! sorted; a level of a location begins and ends with a letter or digit, so that `-` alone is
//! unmistakable; an instance id may not have empty or dot segments either; `-` as offering means that
//! the offering is not known, as in a name made of a native id that does not tell it.
//!
//! # Cost
//! Parsing is linear and reads at most 2,048 bytes; a canonical name costs one allocation, its
//! qualifiers two more. A selector multiplies its alternatives out, at most 64 to a part.

mod builder;
mod canon;
mod chars;
mod error;
mod kind;
mod location;
mod name;
pub mod native;
mod parse;
mod percent;
mod place;
mod provider;
mod quals;
mod selector;
mod split;
mod suggest;
#[cfg(feature = "serde")]
mod wire;

pub use builder::Builder;
pub use error::{ParseError, Part, Reason};
pub use kind::Kind;
pub use location::Location;
pub use name::{MAX_LEN, Name};
pub use place::Place;
pub use provider::{ProviderId, ProviderIdError};
pub use quals::{Hardware, Key, Tier};
pub use selector::Selector;

/// The examples of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
