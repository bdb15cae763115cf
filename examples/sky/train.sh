#!/bin/sh
# Train a logistic regression by gradient descent.
set -eu
export LC_ALL=C
mkdir -p "$HOME/outputs"
awk -f train.awk -v out="$HOME/outputs/model" "$HOME/inputs/patients"
