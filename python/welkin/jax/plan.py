"""Plans made by `welkin parallelize`, applied to JAX functions, and compared with what the compiler made of them."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding

from . import gang, hlo
from .device import Device, shard
from .microbatch import Cut, MicrobatchError
from .pipeline import Pipeline, Stage
from .trace import graph_of


# Where a run puts the plan that it chose machines with.
CHOSEN = "WELKIN_PARALLEL_PLAN"
# Where a node says that its own `welkin` lies.
PROGRAM = "WELKIN_PROGRAM"


class PlanError(ValueError):
    """The plan cannot be made or applied here."""


def plan(step, *args, cluster=None, state=0, welkin=None, effort=1, calibration=None):
    """Plans `step(*args)` for a cluster such as `8xH100`, with the program `welkin` (a name or a path; a node's own on a node).

    `calibration` is a file that `welkin parallelize profile --save` made of what `profile` measured of such devices.

    Without a cluster it is the plan of the task of a run that chose its machines with it: of this very step, or an error.
    """
    name = None
    if cluster is not None:
        options = ["--cluster", cluster, "--effort", str(effort)]
        if calibration is not None:
            options += ["--calibration", str(calibration)]
    elif chosen := os.environ.get(CHOSEN):
        options = ["--plan", os.path.expanduser(chosen)]
        name = _name_in(options[1])
    else:
        raise PlanError(f"no cluster is named, and this is no task of a run that chose one ({CHOSEN} is not set)")
    return Plan(_ask(step, args, state, welkin, options, name), args, state)


def machines(step, *args, max_hourly, state=0, welkin=None):
    """Machines of the catalog that no other beats in both time and money of a step, the cheapest step first."""
    return _ask(step, args, state, welkin, ["--any", "--max-hourly", str(max_hourly)])["front"]


def _name_in(path):
    """What the planned model was called when it was traced: a name is a part of a model."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)["plan"]["model"]["name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PlanError(f"{path}, which {CHOSEN} names, cannot be read as a plan: {error}") from error


def _ask(step, args, state, welkin, options, name=None):
    welkin = welkin or os.environ.get(PROGRAM, "welkin")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.json"
        model.write_text(graph_of(step, args, name, state).text(f"jax {jax.__version__}"), encoding="utf-8")
        command = [welkin, "parallelize", str(model), *options, "--output", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PlanError(done.stderr.strip() or f"`{' '.join(command)}` ended with {done.returncode}")
    return json.loads(done.stdout)


class Plan:
    """A plan for arguments of these shapes."""

    def __init__(self, wire, args, state=0):
        self.wire, self.state = wire, state
        # What came of a Python number can be converted on the way, which is an operation of the step.
        weak = lambda leaf: bool(getattr(leaf, "weak_type", False))
        self.args = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, weak_type=weak(leaf)), args)

    def __repr__(self):
        stage = self.wire["stages"][0]
        return f"Plan({self.wire['step_s'] * 1e3:.3g} ms a step, mesh {stage['mesh']}, {len(self.wire['stages'])} stages)"

    def mesh(self, devices=None, stage=0):
        """The mesh of a stage of the plan, out of these devices."""
        stage = self.wire["stages"][stage]
        devices = np.array(gang.devices() if devices is None else devices)
        first = stage["first_device"]
        wanted = first + int(np.prod(stage["mesh"]))
        if devices.size < wanted:
            raise PlanError(f"the plan needs {wanted} devices; there are {devices.size}")
        return Mesh(devices.flat[first:wanted].reshape(stage["mesh"]), stage["axes"])

    def apply(self, step, devices=None, schedule=None):
        """`step` as planned: a function of the same arguments, whose results lie as the next step takes them.

        In a gang every process calls it, with the same arguments. A pipeline does its work in the order of the plan, or of a
        `schedule`: `1f1b` or `gpipe`, which keeps all microbatches.
        """
        if self.wire["microbatches"] > 1:
            results = jax.tree.structure(jax.eval_shape(step, *self.args))
            pipeline = self._pipeline(step, devices, schedule)
            return lambda *args: jax.tree.unflatten(results, pipeline(*jax.tree.leaves(args)))
        mesh = self.mesh(devices)
        shardings, run = self._jit(step, mesh)
        return gang.together(run, self.args, shardings) if mesh.is_multi_process else run

    def _jit(self, step, mesh):
        program = self.wire["stages"][0].get("program")
        graph = graph_of(step, self.args, state=self.state)
        if program is None or len(program["operations"]) != len(graph.ops) or len(program["values"]) != len(graph.values):
            raise PlanError("the plan is of another step")
        results = jax.tree.structure(jax.eval_shape(step, *self.args))
        inputs, run = shard(Device(graph, program, mesh), mesh, results)
        given = jax.tree.unflatten(jax.tree.structure(self.args), [NamedSharding(mesh, spec) for spec in inputs])
        return given, jax.jit(lambda *args: run(*jax.tree.leaves(args)), in_shardings=given)

    def _pipeline(self, step, devices, schedule):
        wire = self.wire
        graph = graph_of(step, self.args, state=self.state)
        if "cut" not in wire:
            raise PlanError("the plan was made by a version whose pipelines are not applied: plan again")
        if len(wire["cut"]["phases"]) != len(graph.ops) or len(wire["cut"]["examples"]) != len(graph.values):
            raise PlanError("the plan is of another step")
        meshes = [self.mesh(devices, number) for number in range(len(wire["stages"]))]
        if any(mesh.is_multi_process for mesh in meshes) or jax.process_count() > 1:
            raise PlanError("stages and microbatches are run by one process, and these devices are of several")
        try:
            cut = Cut(graph, wire["cut"], wire["microbatches"])
            stages = [Stage(graph, stage, mesh, cut) for stage, mesh in zip(wire["stages"], meshes)]
            return Pipeline(graph, stages, cut, schedule or wire["schedule"] or "1f1b")
        except MicrobatchError as error:
            raise PlanError(str(error)) from error

    def _verify_pipeline(self, step, devices):
        planned, found = {}, {}
        for number, stage in enumerate(self.wire["stages"]):
            for row in stage["collectives"]:
                key = f"stage {number} {row['kind']}", row["group"]
                planned[key] = planned.get(key, 0) + row["bytes"]
        for number, compiled in self._pipeline(step, devices, None).compiled():
            for (kind, group), size in hlo.collectives(compiled.as_text()).items():
                key = f"stage {number} {kind}", group
                found[key] = found.get(key, 0) + size
        return Verified(planned, found)

    def verify(self, step, devices=None):
        """Compiles the step and compares: bytes of collectives by kind and devices of a group, and the memory of a device.

        Of a pipeline each stage by itself, with one microbatch and what is done once a step, and without memory.
        """
        if self.wire["microbatches"] > 1:
            return self._verify_pipeline(step, devices)
        _, run = self._jit(step, self.mesh(devices))
        compiled = run.lower(*self.args).compile()
        found = hlo.collectives(compiled.as_text())
        planned = {}
        for row in self.wire["stages"][0]["collectives"]:
            key = row["kind"], row["group"]
            planned[key] = planned.get(key, 0) + row["bytes"]
        memory = compiled.memory_analysis()
        used = memory.argument_size_in_bytes + memory.temp_size_in_bytes
        return Verified(planned, found, self.wire["stages"][0]["peak_bytes"], used)


class Verified:
    """What was planned and what was compiled."""

    def __init__(self, planned, compiled, planned_memory=None, compiled_memory=None):
        self.collectives = {key: (planned.get(key, 0), compiled.get(key, 0)) for key in sorted({*planned, *compiled})}
        self.memory = planned_memory, compiled_memory

    @property
    def exact(self):
        """Whether the compiled program says to other devices what was planned, to the byte."""
        return all(planned == compiled for planned, compiled in self.collectives.values())

    def __repr__(self):
        rows = [f"{kind} of {group}: {planned} planned, {compiled} compiled"
                for (kind, group), (planned, compiled) in self.collectives.items()]
        if self.memory[0] is not None:
            rows.append(f"memory of a device: {self.memory[0]} planned, {self.memory[1]} compiled")
        return "; ".join(rows)
