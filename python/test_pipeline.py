"""Pipelines executed on sixteen host devices in float64 against one device: `python3 python/test_pipeline.py WELKIN`, with jax.

On these machines, whose network is slow beside them, the planner chooses stages.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from patient import PATIENT  # noqa: E402

os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count=16 {PATIENT}"

from test_plan import dense, refused, with_momentum, worst  # noqa: E402

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

import welkin.jax as wj  # noqa: E402
from welkin.jax import microbatch  # noqa: E402

CLUSTER = "16xcpu-host@10"


def deep(keys, centred=False):
    def loss(params, batch):
        x, y = batch
        for up, down in params:
            if centred:
                x = x - x.mean(0)
            x = x + jnp.tanh(x @ up) @ down
        return ((x - y) ** 2).mean()

    params = [(dense(next(keys), 512, 512), dense(next(keys), 512, 512)) for _ in range(8)]
    return loss, params, (dense(next(keys), 64, 512), dense(next(keys), 64, 512))


def gpt(keys):
    """Its first and its last stage share the embedding."""
    width, heads, layers, words = 128, 4, 4, 64

    def block(x, layer):
        shape = (*x.shape[:2], heads, width // heads)
        q, k, v = ((x @ layer[name]).reshape(shape) for name in "qkv")
        scores = jax.nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", q, k))
        x = x + jnp.einsum("bhqk,bkhd->bqhd", scores, v).reshape(x.shape) @ layer["o"]
        return x + jnp.tanh(x @ layer["up"]) @ layer["down"]

    def loss(params, batch):
        x = params["embedding"][batch]
        for layer in params["layers"]:
            x = block(x, layer)
        logits = x @ params["embedding"].T
        return (jax.nn.logsumexp(logits, -1) - jnp.take_along_axis(logits, batch[..., None], -1)[..., 0]).mean()

    layer = lambda: {name: dense(next(keys), width, width) for name in "qkvo"} | {
        "up": dense(next(keys), width, 4 * width), "down": dense(next(keys), 4 * width, width)}
    params = {"embedding": dense(next(keys), words, width), "layers": [layer() for _ in range(layers)]}
    return loss, params, jax.random.randint(next(keys), (64, 8), 0, words)


def with_clipped_gradients(loss):
    """What every stage does once a step needs something of every other."""

    def step(state, batch):
        params, momentum = state
        value, gradients = jax.value_and_grad(loss)(params, batch)
        norm = jnp.sqrt(sum(jnp.sum(gradient**2) for gradient in jax.tree.leaves(gradients)))
        momentum = jax.tree.map(lambda m, g: 0.9 * m + g * jnp.minimum(1.0, 0.5 / norm), momentum, gradients)
        return (jax.tree.map(lambda p, m: p - 0.05 * m, params, momentum), momentum), (value, norm)

    return step


def planned(model, stepped, welkin, **options):
    loss, params, batch = model(iter(jax.random.split(jax.random.key(0), 40)), **options)
    step, start = stepped(loss), (params, jax.tree.map(jnp.zeros_like, params))
    return step, start, batch, wj.plan(step, start, batch, cluster=CLUSTER, welkin=welkin)


def equal(name, step, start, batch, made, schedule, steps=2):
    one, many = jax.jit(step), made.apply(step, schedule=schedule)
    # Whole microbatches of it would be left out.
    refused("other arguments", lambda: many(start, jax.tree.map(lambda x: jnp.concatenate([x, x]), batch)))
    left = right = start
    for _ in range(steps):
        left, alone = one(left, batch)
        right, together = many(right, batch)
        assert worst(alone, together) < 1e-12 and worst(left, right) < 1e-12, f"{name}, {schedule}"
    print(f"ok {name}: {made}, {schedule}, {worst(left, right):.1e}", flush=True)


def run(name, model, stepped, welkin):
    step, start, batch, made = planned(model, stepped, welkin)
    assert len(made.wire["stages"]) > 1 and made.wire["microbatches"] > 1, made
    equal(name, step, start, batch, made, "1f1b")
    verified = made.verify(step)
    assert verified.exact, f"{name}: {verified}"
    equal(name, step, start, batch, made, "gpipe", 1)
    for stage in made.wire["stages"]:
        stage["recompute"] = True
    equal(f"{name}, computed again", step, start, batch, made, "1f1b", 1)


def a_step_that_needs_all_examples_at_once_is_not_cut(welkin):
    """Each microbatch would have a mean of its own; without that the same model is a pipeline."""
    _, _, _, made = planned(deep, with_momentum, welkin, centred=True)
    refused = [row["refused"] for row in made.wire["considered"] if "refused" in row]
    assert made.wire["microbatches"] == 1 and len(refused) == 1 and "sum over all" in refused[0], (made, refused)


def no_stage_keeps_more_microbatches_than_stages_follow():
    for stages in range(1, 6):
        for count in (1, 2, 4, 9):
            for at in range(stages):
                for schedule, most in (("1f1b", min(count, stages - at)), ("gpipe", count)):
                    held = highest = 0
                    work = microbatch.order(at, stages, count, schedule)
                    for backward, _ in work:
                        held += -1 if backward else 1
                        highest = max(highest, held)
                    assert (highest, held, len(work)) == (most, 0, 2 * count), (stages, count, at, schedule)


if __name__ == "__main__":
    no_stage_keeps_more_microbatches_than_stages_follow()
    a_step_that_needs_all_examples_at_once_is_not_cut(sys.argv[1])
    run("deep", deep, with_momentum, sys.argv[1])
    run("gpt", gpt, with_clipped_gradients, sys.argv[1])
