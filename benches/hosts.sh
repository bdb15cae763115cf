#!/usr/bin/env bash
# Measures runs on three hosts reached by SSH, and prints a table. The hosts are namespaces of this machine with
# real servers, so it needs root, iproute2 and openssh-server.
#
#     benches/hosts.sh [--tasks N] [--rounds N]
#
#   --tasks   independent tasks of `true` in one run (default 500)
#   --rounds  rounds of the first lines, of which the median is shown (default 7)
#
# CPU of the broker is that of `welkin up` and of the `ssh` processes that it starts, without what runs on the hosts:
# those are children of their servers. Folders lie below TMPDIR. Progress goes to stderr.
set -euo pipefail
# The process that is measured drives the run itself.
export WELKIN_FOREGROUND=1
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

tasks=500 rounds=7
while (($# > 0)); do
    case $1 in
        --tasks) tasks=$2 && shift ;;
        --rounds) rounds=$2 && shift ;;
        *)
            sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
            exit 2
            ;;
    esac
    shift
done
say() { printf '%s\n' "$*" >&2; }

[[ -n ${WELKIN_BENCH_BUILT:-} ]] || cargo build --release --locked --quiet -p welkin -p welkin-testkit
target=$(realpath "${CARGO_TARGET_DIR:-target}/release")
scratch=$(mktemp -d)
# The hosts live as long as their standard input is open.
mkfifo "$scratch/leash"
"$target/welkin-testkit" hosts 3 <"$scratch/leash" >"$scratch/way" &
exec 7>"$scratch/leash"
trap 'exec 7>&-; wait; rm -rf "$scratch"' EXIT
while [[ ! -s $scratch/way ]]; do sleep 0.1; done
read -r WELKIN_SSH <"$scratch/way"
export WELKIN_SSH WELKIN_HOME=$scratch/home
mkdir -p "$WELKIN_HOME"
printf 'lab:\n  hosts: [h1, h2, h3]\n' >"$WELKIN_HOME/hosts.yaml"
read -r -a ssh <<<"$WELKIN_SSH"

printf 'name: first\nresources: {infra: ssh, cpus: 1}\nrun: echo first line\n' >"$scratch/first.yaml"
# Milliseconds from the command to the task's first line.
first_line() {
    local start
    # What the round before said is not to be found.
    : >"$scratch/out"
    start=$(date +%s%N)
    "$target/welkin" up "$scratch/first.yaml" --yes >"$scratch/out" 2>&1 7>&- &
    until grep -q '| first line' "$scratch/out"; do sleep 0.005; done
    echo $((($(date +%s%N) - start) / 1000000))
    wait $!
}
median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

say 'first lines, with the upload'
with=$(for _ in $(seq "$rounds"); do
    for host in h1 h2 h3; do "${ssh[@]}" "$host" 'rm -rf ~/.welkin/bin' </dev/null; done
    rm -f "$WELKIN_HOME/catalog/hosts.json"
    first_line
done | median)
say 'first lines, without'
without=$(for _ in $(seq "$rounds"); do first_line; done | median)

say "$tasks tasks"
{
    printf 'name: many\ntasks:\n'
    for n in $(seq "$tasks"); do
        printf '  t%d:\n    resources: {infra: ssh, cpus: 1}\n    run: "true"\n' "$n"
    done
} >"$scratch/many.yaml"
# The times of the shell's child and of what that waited for, its `ssh` processes.
TIMEFORMAT='%U %S %R'
times=$({ time "$target/welkin" up "$scratch/many.yaml" --yes >"$scratch/many.out" 2>&1 7>&-; } 2>&1) ||
    { tail -20 "$scratch/many.out" >&2 && exit 1; }
read -r user system wall <<<"$times"
left=0
for host in h1 h2 h3; do
    left=$((left + $("${ssh[@]}" "$host" 'ls ~/.welkin/host/ssh/leases | wc -l' </dev/null)))
done
cpu=$(awk "BEGIN { printf \"%.1f\", ($user + $system) * 1000 / $tasks }")

cat <<TABLE
| what | measured | required |
|---|---|---|
| \`up\` to the task's first line, the program uploaded to three hosts: wall | $with ms | ≤ 3,000 ms |
| the same with the program there: wall | $without ms | ≤ 1,000 ms |
| $tasks tasks of \`true\` over three hosts: broker and \`ssh\`, CPU a task | $cpu ms ($wall s in all) | ≤ 10 ms |
| leases left on the hosts afterwards | $left | 0 |
TABLE
