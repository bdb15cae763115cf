"""Memory of a device, planned and compiled, on eight host devices: `python3 python/test_memory.py WELKIN [CLUSTER] [NAME ...]`, with jax.

Of these nothing is run, and arrays are never made. Of each what is planned is within 10 % of what XLA takes, and at most 3 % under. Without
names those are compiled that take seconds; `all` compiles the others as well, which take a minute.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
os.environ.update(JAX_PLATFORMS="cpu")
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "benches")]
from patient import PATIENT  # noqa: E402

os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count=8 {PATIENT}")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import parallel_models as models  # noqa: E402

import welkin.jax as wj  # noqa: E402

MOST, LEAST = 1.10, 0.97


def array(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def gpt(layers, width, heads, vocabulary, length, experts=0):
    return models.gpt(layers, width, heads, 4 * width, vocabulary, length, 16, jnp.float32, experts)


def mlp(width, layers, batch):
    def loss(params, batch):
        x, y = batch
        for weights in params:
            x = jnp.tanh(x @ weights)
        return ((x - y) ** 2).mean()

    return loss, [array(width, width)] * layers, (array(batch, width), array(batch, width))


def wide_resnet(width, blocks, batch, size):
    def convolved(x, weights):
        return jax.lax.conv_general_dilated(x, weights, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def loss(params, batch):
        x, y = batch
        x = jax.nn.relu(convolved(x, params["stem"]))
        for first, second in params["blocks"]:
            x = jax.nn.relu(x + convolved(jax.nn.relu(convolved(x, first)), second))
        return models.cross_entropy(x.mean((1, 2)) @ params["head"], y)

    params = {"stem": array(3, 3, 3, width), "blocks": [(array(3, 3, width, width),) * 2] * blocks, "head": array(width, 1024)}
    return loss, params, (array(batch, size, size, 3), jax.ShapeDtypeStruct((batch,), jnp.int32))


USUAL = {
    "gpt of 2, width 512": lambda: gpt(2, 512, 8, 8192, 256),
    "gpt of 4, width 768": lambda: gpt(4, 768, 8, 16384, 512),
    "experts of 2, width 256": lambda: gpt(2, 256, 8, 4096, 128, experts=8),
    "mlp of 4, width 512": lambda: mlp(512, 4, 1024),
    "mlp of 6, width 2048": lambda: mlp(2048, 6, 2048),
    "mlp of 4, width 4096": lambda: mlp(4096, 4, 16384),
    "wide resnet of 4, width 256": lambda: wide_resnet(256, 4, 64, 32),
}
OTHERS = {
    "gpt of 2, width 256": lambda: gpt(2, 256, 8, 4096, 128),
    "gpt-2 of 4": models.MODELS["gpt2-4"],
    "experts of 4, width 512": lambda: gpt(4, 512, 8, 8192, 256, experts=8),
}


def share(name, model, cluster, welkin):
    """What was planned, as a share of what was compiled."""
    loss, params, batch = model()
    moments = jax.tree.map(lambda leaf: array(*leaf.shape), params)
    step, state = models.adam(loss), (params, moments, moments, array())
    plan = wj.plan(step, state, batch, cluster=cluster, welkin=welkin)
    if plan.wire["microbatches"] > 1:
        print(f"{name}: a pipeline, whose memory is not compared", flush=True)
        return None
    planned, compiled = plan.verify(step).memory
    print(f"{name}: mesh {plan.wire['stages'][0]['mesh']}, {planned / 1e6:.1f} MB planned, {compiled / 1e6:.1f} MB compiled, "
          f"{planned / compiled:.2f}", flush=True)
    return planned / compiled


def donated(cluster, welkin):
    """State that is given away is used up, and its step gives what it gives of a copy."""
    loss, params, batch = mlp(64, 2, 32)
    params = [jax.random.normal(jax.random.key(number), leaf.shape) for number, leaf in enumerate(params)]
    batch = tuple(jax.random.normal(jax.random.key(number), leaf.shape) for number, leaf in enumerate(batch))
    moments = [jnp.zeros_like(leaf) for leaf in params]
    step = models.adam(loss)
    state = (params, moments, [jnp.zeros_like(leaf) for leaf in params], jnp.zeros(()))
    plan = wj.plan(step, state, batch, cluster=cluster, welkin=welkin)
    kept, _ = plan.apply(step)(state, batch)
    run = plan.apply(step, donate=True)
    # Where the plan has it, so that there is nothing to copy: the step's own results lie there.
    again, _ = run(kept, batch)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(kept)), "the state is still there"
    twice, _ = plan.apply(step)(plan.apply(step)(state, batch)[0], batch)
    assert all((one == other).all() for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(twice), strict=True))
    print("ok state that is donated", flush=True)


def main(welkin, cluster="8xA100", *names):
    donated(cluster, welkin)
    chosen = USUAL | OTHERS if names == ("all",) else {name: (USUAL | OTHERS)[name] for name in names or USUAL}
    for name, model in chosen.items():
        found = share(name, model, cluster, welkin)
        assert found is not None and LEAST <= found <= MOST, f"{name} on {cluster}: {found}"
        print(f"ok {name} on {cluster}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
