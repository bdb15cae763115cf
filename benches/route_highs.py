#!/usr/bin/env python3
"""Plans the fixture's routes with HiGHS, over arcs, and prints one JSON line a plan.

    route_highs.py GRID_FOLDER FIXTURE_FILE

The formulation that planners of this kind use: a flow and a number of connections for each arc, a whole
number of machines for each region; the rate of an arc grows with its connections up to 64 for each machine;
egress and ingress caps by machine; the highest rate at a cost for a gigabyte is one program, followed by the
least cost at 0.9999 of that rate, as Welkin's planner does. One thread. CPU time is that of the process
around building nothing and solving only: the model is built before the clock starts.
"""

import csv
import json
import sys
import time

import highspy
import numpy

CAPS = {"aws": (5, 10), "gcp": (7, 16), "azure": (16, 16)}
VM_PER_HOUR = 0.54
CONNECTIONS = 64
GAP = 1e-4


def grid(folder):
    """Rates in Gbit/s and prices in USD/GB by pair: premium tiers, the first of each pair."""
    rates, prices = {}, {}
    with open(f"{folder}/throughput.csv") as file:
        for row in csv.DictReader(file):
            pair = row["src_region"], row["dst_region"]
            if row["src_tier"] == row["dst_tier"] == "PREMIUM" and pair[0] != pair[1]:
                rates.setdefault(pair, float(row["throughput_sent_bits_per_second"]) / 1e9)
    with open(f"{folder}/egress_price.csv") as file:
        for row in csv.DictReader(file):
            prices.setdefault((row["src"], row["dest"]), float(row["cost"]))
    return rates, prices


class Model:
    """The program for a pair: columns are flows, connections, machines, and the rate."""

    def __init__(self, rates, prices, source, sink, limit):
        nodes = sorted({end for pair in rates for end in pair})
        arcs = [pair for pair in rates if pair[1] != source and pair[0] != sink]
        self.width = 2 * len(arcs) + len(nodes) + 1
        self.rate = self.width - 1
        self.highs = highspy.Highs()
        for option, value in [("output_flag", False), ("threads", 1), ("mip_rel_gap", GAP)]:
            self.highs.setOptionValue(option, value)
        infinity = highspy.kHighsInf
        machines = {node: 2 * len(arcs) + at for at, node in enumerate(nodes)}
        lower = numpy.zeros(self.width)
        upper = numpy.full(self.width, infinity)
        upper[2 * len(arcs) : self.rate] = limit
        self.highs.addVars(self.width, lower, upper)
        for column in machines.values():
            self.highs.changeColIntegrality(column, highspy.HighsVarType.kInteger)
        # Dollars for a second of flow and machines.
        self.cost = numpy.zeros(self.width)
        for at, pair in enumerate(arcs):
            self.cost[at] = prices[pair] / 8
        for column in machines.values():
            self.cost[column] = VM_PER_HOUR / 3600

        def row(low, high, entries):
            columns = numpy.array([column for column, _ in entries], dtype=numpy.int32)
            values = numpy.array([value for _, value in entries], dtype=numpy.double)
            self.highs.addRow(low, high, len(entries), columns, values)

        for at, pair in enumerate(arcs):
            row(-infinity, 0, [(at, 1), (len(arcs) + at, -rates[pair] / CONNECTIONS)])
        for node in nodes:
            out = [at for at, pair in enumerate(arcs) if pair[0] == node]
            into = [at for at, pair in enumerate(arcs) if pair[1] == node]
            egress, ingress = CAPS[node.split(":")[0]]
            row(-infinity, 0, [(len(arcs) + at, 1) for at in out] + [(machines[node], -CONNECTIONS)])
            row(-infinity, 0, [(len(arcs) + at, 1) for at in into] + [(machines[node], -CONNECTIONS)])
            row(-infinity, 0, [(at, 1) for at in out] + [(machines[node], -egress)])
            row(-infinity, 0, [(at, 1) for at in into] + [(machines[node], -ingress)])
            given = {source: 1, sink: -1}.get(node, 0)
            row(0, 0, [(at, 1) for at in out] + [(at, -1) for at in into] + [(self.rate, -given)])
        self.row = row

    def solve(self, costs, maximise):
        columns = numpy.arange(self.width, dtype=numpy.int32)
        self.highs.changeColsCost(self.width, columns, costs)
        sense = highspy.ObjSense.kMaximize if maximise else highspy.ObjSense.kMinimize
        self.highs.changeObjectiveSense(sense)
        start = time.process_time()
        self.highs.run()
        spent = time.process_time() - start
        values = numpy.array(self.highs.getSolution().col_value)
        return values[self.rate], float(self.cost @ values), spent * 1e3

    def ceiling(self, per_gb):
        entries = [(at, value) for at, value in enumerate(self.cost) if value]
        self.row(-highspy.kHighsInf, 0, entries + [(self.rate, -per_gb / 8)])

    def at_least(self, rate):
        self.highs.changeColBounds(self.rate, rate, highspy.kHighsInf)


def main():
    rates, prices = grid(sys.argv[1])
    with open(sys.argv[2]) as file:
        records = json.load(file)
    for record in records:
        for name in record["plans"]:
            model = Model(rates, prices, record["src"], record["dst"], record["vm_limit"])
            spent, first = 0.0, 0.0
            if name == "mincost_at_direct":
                model.at_least(0.999 * record["direct_gbps"])
            else:
                times = name.removeprefix("maxtput_cost_le_").removesuffix("x")
                if times != "maxtput_uncapped":
                    model.ceiling(float(times) * record["direct_cost_per_gb"] * 1.0001)
                costs = numpy.zeros(model.width)
                costs[model.rate] = 1
                rate, _, first = model.solve(costs, True)
                model.at_least(0.9999 * rate)
            rate, cost, spent = model.solve(model.cost, False)
            print(
                json.dumps(
                    {
                        "from": record["src"],
                        "to": record["dst"],
                        "max_vms": record["vm_limit"],
                        "plan": name,
                        "cpu_ms": first + spent,
                        "first_cpu_ms": first or spent,
                        "gbit_per_s": rate,
                        "usd_per_gb": cost / rate * 8,
                    }
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
