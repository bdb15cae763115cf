#!/bin/sh
# Predict for the test set, and say how often the prediction is right.
set -eu
export LC_ALL=C
awk -f infer.awk "$HOME/inputs/model" "$HOME/inputs/patients"
