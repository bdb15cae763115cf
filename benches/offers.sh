#!/usr/bin/env bash
# Measures what a catalog of many offers costs, and prints a table.
#
#     benches/offers.sh [--offers N] [--providers N] [--welkin BINARY] [--peer BINARY]
#
#   --offers     rows of the price lists, which are drawn from a seed (default 1000000)
#   --providers  lists that they are parted into (default 10)
#   --welkin     the build that is measured (default target/release/welkin)
#   --peer       another build, measured beside it
#
# The rows: `catalog import` of all lists; `plan` of one task over them; `plan` of a chain of 1,000 tasks of four
# kinds with edges of 1 to 20 GB. Folders lie below TMPDIR. Progress goes to stderr.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

offers=1000000 providers=10 welkin=target/release/welkin peer=''
while (($# > 0)); do
    case $1 in
        --offers) offers=$2 && shift ;;
        --providers) providers=$2 && shift ;;
        --welkin) welkin=$2 && shift ;;
        --peer) peer=$2 && shift ;;
        *)
            sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
            exit 2
            ;;
    esac
    shift
done
welkin=$(realpath "$welkin")
[[ -z $peer ]] || peer=$(realpath "$peer")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf 'writing %s rows\n' "$offers" >&2
benches/offers.py "$work/lists" "$offers" "$providers"
printf 'resources: {cpus: 8+, memory: 32+}\nrun: x\n' >"$work/one.yaml"
python3 - >"$work/chain.yaml" <<'PY'
needs = ["{cpus: 8+, memory: 32+}", "{accelerators: {A100: 8, H100: 8}}", "{accelerators: {T4: 1, L4: 1}}", "{cpus: 16+, memory: 64+}"]
print("name: chain\ntasks:")
for task in range(1000):
    inputs = f"inputs: {{x: t{task - 1}.out}}, " if task else ""
    print(f"  t{task}: {{resources: {needs[task % 4]}, time: 1h, {inputs}outputs: {{out: {{size: {task * 7 % 20 + 1} GB}}}}, run: x}}")
PY

measure() { # NAME BINARY
    local name=$1 binary=$2
    export WELKIN_HOME=$work/home-$name
    local row
    for row in "import|5|catalog import $work/lists" "plan of one task|9|plan $work/one.yaml" "plan of a chain of 1,000|3|plan $work/chain.yaml"; do
        IFS='|' read -r what runs command <<<"$row"
        printf '%s: %s\n' "$name" "$what" >&2
        # shellcheck disable=SC2086
        printf '| %s | %s | %s |\n' "$what" "$name" "$(benches/rusage.py --runs "$runs" "$binary" $command)"
    done
}

printf '| what | build | figures |\n|---|---|---|\n'
measure this "$welkin"
[[ -z $peer ]] || measure peer "$peer"
