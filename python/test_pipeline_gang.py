"""Pipelines of two processes with eight host devices each, in float64, against one device: `test_pipeline_gang.py WELKIN`, with jax."""

import os
import socket
import subprocess
import sys
from pathlib import Path

NODES, DEVICES = 2, 8

from test_pipeline import CLUSTER, deep, gpt, with_clipped_gradients, with_momentum  # noqa: E402
from test_plan import PATIENT, worst  # noqa: E402

# What those files ask for is not read before the first array is made.
os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES} {PATIENT}"

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import welkin.jax as wj  # noqa: E402


def same(expected, array):
    """What this process has of an array, against the whole of it."""
    expected = np.asarray(expected)
    return worst([expected[shard.index] for shard in array.addressable_shards], [shard.data for shard in array.addressable_shards])


def run(model, stepped, welkin, schedule, steps=3):
    loss, params, batch = model(iter(jax.random.split(jax.random.key(0), 40)))
    step, start = stepped(loss), (params, jax.tree.map(jnp.zeros_like, params))
    made = wj.plan(step, start, batch, cluster=CLUSTER, welkin=welkin)
    owners = [{device.process_index for device in made.mesh(stage=number).devices.flat} for number in range(len(made.wire["stages"]))]
    assert len(set().union(*owners)) == NODES and made.wire["microbatches"] > 1, (made, owners)
    verified = made.verify(step)
    assert verified.exact, f"{model.__name__}: {verified}"
    one, many = jax.jit(step), made.apply(step, schedule=schedule)
    left = right = start
    for _ in range(steps):
        left, alone = one(left, batch)
        right, together = many(right, batch)
        pairs = zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True)
        apart = [worst(alone, together), *(same(a, b) for a, b in pairs if b.addressable_shards)]
        assert np.isfinite(np.asarray(jax.tree.leaves(alone)[0])) and max(apart) < 1e-12, (model.__name__, apart)
    if jax.process_index() == 0:
        print(f"ok {model.__name__}, {schedule}: {made}, stages of processes {owners}, {max(apart):.1e}", flush=True)


def main(welkin):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(Path(__file__).resolve()), welkin, str(port)]
    gang = {"SKYPILOT_NUM_NODES": str(NODES), "SKYPILOT_NODE_IPS": " ".join(["127.0.0.1"] * NODES)}
    started = [subprocess.Popen(command, env={**os.environ, **gang, "SKYPILOT_NODE_RANK": str(rank)}) for rank in range(NODES)]
    codes = [each.wait() for each in started]
    sys.exit(f"processes ended with {codes}" if any(codes) else 0)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(sys.argv[1])
    wj.join(int(sys.argv[2]))
    run(deep, with_momentum, sys.argv[1], "1f1b")
    run(gpt, with_clipped_gradients, sys.argv[1], "1f1b")
    run(deep, with_momentum, sys.argv[1], "gpipe")
