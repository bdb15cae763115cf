#!/usr/bin/env bash
# Three clinics train one model, twice: each keeps its rows and sends masked sums; and from the same rows, sealed, in an engine that
# none of them trusts unproven. Both models are the same file, byte for byte.
#
#     examples/three-clinics.sh [FOLDER]
#
# Each clinic has a home, keys, a policy and visits of its own; the host has none of these. Everything lies in FOLDER
# afterwards, else in a temporary one that is removed.
#
# SIMULATED: on a laptop no hardware keeps the host out of the engine. Everything else is what it is elsewhere.
#
# welkin and welkin-enclave are those on the path; where they are missing they are built, which takes some minutes once. Where there
# is a Python with XGBoost ($PYTHON, else python3), it predicts with the model as well.
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
mkdir clinic-a clinic-b clinic-c host
say() { printf '\n== %s\n' "$*"; }
# Whoever acts, acts with a home of their own, and sees only that.
at() {
    local who=$1
    shift
    WELKIN_HOME="$PWD/$who/home" "$@"
}

say 'Each clinic has visits that nobody else sees'
for party in a b c; do
    awk -v seed="$party" 'BEGIN {
        srand(index("abc", seed))
        print "age,weight,ward,returned"
        for (row = 0; row < 400; row++) {
            age = int(rand() * 90); weight = 40 + int(rand() * 800) / 10; ward = int(rand() * 5)
            print age "," (row % 11 ? weight : "") "," ward "," (age > 55 - ward * 5 && rand() < 0.9 ? 1 : 0)
        }
    }' >"clinic-$party/visits.csv"
done

say 'Federated: a coordinator on the host adds up masked sums'
cat >recipe.json <<'JSON'
{
  "label": "returned",
  "features": ["age", "weight", "ward"],
  "categories": ["ward"],
  "params": {"objective": "binary:logistic", "max_depth": 4},
  "rounds": 20
}
JSON
for party in a b c; do
    echo "$party $(at "clinic-$party" welkin boost federate --fingerprint --identity "clinic-$party/identity")"
done >parties.txt
echo "coordinator $(at host welkin boost federate --fingerprint --identity host/identity)" >>parties.txt
at host welkin boost federate --coordinator --listen 127.0.0.1:0 --parties parties.txt --identity host/identity \
    --set objective=binary:logistic --set max_depth=4 --rounds 20 --model host/federated.json --output json >host/told &
coordinator=$!
until address=$(sed -n 's/^.*"address": *"\([^"]*\)".*$/\1/p' host/told) && [[ -n $address ]]; do
    kill -0 "$coordinator"
    read -r -t 0.1 _ < <(:) || true
done
training=()
for party in a b c; do
    at "clinic-$party" welkin boost federate --party "$party" --coordinator "$address" --parties parties.txt \
        --identity "clinic-$party/identity" --data "clinic-$party/visits.csv" --label returned --categories ward &
    training+=("$!")
done
wait "${training[@]}" "$coordinator"

say 'Sealed: each clinic makes its keys, and gets to know the others'
for party in a b c; do
    at "clinic-$party" welkin seal keygen --party "$party"
    at "clinic-$party" welkin seal party show "$party" >"$party.json"
done
# On the telephone they compare fingerprints.
for party in a b c; do
    for other in a b c; do
        [[ $party == "$other" ]] || at "clinic-$party" welkin seal party add "$other.json"
    done
done

say 'Each seals its visits; what lies in sealed/ may be shown to anybody'
for party in a b c; do
    at "clinic-$party" welkin seal data "clinic-$party/visits.csv" --party "$party" --name visits --version 1 \
        --to "clinic-$party/sealed"
    cp -r "clinic-$party/sealed" "host/visits-$party"
done

say 'All agree on one recipe, in one engine, once; the model is for clinics a and b'
engine=$(welkin sql engine)
at clinic-a welkin seal contract new --boost recipe.json --input clinic-a/sealed/snapshot.json \
    --input clinic-b/sealed/snapshot.json --input clinic-c/sealed/snapshot.json --to a,b --engine "$engine" >contract.json
for party in a b c; do
    at "clinic-$party" welkin seal contract sign contract.json --party "$party"
    # What is good enough for this clinic. One that demands hardware leaves this table out, and nothing is trained.
    mkdir -p "clinic-$party/home/seal/policies"
    printf '%s\n' "schema = 'welkin.policy/1'" '[simulated]' 'allow-debug = true' \
        "measurements.measurement = ['${engine#*=}']" >"clinic-$party/home/seal/policies/$party.toml"
done
at clinic-c welkin seal contract show contract.json

say 'The host trains; each clinic judges for itself, and releases its keys to the engine alone'
# Between machines these commands begin with ssh.
asks=()
for party in a b c; do
    asks+=(--ask "$party=WELKIN_HOME='$PWD/clinic-$party/home' welkin seal release --party $party --input '$PWD/clinic-$party/sealed'")
done
trains() {
    at host welkin boost train contract.json --recipe "$1" --input host/visits-a --input host/visits-b --input host/visits-c \
        --to "$2" "${asks[@]}"
}
sed 's/"rounds": 20/"rounds": 21/' recipe.json >host/other.json
if trains host/other.json host/other; then exit 1; fi
trains recipe.json host/result

say 'Clinics a and b open the model; clinic c was not to get it, and once was agreed on'
for party in a b; do
    at "clinic-$party" welkin seal open host/result --party "$party" --to "clinic-$party/model.json"
done
if at clinic-c welkin seal open host/result --party c; then exit 1; fi
if trains recipe.json host/again; then exit 1; fi

say 'The three ways give one file'
{
    cat clinic-a/visits.csv
    tail -n +2 clinic-b/visits.csv
    tail -n +2 clinic-c/visits.csv
} >all.csv
welkin boost train --data all.csv --label returned --categories ward --set objective=binary:logistic --set max_depth=4 \
    --rounds 20 --model all.json
cmp all.json host/federated.json
cmp all.json clinic-a/model.json
cmp all.json clinic-b/model.json
echo 'federated, sealed, and of all rows in the open: the same bytes'

say 'What the host has of the sealed training on its disk, searched for the model'
if grep -r -a -l -E 'learner|binary:logistic' host/result host/visits-*; then
    echo 'a model lies on the host in the open' >&2
    exit 1
fi
echo 'none is there'

if "${PYTHON:-python3}" -c 'import xgboost' 2>/dev/null; then
    say 'XGBoost predicts with it as welkin does'
    welkin boost predict clinic-a/model.json all.csv >predictions.csv
    "${PYTHON:-python3}" - <<'PY'
import csv
import math
import xgboost

model = xgboost.Booster(model_file="clinic-a/model.json")
rows = list(csv.DictReader(open("all.csv")))
names = ["age", "weight", "ward"]
cells = [[float(row[name]) if row[name] else math.nan for name in names] for row in rows]
table = xgboost.DMatrix(cells, feature_names=names, feature_types=["q", "q", "c"], enable_categorical=True)
ours = [float(row["prediction"]) for row in csv.DictReader(open("predictions.csv"))]
theirs = model.predict(table)
worst = max(abs(one - float(other)) for one, other in zip(ours, theirs, strict=True))
assert worst <= 1e-6, worst
print(f"{len(ours)} rows, largest difference {worst}")
PY
else
    echo 'no Python with XGBoost is here; it was not asked'
fi
