#!/usr/bin/env bash
# Every check of the repository, each with its duration. `just check` and `.ci/run` both run this
# file, so they cannot differ.
#
# The order is by cost: what fails in a second comes first. Clippy and rustdoc share the metadata of
# all dependencies, tests build them once in the dev profile; nothing is built for release.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}"

failed=()
summary=()

step() {
    local name=$1
    shift
    printf '\n== %s: %s\n' "$name" "$*"
    local start=$SECONDS outcome=ok
    "$@" || outcome=FAILED
    local line
    line=$(printf '%-7s %5d s  %s' "$outcome" "$((SECONDS - start))" "$name")
    printf -- '-- %s\n' "$line"
    summary+=("$line")
    if [[ $outcome == FAILED ]]; then
        failed+=("$name")
    fi
}

# Licences, bans and sources need no advisory database, so the registry is the only host asked.
deny() {
    if cargo deny --version >/dev/null 2>&1; then
        step deny cargo deny --workspace --locked check licenses bans sources
    elif [[ ${WELKIN_REQUIRE_DENY:-} == 1 ]]; then
        step deny cargo deny --version
    else
        printf '\n== deny: did NOT run: cargo-deny is not installed (cargo install cargo-deny --locked)\n'
        summary+=("$(printf '%-7s %5s    %s' 'not run' '' deny)")
    fi
}

step fmt cargo fmt --all --check
step tidy cargo run --quiet --locked --package xtask -- tidy
step clippy cargo clippy --locked --workspace --all-targets -- -D warnings
step test cargo test --locked --workspace
step doc env RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -D warnings" cargo doc --locked --workspace --no-deps
deny

printf '\n'
printf '%s\n' "${summary[@]}"
printf '%d s in all\n' "$SECONDS"
if ((${#failed[@]} > 0)); then
    printf 'failed: %s\n' "${failed[*]}" >&2
    exit 1
fi
