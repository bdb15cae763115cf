"""The same steps as jaxprs and as StableHLO text, planned: `python3 python/test_stablehlo.py WELKIN`, with jax installed.

Both describe one program, so plans must agree in time. Where nothing differs (the MLP) they agree to the byte and the picosecond. What
else differs is named: the text does not say whether an array that holds one number throughout is written somewhere or only read
(masks, zeros that are added to), and powers are products there; so light operations differ, and with them now and then what is best.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.update(JAX_PLATFORMS="cpu")
root = Path(__file__).resolve().parent
sys.path[:0] = [str(root), str(root.parent / "benches")]

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from jax import export  # noqa: E402

from parallel_models import adam, gpt, llama  # noqa: E402
from welkin.jax import trace  # noqa: E402


def mlp():
    def loss(params, batch):
        x, y = batch
        for weights in params:
            x = jnp.tanh(x @ weights)
        return ((x - y) ** 2).mean()

    shape = lambda *sizes: jax.ShapeDtypeStruct(sizes, jnp.float32)
    return loss, [shape(1024, 4096), shape(4096, 4096), shape(4096, 1024)], (shape(512, 1024), shape(512, 1024))


def descent(loss):
    def step(params, batch):
        value, gradients = jax.value_and_grad(loss)(params, batch)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, gradients), value

    return step


def with_moments(model):
    loss, params, batch = model
    moments = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, jnp.float32), params)
    return adam(loss), (params, moments, moments, jax.ShapeDtypeStruct((), jnp.float32)), batch


def scanned():
    """Layers in a loop, which the text has as a `while`."""
    def loss(params, x):
        return (jax.lax.scan(lambda x, weights: (jnp.tanh(x @ weights), None), x, params)[0] ** 2).mean()

    return descent(loss), jax.ShapeDtypeStruct((6, 1024, 1024), jnp.float32), jax.ShapeDtypeStruct((256, 1024), jnp.float32)


# What the step takes may differ by this share, for the reasons above.
MODELS = {
    "mlp": (lambda: (descent(mlp()[0]), *mlp()[1:]), 1e-12),
    "block": (lambda: (descent((model := gpt(1, 256, 8, 1024, 1024, 128, 32, jnp.float32))[0]), *model[1:]), 0.05),
    "gpt": (lambda: with_moments(gpt(2, 256, 8, 1024, 1024, 128, 32, jnp.float32)), 0.05),
    "experts": (lambda: with_moments(gpt(2, 256, 8, 1024, 1024, 128, 32, jnp.float32, experts=8)), 0.05),
    "llama": (lambda: with_moments(llama(2, 256, 8, 4, 512, 1024, 128, 32, jnp.bfloat16)), 0.05),
    "scanned": (scanned, 0.1),
}


def texts(step, state, batch):
    """Each way in which JAX prints a step."""
    given = jax.jit(step, donate_argnums=0)
    yield "lowered", jax.jit(step).lower(state, batch).as_text()
    yield "named", given.lower(state, batch).as_text(debug_info=True)
    yield "exported", str(export.export(given)(state, batch).mlir_module())


def planned(welkin, path, cluster):
    command = [welkin, "parallelize", str(path), "--cluster", cluster, "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def traffic(plan):
    """Bytes by stage, kind and group."""
    return {(at, row["kind"], row["group"]): row["bytes"] for at, stage in enumerate(plan["stages"]) for row in stage["collectives"]}


def run(name, folder, welkin, cluster):
    model, tolerance = MODELS[name]
    step, state, batch = model()
    traced = folder / f"{name}.json"
    trace(step, state, batch, file=traced)
    want, _ = planned(welkin, traced, cluster)
    count, times = len(jax.tree.leaves(state)), []
    for form, text in texts(step, state, batch):
        path = folder / f"{name}.{form}.stablehlo"
        path.write_text(text, encoding="utf-8")
        got, said = planned(welkin, path, cluster)
        assert ("taken for state" in said) == (form == "lowered"), said
        roles = [tensor["role"] for tensor in got["stages"][0]["inputs"] if tensor["role"] != "constant"]
        assert roles.count("state") == count, f"{name} {form}: {roles}"
        if form != "lowered":
            assert got["stages"][0]["inputs"][0]["name"].startswith(("params", "state")), got["stages"][0]["inputs"][0]
        assert not got.get("replicated"), got["replicated"]
        assert abs(got["model"]["flops"] / want["model"]["flops"] - 1) < 1e-12, f"{name} {form}"
        times.append(got["step_s"])
        differs = got["step_s"] / want["step_s"] - 1
        assert abs(differs) <= tolerance, f"{name} {form}: {got['step_s']} and {want['step_s']}"
        if name == "mlp":
            assert traffic(got) == traffic(want), f"{name} {form}: {traffic(got)} and {traffic(want)}"
    assert max(times) - min(times) < 1e-12, f"{name}: {times}"
    print(f"ok {name} on {cluster}: {want['step_s'] * 1e6:.1f} us a step as a jaxpr, {differs:+.2%} as StableHLO", flush=True)


def main(welkin):
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            run(name, Path(folder), welkin, "8xA100")


if __name__ == "__main__":
    main(sys.argv[1])
