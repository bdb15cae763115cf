#!/usr/bin/env bash
# Measures training and prediction of boosted trees against XGBoost's `hist` on the same rows, and prints a table.
#
#     benches/boost.sh [--only KIND[,KIND]] [--threads N[,N]] [--rounds N] [--busy] [--parties N | --oblivious]
#
#   --only     of: dense, small, wide, onehot, categories (benches/boost.py says what they are); all but small otherwise
#   --threads  for each of these (1,2)
#   --rounds   of training (100)
#   --busy     beside a loop that keeps one core busy
#   --parties  instead, train by so many parties with a thread each, and on one machine with one; root, for a network of
#              their own whose bytes are counted. XGBoost's side needs a build with its federated plugin
#              (XGBOOST_PYTHON, a Python that has one)
#   --oblivious  instead, train plainly and obliviously, for each number of threads
#
# One after the other on the same rows, reading them left out, binning included; depth 6, eta 0.1, 256 bins. CPU is user and
# system time of the process: unlike wall time it hardly changes with what else the machine does. XGBoost comes from
# WELKIN_STAND_INS, else target/stand-ins (.ci/stand-ins.sh). Where LIGHTGBM_PYTHON is a Python that has LightGBM, it takes part, and
# ratios are to the better of both. The table goes to stdout, progress to stderr.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

only=dense,wide,onehot,categories threads=1,2 rounds=100 busy='' parties='' oblivious=''
while (($# > 0)); do
    case $1 in
        --only) only=$2 && shift ;;
        --threads) threads=$2 && shift ;;
        --rounds) rounds=$2 && shift ;;
        --busy) busy=1 ;;
        --parties) parties=$2 && shift ;;
        --oblivious) oblivious=1 ;;
        *)
            sed -n '2,18s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
            exit 2
            ;;
    esac
    shift
done

