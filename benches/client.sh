#!/usr/bin/env bash
# Measures the client on this machine against rclone, s5cmd and cp, and prints a table.
#
#     benches/client.sh [--quick] [--runs N] [--only ROW[,ROW]] [--tools TOOL[,TOOL]]
#
#   --quick  a smaller object and fewer small ones: to see that it works, not to quote
#   --runs   rounds, in each of which every tool runs once, one after the other (default 3)
#   --only   of: large, small, with :s3-s3, :s3-folder, :folder-s3, :folder-folder for one direction
#   --tools  of: welkin, rclone, s5cmd, cp
#
# The store is `welkin-testkit s3`, a server in memory in a process of its own: objects made on the fly, and a
# bucket that keeps sums only, so that what a client does is what is counted. Folders lie below TMPDIR, else in
# /dev/shm, and take 10 GiB: on ext4 every tool would be charged for what the one before it removed, since new files
# pass over inodes that were freed in the last minutes. CPU is that of the client alone, with its children
# (benches/rusage.py). Each figure is the median of the rounds. Between two stores s5cmd has no way but down to a
# folder and up again. Peers come from WELKIN_STAND_INS, else target/stand-ins; one that is missing has no figures.
#
# The last columns compare Welkin's wall time with the least of all the others', where at most 1.0 is asked for, and its
# CPU time with the least of rclone's and s5cmd's (cp reads no byte, and so hashes none), where at most 0.4 is.
# The table goes to stdout, progress to stderr.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C
unset AWS_CA_BUNDLE

quick='' runs=3 only=large,small tools=welkin,rclone,s5cmd,cp
while (($# > 0)); do
    case $1 in
        --quick) quick=1 ;;
        --runs) runs=$2 && shift ;;
        --only) only=$2 && shift ;;
        --tools) tools=$2 && shift ;;
        *)
            sed -n '2,24s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
            exit 2
            ;;
    esac
    shift
done
say() { printf '%s\n' "$*" >&2; }
wants() { [[ ,$only, == *",$1,"* || ,$only, == *",$1:$2,"* ]]; }
has() {
    [[ ,$tools, == *",$1,"* ]] || return 1
    case $1 in rclone | s5cmd) [[ -x $peers/$1 ]] ;; *) true ;; esac
}

if [[ -z ${WELKIN_BENCH_BUILT:-} ]]; then
    cargo build --release --locked --quiet -p welkin -p welkin-testkit
fi
target=$(realpath "${CARGO_TARGET_DIR:-target}/release")
peers=$(realpath -m "${WELKIN_STAND_INS:-target/stand-ins}")/bin
work=$(mktemp -d -p "${TMPDIR:-/dev/shm}")
server=''
finish() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
export WELKIN_HOME=$work/home
mkdir -p "$WELKIN_HOME"

large_bytes=$((4 << 30)) small_count=10000
[[ -z $quick ]] || { large_bytes=$((512 << 20)) small_count=1000; }
small_bytes=65536

"$target/welkin-testkit" s3 --access-key BENCHKEY --secret-key BENCHSECRET --discard hole --buckets store \
    --synthetic "large=1,$large_bytes" --synthetic "small=$small_count,$small_bytes" >"$work/address" &
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
export RCLONE_CONFIG=$work/rclone.conf
: >"$RCLONE_CONFIG"

# What a folder has is what the store has, so that all directions move the same bytes.
mkdir -p "$work/large" "$work/small"
"$target/welkin" cp a:large "$work/large/" >&2
"$target/welkin" cp a:small "$work/small/" >&2

# Flags for speed, as its documentation has them.
rclone=("$peers/rclone" copy -q --s3-no-check-bucket --s3-disable-checksum --s3-upload-concurrency 16
    --s3-chunk-size 16M --multi-thread-streams 16 --transfers 64 --checkers 64)
s5cmd=("$peers/s5cmd" --log error --endpoint-url "$address")

