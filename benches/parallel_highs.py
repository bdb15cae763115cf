#!/usr/bin/env python3
"""Solves what the planner minimises on one mesh with HiGHS, and compares: `parallel_highs.py NAME < COSTS`, with highspy.

COSTS is what `--example costs` writes. The formulation is Alpa's: a column for each label of a node and each pair of labels of an
edge, of which one is chosen; rows say that pairs agree with labels. Columns of labels are whole numbers, those of pairs follow.
One thread. Prints a row: columns, rows, the least sum of both, seconds of both, and their ratio.
"""

import json
import sys
import time

import highspy
import numpy as np


def columns_and_rows(graph):
    """Costs of columns, which are whole, and rows as starts, columns and values with their bounds."""
    first, cost = [], []
    for labels in graph["nodes"]:
        first.append(len(cost))
        cost.extend(labels)
    whole = len(cost)
    rows = [(1, [(at + label, 1.0) for label in range(len(labels))]) for at, labels in zip(first, graph["nodes"])]
    for left, right, table in graph["edges"]:
        width, cells = graph["tables"][table]
        at = len(cost)
        cost.extend(cells)
        for row in range(len(cells) // width):
            rows.append((0, [(at + row * width + column, 1.0) for column in range(width)] + [(first[left] + row, -1.0)]))
        for column in range(width):
            rows.append((0, [(at + row * width + column, 1.0) for row in range(len(cells) // width)] + [(first[right] + column, -1.0)]))
    return np.array(cost), whole, rows


def solve(graph):
    cost, whole, rows = columns_and_rows(graph)
    starts = np.cumsum([0] + [len(entries) for _, entries in rows], dtype=np.int32)
    index = np.array([column for _, entries in rows for column, _ in entries], dtype=np.int32)
    values = np.array([value for _, entries in rows for _, value in entries])
    sides = np.array([float(side) for side, _ in rows])
    # In milliseconds, so that tolerances are far below what is compared.
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(cost), len(rows)
    model.col_cost_, model.col_lower_, model.col_upper_ = cost * 1e3, np.zeros(len(cost)), np.ones(len(cost))
    model.row_lower_, model.row_upper_ = sides, sides
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = starts, index, values
    model.integrality_ = [highspy.HighsVarType.kInteger] * whole + [highspy.HighsVarType.kContinuous] * (len(cost) - whole)
    highs = highspy.Highs()
    for option, value in (("output_flag", False), ("threads", 1), ("mip_rel_gap", 0.0), ("time_limit", 900.0)):
        highs.setOptionValue(option, value)
    highs.passModel(model)
    start = time.monotonic()
    highs.run()
    seconds = time.monotonic() - start
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        sys.exit(f"HiGHS ended with {highs.getModelStatus()} after {seconds:.1f} s")
    return len(cost), len(rows), highs.getInfo().objective_function_value / 1e3, seconds


def main(name):
    graph = json.load(sys.stdin)
    columns, rows, least, seconds = solve(graph)
    found, bound, own = graph["found"], graph["bound"], graph["seconds"]
    print(f"| {name} | {columns} | {rows} | {found:.9f} | {bound:.9f} | {least:.9f} | {own:.3f} | {seconds:.1f} | {seconds / own:.0f} |")
    if abs(found - least) > 1e-7 * least:
        sys.exit(f"not equal: {found!r} found, {least!r} by HiGHS")


if __name__ == "__main__":
    main(sys.argv[1])
