//! The store for tests promises what every store does.

welkin_records::conformance!((welkin_records::Memory::new(), ()));
