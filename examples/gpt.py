"""Trains a small GPT under the plan that Welkin chose, and the same on one device, and compares the losses.

    pip install jax==0.10.2
    python3 examples/gpt.py                 # `welkin` on the path, or its path as WELKIN
    python3 examples/gpt.py --trace FILE    # writes the model alone: what `examples/gpt.yaml` chooses machines by

Eight devices are emulated on this machine's CPU, and numbers have 64 bits, so that the losses can be compared closely. At last it
asks for machines of the catalog, and prints what a step of the same model would take and cost there.

As the task of a run it takes up the plan that the run chose its machines with, and all nodes train together; each emulates the
devices that its machine would have.
"""

import os
import sys
from pathlib import Path

DEVICES = os.environ.get("SKYPILOT_NUM_GPUS_PER_NODE", "8")
# A machine that is busy with other things may keep a device waiting for long.
PATIENT = "--xla_cpu_collective_call_terminate_timeout_seconds=1800"
os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count={DEVICES} {PATIENT}")
os.environ.update(JAX_PLATFORMS="cpu", JAX_ENABLE_X64="1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

import welkin.jax as wj  # noqa: E402

WELKIN = os.environ.get("WELKIN")
LAYERS, WIDTH, HEADS, LENGTH, BATCH, STEPS = 2, 64, 8, 64, 16, 20
BYTES = 256
CLOSE = 1e-12


def parameters(key):
    keys = iter(jax.random.split(key, 2 + 6 * LAYERS))
    dense = lambda rows, columns: jax.random.normal(next(keys), (rows, columns)) / rows**0.5
    layer = lambda: {"q": dense(WIDTH, WIDTH), "k": dense(WIDTH, WIDTH), "v": dense(WIDTH, WIDTH), "o": dense(WIDTH, WIDTH),
                     "up": dense(WIDTH, 4 * WIDTH), "down": dense(4 * WIDTH, WIDTH)}
    return {"embedding": dense(BYTES, WIDTH), "positions": dense(LENGTH, WIDTH), "layers": [layer() for _ in range(LAYERS)]}


def norm(x):
    return (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5)


def block(layer, x):
    y, shape = norm(x), (*x.shape[:2], HEADS, WIDTH // HEADS)
    q, k, v = ((y @ layer[name]).reshape(shape) for name in "qkv")
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / shape[-1] ** 0.5
    scores = jax.nn.softmax(jnp.where(jnp.tril(jnp.ones(scores.shape[-2:], bool)), scores, -1e9))
    x = x + jnp.einsum("bhqk,bkhd->bqhd", scores, v).reshape(x.shape) @ layer["o"]
    return x + jax.nn.gelu(norm(x) @ layer["up"]) @ layer["down"]


def loss(params, text):
    given, wanted = text[:, :-1], text[:, 1:]
    x = params["embedding"][given] + params["positions"]
    for layer in params["layers"]:
        x = block(layer, x)
    logits = norm(x) @ params["embedding"].T
    return (jax.nn.logsumexp(logits, -1) - jnp.take_along_axis(logits, wanted[..., None], -1)[..., 0]).mean()


def step(state, text):
    """One step of Adam."""
    params, first, second, count = state
    value, gradients = jax.value_and_grad(loss)(params, text)
    count = count + 1
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
    second = jax.tree.map(lambda v, g: 0.95 * v + 0.05 * g * g, second, gradients)
    rate = 3e-3 * jnp.sqrt(1 - 0.95**count) / (1 - 0.9**count)
    params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), params, first, second)
    return (params, first, second, count), value


def batches(key):
    """Pieces of this file."""
    text = jnp.frombuffer(Path(__file__).read_bytes(), jnp.uint8).astype(jnp.int32)
    for each in jax.random.split(key, STEPS):
        starts = jax.random.randint(each, (BATCH, 1), 0, len(text) - LENGTH - 1)
        yield text[starts + jnp.arange(LENGTH + 1)]


def start():
    """What training starts with: the same on every node."""
    params = parameters(jax.random.key(0))
    zeros = jax.tree.map(jnp.zeros_like, params)
    return (params, zeros, zeros, jnp.zeros(())), list(batches(jax.random.key(1)))


def train(plan, state, texts, told):
    one, many = jax.jit(step), plan.apply(step)
    alone = together = state
    for number, text in enumerate(texts):
        alone, expected = one(alone, text)
        together, value = many(together, text)
        told(f"step {number + 1}: loss {value:.12f}, {abs(float(value) - float(expected)):.1e} from one device")
        if not abs(float(value) - float(expected)) < CLOSE:
            sys.exit("the losses are not those of one device")


def main():
    rank = wj.join()
    told = lambda text: print(text, flush=True) if rank == 0 else None
    state, texts = start()
    if sys.argv[1:2] == ["--trace"]:
        wj.trace(step, state, texts[0], file=sys.argv[2])
        return
    task = wj.CHOSEN in os.environ  # of a run
    plan = wj.plan(step, state, texts[0], cluster=None if task else "8xcpu-host", welkin=WELKIN)
    verified = plan.verify(step)
    told(f"{plan} on {jax.device_count()} devices of {jax.process_count()} nodes\n{verified}")
    if not verified.exact:
        sys.exit("devices say to each other what was not planned")
    train(plan, state, texts, told)
    if task:
        return
    print("\nthe cheapest machines for this model, of those that no other beats in both time and money of a step:")
    for row in wj.machines(step, state, texts[0], max_hourly=40, welkin=WELKIN)[:3]:
        where = f"{row['provider']}/{row['region']}"
        print(f"  {row['hosts']} x {row['instance_type']} ({row['devices']} x {row['device']}) at {where}: "
              f"{row['step_s'] * 1e3:.3f} ms and ${row['usd_step']:.9f} a step")


if __name__ == "__main__":
    main()
