#!/usr/bin/env bash
# Measures what sealing costs queries: the 22 questions of TPC-H on sealed tables against the same engine, and DuckDB, on the same tables
# in the open, oblivious steps against ordinary ones, and a contract from start to sealed result for a table of 1 MB.
#
#     benches/sql.sh [--scale S] [--runs N] [--threads N] [--engines N]
#
#   --scale    of the tables (0.1)
#   --runs     of each question on each side, interleaved (15)
#   --threads  of the engine (1)
#   --engines  that run the questions together, beside one with as many threads; nothing else is measured then (1: no such table)
#
# CPU is user and system time of the process. The open side runs twice, before and after the sealed one: open/open tells what a
# difference is worth. `opening` is what comes before the query: the contract, and the hashes of all inputs. DuckDB makes the
# tables; it comes from WELKIN_STAND_INS, else target/stand-ins (.ci/stand-ins.sh). The table goes to stdout, progress to stderr.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

scale=0.1 runs=15 threads=1 engines=1
while (($# > 0)); do
    case $1 in
        --scale) scale=$2 && shift ;;
        --runs) runs=$2 && shift ;;
        --threads) threads=$2 && shift ;;
        --engines) engines=$2 && shift ;;
        *)
            sed -n '2,15s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
            exit 2
            ;;
    esac
    shift
done

python=$(realpath "${WELKIN_STAND_INS:-target/stand-ins}/bin/duckdb-python")
[[ -x $python ]] || { echo "sql.sh: DuckDB is not installed (.ci/stand-ins.sh)" >&2 && exit 1; }
cargo build --release --locked --quiet
cargo build --release --locked --quiet --manifest-path enclave/Cargo.toml --bins --examples
programs=$(realpath target/release):$(realpath enclave/target/release)
speed=$(realpath enclave/target/release/examples/speed)
tpch=$(realpath enclave/tests/tpch)
rusage=$(realpath benches/rusage.py)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tables" "$work/same"
echo "tables of scale $scale" >&2
(cd "$work/tables" && "$python" "$tpch/oracle.py" make "$scale")

if ((engines > 1)); then
    echo "22 questions in $engines engines, $runs runs" >&2
    printf '| question | one, CPU ms | %d, CPU ms | ratio | one, wall ms | %d, wall ms | ratio |\n|---|---|---|---|---|---|---|\n' "$engines" "$engines"
    "${speed%speed}several" "$work/tables" "$tpch/queries.sql" "$runs" "$threads" "$engines" | tr -d '{}",:' | awk '
        {
            printf "| %d | %.1f | %.1f | %.2f | %.1f | %.1f | %.2f |\n", $2, $4, $8, $8 / $4, $6, $10, $10 / $6
            fflush()
            cpus += log($8 / $4); walls += log($10 / $6); n++
        }
        END { printf "| geometric mean | | | %.2f | | | %.2f |\n", exp(cpus / n), exp(walls / n) }'
    exit
fi

echo "22 questions, $runs runs" >&2
printf '| question | open ms | sealed ms | sealed/open | open/open | opening ms |\n|---|---|---|---|---|---|\n'
"$speed" "$work/tables" "$tpch/queries.sql" "$runs" "$threads" "$work/same" | tee "$work/speed" | awk '
    { gsub(/[{}",:]/, "") }
    {
        open = $4; again = $6; sealed = $8; opening = $10
        mean = (open + again) / 2
        ratio = sealed / mean; control = again / open
        printf "| %d | %.1f | %.1f | %.3f | %.3f | %.1f |\n", $2, mean, sealed, ratio, control, opening
        fflush()
        logs += log(ratio); controls += log(control); n++
        if (ratio > worst) worst = ratio
    }
    END { printf "| geometric mean | | | %.3f | %.3f | |\n| worst | | | %.3f | | |\n", exp(logs / n), exp(controls / n), worst }'

echo 'the same questions to DuckDB' >&2
printf '\n| question | DuckDB ms | open/DuckDB | sealed/DuckDB |\n|---|---|---|---|\n'
(cd "$work/same" && "$python" "$tpch/oracle.py" time "$runs" "$threads") >"$work/duckdb"
tr -d '{}",:' <"$work/speed" | awk '
    NR == FNR { duckdb[$1] = $2; next }
    {
        open = ($4 + $6) / 2 / duckdb[$2]; sealed = $8 / duckdb[$2]
        printf "| %d | %.1f | %.2f | %.2f |\n", $2, duckdb[$2], open, sealed
        opens += log(open); seals += log(sealed); n++
    }
    END { printf "| geometric mean | | %.2f | %.2f |\n", exp(opens / n), exp(seals / n) }' "$work/duckdb" -

echo 'oblivious steps beside ordinary ones' >&2
printf '\n| step | rows | ordinary ms | oblivious ms | oblivious/ordinary |\n|---|---|---|---|---|\n'
for rows in 65536 1048576; do
    "${speed%speed}oblivious" "$rows" 5 | tr -d '{}",:' | sed -E 's/[a-z_]+(sort|filter|group|join)/\1/; s/(rows|plain_ms|oblivious_ms|ratio)/ /g' |
        awk '{ printf "| %s | %d | %.1f | %.1f | %.1f |\n", $1, $2, $3, $4, $5; fflush() }'
done

echo 'a contract from start to result' >&2
cd "$work"
export WELKIN_HOME=$work/home PATH=$programs:$PATH
awk 'BEGIN { print "id,ward,days"; for (row = 0; row < 60000; row++) printf "%d,ward %d,%d\n", row, row * 7919 % 97, row * 31 % 60 }' >t.csv
{
    welkin seal keygen --party a
    welkin seal data t.csv --party a --name stays --version 1 --to stays
    echo 'SELECT ward, count(*) AS stays, avg(days) AS days FROM stays GROUP BY ward' >q.sql
    engine=$(welkin sql engine)
    welkin seal contract new --sql q.sql --input stays/snapshot.json --to a --engine "$engine" --runs 1000 >c.json
    welkin seal contract sign c.json --party a
    mkdir -p home/seal/policies
    printf "schema = 'welkin.policy/1'\n[simulated]\nallow-debug = true\nmeasurements.measurement = ['%s']\n" "${engine#*=}" >home/seal/policies/a.toml
} >/dev/null 2>&1
printf '\n| contract to result, %s bytes of CSV | |\n|---|---|\n| CPU and wall seconds | %s |\n' "$(stat -c %s t.csv)" \
    "$(python3 "$rusage" --runs "$runs" --fresh result welkin sql run c.json --query q.sql --input stays --to result)"
printf '| welkin-enclave, bytes | %s |\n' "$(stat -c %s "${programs#*:}/welkin-enclave")"
