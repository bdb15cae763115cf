//! StableHLO text as `jax.jit(f).lower(…).as_text()` and `jax.export` print it, made into a model.
//!
//! `syntax` reads functions, statements and regions out of the text, of which nothing is copied; `walk` goes through the main
//! function, with calls inlined, loops of known length unrolled and what is written into the program left out; `table` says for
//! each operation which loops it runs, as the tracer of JAX does for its own. What comes of it is a model file, and is checked as
//! one. `roles` finds out which arguments a step hands to the next.
//!
//! *Guarantee:* what is not known of an operation leaves it whole, and is named. Text that is cut short, or says what cannot be, is
//! refused with its line. Depths and numbers of everything are bounded by constants. *Rejected:* MLIR's own parser, which is a C++
//! build; and bytecode, whose encoding changes with versions of dialects, while the text is what people look at and mend.

mod attributes;
mod cursor;
mod error;
mod graph;
mod lookups;
mod moves;
mod number;
mod products;
mod read;
mod roles;
mod statement;
mod syntax;
mod table;
mod types;
mod walk;
mod windows;

pub use error::StableHloError;
pub use roles::StateFrom;
