#!/usr/bin/env bash
# Measures the transfer engine and prints a table, other tools in the same run beside it.
#
#     benches/transfer.sh [--quick] [--only ROW[,ROW]]
#
#   --quick  smaller objects and fewer of them: to see that it works, not to quote
#   --only   of: large, small, relay, network, million
#
# Both stores are `welkin-testkit s3`, a server in memory in a process of its own: objects made on the
# fly, and a bucket that keeps sums only, so that a client's CPU is all that is counted. CPU time is that of
# the client alone (getrusage). Peers (rclone, s5cmd) come from WELKIN_STAND_INS, else
# target/stand-ins; without them their column says so. The network rows need root, `ip` and `tc`, and say so
# where they are not. Only ratios within one run mean something: these machines are noisy.
#
# The table goes to stdout, progress to stderr.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C
unset AWS_CA_BUNDLE

quick='' only=large,small,relay,network,million
while (($# > 0)); do
    case $1 in
        --quick) quick=1 ;;
        --only) only=$2 && shift ;;
        *)
            sed -n '2,17s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
            exit 2
            ;;
    esac
    shift
done
wants() { [[ ,$only, == *",$1,"* ]]; }
say() { printf '%s\n' "$*" >&2; }
row() { printf '| %s | %s | %s |\n' "$1" "$2" "$3"; }

cargo build --release --locked --quiet -p welkin -p welkin-testkit
cargo build --release --locked --quiet -p welkin-gateway --example relay_bench --example gateway_bed
cargo build --release --locked --quiet -p welkin-testkit --example network_rows
target=${CARGO_TARGET_DIR:-target}/release
welkin=$(realpath "$target/welkin")
tools=$(realpath -m "${WELKIN_STAND_INS:-target/stand-ins}")/bin
work=$(mktemp -d)
server=''
finish() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
export WELKIN_HOME=$work/home
mkdir -p "$WELKIN_HOME"

large_bytes=$((4 << 30)) small_count=10000 million=1000000 seconds=20
[[ -z $quick ]] || { large_bytes=$((512 << 20)) small_count=1000 million=20000 seconds=6; }

"$target/welkin-testkit" s3 --access-key BENCHKEY --secret-key BENCHSECRET --discard hole --buckets store \
    --synthetic "large=1,$large_bytes" --synthetic "small=$small_count,65536" \
    --synthetic "million=$million,1024" >"$work/address" &
server=$!
until [[ -s $work/address ]]; do kill -0 "$server"; done
address=$(head -n 1 "$work/address")
export WELKIN_STORES=a WELKIN_STORE_A_ENDPOINT=$address
export WELKIN_STORE_A_ACCESS_KEY_ID=BENCHKEY WELKIN_STORE_A_SECRET_ACCESS_KEY=BENCHSECRET
for name in SA SB; do
    export RCLONE_CONFIG_${name}_TYPE=s3 RCLONE_CONFIG_${name}_PROVIDER=Other
    export RCLONE_CONFIG_${name}_ENDPOINT=$address RCLONE_CONFIG_${name}_REGION=us-east-1
    export RCLONE_CONFIG_${name}_ACCESS_KEY_ID=BENCHKEY RCLONE_CONFIG_${name}_SECRET_ACCESS_KEY=BENCHSECRET
    export RCLONE_CONFIG_${name}_FORCE_PATH_STYLE=true
done
export AWS_ACCESS_KEY_ID=BENCHKEY AWS_SECRET_ACCESS_KEY=BENCHSECRET AWS_REGION=us-east-1

# CPU seconds, wall seconds and peak KiB of a command, in `cpu`, `wall` and `peak`.
measure() {
    say "-- $*"
    python3 - "$work/usage" "$@" <<'PYTHON'
import os, subprocess, sys, time
begin = time.monotonic()
code = subprocess.call(sys.argv[2:], stdout=subprocess.DEVNULL)
wall = time.monotonic() - begin
import resource
use = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as out:
    out.write(f"{use.ru_utime + use.ru_stime:.3f} {wall:.2f} {use.ru_maxrss}\n")
sys.exit(code)
PYTHON
    read -r cpu wall peak <"$work/usage"
}
per() { awk -v amount="$1" -v cpu="$cpu" -v digits="$2" 'BEGIN { printf "%.*f", digits, amount / cpu }'; }

printf '| what | Welkin | beside it, same run |\n|---|---|---|\n'

if wants large; then
    gb=$(awk -v bytes="$large_bytes" 'BEGIN { print bytes / 1e9 }')
    measure "$welkin" cp a:large a:hole/welkin
    ours="$(per "$gb" 2) GB ($wall s wall)"
    peer='rclone is not installed'
    if [[ -x $tools/rclone ]]; then
        key=$("$tools/rclone" lsf SA:large -q | head -n 1)
        measure "$tools/rclone" copyto "SA:large/$key" SB:hole/rclone -q --s3-no-check-bucket \
            --s3-upload-concurrency 16 --s3-chunk-size 16M --multi-thread-streams 16 --s3-disable-checksum
        peer="rclone $(per "$gb" 2) GB ($wall s)"
    fi
    row 'one large object, S3 to S3, a client CPU-s' "$ours" "$peer"
fi

if wants small; then
    measure "$welkin" cp a:small a:hole/welkin-small
    ours="$(per "$small_count" 0) objects ($wall s wall)"
    peer='rclone is not installed'
    if [[ -x $tools/rclone ]]; then
        measure "$tools/rclone" copy SA:small SB:hole/rclone-small -q --s3-no-check-bucket --transfers 64 \
            --checkers 64 --s3-disable-checksum
        peer="rclone $(per "$small_count" 0)"
    fi
    if [[ -x $tools/s5cmd ]]; then
        mkdir -p "$work/stage"
        measure "$tools/s5cmd" --log error --endpoint-url "$address" cp 's3://small/*' "$work/stage/"
        down=$cpu
        measure "$tools/s5cmd" --log error --endpoint-url "$address" cp "$work/stage/" s3://hole/s5cmd/
        cpu=$(awk -v a="$down" -v b="$cpu" 'BEGIN { print a + b }')
        peer="$peer, s5cmd $(per "$small_count" 0)"
        rm -rf "$work/stage"
    fi
    row "$small_count objects of 64 KiB, a client CPU-s" "$ours" "$peer"
fi

if wants relay; then
    say '-- relay_bench'
    "$target/examples/relay_bench" $([[ -z $quick ]] && echo 4 || echo 1) | tee "$work/relay" >&2
    while IFS= read -r line; do row 'relay bench' "\`$line\`" ''; done < <(grep -v '^ *$' "$work/relay")
fi

if wants network; then
    say '-- network_rows'
    while IFS='|' read -r what ours peer; do row "$what" "$ours" "$peer"; done \
        < <("$target/examples/network_rows" "$(realpath "$target/examples/gateway_bed")" "$seconds")
fi

if wants million; then
    measure "$welkin" sync a:million a:hole/million
    row "$million objects listed and synced" "peak $((peak / 1024)) MiB, $wall s" ''
    measure "$welkin" sync a:million a:hole/million
    row 'the same again, nothing to do' "peak $((peak / 1024)) MiB, $wall s" ''
fi
