#!/usr/bin/env python3
"""Check the CSVs of this folder and the one above against each other; exit 1 with a list of faults."""
import collections
import csv
import fnmatch
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
faults = []


def rows(path, key):
    with open(path, newline="") as text:
        found = list(csv.DictReader(line for line in text if not line.startswith("#")))
    seen = set()
    for row in found:
        if None in row or None in row.values():
            faults.append(f"{path.name}: wrong number of fields: {row}")
        k = tuple(row[c] for c in key)
        if k in seen:
            faults.append(f"{path.name}: twice: {k}")
        seen.add(k)
    return found


types = {(r["provider"], r["instance_type"]): r for r in rows(HERE / "types.csv", ["provider", "instance_type"])}
prices = rows(HERE / "prices.csv", ["provider", "instance_type", "region"])
regions = {(r["provider"], r["region"]): r for r in rows(HERE.parent / "regions.csv", ["provider", "region"])}
tee = rows(HERE.parent / "tee.csv", ["provider", "type_glob", "regions_glob", "tee"])
fees = rows(HERE.parent / "tee_fees.csv", ["provider", "type_glob", "tee"])
accelerators = rows(HERE.parent / "accelerators.csv", ["name"])

# Readers compare names without case, blanks, hyphens and underscores.
fold = str.maketrans("", "", " -_")
names = collections.Counter(n.lower().translate(fold) for a in accelerators for n in [a["name"], *filter(None, a["aliases"].split(";"))])
faults += [f"accelerators.csv: name or alias twice: {n}" for n, times in names.items() if times > 1]
canonical = {a["name"] for a in accelerators}
for (provider, name), row in types.items():
    if row["kind"] not in ("vm", "tpu") or row["arch"] not in ("x86_64", "arm64") or row["burstable"] not in ("0", "1"):
        faults.append(f"types.csv: {name}: bad kind, arch or burstable")
    if float(row["vcpus"]) <= 0 or float(row["memory_gib"]) <= 0:
        faults.append(f"types.csv: {name}: no vCPUs or memory")
    if bool(row["accelerator"]) != bool(row["count"]) or row["accelerator"] and row["accelerator"] not in canonical:
        faults.append(f"types.csv: {name}: unknown accelerator or no count")
sold = collections.defaultdict(set)
used = set()
for row in prices:
    key = row["provider"], row["instance_type"]
    used.add(key)
    sold[row["provider"]].add(row["region"])
    on_demand = float(row["on_demand"])
    if key not in types:
        faults.append(f"prices.csv: {key}: not in types.csv")
    if (row["provider"], row["region"]) not in regions:
        faults.append(f"prices.csv: {row['region']}: not in regions.csv")
    if not 0 < on_demand < 2000:
        faults.append(f"prices.csv: {key} {row['region']}: implausible price {on_demand}")
    if row["spot"] and not 0 < float(row["spot"]) < on_demand:
        faults.append(f"prices.csv: {key} {row['region']}: spot not under on demand")
    if row["zones"] and not all(z.startswith(row["region"]) for z in row["zones"].split(";")):
        faults.append(f"prices.csv: {key} {row['region']}: a zone of another region")
    if bool(row["zones"]) == (row["provider"] == "azure"):
        faults.append(f"prices.csv: {key} {row['region']}: zones given or missing")
faults += [f"types.csv: {key}: sold nowhere" for key in types if key not in used]
for provider, where in sold.items():
    if len(where) < 8:
        faults.append(f"prices.csv: {provider}: only {len(where)} regions")
for row in tee + fees:
    if row["tee"] not in ("sev-snp", "sev", "tdx", "sgx", "nitro", "gpu-cc"):
        faults.append(f"tee: {row['type_glob']}: unknown kind {row['tee']}")
for row in tee:
    if not any(p == row["provider"] and fnmatch.fnmatchcase(r, row["regions_glob"]) for p, r in regions):
        faults.append(f"tee.csv: {row['regions_glob']}: no such region")

for provider, where in sold.items():
    count = sum(p == provider for p, _ in types)
    print(f"{provider}: {count} types, {len(where)} regions, {sum(r['provider'] == provider for r in prices)} prices")
size = sum(p.stat().st_size for p in [*HERE.glob("*.csv"), *HERE.parent.glob("*.csv")])
print(f"{len(regions)} regions, {len(tee)} TEE rows, {len(accelerators)} accelerators, {size / 1000:.0f} kB of CSV")
if faults:
    sys.exit("\n".join(faults))
