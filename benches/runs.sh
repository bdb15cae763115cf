#!/usr/bin/env bash
# Measures what many tasks and many finished runs cost, and prints a table.
#
#     benches/runs.sh [--tasks N[,N]] [--finished N] [--peer BINARY]
#
#   --tasks     jobs of so many independent tasks of `true` (default 100,1000,10000)
#   --finished  finished runs of examples/sky.yaml in the state before `up examples/hello.yaml` (default 3000)
#   --peer      another build of welkin, measured beside this one
#
# CPU is that of the command with everything it started, agents and scripts included: benches/rusage.py adopts what
# is left behind. A state with many runs is one run of the example whose rows are copied under other names, in SQL,
# since running it so often would take an hour. Folders lie below TMPDIR: one in memory (TMPDIR=/dev/shm) leaves out what
# the disk's file system costs. Progress goes to stderr.
set -euo pipefail
# The process that is measured drives the run itself.
export WELKIN_FOREGROUND=1
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

tasks=100,1000,10000 finished=3000 peer=''
while (($# > 0)); do
    case $1 in
        --tasks) tasks=$2 && shift ;;
        --finished) finished=$2 && shift ;;
        --peer) peer=$(realpath "$2") && shift ;;
        *)
            sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
            exit 2
            ;;
    esac
    shift
done
say() { printf '%s\n' "$*" >&2; }
command -v python3 >/dev/null || { say 'python3 is missing'; exit 1; }

[[ -n ${WELKIN_BENCH_BUILT:-} ]] || cargo build --release --locked --quiet -p welkin
welkin=$(realpath "${CARGO_TARGET_DIR:-target}/release/welkin")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# JOB: so many tasks of `true` that need nothing of one another.
job() {
    printf 'name: many\ntasks:\n'
    local number
    for ((number = 0; number < $1; number++)); do
        printf '  t%05d: {time: 1min, run: "true"}\n' "$number"
    done
}

# measure HOME COMMAND...: cpu seconds, wall seconds, peak MiB.
measure() {
    local home=$1
    shift
    WELKIN_HOME=$home XDG_CONFIG_HOME=$home/config python3 benches/rusage.py --runs 1 --no-warm-up "$@" |
        python3 -c 'import json, sys; row = json.load(sys.stdin)
print(row["cpu_ms_min"] / 1e3, row["wall_ms_min"] / 1e3, row["rss_mib"])'
}

printf '| what | CPU | a task | wall | peak memory |\n|---|---|---|---|---|\n'
row() { # WHAT TASKS CPU WALL RSS
    awk -v what="$1" -v n="$2" -v cpu="$3" -v wall="$4" -v rss="$5" 'BEGIN {
        printf "| %s | %.2f s | %s | %.1f s | %.0f MiB |\n", what, cpu, n ? sprintf("%.1f ms", 1000 * cpu / n) : "", wall, rss
    }'
}

# A task makes and removes some twenty files and folders, so what one costs where they lie is a part of each figure: ext4
# without a journal looks at every inode that was freed of late before it takes one, hundreds of microseconds for each.
python3 - "$scratch" <<'PY'
import os, resource, sys

paths = [os.path.join(sys.argv[1], f"file{number}") for number in range(2000)]

def spent(work):
    began = resource.getrusage(resource.RUSAGE_SELF)
    for path in paths:
        work(path)
    ended = resource.getrusage(resource.RUSAGE_SELF)
    return sum(getattr(ended, key) - getattr(began, key) for key in ("ru_utime", "ru_stime"))

make = lambda path: os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
rounds = [spent(make) + spent(os.unlink) for _ in range(2)]
each = 1e3 * rounds[1] / len(paths)
print(f"| a file made and removed where the folders lie, after others | {rounds[1]:.2f} s | {each:.3f} ms a file | | |")
PY
for build in "$welkin" $peer; do
    name=$([[ $build == "$welkin" ]] && echo '' || echo ', the other build')
    for count in ${tasks//,/ }; do
        say "$count tasks$name"
        job "$count" >"$scratch/many.yaml"
        read -r cpu wall rss < <(measure "$scratch/h" "$build" up "$scratch/many.yaml" --yes)
        row "\`up\` of $count tasks of \`true\`$name" "$count" "$cpu" "$wall" "$rss"
        rm -rf "$scratch/h"
    done
done

((finished > 0)) || exit 0
# The state is made by the older build where there is one: it must be readable by both.
first=${peer:-$welkin}
say "$finished finished runs"
export XDG_CONFIG_HOME=$scratch/c
WELKIN_HOME=$scratch/state "$first" up examples/sky.yaml --yes >/dev/null 2>&1
python3 - "$scratch/state/state/broker.sqlite3" "$finished" <<'PY'
import sqlite3, sys

db = sqlite3.connect(sys.argv[1])
db.execute("PRAGMA foreign_keys = OFF")
first, = db.execute("SELECT id FROM run").fetchone()
# Which columns a table has depends on the schema; keys that are counted by themselves are left to SQLite.
def columns(table):
    return [name for _, name, kind, _, _, key in db.execute(f"PRAGMA table_info({table})") if not (key and kind == "INTEGER")]
for number in range(1, int(sys.argv[2])):
    for table in ("run", "record", "node_event", "ledger"):
        names = columns(table)
        change = {"run" if table != "run" else "id": f"'{first}-{number:05}'"}
        if table == "ledger":
            change["id"] = f"id || '-{number}'"
        if "client_token" in names:
            change["client_token"] = "NULL"
        picked = ", ".join(change.get(name, name) for name in names)
        own = "id" if table == "run" else "run"
        db.execute(f"INSERT INTO {table} ({', '.join(names)}) SELECT {picked} FROM {table} WHERE {own} = ?", (first,))
db.commit()
PY
for build in "$welkin" $peer; do
    name=$([[ $build == "$welkin" ]] && echo '' || echo ', the other build')
    cp -a "$scratch/state" "$scratch/h"
    # The first start brings an older state up to date, once.
    WELKIN_HOME=$scratch/h "$build" up examples/hello.yaml --yes >/dev/null 2>&1
    read -r cpu wall rss < <(measure "$scratch/h" "$build" up examples/hello.yaml --yes)
    row "\`up examples/hello.yaml\` after $finished finished runs$name" '' "$cpu" "$wall" "$rss"
    rm -rf "$scratch/h"
    read -r cpu wall rss < <(measure "$scratch/h" "$build" up examples/hello.yaml --yes)
    row "\`up examples/hello.yaml\` in a new state$name" '' "$cpu" "$wall" "$rss"
    rm -rf "$scratch/h"
done
