#!/usr/bin/env bash
# Two hospitals find out together what neither could alone, on a machine that neither trusts.
#
#     examples/two-hospitals.sh [FOLDER]
#
# Each hospital has a home, keys, a policy and patients of its own; the host has none of these. Both sign one query. The host starts
# an engine, which proves to each hospital what it is, gets the keys of the sealed tables for this one run, and seals the
# answer for hospital a. Everything lies in FOLDER afterwards, else in a temporary one that is removed.
#
# SIMULATED: on a laptop no hardware keeps the host out of the engine. Everything else is what it is elsewhere.
#
# welkin and welkin-enclave are those on the path; where they are missing they are built, which takes some minutes once.
set -euo pipefail
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if ! command -v welkin >/dev/null || ! command -v welkin-enclave >/dev/null; then
    cargo build --locked --manifest-path "$checkout/Cargo.toml"
    cargo build --locked --manifest-path "$checkout/enclave/Cargo.toml"
    PATH="$checkout/target/debug:$checkout/enclave/target/debug:$PATH"
fi

if (($# > 0)); then
    mkdir -p "$1"
    cd "$1"
else
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    cd "$folder"
fi
mkdir hospital-a hospital-b host
say() { printf '\n== %s\n' "$*"; }
# Whoever acts, acts with a home of their own, and sees only that.
at() {
    local who=$1
    shift
    WELKIN_HOME="$PWD/$who/home" "$@"
}

say 'Each hospital makes its keys, and gets to know the other'
for party in a b; do
    at "hospital-$party" welkin seal keygen --party "$party"
    at "hospital-$party" welkin seal party show "$party" >"$party.json"
done
# On the telephone they compare fingerprints.
at hospital-a welkin seal party add b.json
at hospital-b welkin seal party add a.json

say 'Each seals its patients; what lies in sealed/ may be shown to anybody'
printf '%s\n' 'patient,drug,days' 'Abelone Quisthoudt,aspirin,9' 'Basilius Vandersloot,novomycin,4' 'Corisande Thistlewood,novomycin,5' \
    'Dagobert Featherstone,aspirin,8' >hospital-a/patients.csv
printf '%s\n' 'patient,drug,days' 'Euphrasia Winterbottom,novomycin,3' 'Fridolin Aschenbrenner,aspirin,10' \
    'Griselda Mountjoy,novomycin,4' 'Hieronymus Blackwater,elixir,2' >hospital-b/patients.csv
for party in a b; do
    at "hospital-$party" welkin seal data "hospital-$party/patients.csv" --party "$party" --name patients --version 1 \
        --to "hospital-$party/sealed"
    cp -r "hospital-$party/sealed" "host/patients-$party"
done

say 'Both agree on one query, in one engine, with no group below two patients, once, for hospital a'
printf '%s\n' 'SELECT drug, count(*) AS patients, avg(days) AS days' 'FROM patients GROUP BY drug ORDER BY days' >query.sql
engine=$(welkin sql engine)
at hospital-a welkin seal contract new --sql query.sql --input hospital-a/sealed/snapshot.json \
    --input <(cat hospital-b/sealed/snapshot.json) --to a --engine "$engine" --minimum-group 2 >contract.json
for party in a b; do
    at "hospital-$party" welkin seal contract sign contract.json --party "$party"
    # What is good enough for this hospital. One that demands hardware leaves this table out, and nothing runs.
    mkdir -p "hospital-$party/home/seal/policies"
    printf '%s\n' "schema = 'welkin.policy/1'" '[simulated]' 'allow-debug = true' \
        "measurements.measurement = ['${engine#*=}']" >"hospital-$party/home/seal/policies/$party.toml"
done
at hospital-a welkin seal contract show contract.json

say 'The host runs it; each hospital judges for itself, and releases its keys to the engine alone'
# Between machines these commands begin with ssh.
at host welkin sql run contract.json --query query.sql --input host/patients-a --input host/patients-b --to host/result \
    --ask "a=WELKIN_HOME='$PWD/hospital-a/home' welkin seal release --party a --input '$PWD/hospital-a/sealed'" \
    --ask "b=WELKIN_HOME='$PWD/hospital-b/home' welkin seal release --party b --input '$PWD/hospital-b/sealed'"

say 'Hospital a opens the result. The drug that one patient got is not in it'
at hospital-a welkin seal open host/result --party a

say 'Hospital b was not to get it, and once was agreed on'
if at hospital-b welkin seal open host/result --party b; then exit 1; fi
if at host welkin sql run contract.json --query query.sql --input host/patients-a --input host/patients-b --to host/again \
    --ask "a=WELKIN_HOME='$PWD/hospital-a/home' welkin seal release --party a --input '$PWD/hospital-a/sealed'" \
    --ask "b=WELKIN_HOME='$PWD/hospital-b/home' welkin seal release --party b --input '$PWD/hospital-b/sealed'"; then exit 1; fi

say 'What hospital a has on record'
at hospital-a welkin seal log show

say 'What the host has on its disk, searched for any patient and any drug'
if grep -r -a -l -E 'Quisthoudt|Vandersloot|Thistlewood|Featherstone|Winterbottom|Aschenbrenner|Mountjoy|Blackwater|aspirin|novomycin' host; then
    echo 'a plain value lies on the host' >&2
    exit 1
fi
echo 'none is there'
