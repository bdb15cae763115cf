"""SkyPilot 0.14.1 on the requests that the broker's benchmark plans: CPU time, peak memory, objective.

To be run by the Python of an environment of its own, outside the repository:

    python3 -m venv VENV
    VENV/bin/pip install 'skypilot[aws,gcp,azure,kubernetes,lambda]==0.14.1'

    HOME=FOLDER VENV/bin/python skypilot.py prepare FOLDER LISTS
    HOME=FOLDER VENV/bin/python skypilot.py plan a|b|c|d|chain ROUNDS

`prepare` writes price lists where SkyPilot looks for them, repaired as its parser needs: the last
column of long Azure rows quoted, repeated keys left out. AWS is left out, as in the fixtures. `plan` calls the optimizer ROUNDS times after one call that is not counted (with one
round only that round), with the caches of a request cleared between them as its server does, and
prints one JSON line. No cloud is asked for anything: the list of clouds in reach is given to it.
"""

import csv
import json
import os
import resource
import statistics
import sys
import time

CLOUDS = {"azure": "Azure", "gcp": "GCP", "lambda": "Lambda", "vast": "Vast"}
GB_AND_HOURS = {"d": [(500, 300, 2), (300, 100, 10), (100, 10, 5)]}
NEEDS = [{"cpus": "8+", "memory": "32+"}, {"accelerators": "A100:8"}, {"accelerators": "T4:1"}]


def prepare(home: str, lists: str) -> None:
    accelerators: dict[str, set[str]] = {}
    folder = os.path.join(home, ".sky", "catalogs", "v8")
    for cloud in CLOUDS:
        os.makedirs(os.path.join(folder, cloud), exist_ok=True)
        with open(os.path.join(lists, cloud, "vms.csv"), newline="", encoding="utf-8") as source:
            rows = csv.reader(source)
            head = next(rows)
            key_columns = [
                head.index(name)
                for name in ("InstanceType", "AcceleratorName", "AcceleratorCount", "Region", "AvailabilityZone")
                if name in head
            ]
            with open(os.path.join(folder, cloud, "vms.csv"), "w", newline="", encoding="utf-8") as target:
                out = csv.writer(target)
                out.writerow(head)
                seen = set()
                for row in rows:
                    row = row[: len(head) - 1] + [",".join(row[len(head) - 1 :])]
                    key = tuple(row[column] for column in key_columns)
                    if key in seen:
                        continue
                    seen.add(key)
                    out.writerow(row)
                    name = row[head.index("AcceleratorName")]
                    if name:
                        accelerators.setdefault(name, set()).add(CLOUDS[cloud])
    os.makedirs(os.path.join(folder, "common"), exist_ok=True)
    with open(os.path.join(folder, "common", "accelerators.csv"), "w", newline="", encoding="utf-8") as target:
        out = csv.writer(target)
        out.writerow(["AcceleratorName", "Clouds"])
        out.writerows([name, sorted(clouds)] for name, clouds in sorted(accelerators.items()))


def cpu_ms() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return (own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime) * 1e3


def request(case: str):
    import sky

    one = {
        "a": {"accelerators": "A100:8"},
        "b": {"cpus": "8+", "memory": "32+"},
        "c": {"accelerators": {"A100": 1, "A100-80GB": 1, "H100": 1, "L4": 1}, "use_spot": True},
    }
    if case in one:
        needs, sizes = [one[case]], [None]
    elif case == "chain":
        needs = [NEEDS[at % len(NEEDS)] for at in range(100)]
        sizes = [(500 if at == 0 else 10, 10, 2) for at in range(100)]
    else:
        needs, sizes = NEEDS, GB_AND_HOURS[case]
    with sky.Dag() as dag:
        before = None
        for at, (resources, size) in enumerate(zip(needs, sizes)):
            task = sky.Task(name=f"t{at}", run="echo")
            task.set_resources(sky.Resources.from_yaml_config(resources))
            if size:
                inputs, outputs, hours = size
                if before is None:
                    task.set_inputs("gs://bucket-in", inputs)
                task.set_outputs("CLOUD", outputs)
                task.set_time_estimator(lambda _, hours=hours: hours * 3600)
            if before is not None:
                before >> task
            before = task
    return dag


def plan(case: str, rounds: int) -> None:
    import sky
    import sky.check
    from sky import optimizer
    from sky.utils import annotations, registry

    clouds = [registry.CLOUD_REGISTRY.from_str(cloud) for cloud in CLOUDS]
    sky.check.get_cached_enabled_clouds_or_refresh = lambda *_, **__: clouds
    cpu, wall = [], []
    for _ in range(rounds + (rounds > 1)):
        annotations.clear_request_level_cache()
        dag = request(case)
        begin, begin_cpu = time.monotonic(), cpu_ms()
        sky.Optimizer.optimize(dag, quiet=True)
        cpu.append(cpu_ms() - begin_cpu)
        wall.append((time.monotonic() - begin) * 1e3)
    cpu, wall = cpu[-rounds:], wall[-rounds:]
    choice = [str(task.best_resources) for task in dag.tasks]
    answer = {
        "case": case,
        "rounds": rounds,
        "cpu_ms_min": round(min(cpu), 1),
        "cpu_ms_median": round(statistics.median(cpu), 1),
        "wall_ms_min": round(min(wall), 1),
        "rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "choice": "; ".join(choice[:3]).replace('"', "'"),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["prepare", home, lists]:
            prepare(home, lists)
        case ["plan", name, rounds]:
            plan(name, int(rounds))
        case _:
            sys.exit(__doc__)
