"""Step times predicted by a calibration against those measured, on eight host devices: `python3 benches/parallel_profile.py WELKIN`.

Devices of one CPU share its cores and its memory, so this says how the method does, and nothing of accelerators. With a file name after
the program the calibration is kept there, or taken from there if it exists.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PATIENT = "--xla_cpu_collective_call_terminate_timeout_seconds=1800"
os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count=8 {PATIENT}")
os.environ["JAX_PLATFORMS"] = "cpu"
root = Path(__file__).resolve().parent
sys.path[:0] = [str(root.parent / "python"), str(root)]

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

import welkin.jax as wj  # noqa: E402
from parallel_models import adam, gpt  # noqa: E402

CLUSTER = "8xcpu-host"
RUNS = 5


def calibrated(welkin, path):
    with tempfile.TemporaryDirectory() as folder:
        measurements = Path(folder) / "measurements.json"
        wj.profile(file=measurements, types=("f32",))
        subprocess.run([welkin, "parallelize", "profile", str(measurements), "--save", str(path)], check=True)


def filled(shapes):
    """Arrays of these shapes: what is in them does not change how long a step takes."""
    return jax.tree.map(lambda leaf: jnp.full(leaf.shape, 0.01 if leaf.dtype == jnp.float32 else 1, leaf.dtype), shapes)


def measured(step, state, batch):
    state, batch = filled(state), filled(batch)
    seconds = []
    for _ in range(RUNS + 1):
        begin = time.perf_counter()
        state, loss = step(state, batch)
        jax.block_until_ready((state, loss))
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds[1:])


def main(welkin, path):
    if not path.exists():
        calibrated(welkin, path)
    print("| model | published | calibrated | measured | calibrated / measured |\n|---|---|---|---|---|")
    for width, length, batch in ((64, 64, 16), (128, 64, 16), (256, 128, 16), (256, 256, 32)):
        loss, params, tokens = gpt(2, width, 8, 4 * width, 1024, length, batch, jnp.float32)
        state = (params, params, params, jax.ShapeDtypeStruct((), jnp.float32))
        step = adam(loss)
        published = wj.plan(step, state, tokens, cluster=CLUSTER, welkin=welkin).wire["step_s"]
        plan = wj.plan(step, state, tokens, cluster=CLUSTER, welkin=welkin, calibration=path)
        took = measured(plan.apply(step), state, tokens)
        predicted = plan.wire["step_s"]
        print(f"| GPT, 2 layers, D {width}, S {length}, B {batch} | {published:.4f} s | {predicted:.4f} s | {took:.4f} s | {predicted / took:.2f} |",
              flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else Path(temporary) / "calibration.json"))
