# Predictions of a logistic regression: awk -f infer.awk WEIGHTS TEST

BEGIN { FS = "," }

NR == FNR { for (i = 1; i <= NF; i++) weight[i - 1] = $i; next }

{
    score = weight[0]
    for (i = 2; i <= NF; i++) score += weight[i - 1] * $i
    predicted = score > 0
    right += predicted == $1
    positives += $1
    if (++shown <= 5) printf "patient %d: risk %.2f, readmitted: %s\n", shown, 1 / (1 + exp(-score)), $1 ? "yes" : "no"
    rows++
}

END {
    base = positives > rows - positives ? positives : rows - positives
    printf "accuracy: %.1f %% of %d patients (always saying the commoner answer: %.1f %%)\n", 100 * right / rows, rows, 100 * base / rows
}
