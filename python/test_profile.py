"""Devices are measured, and a step is planned by that and run: `python3 python/test_profile.py WELKIN`, with jax installed.

What was measured is not looked at: it is another number on each machine, and each time.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.update(JAX_PLATFORMS="cpu", JAX_ENABLE_X64="1")
sys.path.insert(0, str(Path(__file__).resolve().parent))
from patient import PATIENT  # noqa: E402

os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count=2 {PATIENT}"

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

import welkin.jax as wj  # noqa: E402


def step(weights, x):
    value, gradient = jax.value_and_grad(lambda w: (jnp.tanh(x @ w) ** 2).mean())(weights)
    return weights - 0.1 * gradient, value


def main(welkin, folder):
    measurements, calibration = folder / "measurements.json", folder / "calibration.json"
    # On a machine that does much else now and then no run of something is longer for a longer program: once more, then.
    for _ in range(5):
        wj.profile(file=measurements, types=("f32", "f64"), quick=True)
        command = [welkin, "parallelize", "profile", str(measurements), "--save", str(calibration)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr
    fits = json.loads(calibration.read_text())["fits"]
    kinds = {fit["what"] for fit in fits}
    assert kinds >= {"matmul", "memory", "launch", "all-reduce", "all-gather", "reduce-scatter", "all-to-all"}, kinds
    assert {fit["kind"] for fit in fits if fit["what"] == "matmul"} == {"f32", "f64"}
    weights, x = jnp.full((64, 64), 0.01), jnp.ones((32, 64))
    plan = wj.plan(step, weights, x, cluster="2xcpu-host", welkin=welkin, calibration=calibration)
    assert plan.wire["cluster"]["calibration"], plan.wire["cluster"]
    (_, one), (_, many) = jax.jit(step)(weights, x), plan.apply(step)(weights, x)
    assert abs(one - many) < 1e-12, (one, many)
    print("ok profile")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(sys.argv[1], Path(temporary))
