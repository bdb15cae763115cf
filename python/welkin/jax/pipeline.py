"""Plans with stages or microbatches, run by the host: programs of stages on devices of their own, in the order of a schedule.

A stage has a program for the forward pass of a microbatch and one for its backward pass. What a later one reads stays where it
was made, or is sent to the stage that reads it. Sums over examples are added up over microbatches; what is done once a step
follows, each stage as far as it comes before it needs what another one makes.

Where stages are of several processes, each walks through the whole order, does the work of its own stages, and takes part in what is
sent: so all send and receive in one order, and nobody waits for somebody who waits for it.

*Guarantee:* every operation of the step is done by the stage of the plan, in the layouts of the plan. What order of work leads
nowhere is found before anything runs.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from . import gang
from .between import Between, elsewhere, is_here, of_one, several
from .device import Device
from .microbatch import MicrobatchError, order

ONCE = "once"


class Stage:
    """A part of the step, and the devices that it has."""

    def __init__(self, graph, wire, mesh, cut):
        self.device, self.mesh, self.recompute = Device(graph, wire["program"], mesh, cut), mesh, wire["recompute"]
        self.is_here = is_here(mesh)
        of = lambda phase: [number for number in self.device.operations if cut.phases[number] == phase]
        self.forward, self.backward, self.once = of("forward"), of("backward"), of(ONCE)

    def has(self, value):
        return value in self.device.values

    def sharding(self, value):
        """How a value is held between programs."""
        return NamedSharding(self.mesh, self.spec(value))

    def parts(self, value):
        """Axes along which it is a part of a sum: such parts are rows of one more dimension."""
        along = self.device.layouts[self.device.kept(value)]
        return tuple(name for name, at in zip(self.device.names, along) if at == "sum")

    def spec(self, value):
        spec, parts = self.device.spec(self.device.kept(value)), self.parts(value)
        return PartitionSpec(parts, *spec) if parts else spec


class Program:
    """Some operations of a stage, from values that it holds to values that others read."""

    def __init__(self, stage, ops, wanted):
        graph = stage.device.graph
        made = {value for number in ops for value, _ in graph.ops[number]["out"]}
        read = {value for number in ops for value, _ in graph.ops[number]["in"]} - made
        self.stage, self.ops = stage, ops
        self.constants = sorted(read & graph.constants.keys())
        self.reads, self.makes = sorted(read - graph.constants.keys()), sorted(made & wanted)
        specs = lambda values: [stage.spec(value) for value in values]
        run = jax.shard_map(self._blocks, mesh=stage.mesh, in_specs=(PartitionSpec(), specs(self.reads)),
                            out_specs=specs(self.makes), check_vma=False)
        self.run, self.ready = jax.jit(run), None

    def _blocks(self, turn, given):
        device = self.stage.device
        device.turn = turn
        held = {value: array[0] if self.stage.parts(value) else array for value, array in zip(self.reads, given, strict=True)}
        for value in self.constants:
            constant = jnp.asarray(device.graph.constants[value])
            held[value] = device.block(constant, device.layouts[device.kept(value)])
        for number in self.ops:
            device.operation(number, held)
        return [held[value][None] if self.stage.parts(value) else held[value] for value in self.makes]

    def compiled(self):
        """Compiled for a microbatch, without running it."""
        device = self.stage.device
        given = []
        for value in self.reads:
            parts = self.stage.parts(value)
            shape = (device.count(parts), *device.cut.shape(value)) if parts else device.cut.shape(value)
            given.append(jax.ShapeDtypeStruct(shape, device.graph.dtypes[value], sharding=self.stage.sharding(value)))
        self.ready = self.run.lower(jnp.int32(0), given).compile()
        return self.ready

    def __call__(self, number, given):
        return (self.ready or self.run)(np.int32(number), given)


class Hand:
    """Brings a result into the layout in which the next step takes it."""

    def __init__(self, stage, value, start, to):
        device, past = stage.device, len(stage.device.graph.ops)
        self.stage, self.value = stage, value
        moved = lambda array: device.moved(past, value, {value: array}, start, to)
        self.run, self.ready = jax.jit(jax.shard_map(moved, mesh=stage.mesh, in_specs=device.spec(start), out_specs=device.spec(to),
                                                     check_vma=False)), None

    def compiled(self):
        device = self.stage.device
        shape, dtype = device.cut.shape(self.value), device.graph.dtypes[self.value]
        self.ready = self.run.lower(jax.ShapeDtypeStruct(shape, dtype, sharding=self.stage.sharding(self.value))).compile()
        return self.ready

    def __call__(self, array):
        return (self.ready or self.run)(array)


class Pipeline:
    """A step as its stages do it."""

    def __init__(self, graph, stages, cut, schedule):
        self.graph, self.stages, self.cut = graph, stages, cut
        self.inputs = {row["value"]: row for row in graph.inputs if row["value"] not in graph.constants}
        self.results = {row["value"] for row in graph.outputs}
        self.programs, self.once = self._programs()
        self.sends = self._sends()
        self.schedule = self._schedule(schedule)
        self.handed = self._handed()
        # Nothing where all stages are of this process.
        self.between = Between() if several(stage.mesh for stage in stages) else None
        self.add = jax.jit(lambda sums, more: [a + b for a, b in zip(sums, more, strict=True)], donate_argnums=0)
        self.met = self.between is None
        if not self.met:
            for program in self._own():
                program.compiled()

    def _programs(self):
        """Forward and backward programs of each stage, and those of what is done once, in order."""
        graph = self.graph
        passes = []
        for stage in self.stages:
            # What is computed again is read by nobody else of the same stage's backward pass.
            again = stage.forward if stage.recompute else []
            passes.append((stage.forward, sorted({*again, *stage.backward})))
        segments = self._segments()
        lists = [(at, ops) for at, both in enumerate(passes) for ops in both] + segments
        made_in, wanted = {}, {number: set(self.results) for number in range(len(lists))}
        for number, (_, ops) in enumerate(lists):
            for op in ops:
                for value, _ in graph.ops[op]["out"]:
                    # A forward pass that comes again makes nothing new.
                    made_in.setdefault(value, number)
        for number, (_, ops) in enumerate(lists):
            own = {value for op in ops for value, _ in graph.ops[op]["out"]}
            for op in ops:
                for value, _ in graph.ops[op]["in"]:
                    if value not in own and value in made_in:
                        wanted[made_in[value]].add(value)
        built = [Program(self.stages[at], ops, {value for value in wanted[number] if made_in.get(value) == number})
                 for number, (at, ops) in enumerate(lists)]
        pairs = 2 * len(self.stages)
        return [tuple(built[at:at + 2]) for at in range(0, pairs, 2)], built[pairs:]

    def _segments(self):
        """What is done once, in pieces of one stage, each of which needs only what is before it."""
        graph = self.graph
        left = [list(stage.once) for stage in self.stages]
        late = {value for ops in left for op in ops for value, _ in graph.ops[op]["out"]}
        segments = []
        while any(left):
            before = len(segments)
            for at, ops in enumerate(left):
                now, rest = [], []
                for op in ops:
                    ready = all(value not in late for value, _ in graph.ops[op]["in"])
                    (now if ready else rest).append(op)
                    if ready:
                        late -= {value for value, _ in graph.ops[op]["out"]}
                if now:
                    segments.append((at, now))
                left[at] = rest
            if len(segments) == before:
                raise MicrobatchError("what is done once a step needs itself")
        return segments

    def _sends(self):
        """For each value the stages that read it, where these are several or others than the one that makes it."""
        readers = {}
        for program in [program for pair in self.programs for program in pair] + self.once:
            at = self.stages.index(program.stage)
            for value in program.reads:
                readers.setdefault(value, set()).add(at)
        return readers

    def _schedule(self, name):
        """Pieces of work in an order in which each finds what it reads."""
        count, stages = self.cut.count, len(self.stages)
        left = [order(at, stages, count, name) for at in range(stages)]
        has, done = [set(self.inputs) for _ in range(count)], []
        while any(left):
            before = len(done)
            # One piece of each stage at a time, as they are done at the same time.
            for at, work in enumerate(left):
                if work:
                    backward, number = work[0]
                    program = self.programs[at][backward]
                    if has[number].issuperset(program.reads):
                        has[number].update(program.makes)
                        done.append((at, *work.pop(0)))
            if len(done) == before:
                raise MicrobatchError("stages wait for each other")
        return done

    def _handed(self):
        """Programs that bring results into the layouts in which the next step takes them, by what they are the results of."""
        handed = {}
        for program in [program for pair in self.programs for program in pair] + self.once:
            stage, device = program.stage, program.stage.device
            for row in (row for row in self.graph.outputs if "becomes" in row and row["value"] in program.makes):
                before = self.graph.inputs[row["becomes"]]["value"]
                start, to = device.kept(row["value"]), device.kept(before)
                if stage.has(before) and start != to:
                    handed[row["value"]] = Hand(stage, row["value"], start, to)
        return handed

    def __call__(self, *leaves):
        if not self.met:
            # Some processes compile longer than others.
            gang.meet()
            self.met = True
        held = _Held(self, leaves)
        for at, backward, number in self.schedule:
            program = self.programs[at][backward]
            if program.makes:
                given = [held.get(at, value, number) for value in program.reads]
                held.keep(at, program.makes, self._done(program, number, given), number)
            held.forget(at, number, [] if backward else self.programs[at][1].reads)
        for program in self.once:
            at = self.stages.index(program.stage)
            given = [held.once(at, value) for value in program.reads]
            held.add_once(at, program.makes, self._done(program, 0, given))
        return [held.result(row) for row in self.graph.outputs]

    def _done(self, program, number, given):
        """What a program makes; nothing of each where this process has no devices of its stage."""
        if not program.stage.is_here:
            return [None] * len(program.makes)
        made = program(number, given)
        if self.between is not None:
            self.between.made += made
        return made

    def _own(self):
        """The programs of this process' stages."""
        each = [program for pair in self.programs for program in pair] + self.once
        each = [program for program in each if program.makes] + list(self.handed.values())
        return [program for program in each if program.stage.is_here]

    def compiled(self):
        """For each stage of this process its programs, compiled."""
        return [(self.stages.index(program.stage), program.compiled()) for program in self._own()]


