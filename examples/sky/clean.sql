-- As clean.awk: values that cannot be are left out, every feature is put on one scale, what is missing becomes the mean, and
-- one row in five goes to the test set. No id leaves.
WITH plausible AS (
    SELECT id, readmitted, prior_visits, smoker,
        CASE WHEN age BETWEEN 0 AND 120 THEN age END AS age,
        CASE WHEN systolic BETWEEN 60 AND 260 THEN systolic END AS systolic,
        CASE WHEN bmi BETWEEN 10 AND 70 THEN bmi END AS bmi,
        CASE WHEN glucose BETWEEN 30 AND 600 THEN glucose END AS glucose,
        row_number() OVER (PARTITION BY id ORDER BY age, systolic, bmi, glucose) AS copy
    FROM patients
    WHERE id IS NOT NULL AND readmitted IN (0, 1)
)
SELECT (id * 7919) % 5 = 0 AS test, readmitted,
    coalesce((age - avg(age) OVER ()) / stddev_pop(age) OVER (), 0) AS age,
    coalesce((systolic - avg(systolic) OVER ()) / stddev_pop(systolic) OVER (), 0) AS systolic,
    coalesce((bmi - avg(bmi) OVER ()) / stddev_pop(bmi) OVER (), 0) AS bmi,
    coalesce((glucose - avg(glucose) OVER ()) / stddev_pop(glucose) OVER (), 0) AS glucose,
    coalesce((prior_visits - avg(prior_visits) OVER ()) / stddev_pop(prior_visits) OVER (), 0) AS prior_visits,
    coalesce((smoker - avg(smoker) OVER ()) / stddev_pop(smoker) OVER (), 0) AS smoker
FROM plausible
WHERE copy = 1
