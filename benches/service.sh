#!/usr/bin/env bash
# The broker's own process: what it takes to stand by, to take a thousand runs at once, to list a million, and to be
# watched by a thousand. Prints the rows of docs/benchmarks.md.
#
#   benches/service.sh                     # builds the release binary first
#   benches/service.sh --schemathesis VENV # also puts random requests to it, with schemathesis of that environment
#
# Python 3 is needed, and nothing of it but its standard library. CPU of the broker is that of its process, without
# the nodes that it starts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo build --release --locked
cargo build --release --locked --quiet -p welkin-testkit --example watchers
exec python3 benches/service.py target/release/welkin target/release/examples/watchers "$@"
