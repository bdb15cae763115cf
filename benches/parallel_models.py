"""Traces the models that `benches/parallel.sh` plans: `python3 benches/parallel_models.py FOLDER [NAME ...]`, with jax installed.

From shapes alone: no parameters are made, so a model of 175 billion needs no memory. All are whole steps with Adam.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

from welkin.jax import trace  # noqa: E402


def norm(x, gain):
    y = x.astype(jnp.float32)
    y = (y - y.mean(-1, keepdims=True)) * jax.lax.rsqrt(y.var(-1, keepdims=True) + 1e-5)
    return y.astype(x.dtype) * gain


def root_mean_square(x, gain):
    y = x.astype(jnp.float32)
    return (y * jax.lax.rsqrt((y * y).mean(-1, keepdims=True) + 1e-5)).astype(x.dtype) * gain


def attend(q, k, v):
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k).astype(jnp.float32) / q.shape[-1] ** 0.5
    scores = jnp.where(jnp.tril(jnp.ones(scores.shape[-2:], bool)), scores, -1e9)
    return jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores).astype(v.dtype), v)


def cross_entropy(logits, tokens):
    logits = logits.astype(jnp.float32)
    return (jax.nn.logsumexp(logits, -1) - jnp.take_along_axis(logits, tokens[..., None], -1)[..., 0]).mean()


def gpt(layers, width, heads, inner, vocabulary, length, batch, kind, experts=0):
    """Pre-norm, learned positions, tied embedding; every second layer has experts where there are any."""

    def block(layer, x):
        y = norm(x, layer["norm1"])
        shape = (*x.shape[:2], heads, width // heads)
        q, k, v = ((y @ layer[name]).reshape(shape) for name in ("q", "k", "v"))
        x = x + attend(q, k, v).reshape(x.shape) @ layer["o"]
        y = norm(x, layer["norm2"])
        if "router" not in layer:
            return x + jax.nn.gelu(y @ layer["up"] + layer["bias"]) @ layer["down"]
        gates = jax.nn.softmax((y @ layer["router"]).astype(jnp.float32)).astype(y.dtype)
        hidden = jax.nn.gelu(jnp.einsum("bsd,edf->ebsf", y, layer["up"]))
        return x + jnp.einsum("ebsd,bse->bsd", jnp.einsum("ebsf,efd->ebsd", hidden, layer["down"]), gates)

    def loss(params, tokens):
        x = params["embedding"][tokens] + params["positions"]
        for layer in params["layers"]:
            x = block(layer, x)
        return cross_entropy(norm(x, params["norm"]) @ params["embedding"].T, tokens)

    def layer(number):
        made = {name: (width, width) for name in ("q", "k", "v", "o")} | {"norm1": (width,), "norm2": (width,)}
        if experts and number % 2:
            return made | {"router": (width, experts), "up": (experts, width, inner), "down": (experts, inner, width)}
        return made | {"up": (width, inner), "bias": (inner,), "down": (inner, width)}

    shapes = {"embedding": (vocabulary, width), "positions": (length, width), "norm": (width,),
              "layers": [layer(number) for number in range(layers)]}
    return loss, of_type(shapes, kind), jax.ShapeDtypeStruct((batch, length), jnp.int32)


def llama(layers, width, heads, groups, inner, vocabulary, length, batch, kind):
    """Root-mean-square norms, rotary positions, grouped queries, gated inner layer, head of its own."""

    def turn(x):
        half = x.shape[-1] // 2
        angles = jnp.arange(x.shape[1])[:, None] / 10000.0 ** (jnp.arange(half) / half)
        sin, cos = (part(angles).astype(x.dtype)[:, None, :] for part in (jnp.sin, jnp.cos))
        a, b = x[..., :half], x[..., half:]
        return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], -1)

    def block(layer, x):
        y = root_mean_square(x, layer["norm1"])
        size = width // heads
        q = turn((y @ layer["q"]).reshape(*x.shape[:2], heads, size))
        k = turn((y @ layer["k"]).reshape(*x.shape[:2], groups, size))
        v = (y @ layer["v"]).reshape(*x.shape[:2], groups, size)
        k, v = (jnp.repeat(z, heads // groups, axis=2) for z in (k, v))
        x = x + attend(q, k, v).reshape(x.shape) @ layer["o"]
        y = root_mean_square(x, layer["norm2"])
        return x + (jax.nn.silu(y @ layer["gate"]) * (y @ layer["up"])) @ layer["down"]

    def loss(params, tokens):
        x = params["embedding"][tokens]
        for layer in params["layers"]:
            x = block(layer, x)
        return cross_entropy(root_mean_square(x, params["norm"]) @ params["head"], tokens)

    narrow = width // heads * groups
    layer = {"q": (width, width), "k": (width, narrow), "v": (width, narrow), "o": (width, width), "norm1": (width,),
             "norm2": (width,), "gate": (width, inner), "up": (width, inner), "down": (inner, width)}
    shapes = {"embedding": (vocabulary, width), "norm": (width,), "head": (width, vocabulary), "layers": [layer] * layers}
    return loss, of_type(shapes, kind), jax.ShapeDtypeStruct((batch, length), jnp.int32)


def of_type(shapes, kind):
    return jax.tree.map(lambda shape: jax.ShapeDtypeStruct(shape, kind), shapes, is_leaf=lambda leaf: isinstance(leaf, tuple))


def adam(loss):
    def step(state, batch):
        params, first, second, count = state
        value, gradients = jax.value_and_grad(loss)(params, batch)
        count = count + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g.astype(m.dtype), first, gradients)
        second = jax.tree.map(lambda v, g: 0.95 * v + 0.05 * (g * g).astype(v.dtype), second, gradients)
        rate = 1e-4 * jnp.sqrt(1 - 0.95**count) / (1 - 0.9**count)
        params = jax.tree.map(lambda p, m, v: (p - rate * m / (jnp.sqrt(v) + 1e-8)).astype(p.dtype), params, first, second)
        return (params, first, second, count), value

    return step


MODELS = {
    "gpt2-1": lambda: gpt(1, 768, 12, 3072, 50304, 1024, 8, jnp.float32),
    "gpt2-2": lambda: gpt(2, 768, 12, 3072, 50304, 1024, 8, jnp.float32),
    "gpt2-4": lambda: gpt(4, 768, 12, 3072, 50304, 1024, 8, jnp.float32),
    "gpt2-12": lambda: gpt(12, 768, 12, 3072, 50304, 1024, 8, jnp.float32),
    "moe-4": lambda: gpt(4, 768, 12, 3072, 50304, 1024, 8, jnp.float32, experts=8),
    "llama-8b": lambda: llama(32, 4096, 32, 8, 14336, 128256, 2048, 64, jnp.bfloat16),
    "gpt-175b": lambda: gpt(96, 12288, 96, 49152, 51200, 2048, 1536, jnp.bfloat16),
}


def main(folder, names):
    for name in names or MODELS:
        loss, params, batch = MODELS[name]()
        moments = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, jnp.float32), params)
        state = (params, moments, moments, jax.ShapeDtypeStruct((), jnp.float32))
        trace(adam(loss), state, batch, name=name, file=Path(folder) / f"{name}.json")
        print(f"{folder}/{name}.json", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