cargo build --release --locked --quiet -p welkin-boost --example speed
speed=$(realpath "${CARGO_TARGET_DIR:-target}/release/examples/speed")
python=${WELKIN_STAND_INS:-target/stand-ins}/bin/xgboost-python
[[ -x $python ]] || { echo "boost.sh: XGBoost is not installed (.ci/stand-ins.sh)" >&2 && exit 1; }
work=$(mktemp -d)
loop=''
finish() {
    [[ -z $loop ]] || kill "$loop" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
if [[ -n $busy ]]; then
    while :; do :; done &
    loop=$!
fi

# field KEY: the number of a key in the JSON line on stdin.
field() { sed -n "s/.*\"$1\": \([0-9.]*\).*/\1/p"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", (b > 0 ? a / b : 0) }'; }

# network COMMAND...: runs it in a network of its own, and prints its lines and then the bytes that went over it.
network() {
    unshare -n sh -c 'ip link set lo up && "$@" && awk "/lo:/ { print \$10 }" /proc/net/dev' sh "$@"
}

if [[ -n $parties ]]; then
    cargo build --release --locked --quiet -p welkin-federate --example parties
    together=$(realpath "${CARGO_TARGET_DIR:-target}/release/examples/parties")
    printf '| rows | parties | who | wall s | CPU s | CPU ÷ one machine | MB a round |\n|---|---|---|---|---|---|---|\n'
    for kind in ${only//,/ }; do
        read -r count width < <("$python" benches/boost.py rows "$work" "$kind")
        settings=(objective=binary:logistic eta=0.1 max_depth=6 "rounds=$rounds")
        # line WHO JSON [ONE [BYTES]]: a row of the table.
        line() {
            local mb='' times=''
            [[ -z ${3:-} ]] || times=$(ratio "$(field train_cpu <<<"$2")" "$3")
            [[ -z ${4:-} ]] || mb=$(awk -v b="$4" -v r="$rounds" 'BEGIN { printf "%.2f", b / r / 1e6 }')
            printf '| %s %s x %s | %s | %s | %.2f | %.2f | %s | %s |\n' "$kind" "$count" "$width" "$parties" "$1" \
                "$(field train_wall <<<"$2")" "$(field train_cpu <<<"$2")" "$times" "$mb"
        }
        one=$("$speed" "$work" "$count" "$width" 1 "${settings[@]}")
        line 'welkin, one machine' "$one"
        for masked in true false; do
            said=$(network "$together" "$work" "$count" "$width" "$parties" 1 "${settings[@]}" "masked=$masked")
            [[ $masked == true ]] && who='welkin, masked' || who='welkin, not masked'
            line "$who" "$(head -1 <<<"$said")" "$(field train_cpu <<<"$one")" "$(tail -1 <<<"$said")"
        done
        theirs=${XGBOOST_PYTHON:-$python}
        if [[ $("$theirs" -c 'import xgboost; print(xgboost.build_info()["USE_FEDERATED"])') != True ]]; then
            echo "boost.sh: this XGBoost has no federated plugin" >&2
            continue
        fi
        one=$(OMP_NUM_THREADS=1 "$theirs" benches/boost.py xgboost "$work" "$count" "$width" 1 "${settings[@]}")
        line 'xgboost, one machine' "$one"
        said=$(OMP_NUM_THREADS=1 network "$theirs" benches/boost.py federated "$work" "$count" "$width" "$parties" "${settings[@]}" | grep -v listening)
        line 'xgboost, not masked, no TLS' "$(head -1 <<<"$said")" "$(field train_cpu <<<"$one")" "$(tail -1 <<<"$said")"
    done
    exit
fi

if [[ -n $oblivious ]]; then
    printf '| rows | threads | rounds | plain wall s | plain CPU s | oblivious wall s | oblivious CPU s | CPU ratio | predict CPU ratio |\n'
    printf '|---|---|---|---|---|---|---|---|---|\n'
    for kind in ${only//,/ }; do
        read -r count width < <("$python" benches/boost.py rows "$work" "$kind")
        for count_threads in ${threads//,/ }; do
            settings=("$count_threads" objective=binary:logistic eta=0.1 max_depth=6 "rounds=$rounds")
            echo "$kind, $count_threads threads" >&2
            plain=$("$speed" "$work" "$count" "$width" "${settings[@]}")
            hidden=$("$speed" "$work" "$count" "$width" "${settings[@]}" oblivious)
            a=$(field train_wall <<<"$plain") b=$(field train_cpu <<<"$plain")
            c=$(field train_wall <<<"$hidden") d=$(field train_cpu <<<"$hidden")
            printf '| %s %s x %s | %s | %s | %.2f | %.2f | %.2f | %.2f | %s | %s |\n' "$kind" "$count" "$width" "$count_threads" \
                "$rounds" "$a" "$b" "$c" "$d" "$(ratio "$d" "$b")" \
                "$(ratio "$(field predict_cpu <<<"$hidden")" "$(field predict_cpu <<<"$plain")")"
        done
    done
    exit
fi

lightgbm=${LIGHTGBM_PYTHON:-}
# least A B: the smaller of two numbers, of which the second may be missing.
least() { awk -v a="$1" -v b="$2" 'BEGIN { print (b != "" && b + 0 < a + 0 ? b : a) }'; }

printf '| rows | threads | what | welkin wall s | welkin CPU s | xgboost wall s | xgboost CPU s |'
[[ -z $lightgbm ]] || printf ' lightgbm wall s | lightgbm CPU s |'
printf ' wall ratio | CPU ratio |\n|---|---|---|---|---|---|---|%s---|---|\n' "${lightgbm:+---|---|}"
for kind in ${only//,/ }; do
    read -r count width < <("$python" benches/boost.py rows "$work" "$kind")
    settings=(objective=binary:logistic eta=0.1 max_depth=6 "rounds=$rounds")
    case $kind in
        onehot) settings+=(sparse) ;;
        categories) settings+=(categories) ;;
    esac
    for count_threads in ${threads//,/ }; do
        echo "$kind, $count_threads threads" >&2
        ours=$("$speed" "$work" "$count" "$width" "$count_threads" "${settings[@]}")
        theirs=$(OMP_NUM_THREADS=$count_threads "$python" benches/boost.py xgboost "$work" "$count" "$width" "$count_threads" "${settings[@]}")
        others=''
        [[ -z $lightgbm ]] ||
            others=$(OMP_NUM_THREADS=$count_threads "$lightgbm" benches/boost.py lightgbm "$work" "$count" "$width" "$count_threads" "${settings[@]}")
        for what in train predict; do
            a=$(field "${what}_wall" <<<"$ours") b=$(field "${what}_cpu" <<<"$ours")
            c=$(field "${what}_wall" <<<"$theirs") d=$(field "${what}_cpu" <<<"$theirs")
            e=$(field "${what}_wall" <<<"$others") f=$(field "${what}_cpu" <<<"$others")
            printf '| %s %s x %s | %s | %s | %.2f | %.2f | %.2f | %.2f |' \
                "$kind" "$count" "$width" "$count_threads" "$what" "$a" "$b" "$c" "$d"
            [[ -z $others ]] || printf ' %.2f | %.2f |' "$e" "$f"
            printf ' %s | %s |\n' "$(ratio "$a" "$(least "$c" "$e")")" "$(ratio "$b" "$(least "$d" "$f")")"
        done
    done
done
