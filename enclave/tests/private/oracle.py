"""What a query with noise answers without it, by the rules of docs/sealed-data.md: rows of persons in the order of the files, at most three
each, wages and ages clamped, three wards with rows or without."""

import csv
import sys
from fractions import Fraction

WARDS = ["east", "north", "south"]
MOST_ROWS = 3
AGE = (Fraction(0), Fraction(120))
WAGE = (Fraction(-10), Fraction("1000.50"))


def clamp(value, bounds):
    return min(max(value, bounds[0]), bounds[1])


def average(values, bounds):
    return sum(values) / len(values) if values else sum(bounds) / 2


rows, counted = {ward: [] for ward in WARDS}, {}
for path in sys.argv[1:]:
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            age = Fraction(row["age"]) if row["age"] else None
            if age is not None and age >= 180:
                continue
            person, ward = row["person"], row["ward"]
            if not person or ward not in rows or counted.get(person, 0) == MOST_ROWS:
                continue
            counted[person] = counted.get(person, 0) + 1
            rows[ward].append((age, Fraction(row["wage"])))

print("ward,n,present,age,mean,wage,fair,exact,even")
for ward in WARDS:
    ages = [clamp(age, AGE) for age, _ in rows[ward] if age is not None]
    wages = [clamp(wage, WAGE) for _, wage in rows[ward]]
    told = [len(rows[ward]), len(ages), sum(ages), average(ages, AGE)] + [sum(wages), average(wages, WAGE)] * 2
    print(",".join([ward] + [repr(float(value)) for value in told]))
