#!/usr/bin/env bash
# Installs PyTorch for the tests of `welkin.torch`: `.ci/torch.sh [FOLDER]`, into FOLDER/torch, where FOLDER is as for stand-ins.sh.
# It is not one of the stand-ins that `just check` installs: for this platform PyPI has it with the libraries of a GPU alone, 4.5 GB on disk.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

torch=torch==2.15.0
# PyTorch says of its own accord that it would like to have it.
numpy=numpy==2.4.6
# What is unpacked, and as much again while it is.
need_gib=10

folder=${1:-${WELKIN_STAND_INS:-target/stand-ins}}/torch

die() {
    printf 'torch: %s\n' "$*" >&2
    exit 1
}

if [[ -x $folder/bin/python && -f $folder/installed && $(<"$folder/installed") == "$torch $numpy" ]]; then
    exit 0
fi
mkdir -p "$(dirname "$folder")"
free_gib=$(($(df --output=avail -k "$(dirname "$folder")" | tail -n 1) / 1024 / 1024))
((free_gib >= need_gib)) || die "$free_gib GiB are free at $folder, and it takes $need_gib"
printf '== %s\n' "$torch"
start=$SECONDS
rm -rf "$folder"
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir "$torch" "$numpy"
# A gigabyte, for compilers that are not used here.
"$folder/bin/pip" uninstall --quiet --disable-pip-version-check --yes triton
printf '%s' "$torch $numpy" >"$folder/installed"
printf -- '-- ok %d s torch\n' "$((SECONDS - start))"
