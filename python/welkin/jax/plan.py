"""Plans made by `welkin parallelize`, applied to JAX functions, and compared with what the compiler made of them."""

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding

from ..parallel.ask import CHOSEN, PlanError, ask, options
from ..parallel.verified import Verified, planned as planned_of
from . import gang, hlo
from .between import is_here
from .device import Device, shard
from .microbatch import Cut, MicrobatchError
from .pipeline import Pipeline, Stage
from .trace import graph_of


def plan(step, *args, cluster=None, state=0, welkin=None, effort=1, calibration=None, axes=None):
    """Plans `step(*args)` for a cluster such as `8xH100`, with the program `welkin` (a name or a path; a node's own on a node).

    Meshes have up to `axes` axes: 1, 2 unless said, or 3. `calibration` is a file that `welkin parallelize profile --save` made of what `profile` measured of such devices.

    Without a cluster it is the plan of the task of a run that chose its machines with it: of this very step, or an error.
    """
    told, name = options(cluster, effort, calibration, axes)
    graph = graph_of(step, args, name, state)
    return Plan(_ask(graph, welkin, told), args, graph, state)


def machines(step, *args, max_hourly, state=0, welkin=None):
    """Machines of the catalog that no other beats in both time and money of a step, the cheapest step first."""
    return _ask(graph_of(step, args, state=state), welkin, ["--any", "--max-hourly", str(max_hourly)])["front"]


def _ask(graph, welkin, told):
    return ask(graph.text(f"jax {jax.__version__}"), told, welkin)


class Plan:
    """A plan for a step with arguments of these shapes."""

    def __init__(self, wire, args, graph, state=0):
        self.wire, self.state, self.digest = wire, state, graph.digest()
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

    def apply(self, step, devices=None, schedule=None, donate=False):
        """`step` as planned: a function of the same arguments, whose results lie as the next step takes them. Another step is an
        error, as are arguments of other shapes and types.

        In a gang every process calls it, with the same arguments, and has all results that no next step takes. A pipeline does its
        work in the order of the plan, or of a `schedule`: `1f1b` or `gpipe`, which keeps all microbatches.

        With `donate` the state that is given is used up, and its memory is that of the new state, as the plan counts it. Without,
        both are there, and a device needs memory for its part of the state twice. Stages of a pipeline keep what they are given.
        """
        if self.wire["microbatches"] > 1:
            if donate:
                raise PlanError("stages of a pipeline keep the state that they are given: it cannot be donated")
            results = jax.tree.structure(jax.eval_shape(step, *self.args))
            pipeline = self._pipeline(step, devices, schedule)
            return self._checked(lambda *args: jax.tree.unflatten(results, pipeline(*jax.tree.leaves(args))))
        mesh = self.mesh(devices)
        shardings, run = self._jit(step, mesh, donate)
        return self._checked(gang.together(run, self.args, shardings) if mesh.is_multi_process else run)

    def _graph(self, step):
        graph = graph_of(step, self.args, state=self.state)
        if graph.digest() != self.digest:
            raise PlanError("the plan is of another step")
        return graph

    def _checked(self, run):
        """Sizes are written into programs: with those of another batch they would compute something else."""
        wanted, structure = jax.tree.flatten(self.args)

        def checked(*args):
            leaves, given = jax.tree.flatten(args)
            if given != structure:
                raise PlanError(f"the plan is for other arguments: {structure} is planned, and {given} is given")
            for place, (leaf, planned) in enumerate(zip(leaves, wanted, strict=True)):
                if np.shape(leaf) != planned.shape or _type(leaf, planned) != _type(planned):
                    path, _ = jax.tree_util.tree_leaves_with_path(self.args)[place]
                    raise PlanError(f"the plan is for other arguments: args{jax.tree_util.keystr(path)} is planned as {planned.dtype} of "
                                    f"{planned.shape}, and is {_type(leaf, planned)} of {np.shape(leaf)}")
            return run(*args)

        return checked

    def _jit(self, step, mesh, donate=False):
        program, graph = self.wire["stages"][0].get("program"), self._graph(step)
        if program is None or len(program["operations"]) != len(graph.ops) or len(program["values"]) != len(graph.values):
            raise PlanError("the plan is of another step")
        results = jax.tree.structure(jax.eval_shape(step, *self.args))
        inputs, run = shard(Device(graph, program, mesh), mesh, results)
        given = jax.tree.unflatten(jax.tree.structure(self.args), [NamedSharding(mesh, spec) for spec in inputs])
        donated = () if not donate or self.state is None else (self.state,)
        return given, jax.jit(lambda *args: run(*jax.tree.leaves(args)), in_shardings=given, donate_argnums=donated)

    def _pipeline(self, step, devices, schedule):
        wire, graph = self.wire, self._graph(step)
        if "cut" not in wire:
            raise PlanError("the plan was made by a version whose pipelines are not applied: plan again")
        if len(wire["cut"]["phases"]) != len(graph.ops) or len(wire["cut"]["examples"]) != len(graph.values):
            raise PlanError("the plan is of another step")
        meshes = [self.mesh(devices, number) for number in range(len(wire["stages"]))]
        try:
            cut = Cut(graph, wire["cut"], wire["microbatches"])
            stages = [Stage(graph, stage, mesh, cut) for stage, mesh in zip(wire["stages"], meshes)]
            return Pipeline(graph, stages, cut, schedule or wire["schedule"] or "1f1b")
        except MicrobatchError as error:
            raise PlanError(str(error)) from error

    def _verify_pipeline(self, step, devices):
        planned, found = {}, {}
        stages = [(number, stage) for number, stage in enumerate(self.wire["stages"]) if is_here(self.mesh(devices, number))]
        for number, stage in stages:
            planned.update({(f"stage {number} {kind}", group): size for (kind, group), size in planned_of(stage).items()})
        for number, compiled in self._pipeline(step, devices, None).compiled():
            for (kind, group), size in hlo.collectives(compiled.as_text()).items():
                key = f"stage {number} {kind}", group
                found[key] = found.get(key, 0) + size
        return Verified(planned, found)

    def verify(self, step, devices=None):
        """Compiles the step and compares: bytes of collectives by kind and devices of a group, and the memory of a device.

        Memory is that of a step whose state is given away, as plans have it (`apply(…, donate=True)`).
        Of a pipeline each stage of this process by itself, with one microbatch and what is done once a step, and without memory.
        """
        if self.wire["microbatches"] > 1:
            return self._verify_pipeline(step, devices)
        _, run = self._jit(step, self.mesh(devices), donate=True)
        compiled = run.lower(*self.args).compile()
        found = hlo.collectives(compiled.as_text())
        memory = compiled.memory_analysis()
        used = (memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes
                - memory.alias_size_in_bytes)
        return Verified(planned_of(self.wire["stages"][0]), found, self.wire["stages"][0]["peak_bytes"], used)


def _type(leaf, otherwise=None):
    """The element type of an array as JAX takes it; what Python has numbers of is taken as any."""
    of = leaf if hasattr(leaf, "dtype") else otherwise
    return jax.dtypes.canonicalize_dtype(of.dtype, allow_extended_dtype=True)
