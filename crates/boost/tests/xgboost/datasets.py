"""Writes data sets of scikit-learn into a folder, each parted by five seeds into rows to train on and rows to judge models by."""

import csv
import sys

from sklearn import datasets
from sklearn.model_selection import train_test_split

for name in ("breast_cancer", "diabetes", "digits", "iris", "wine"):
    features, labels = getattr(datasets, f"load_{name}")(return_X_y=True)
    for seed in range(5):
        strata = None if name == "diabetes" else labels
        rows = train_test_split(features, labels, test_size=0.3, random_state=seed, stratify=strata)
        for part, x, y in (("train", rows[0], rows[2]), ("valid", rows[1], rows[3])):
            with open(f"{sys.argv[1]}/{name}-{seed}-{part}.csv", "w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow([*(f"x{at}" for at in range(x.shape[1])), "y"])
                writer.writerows([*map(float, row), float(label)] for row, label in zip(x, y))
