"""Microbenchmarks of the devices at hand, for `welkin parallelize profile`.

All devices work at once, as they do in a step. What is measured is repeated within one program, and what a program takes by itself is
taken off by comparing programs of two lengths, so that dispatch from Python does not count.
"""

import json
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ..parallel.files import write

SCHEMA = "welkin.parallel-measurements/1"

# Turns of the shorter and of the longer program.
SHORT, LONG = 2, 10

# Edges of square matrices, elements that are gone over, elements of each device's part of what is sent.
EDGES = {"cpu": (32, 64, 128, 256, 512)}
EDGES_FAST = (256, 512, 1024, 2048, 4096, 8192)
ELEMENTS = {"cpu": (1 << 12, 1 << 15, 1 << 18, 1 << 21)}
ELEMENTS_FAST = (1 << 16, 1 << 20, 1 << 24, 1 << 27)
SENT = {"cpu": (1 << 9, 1 << 12, 1 << 15, 1 << 18)}
SENT_FAST = (1 << 12, 1 << 15, 1 << 18, 1 << 21, 1 << 24)
TYPES = {"f32": jnp.float32, "f16": jnp.bfloat16, "f64": jnp.float64}


def profile(file=None, devices=None, runs=5, types=("f32", "f16"), quick=False, log=None):
    """Measures matrix products, memory, starts of operations and collectives; returns the text and writes it to `file`.

    `runs` is how often each program is timed. `types` are those of products: `f64` needs JAX's 64-bit mode. `quick` measures the two
    smallest sizes of everything alone. On eight devices of a CPU that does nothing else it takes a minute or two, most of it compiling.
    """
    devices = jax.devices() if devices is None else devices
    bench = _Bench(devices, runs, 2 if quick else None, log or (lambda what: None))
    points = [*bench.launches(), *bench.memory()]
    for kind in types:
        points += bench.products(kind)
    points += bench.collectives()
    document = {"schema": SCHEMA, "made_by": f"jax {jax.__version__}", "device": devices[0].device_kind, "devices": len(devices),
                "points": points}
    text = json.dumps(document)
    if file is not None:
        write(file, text)
    return text


class _Bench:
    def __init__(self, devices, runs, most, log):
        self.devices, self.runs, self.most, self.log = devices, runs, most, log
        self.platform = devices[0].platform

    def mesh(self, group):
        return Mesh(np.array(self.devices).reshape(-1, group), ("others", "group"))

    def sizes(self, of, fast):
        return of.get(self.platform, fast)[:self.most]

    def timed(self, what, body, shape, dtype, group=1):
        """Seconds of one turn of `body`, on an array of this shape on each device, one number for each run."""
        mesh = self.mesh(group)
        spec = PartitionSpec(("others", "group"))
        start = jnp.zeros((len(self.devices) * shape[0], *shape[1:]), dtype)
        start = jax.device_put(start, NamedSharding(mesh, spec))

        def program(turns):
            def run(x):
                for _ in range(turns):
                    x = body(x)
                return x
            made = jax.jit(jax.shard_map(run, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False))
            made = made.lower(start).compile()
            made(start).block_until_ready()
            return made

        short, long = program(SHORT), program(LONG)
        seconds = [(self.run(long, start) - self.run(short, start)) / (LONG - SHORT) for _ in range(self.runs)]
        # On a machine that does other things a short program can take longer than a long one.
        seconds = [each for each in seconds if each > 0]
        self.log(f"{what}: {statistics.median(seconds) if seconds else float('nan'):.3g} s")
        return seconds

    @staticmethod
    def run(program, start):
        begin = time.perf_counter()
        program(start).block_until_ready()
        return time.perf_counter() - begin

    def launches(self):
        """Products of two by two numbers, which no compiler joins, one after the other."""
        points = []
        for count in (1, 4, 16)[:self.most]:
            def body(x, count=count):
                for _ in range(count):
                    x = x @ x
                return x
            points.append(self.point("launch", self.timed(f"{count} launches", body, (2, 2), jnp.float32), count))
        return [point for point in points if point]

    def memory(self):
        """Sums along an array, which are a pass over it by themselves, and a change of all of it, which is another."""
        points = []
        for count in self.sizes(ELEMENTS, ELEMENTS_FAST):
            body = lambda x: x + jnp.sum(x, keepdims=True)
            # Read twice and written once.
            points.append(self.point("memory", self.timed(f"memory {count}", body, (count,), jnp.float32), 3 * 4 * count))
        return [point for point in points if point]

    def products(self, kind):
        points = []
        for edge in self.sizes(EDGES, EDGES_FAST):
            seconds = self.timed(f"product {kind} {edge}", lambda x: x @ x, (edge, edge), TYPES[kind])
            points.append(self.point("matmul", seconds, 2 * edge**3, kind=kind))
        return [point for point in points if point]

    def collectives(self):
        points = []
        groups = [group for group in range(2, len(self.devices) + 1) if len(self.devices) % group == 0]
        for group in groups:
            for name, body in COLLECTIVES.items():
                for count in self.sizes(SENT, SENT_FAST):
                    seconds = self.timed(f"{name} of {group}, {count}", body(group), (count * group,), jnp.float32, group)
                    points.append(self.point(name, seconds, 4 * count * group, group=group))
        return [point for point in points if point]

    @staticmethod
    def point(what, seconds, size, **more):
        return {"what": what, **more, "size": size, "seconds": seconds} if seconds else None


def _reduce(group):
    return lambda x: lax.psum(x, "group") * (1 / group)


def _gather(group):
    """Of a part, which is then cut out of the whole again."""
    def body(x):
        part = x[: x.shape[0] // group]
        return lax.all_gather(part, "group", tiled=True) * 1.0001
    return body


def _scatter(group):
    return lambda x: jnp.tile(lax.psum_scatter(x, "group", tiled=True) * (1 / group), group)


def _exchange(group):
    return lambda x: lax.all_to_all(x, "group", 0, 0, tiled=True) * 1.0001


# What is repeated. The array that a device has before it or after it is the whole that costs are counted in.
COLLECTIVES = {"all-reduce": _reduce, "all-gather": _gather, "reduce-scatter": _scatter, "all-to-all": _exchange}
