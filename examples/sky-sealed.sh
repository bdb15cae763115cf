#!/bin/sh
# The founding example with its first task sealed: sh examples/sky-sealed.sh FOLDER
#
# Two parties, both on this machine: `hospital` owns the patients, `research` gets what comes of the query that both know. The
# engine's evidence is SIMULATED here: nobody vouches for it, and the hospital's policy accepts that for a trial.
# Needs `welkin` and `welkin-enclave` on the path, in one folder: emulated machines find the engine beside the program that drives them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?usage: sh sky-sealed.sh FOLDER}
WELKIN_HOME=${WELKIN_HOME:-${XDG_STATE_HOME:-$HOME/.local/state}/welkin}
export WELKIN_HOME
mkdir "$folder"
cp -r "$here/sky" "$here/sky-sealed.yaml" "$folder"
cd "$folder"

for party in hospital research; do
    [ -e "$WELKIN_HOME/seal/keys/$party.json" ] || welkin seal keygen --party "$party"
done
# Rows of the wrong shape are no rows of a table.
awk -F, '/^#/ { next } NF == 8 && ($1 == "id" || $1 ~ /^[0-9]+$/)' "$here/data/patients.csv" > patients.csv
welkin seal data patients.csv --party hospital --name patients --version 1 --to patients-1
rm patients.csv

engine=$(welkin sql engine)
mkdir -p "$WELKIN_HOME/seal/policies"
cat > "$WELKIN_HOME/seal/policies/hospital.toml" <<END
schema = 'welkin.policy/1'
[simulated]
measurements.measurement = ['${engine##*=}']
allow-debug = true
END
cp "$WELKIN_HOME/seal/policies/hospital.toml" "$WELKIN_HOME/seal/policies/research.toml"

welkin seal contract new --sql sky/clean.sql --input patients-1/snapshot.json --to research --engine "$engine" > contract.json
welkin seal contract sign contract.json --party hospital
welkin up sky-sealed.yaml --env WELKIN_HOME="$WELKIN_HOME"