# The command of a tool for a row in a direction; none where it has no such way. $out is a folder or a prefix.
command_of() {
    local tool=$1 row=$2 direction=$3 out=$4
    case $tool:$direction in
        welkin:s3-s3) command=("$target/welkin" cp "a:$row" "a:hole/$out") ;;
        welkin:s3-folder) command=("$target/welkin" cp "a:$row" "$work/out/") ;;
        welkin:folder-s3) command=("$target/welkin" cp "$work/$row/" "a:hole/$out") ;;
        welkin:folder-folder) command=("$target/welkin" cp "$work/$row/" "$work/out/") ;;
        rclone:s3-s3) command=("${rclone[@]}" "SA:$row" "SB:hole/$out") ;;
        rclone:s3-folder) command=("${rclone[@]}" "SA:$row" "$work/out") ;;
        rclone:folder-s3) command=("${rclone[@]}" "$work/$row" "SB:hole/$out") ;;
        rclone:folder-folder) command=("${rclone[@]}" "$work/$row" "$work/out") ;;
        s5cmd:s3-s3)
            # shellcheck disable=SC2016 # expanded by the inner shell
            command=(bash -c 'mkdir "$1"; "${@:4}" cp "s3://$2/*" "$1/" && exec "${@:4}" cp "$1/" "s3://hole/$3/"'
                s5cmd "$work/out" "$row" "$out" "${s5cmd[@]}")
            ;;
        s5cmd:s3-folder) command=("${s5cmd[@]}" cp "s3://$row/*" "$work/out/") ;;
        s5cmd:folder-s3) command=("${s5cmd[@]}" cp "$work/$row/" "s3://hole/$out/") ;;
        cp:folder-folder) command=(cp -a "$work/$row" "$work/out") ;;
        *) return 1 ;;
    esac
}

measure() {
    local row=$1 direction=$2 round tool
    for ((round = 1; round <= runs; round++)); do
        for tool in welkin rclone s5cmd cp; do
            has "$tool" && command_of "$tool" "$row" "$direction" "$tool-$row-$direction-$round" || continue
            say "-- $row $direction, round $round: $tool"
            # Before the clock runs.
            rm -rf "$work/out"
            printf '%s %s %s ' "$row" "$direction" "$tool" >>"$work/figures"
            python3 benches/rusage.py --runs 1 --no-warm-up "${command[@]}" >>"$work/figures"
        done
    done
}

: >"$work/figures"
for row in large small; do
    for direction in s3-s3 s3-folder folder-s3 folder-folder; do
        if wants "$row" "$direction"; then measure "$row" "$direction"; fi
    done
done

python3 - "$work/figures" "$large_bytes" "$small_count" "$small_bytes" <<'PYTHON'
import json, statistics, sys

runs = {}
for line in open(sys.argv[1], encoding="utf-8"):
    row, direction, tool, usage = line.split(" ", 3)
    usage = json.loads(usage)
    runs.setdefault((row, direction), {}).setdefault(tool, []).append((usage["wall_ms_min"], usage["cpu_ms_min"]))
names = {"large": f"one object of {int(sys.argv[2]) / (1 << 30):g} GiB", "small": f"{sys.argv[3]} objects of {int(sys.argv[4]) >> 10} KiB"}
tools = ["welkin", "rclone", "s5cmd", "cp"]
print("| what; wall s, CPU s | Welkin | rclone | s5cmd | cp -a | wall ÷ best | CPU ÷ best |\n|---|---|---|---|---|---|---|")
for (row, direction), by_tool in runs.items():
    middle = {tool: [statistics.median(figure) / 1e3 for figure in zip(*figures)] for tool, figures in by_tool.items()}
    cells = [f"{middle[tool][0]:.2f}, {middle[tool][1]:.2f}" if tool in middle else "—" for tool in tools]
    ratios = []
    for at, rivals in ((0, ["rclone", "s5cmd", "cp"]), (1, ["rclone", "s5cmd"])):
        theirs = [middle[tool][at] for tool in rivals if tool in middle]
        ratios.append(f"{middle['welkin'][at] / min(theirs):.2f}" if "welkin" in middle and theirs else "—")
    print(f"| {names[row]}, {direction.replace('-', ' to ').replace('s3', 'S3')} | " + " | ".join(cells + ratios) + " |")
PYTHON
