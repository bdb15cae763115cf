#!/usr/bin/env bash
# Slow rounds: tests that kill at random times, the oracles, and fuzzing.
#
#     .ci/soak.sh [ROUNDS] [SECONDS PER FUZZ TARGET]
#
# A test takes part by reading WELKIN_SOAK_ROUNDS; without it, it runs as many rounds as `just check`
# can afford. Which test files do so is looked up here, so that no list has to be kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export WELKIN_SOAK_ROUNDS="${1:-${WELKIN_SOAK_ROUNDS:-200}}"
fuzz_seconds=${2:-300}

fuzz() {
    local folder=$1 target
    if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
        printf '\n== fuzz %s: did NOT run: it needs a nightly toolchain and cargo-fuzz\n' "$folder"
        return
    fi
    # Sound examples to begin with: those that the tests spoil.
    mkdir -p "$folder/seeds"
    WELKIN_FUZZ_SEEDS="$PWD/$folder/seeds" \
        cargo test --quiet --locked --manifest-path "$(dirname "$folder")/Cargo.toml" sound_example
    for target in "$folder"/fuzz_targets/*.rs; do
        target=$(basename "$target" .rs)
        printf '\n== fuzz %s %s: %s s\n' "$folder" "$target" "$fuzz_seconds"
        mkdir -p "$folder/corpus/$target"
        (cd "$(dirname "$folder")" && cargo +nightly fuzz run "$target" "fuzz/corpus/$target" fuzz/seeds -- \
            -max_total_time="$fuzz_seconds" -rss_limit_mb=536 -timeout=10)
    done
}

# Gigabytes, which only this is worth: without them the tests that need PyTorch say that they did not run.
if bash .ci/torch.sh; then
    export WELKIN_REQUIRE_TORCH=1
else
    printf '\n== PyTorch: did NOT run: it could not be installed\n'
fi

mapfile -t crates < <(grep -rl --include='*.rs' WELKIN_SOAK_ROUNDS crates | cut -d/ -f1,2 | sort -u)
if ((${#crates[@]} == 0)); then
    echo 'soak: no test reads WELKIN_SOAK_ROUNDS' >&2
    exit 1
fi
for crate in "${crates[@]}"; do
    start=$SECONDS
    printf '\n== soak %s: %s rounds\n' "$crate" "$WELKIN_SOAK_ROUNDS"
    cargo test --locked --manifest-path "$crate/Cargo.toml" --tests
    printf -- '-- %d s %s\n' "$((SECONDS - start))" "$crate"
done
# Not in the default build.
start=$SECONDS
printf '\n== soak replicas: %s rounds\n' "$WELKIN_SOAK_ROUNDS"
cargo test --locked --package welkin --features postgres --test cli -- replicas
printf -- '-- %d s replicas\n' "$((SECONDS - start))"
# Other seeds each time; the first line says which. Ten rounds for each kill of the tests above.
seed=${WELKIN_ORACLE_SEED:-$(date +%s)}
differ=0
for oracle in sync runs plan; do
    rounds=$((WELKIN_SOAK_ROUNDS * 10))
    # A round is a plan of some milliseconds.
    [[ $oracle == plan ]] && rounds=$((WELKIN_SOAK_ROUNDS * 100))
    printf '\n== oracle %s: %s rounds from seed %s\n' "$oracle" "$rounds" "$seed"
    cargo run --quiet --locked --package xtask -- oracle "$oracle" --rounds "$rounds" --seed "$seed" || differ=1
done
shopt -s nullglob
for folder in crates/*/fuzz enclave/fuzz; do
    fuzz "$folder"
done
exit "$differ"
