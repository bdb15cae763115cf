#!/usr/bin/env python3
"""Runs XGBoost's own Python tests against `welkin.boost`, and counts: `xgboost_tests.py FOLDER [PYTEST ARGUMENTS]`.

FOLDER is a checkout of XGBoost at the version that is installed. Needs that package, pytest, hypothesis, scikit-learn and pandas, and
the program in WELKIN. A test that passes without having asked Welkin for anything is counted as not applicable, as is one that asks
for what Welkin has not. The table goes to stdout, and what failed with the reason.
"""

import collections
import os
import re
import signal
import sys
from pathlib import Path

import pytest

# Files about what is around a model, or about something else than this one: nothing in them reaches the adapter.
APART = {
    "test_collective.py": "talk of XGBoost's workers",
    "test_data_iterator.py": "rows that come in batches",
    "test_demos.py": "programs of their own",
    "test_linear.py": "the booster gblinear",
    "test_model_compatibility.py": "models that are downloaded",
    "test_openmp.py": "threads of XGBoost's library",
    "test_tracker.py": "talk of XGBoost's workers",
    "test_with_modin.py": "tables of modin",
}

# Longest time for one test, in seconds: each of its rounds starts the program.
LONGEST = 180


class Count:
    def __init__(self):
        self.kinds = collections.defaultdict(collections.Counter)
        self.reasons, self.failed = collections.Counter(), []

    def note(self, file, kind, reason="", test=""):
        self.kinds[file][kind] += 1
        if kind == "failed":
            self.failed.append((test, reason))
        elif kind == "not applicable":
            self.reasons[re.sub(r"(?<=`)[^`]*(?=` is )", "…", reason)[:110]] += 1

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        import xgboost_adapter

        def late(*_):
            raise TimeoutError(f"not done after {LONGEST} s")

        before = xgboost_adapter.asked
        signal.signal(signal.SIGALRM, late)
        signal.alarm(LONGEST)
        try:
            return (yield)
        finally:
            signal.alarm(0)
            item.user_properties.append(("asked", xgboost_adapter.asked - before))

    def pytest_runtest_logreport(self, report):
        file = report.nodeid.split("::")[0].split("/")[-1]
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.note(file, "not applicable", reason.removeprefix("Skipped: "))
        elif report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            reason = crash.message if crash else str(report.longrepr)[-300:]
            self.note(file, "failed", " ".join(reason.split())[:300], report.nodeid)
        elif report.when == "call":
            asked = dict(report.user_properties).get("asked", 0)
            if asked:
                self.note(file, "passed")
            else:
                self.note(file, "not applicable", "asks nothing of a model")

    def pytest_collectreport(self, report):
        if report.nodeid.endswith(".py") and report.outcome != "passed":
            self.note(report.nodeid.split("/")[-1], "not applicable", f"file not loaded: {str(report.longrepr).splitlines()[-1]}")


def main():
    folder = Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    import hypothesis
    import xgboost
    import xgboost_adapter

    version = (folder / "python-package/xgboost/VERSION").read_text().strip()
    if version != xgboost.__version__:
        sys.exit(f"xgboost_tests.py: the tests are of {version}, and {xgboost.__version__} is installed")
    xgboost_adapter.install()
    hypothesis.settings.register_profile("few", max_examples=5, deadline=None, derandomize=True, database=None)
    hypothesis.settings.load_profile("few")
    count = Count()
    tests = folder / "tests/python"
    for file, reason in APART.items():
        for _ in re.findall(r"^ *def test_", (tests / file).read_text(), re.MULTILINE):
            count.note(file, "not applicable", reason)
    os.chdir(folder)
    more = sys.argv[2:] or ["tests/python"]
    ignored = [f"--ignore=tests/python/{file}" for file in APART]
    pytest.main(["-q", "--tb=line", "--continue-on-collection-errors", "-p", "no:cacheprovider", "--no-header", *ignored, *more], plugins=[count])
    kinds = ["passed", "failed", "not applicable"]
    print(f"\n| file | {' | '.join(kinds)} |\n|---|---|---|---|")
    for file, row in sorted(count.kinds.items()):
        print(f"| {file} | {' | '.join(str(row[kind]) for kind in kinds)} |")
    print(f"| all | {' | '.join(str(sum(row[kind] for row in count.kinds.values())) for kind in kinds)} |")
    print("\nNot applicable, by reason:")
    for reason, times in count.reasons.most_common():
        print(f"  {times:4} {reason}")
    print("\nFailed:")
    for test, reason in count.failed:
        print(f"  {test}\n      {reason}")


if __name__ == "__main__":
    main()
