#!/usr/bin/env python3
"""What a command costs: CPU and wall time, and peak memory, over several runs, as one JSON line.

    rusage.py [--runs N] [--fresh FOLDER] [--no-warm-up] COMMAND [ARGUMENT ...]

The first run is discarded: it reads files from disk that the others find in memory. `--fresh` removes
a folder before each run.

A child inherits its parent's peak memory until it calls exec, and the kernel keeps the larger of the
two as the child's own: a command started from Python never seems to need less than Python does. So a
shell of one megabyte starts the command and ends, this process adopts the command as the subreaper
that it has made itself, and wait4 tells what the command alone, with the children that it waited for,
has used. `/bin/true` measured this way is what starting a process costs at all.
"""

import argparse
import ctypes
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PR_SET_CHILD_SUBREAPER = 36
# The command waits for a line, so that its shell is gone before it starts and cannot be the one that
# learns of its end.
LAUNCH = 'exec 3<&0; { read -r go <&3; exec "$@" 3<&- </dev/null >"$OUT" 2>&1; } & echo $!'


def once(command: list[str], output: str) -> dict[str, float]:
    shell = subprocess.Popen(
        ["/bin/sh", "-c", LAUNCH, "sh", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "OUT": output},
    )
    pid = int(shell.stdout.readline())
    shell.wait()
    began = time.monotonic()
    shell.stdin.write(b"go\n")
    shell.stdin.close()
    cpu = rss = 0.0
    wall = status = None
    # Children that the command left to itself are adopted too, and their time is counted with its own.
    while True:
        try:
            ended, ended_status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        cpu += usage.ru_utime + usage.ru_stime
        rss = max(rss, usage.ru_maxrss)
        if ended == pid:
            wall, status = time.monotonic() - began, os.waitstatus_to_exitcode(ended_status)
    if status != 0:
        with open(output, encoding="utf-8", errors="replace") as log:
            sys.stderr.write(log.read()[-4000:])
        sys.exit(f"rusage: exit status {status}: {' '.join(command)}")
    return {"cpu_ms": cpu * 1e3, "wall_ms": wall * 1e3, "rss_mib": rss / 1024}


def main() -> None:
    arguments = argparse.ArgumentParser(allow_abbrev=False)
    arguments.add_argument("--runs", type=int, default=15)
    arguments.add_argument("--no-warm-up", action="store_true")
    arguments.add_argument("--fresh", action="append", default=[])
    arguments.add_argument("command", nargs=argparse.REMAINDER)
    given = arguments.parse_args()
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        sys.exit("rusage: the kernel does not let this process adopt its grandchildren")
    runs = []
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(given.runs + (not given.no_warm_up)):
            for folder in given.fresh:
                shutil.rmtree(folder, ignore_errors=True)
            runs.append(once(given.command, os.path.join(scratch, "output")))
    runs = runs[not given.no_warm_up :]
    answer = {"runs": len(runs)}
    for what in ("cpu_ms", "wall_ms"):
        answer[f"{what}_min"] = round(min(run[what] for run in runs), 2)
        answer[f"{what}_median"] = round(statistics.median(run[what] for run in runs), 2)
    answer["rss_mib"] = round(max(run["rss_mib"] for run in runs), 1)
    print(json.dumps(answer))


main()
