# Reads the raw file twice: awk -f clean.awk -v out=FOLDER RAW RAW
#
# 1. Rows of the wrong shape, ids seen before and values that cannot be are dropped or emptied; sums
#    of what is left give each feature's mean and deviation.
# 2. Missing values become the mean, every feature is put on one scale, and one row in five, chosen
#    by its id, goes to the test set.

BEGIN { FS = ","; OFS = ","; features = 6 }

function plausible(field, value) {
    if (value !~ /^[0-9]+(\.[0-9]+)?$/) return 0
    if (field == 2) return value >= 0 && value <= 120
    if (field == 3) return value >= 60 && value <= 260
    if (field == 4) return value >= 10 && value <= 70
    if (field == 5) return value >= 30 && value <= 600
    return 1
}

/^#/ || $1 == "id" { next }
NF != 8 || $1 !~ /^[0-9]+$/ || $8 !~ /^[01]$/ { malformed += NR == FNR; next }
seen[NR == FNR, $1]++ { repeated += NR == FNR; next }

NR == FNR {
    for (field = 2; field <= features + 1; field++) {
        if (!plausible(field, $field)) { missing++; continue }
        count[field]++
        sum[field] += $field
        squares[field] += $field * $field
    }
    next
}

{
    row = $8
    for (field = 2; field <= features + 1; field++) {
        mean = sum[field] / count[field]
        deviation = sqrt(squares[field] / count[field] - mean * mean)
        value = plausible(field, $field) ? ($field - mean) / deviation : 0
        row = row OFS sprintf("%.5f", value)
    }
    # A multiplicative hash spreads neighbouring ids.
    print row > (out "/" (($1 * 7919) % 5 == 0 ? "test" : "train"))
}

END {
    printf "dropped %d malformed and %d repeated rows, filled %d missing values\n", malformed, repeated, missing
}
