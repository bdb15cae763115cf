"""Makes the tables, and judges answers: DuckDB's side.

    oracle.py make SCALE        writes NAME.parquet for each table into the folder it runs in
    oracle.py judge             answers the questions itself, and compares with q1.parquet and so on
    oracle.py time RUNS THREADS the median of each question's CPU milliseconds, a line for each with its number
"""

import decimal
import pathlib
import re
import statistics
import sys
import time

import duckdb

HERE = pathlib.Path(__file__).parent
TABLES = ["region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"]


def queries():
    parts = re.split(r"^-- (\d+):.*$", (HERE / "queries.sql").read_text(), flags=re.MULTILINE)
    return {int(number): text for number, text in zip(parts[1::2], parts[2::2])}


def make(scale):
    connection = duckdb.connect()
    connection.execute((HERE / "tables.sql").read_text().replace("{scale}", scale))
    for table in TABLES:
        connection.execute(f"COPY {table} TO '{table}.parquet' (FORMAT parquet)")


def same(mine, theirs):
    if isinstance(mine, decimal.Decimal) and isinstance(theirs, decimal.Decimal) and mine.as_tuple().exponent == theirs.as_tuple().exponent:
        return mine == theirs
    numbers = (int, float, decimal.Decimal)
    if isinstance(mine, numbers) and isinstance(theirs, numbers):
        # A mean of decimals has digits of its own in each engine.
        return abs(float(mine) - float(theirs)) <= 1e-9 * abs(float(mine)) + 1e-6
    return mine == theirs


def judge():
    connection = duckdb.connect()
    for table in TABLES:
        connection.execute(f"CREATE VIEW {table} AS FROM '{table}.parquet'")
    wrong = []
    for number, text in queries().items():
        mine = connection.execute(text).fetchall()
        theirs = connection.execute(f"FROM 'q{number}.parquet'").fetchall()
        if not mine or mine[0] == (None,):
            wrong.append(f"{number}: there is nothing to compare")
        elif len(mine) != len(theirs):
            wrong.append(f"{number}: {len(mine)} rows, and not {len(theirs)}")
        else:
            for row, other in zip(mine, theirs):
                if len(row) != len(other) or not all(map(same, row, other)):
                    wrong.append(f"{number}: {row}, and not {other}")
                    break
    print("\n".join(wrong) or f"{len(queries())} answers are the same")
    sys.exit(bool(wrong))


def clock(runs, threads):
    connection = duckdb.connect(config={"threads": threads})
    for table in TABLES:
        connection.execute(f"CREATE VIEW {table} AS FROM '{table}.parquet'")
    for number, text in queries().items():
        times = []
        # The first reads files that the others find in memory.
        for _ in range(runs + 1):
            before = time.process_time()
            connection.execute(text).fetchall()
            times.append(time.process_time() - before)
        print(f"{number} {statistics.median(times[1:]) * 1e3:.2f}", flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", scale]:
            make(scale)
        case ["time", runs, threads]:
            clock(int(runs), int(threads))
        case _:
            judge()
