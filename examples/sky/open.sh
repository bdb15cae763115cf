#!/bin/sh
# At the recipient's own machine: opens what came of the sealed task, and splits it into two sets.
set -eu
export LC_ALL=C
out="$HOME/outputs"
mkdir -p "$out"
welkin seal open "$HOME/inputs/cleaned" --party research --to "$TMPDIR/rows.csv"
awk -F, -v out="$out" 'NR > 1 {
    row = $2
    for (i = 3; i <= NF; i++) row = row "," sprintf("%.5f", $i)
    print row > (out "/" ($1 == "true" ? "test" : "train"))
}' "$TMPDIR/rows.csv"
rm "$TMPDIR/rows.csv"
echo "train on $(wc -l < "$out/train") rows, test on $(wc -l < "$out/test")"
