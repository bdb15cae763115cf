"""The program `welkin`, and tables as it reads them."""

import csv
import os
import subprocess

# The program where none is named.
PROGRAM = "WELKIN"


class BoostError(ValueError):
    """The program refused: rows, labels or parameters cannot be used, or it is not there."""


def run(program, *args):
    """What `welkin boost` writes to standard output."""
    command = [program or os.environ.get(PROGRAM) or "welkin", "boost", *map(str, args)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    except OSError as error:
        raise BoostError(
            f"the program `{command[0]}` cannot be started: {error.strerror}; put it on the path, or set {PROGRAM}"
        ) from error
    if done.returncode != 0:
        raise BoostError(done.stderr.strip() or f"`{' '.join(command)}` ended with {done.returncode}")
    return done.stdout


def write(path, names, columns):
    """A table. `columns` are one- and two-dimensional arrays of numbers, as wide as there are names together."""
    wide = [column.reshape(len(column), -1) for column in columns]
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow(names)
        # Doubles are written such that they are read as they were.
        for row in zip(*(column.tolist() for column in wide), strict=True):
            file.write(",".join(repr(cell) for cells in row for cell in cells))
            file.write("\n")
