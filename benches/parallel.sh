#!/usr/bin/env bash
# Measures planning: reading a model graph, and the best mesh or pipeline for it. Prints a table.
#
#     benches/parallel.sh MODEL CLUSTER [MODEL CLUSTER ...]
#
# MODEL is a file that `trace` of python/welkin/jax wrote. Wall seconds of planning, CPU seconds and peak memory of the whole
# process; a gap is to the proven bound on the best mesh.
#
# With HIGHS_PYTHON, a Python that has highspy, and HIGHS, names of models (`gpt2-1.json gpt2-2.json`), a second table compares with
# HiGHS on the same costs, on meshes of 8 and of 2 × 4 devices: both sums must be equal. On the latter that takes minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

if (($# < 2)); then
    sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
fi
cargo build --release --locked --quiet -p welkin-parallel --example speed --example costs
speed=$(realpath "${CARGO_TARGET_DIR:-target}/release/examples/speed")
costs=$(realpath "${CARGO_TARGET_DIR:-target}/release/examples/costs")
models=("$@")

# field KEY: the number of a key in the first JSON line on stdin.
field() { sed -n "1s/.*\"$1\": \([0-9.e-]*\).*/\1/p"; }

printf '| model | cluster | operations | read s | plan s | CPU s | peak MB | step ms | gap %% | stages |\n|---|---|---|---|---|---|---|---|---|---|\n'
while (($# >= 2)); do
    # Python itself takes less memory than any plan does, so the largest child is the planner.
    out=$(python3 - "$speed" "$1" "$2" <<'EOF'
import resource, subprocess, sys
out = subprocess.run(sys.argv[1:], capture_output=True, text=True, check=True).stdout
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(out.splitlines()[0][:-1] + f', "cpu_s": {used.ru_utime + used.ru_stime:.2f}, "peak_mb": {used.ru_maxrss / 1024:.0f}}}')
EOF
    )
    cpu=$(field cpu_s <<<"$out") peak=$(field peak_mb <<<"$out")
    printf '| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n' "$(basename "$1" .json)" "$2" \
        "$(field operations <<<"$out")" "$(field read_s <<<"$out")" "$(field plan_s <<<"$out")" "$cpu" "$peak" \
        "$(field step_s <<<"$out" | awk '{ printf "%.3f", $1 * 1000 }')" "$(field gap <<<"$out" | awk '{ printf "%.4f", $1 * 100 }')" \
        "$(field stages <<<"$out")"
    shift 2
done

[[ -n ${HIGHS_PYTHON:-} ]] || exit 0
printf '\n| model | columns | rows | found s | bound s | HiGHS s | time here s | time of HiGHS s | times |\n|---|---|---|---|---|---|---|---|---|\n'
for ((at = 0; at < ${#models[@]}; at += 2)); do
    name=$(basename "${models[at]}")
    [[ " ${HIGHS:-} " == *" $name "* ]] || continue
    for mesh in 8 '2 4'; do
        # shellcheck disable=SC2086 # sizes are words
        "$costs" "${models[at]}" 8xA100 $mesh | "$HIGHS_PYTHON" benches/parallel_highs.py "${name%.json}, mesh ${mesh/ / × }" | sed -n '/^|/p'
    done
done
