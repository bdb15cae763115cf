# Writes a synthetic data set: awk -f generate.awk > patients.csv
#
# Nothing in it comes from any person. Each row is drawn from a fixed generator, so that the file is
# the same wherever it is made; the risk of readmission follows a logistic model with noise, so that
# there is something to learn. One row in twenty is repeated, one value in twenty-five is missing, and
# some values are nonsense, so that there is something to clean.

# A linear congruential generator whose products stay below 2^53, unlike the generators of awks.
function uniform() { state = (state * 16807) % 2147483647; return state / 2147483647 }
function normal(  i, sum) { for (i = 0; i < 12; i++) sum += uniform(); return sum - 6 }
function maybe(value) { return uniform() < 0.04 ? "" : value }

BEGIN {
    state = 20260520
    rows = 6000
    print "# synthetic: drawn by generate.awk, no row describes a person"
    print "id,age,systolic,bmi,glucose,prior_visits,smoker,readmitted"
    for (id = 1; id <= rows; id++) {
        age = 20 + int(70 * uniform())
        smoker = uniform() < 0.25
        bmi = 26 + 4 * normal()
        systolic = 105 + 0.4 * age + 10 * normal()
        glucose = 70 + 0.9 * bmi + 14 * normal()
        visits = int(5 * uniform() * uniform())
        score = -1.2 + 0.055 * (age - 55) + 0.045 * (systolic - 127) + 0.12 * (bmi - 26) \
            + 0.03 * (glucose - 94) + 0.9 * visits + 1.1 * smoker
        readmitted = uniform() < 1 / (1 + exp(-1.6 * score))
        if (uniform() < 0.01) systolic = -1
        row = sprintf("%d,%s,%s,%s,%s,%s,%d,%d", id, maybe(age), maybe(sprintf("%.0f", systolic)), \
            maybe(sprintf("%.1f", bmi)), maybe(sprintf("%.0f", glucose)), maybe(visits), smoker, readmitted)
        print row
        if (uniform() < 0.05) print row
    }
}
