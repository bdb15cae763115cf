#!/bin/sh
# Validate, de-duplicate, impute and normalise the patients, then split them into two sets.
set -eu
export LC_ALL=C
out="$HOME/outputs"
mkdir -p "$out"
raw="$HOME/inputs/raw"
echo "reading $(grep -vc '^#' "$raw") lines"
# Twice over the data: the first pass counts means and deviations, the second writes.
awk -f clean.awk -v out="$out" "$raw" "$raw"
echo "train on $(wc -l < "$out/train") rows, test on $(wc -l < "$out/test")"
