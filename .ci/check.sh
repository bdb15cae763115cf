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
told=$(mktemp -d)
trap 'rm -rf "$told"' EXIT

# Lines of a failed step that are repeated at the end, where whoever reads only that finds them.
REPEATED=120

step() {
    local name=$1
    shift
    printf '\n== %s: %s\n' "$name" "$*"
    local start=$SECONDS outcome=ok
    # Not a pipe: what a test leaves behind might hold it open for ever. `tee` gets a moment instead.
    "$@" > >(tee "$told/$name") 2>&1 || outcome=FAILED
    sleep 0.2
    local line
    line=$(printf '%-7s %5d s  %s' "$outcome" "$((SECONDS - start))" "$name")
    printf -- '-- %s\n' "$line"
    summary+=("$line")
    if [[ $outcome == FAILED ]]; then
        failed+=("$name")
    fi
}

# What `.ci/tools.sh` has built comes before what is installed elsewhere.
PATH="${WELKIN_TOOLS:-$PWD/target/tools}/bin:$PATH"
export PATH

# Licences, bans and sources need no database. That of advisories is fetched from GitHub; where it cannot be had, that
# is said rather than passed over, and an advisory that was found fails the check.
deny() {
    if cargo deny --version >/dev/null 2>&1; then
        step deny cargo deny --workspace --locked check licenses bans sources
        if timeout 120 cargo deny --workspace fetch db >/dev/null 2>&1; then
            step advisories cargo deny --workspace --locked check --disable-fetch advisories
        else
            did_not_run advisories 'the database of advisories cannot be fetched from here'
        fi
    elif [[ ${WELKIN_REQUIRE_DENY:-} == 1 ]]; then
        step deny cargo deny --version
    else
        did_not_run deny 'cargo-deny is not installed (bash .ci/tools.sh)'
    fi
}

did_not_run() {
    printf '\n== %s: did NOT run: %s\n' "$1" "$2"
    summary+=("$(printf '%-7s %5s    %s: %s' 'not run' '' "$1" "$2")")
}

step fmt cargo fmt --all --check
step tidy cargo run --quiet --locked --package xtask -- tidy
step clippy cargo clippy --locked --workspace --all-targets -- -D warnings
# Before the tests that start its program.
step enclave-clippy cargo clippy --locked --manifest-path enclave/Cargo.toml --all-targets -- -D warnings
step enclave-test cargo test --locked --manifest-path enclave/Cargo.toml
step test cargo test --locked --workspace
# The same seeds each time, at most about a minute each; other seeds are for `just soak`.
step oracle-sync cargo run --quiet --locked --package xtask -- oracle sync --rounds 50 --seed 1
step oracle-runs cargo run --quiet --locked --package xtask -- oracle runs --rounds 20 --seed 1
step oracle-plan cargo run --quiet --locked --package xtask -- oracle plan --rounds 300 --seed 1
# Not in the default build, which nothing needs after it.
step test-features cargo test --locked --package welkin --features otlp,pkcs11,postgres --test cli -- held replicas traces
step doc env RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -D warnings" cargo doc --locked --workspace --no-deps
deny

printf '\n'
printf '%s\n' "${summary[@]}"
printf '%d s in all\n' "$SECONDS"
if ((${#failed[@]} > 0)); then
    for name in "${failed[@]}"; do
        printf '\n== the end of %s\n' "$name"
        tail -n "$REPEATED" "$told/$name" | cut -c 1-400
    done
    printf 'failed: %s\n' "${failed[*]}" >&2
    exit 1
fi
