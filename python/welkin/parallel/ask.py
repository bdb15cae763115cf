"""Asks the program `welkin` for a plan."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

# Where a run puts the plan that it chose machines with.
CHOSEN = "WELKIN_PARALLEL_PLAN"
# Where a node says that its own `welkin` lies.
PROGRAM = "WELKIN_PROGRAM"


class PlanError(ValueError):
    """The plan cannot be made or applied here."""


def options(cluster, effort, calibration, axes=None):
    """What the program is told, and what the model was called in the plan of a run, if that is asked for."""
    if cluster is not None:
        told = ["--cluster", cluster, "--effort", str(effort), *([] if axes is None else ["--axes", str(axes)])]
        return (told if calibration is None else [*told, "--calibration", str(calibration)]), None
    if chosen := os.environ.get(CHOSEN):
        path = os.path.expanduser(chosen)
        return ["--plan", path], _name_in(path)
    raise PlanError(f"no cluster is named, and this is no task of a run that chose one ({CHOSEN} is not set)")


def ask(model, told, welkin=None):
    """What the program says of a model file's text, as JSON."""
    welkin = welkin or os.environ.get(PROGRAM, "welkin")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        path.write_text(model, encoding="utf-8")
        command = [welkin, "parallelize", str(path), *told, "--output", "json"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise PlanError(f"`{welkin}` cannot be started: {error}") from error
    if done.returncode != 0:
        raise PlanError(done.stderr.strip() or f"`{' '.join(command)}` ended with {done.returncode}")
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise PlanError(f"`{welkin}` answered something else than a plan: {error}") from error


def _name_in(path):
    """What the planned model was called when it was traced: a name is a part of a model."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)["plan"]["model"]["name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PlanError(f"{path}, which {CHOSEN} names, cannot be read as a plan: {error}") from error
