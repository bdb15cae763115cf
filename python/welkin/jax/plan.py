"""Plans made by `welkin parallelize` and applied to JAX functions: every argument and result in the planned layout.

XLA's partitioner does the rest. A layout is a promise about arguments and results; within the step the compiler may choose
otherwise, so `verify` compiles the step and says which collectives came of it.
"""

import json
import re
import subprocess
import tempfile
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .trace import trace

# Bytes of an element, as HLO spells types.
SIZES = {"f64": 8, "f32": 4, "f16": 2, "bf16": 2, "s64": 8, "s32": 4, "s16": 2, "s8": 1, "u64": 8, "u32": 4, "u16": 2,
         "u8": 1, "pred": 1, "c64": 8, "c128": 16}
KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")


class PlanError(ValueError):
    """The plan cannot be made or applied here."""


def plan(step, *args, cluster, state=0, welkin="welkin"):
    """Plans `step(*args)` for a cluster such as `8xH100`, with the program `welkin` (a name or a path)."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.json"
        trace(step, *args, state=state, file=model)
        command = [welkin, "parallelize", str(model), "--cluster", cluster, "--output", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PlanError(done.stderr.strip() or f"`{' '.join(command)}` ended with {done.returncode}")
    return Plan(json.loads(done.stdout), args)


class Plan:
    """A plan for arguments of these shapes."""

    def __init__(self, wire, args):
        self.wire = wire
        self.args = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), args)

    def __repr__(self):
        stage = self.wire["stages"][0]
        return f"Plan({self.wire['step_s'] * 1e3:.3g} ms a step, mesh {stage['mesh']}, {len(self.wire['stages'])} stages)"

    def mesh(self, devices=None):
        """The mesh of the plan, out of these devices."""
        if len(self.wire["stages"]) != 1 or self.wire["microbatches"] != 1:
            raise PlanError("the plan is a pipeline or has microbatches, which are not applied here")
        stage = self.wire["stages"][0]
        devices = np.array(jax.devices() if devices is None else devices)
        wanted = int(np.prod(stage["mesh"]))
        if devices.size < wanted:
            raise PlanError(f"the plan needs {wanted} devices; there are {devices.size}")
        return Mesh(devices.flat[:wanted].reshape(stage["mesh"]), stage["axes"])

    def apply(self, step, devices=None):
        """`step`, compiled with the plan's layouts of arguments and results."""
        mesh, stage = self.mesh(devices), self.wire["stages"][0]
        sharding = lambda row: NamedSharding(mesh, PartitionSpec(*(tuple(axes) or None for axes in row["layout"])))
        leaves, tree = jax.tree.flatten(self.args)
        given = jax.tree.unflatten(tree, [sharding(row) for row in stage["inputs"][:len(leaves)]])
        results = jax.tree.structure(jax.eval_shape(step, *self.args))
        made = jax.tree.unflatten(results, [sharding(row) for row in stage["outputs"]])
        return jax.jit(step, in_shardings=given, out_shardings=made)

    def verify(self, step, devices=None):
        """Compiles the step and compares: for each kind of collective the bytes that were planned and those compiled."""
        text = self.apply(step, devices).lower(*self.args).compile().as_text()
        compiled = collectives(text)
        rows = {kind: {"planned": 0, "compiled": compiled[kind]} for kind in KINDS}
        for row in self.wire["stages"][0]["collectives"]:
            rows[row["kind"]]["planned"] += row["bytes"]
        return rows


def collectives(hlo):
    """Bytes of the results of each kind of collective in a compiled program. A form that is not known is an error."""
    sums = dict.fromkeys(KINDS, 0)
    for line in hlo.splitlines():
        line = re.sub(r"/\*.*?\*/", "", line)
        found = re.search(r"=\s+(.*?)\s(" + "|".join(KINDS) + r")(-start|-done)?\(", line)
        if not found or found[3] == "-done":
            continue
        types = re.findall(r"([a-z]+[0-9]*)\[([0-9,]*)\]", found[1])
        if not types or "replica_groups" not in line and "source_target_pairs" not in line:
            raise PlanError(f"a collective in a form that is not known: {line.strip()[:200]}")
        if any(name not in SIZES for name, _ in types):
            raise PlanError(f"a type that is not known: {found[1][:200]}")
        sums[found[2]] += sum(SIZES[name] * int(np.prod([int(n) for n in dims.split(",") if n], dtype=np.int64))
                              for name, dims in types)
    return sums
