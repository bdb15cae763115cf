#!/usr/bin/env bash
# Measures the route planner and prints a table: CPU time of each plan, and HiGHS in the same run.
#
#     benches/route.sh [--highs VENV]
#
#   --highs VENV  virtual environment with highspy and numpy; without it one is made in a temporary folder
#                 from the package index, and if that fails HiGHS' column stays empty
#
# The plans are those of ../shared/fixtures/route/overlay_plans.json on the grid of 2022 in
# ../shared/data/wan: 112 plans with all 63 regions as relays. Without them there is nothing to measure.
# Welkin's time is that of a whole plan, from the graph to hops, paths, connections and bill; HiGHS' that of
# its solver alone, its model being built before the clock starts. Both prove a gap of at most 1e-4, both
# make two solves of a plan with a ceiling, and both use one thread.
#
# The last rows are 1,000 random plans, half of them over random grids whose rates tie (examples/route_random.rs).
#
# The table goes to stdout, progress to stderr.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

venv=''
while (($# > 0)); do
    case $1 in
        --highs) venv=$(realpath "$2") && shift ;;
        *)
            sed -n '2,17s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
            exit 2
            ;;
    esac
    shift
done

# Beside the repository, or beside a folder that holds several checkouts of it.
shared=''
for folder in ../shared ../../shared; do
    [[ -d $folder/data/wan && -z $shared ]] && shared=$folder
done
if [[ -z $shared ]]; then
    printf 'skipped: route: ../shared is absent\n'
    exit 0
fi
grid=$shared/data/wan fixtures=$shared/fixtures/route/overlay_plans.json

scratch=$(mktemp -d "${TMPDIR:-/tmp}/route.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
say() { printf '%s\n' "$*" >&2; }

say 'building'
cargo build --quiet --release -p welkin-route --example route_timing --example route_random
say 'planning with Welkin'
"${CARGO_TARGET_DIR:-target}/release/examples/route_timing" "$grid" "$fixtures" >"$scratch/welkin.jsonl"
say 'planning at random'
# A plan that does not end is one that the table does not count.
timeout 600 "${CARGO_TARGET_DIR:-target}/release/examples/route_random" "$grid" 1000 >"$scratch/random.jsonl" ||
    say 'the random plans were cut short'

: >"$scratch/highs.jsonl"
if [[ -z $venv ]]; then
    say 'installing highspy'
    python3 -m venv "$scratch/venv" && "$scratch/venv/bin/pip" install --quiet highspy numpy >&2 && venv=$scratch/venv ||
        say 'highspy could not be installed: its column stays empty'
fi
if [[ -n $venv ]]; then
    say 'planning with HiGHS'
    "$venv/bin/python" benches/route_highs.py "$grid" "$fixtures" >"$scratch/highs.jsonl"
fi

python3 - "$scratch" <<'PYTHON'
import json
import statistics
import sys

welkin, highs = ([json.loads(line) for line in open(f"{sys.argv[1]}/{name}.jsonl") if line.startswith("{")] for name in ("welkin", "highs"))
lexicographic = [plan["cost_ratio"] for plan in welkin if plan["cost_ratio"] is not None]


def figures(plans):
    if not plans:
        return "not run"
    times = [plan["cpu_ms"] for plan in plans]
    return f"{statistics.median(times):.1f} median, {max(times):.1f} most"


def key(plan):
    return plan["from"], plan["to"], plan["max_vms"], plan["plan"]


def within(ratios, good):
    return f"{sum(map(good, ratios))} of {len(ratios)}"


print("| what | Welkin | HiGHS, same run |")
print("|---|---|---|")
for limit in sorted({plan["max_vms"] for plan in welkin}):
    ours, theirs = ([plan for plan in plans if plan["max_vms"] == limit] for plans in (welkin, highs))
    print(f"| CPU-ms a plan, 63 regions, {limit} machines a region | {figures(ours)} | {figures(theirs)} |")
print(f"| largest gap | {max(plan['gap'] for plan in welkin):.1e} | 1.0e-04 asked for |")
rates = [plan["rate_ratio"] for plan in welkin]
print(f"| plans whose rate is within 0.1 % of the fixture or better | {within(rates, lambda r: r >= 0.999)} | |")
print(f"| cost-minimal plans whose cost is | {within(lexicographic, lambda r: r <= 1.001)} | |")
if highs:
    other = {key(plan): plan for plan in highs}
    pairs = [(plan, other[key(plan)]) for plan in welkin]
    rates = [ours["gbit_per_s"] / theirs["gbit_per_s"] for ours, theirs in pairs]
    costs = [ours["usd_per_gb"] / theirs["usd_per_gb"] for ours, theirs in pairs]
    good = sum(rate >= 0.999 and cost <= 1.001 for rate, cost in zip(rates, costs))
    print(f"| rate and cost within 0.1 % of HiGHS' or better | {good} of {len(pairs)} | |")
    ratio = sum(plan["cpu_ms"] for plan in highs) / sum(plan["cpu_ms"] for plan in welkin)
    print(f"| CPU time of all plans, as a multiple of Welkin's | 1 | {ratio:.0f} |")
with open(f"{sys.argv[1]}/random.jsonl") as file:
    random = [json.loads(line) for line in file if line.startswith("{")]
planned = [plan for plan in random if plan["refused"] is None]
print(f"| random plans that end, of 1,000 | {len(random)}, of which {len(planned)} have an answer | |")
print(f"| CPU-ms of a random plan | {figures(random)} | |")
print(f"| largest gap of a random plan | {max(plan['gap'] for plan in planned):.1e} | |")
PYTHON