class _Held:
    """Values of a step under way: nothing of those that other processes have."""

    def __init__(self, pipeline, leaves):
        self.pipeline, self.stages, self.cut = pipeline, pipeline.stages, pipeline.cut
        self.given = dict(zip(pipeline.inputs, leaves, strict=True))
        # By stage and value: what is the same for all microbatches, what one has, and what is added up.
        self.same, self.turns, self.sums = {}, [{} for _ in range(self.cut.count)], {}
        self.late = {value for program in pipeline.once for value in program.reads} | pipeline.results

    def get(self, at, value, number):
        """A value on a stage, for a microbatch."""
        if value not in self.given:
            return self.turns[number][at, value]
        dim = self.cut.dims[value]
        if dim is None:
            return self._input(at, value)
        held = self.turns[number]
        if (at, value) not in held:
            size = self.cut.shape(value)[dim]
            part = self.given[value][(slice(None),) * dim + (slice(number * size, (number + 1) * size),)]
            held[at, value] = self._placed(at, value, part)
        return held[at, value]

    def _input(self, at, value):
        if (at, value) not in self.same:
            self.same[at, value] = self._brought(at, value, self.given[value])
        return self.same[at, value]

    def _brought(self, at, value, array):
        """What a step is given, on a stage: of another stage of the step before, or from every process."""
        if self.pipeline.between is None or not isinstance(array, jax.Array):
            return self._placed(at, value, array)
        # What came of a step lies on a mesh, and what every process made by itself on a device of its own.
        devices = array.sharding.device_set if isinstance(array.sharding, NamedSharding) else None
        start = next((number for number, stage in enumerate(self.stages) if set(stage.mesh.devices.flat) == devices), None)
        if start is None:
            return self._placed(at, value, array)
        if start != at:
            return self._over(start, at, value, array)
        sharding = self.stages[at].sharding(value)
        same = array.sharding.is_equivalent_to(sharding, array.ndim)
        return array if same or not self.stages[at].is_here else jax.jit(lambda x: x, out_shardings=sharding)(array)

    def _placed(self, at, value, array):
        """A whole array, which every process has, on a stage."""
        stage = self.stages[at]
        if self.pipeline.between is None:
            return jax.device_put(array, stage.sharding(value))
        if not stage.is_here:
            return None
        whole = np.asarray(array)
        return jax.make_array_from_callback(whole.shape, stage.sharding(value), lambda index: whole[index])

    def keep(self, at, values, arrays, number):
        sums = [(value, array) for value, array in zip(values, arrays) if value in self.late and value in self.cut.sums]
        if sums:
            before = [self.sums.get((at, value)) for value, _ in sums]
            arrays_only = [array for _, array in sums]
            added = self.pipeline.add(before, arrays_only) if before[0] is not None else arrays_only
            self.sums.update(((at, value), array) for (value, _), array in zip(sums, added, strict=True))
        for value, array in zip(values, arrays, strict=True):
            if value in self.late and value not in self.cut.sums:
                if self.cut.dims[value] is None:
                    self.sums[at, value] = array
                else:
                    self.sums.setdefault((at, value), []).append((number, array))
            for reader in sorted(self.pipeline.sends.get(value, ())):
                self.turns[number][reader, value] = self._sent(at, reader, value, array)

    def _sent(self, at, to, value, array):
        if at == to:
            return array
        if self.stages[at].parts(value):
            raise MicrobatchError("a part of a sum is sent to another stage")
        if self.pipeline.between is None:
            return jax.device_put(array, self.stages[to].sharding(value))
        return self._over(at, to, value, array)

    def _over(self, at, to, value, array):
        start, sharding = self.stages[at].mesh, self.stages[to].sharding(value)
        if of_one(start, sharding.mesh):
            return jax.device_put(array, sharding) if self.stages[at].is_here else None
        return self.pipeline.between.send(array, self.cut.shape(value), self._dtype(value), start, sharding)

    def _dtype(self, value):
        return np.dtype(self.pipeline.graph.dtypes[value])

    def forget(self, at, number, needed):
        held = self.turns[number]
        for key in [key for key in held if key[0] == at and key[1] not in needed]:
            del held[key]

    def once(self, at, value):
        """A value on a stage, after all microbatches."""
        if value in self.given:
            return self._input(at, value)
        if (at, value) not in self.sums:
            maker = next(key for key in self.sums if key[1] == value)
            self.sums[at, value] = self._sent(maker[0], at, value, self.sums[maker])
        return self.sums[at, value]

    def add_once(self, at, values, arrays):
        self.sums.update(((at, value), array) for value, array in zip(values, arrays, strict=True))

    def result(self, row):
        """A result of the step, as the next one takes it; of one that it does not take, every process has all."""
        value = row["value"]
        if value in self.given:
            return self.given[value]
        (at, _), array = next(pair for pair in self.sums.items() if pair[0][1] == value)
        stage = self.stages[at]
        if isinstance(array, list):
            parts = [part for _, part in sorted(array, key=lambda one: one[0])]
            array = jnp.concatenate(parts, self.cut.dims[value]) if stage.is_here else None
        hand = self.pipeline.handed.get(value)
        if hand is not None and stage.is_here:
            array = hand(array)
        if self.pipeline.between is None:
            return array
        shape, dtype = tuple(self.pipeline.graph.values[value][1]), self._dtype(value)
        if "becomes" not in row:
            return self.pipeline.between.tell(array, shape, dtype, stage.mesh)
        return array if stage.is_here else elsewhere(shape, dtype, stage.sharding(value))
