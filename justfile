# Recipes for people. `just check` is exactly what CI runs.

# What there is.
default:
    @just --list

# Every check that CI runs.
check:
    bash .ci/check.sh

# Build the `welkin` program as users get it, with the list of what it is built from in it (`just tools`).
build:
    #!/usr/bin/env bash
    set -euo pipefail
    export PATH="${WELKIN_TOOLS:-$PWD/target/tools}/bin:$PATH"
    if cargo auditable --version >/dev/null 2>&1; then
        cargo auditable build --release --locked
    else
        echo 'cargo-auditable is not installed (just tools): the program will not say what it is built from' >&2
        cargo build --release --locked
    fi

# Build cargo-deny and cargo-auditable into target/tools: minutes, once.
tools:
    bash .ci/tools.sh

# Format everything.
fmt:
    cargo fmt --all

# Rings, dependencies, manifests and style only.
tidy:
    cargo run --quiet --package xtask -- tidy

# Make the reference documents again: commands, manual pages, the document of the API, the schema of job files.
reference:
    WELKIN_BLESS=1 cargo test -p welkin --bin welkin reference
    WELKIN_BLESS=1 cargo test -p welkin-server --test document
    WELKIN_BLESS=1 cargo test -p welkin-job --lib schema

# Slow rounds: ROUNDS kills at random times, then each fuzz target for SECONDS.
soak ROUNDS="200" SECONDS="300":
    bash .ci/soak.sh {{ ROUNDS }} {{ SECONDS }}

# Run the benchmarks and print their tables.
bench:
    #!/usr/bin/env bash
    set -euo pipefail
    shopt -s nullglob
    scripts=(benches/*.sh)
    ((${#scripts[@]} > 0)) || { echo "no scripts in benches/" >&2; exit 1; }
    for script in "${scripts[@]}"; do
        printf '\n== %s\n' "$script"
        bash "$script"
    done
