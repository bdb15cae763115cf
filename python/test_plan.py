"""Plans executed on eight host devices in float64 against one device: `python3 python/test_plan.py WELKIN [CLUSTER ...]`, with jax.
"""

import os
import subprocess
import sys
import tempfile

os.environ.update(JAX_PLATFORMS="cpu", JAX_ENABLE_X64="1")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from patient import PATIENT  # noqa: E402

os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count=8 {PATIENT}")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import welkin.jax as wj  # noqa: E402
from welkin.jax import device, hlo  # noqa: E402
from welkin.jax.microbatch import Whole  # noqa: E402
from welkin.jax.trace import graph_of  # noqa: E402


def dense(key, rows, columns):
    return jax.random.normal(key, (rows, columns), jnp.float64) / rows**0.5


def mlp(keys):
    def loss(params, batch):
        x, y = batch
        for weights in params:
            x = jnp.tanh(x @ weights)
        return ((x - y) ** 2).mean()

    params = [dense(next(keys), 64, 256), dense(next(keys), 256, 256), dense(next(keys), 256, 64)]
    return loss, params, (dense(next(keys), 64, 64), dense(next(keys), 64, 64))


def attention(keys):
    heads, width = 8, 64

    def loss(params, batch):
        x = params["embedding"][batch]
        shape = (*x.shape[:2], heads, width // heads)
        q, k, v = ((x @ params[name]).reshape(shape) for name in "qkv")
        scores = jax.nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", q, k))
        x = x + jnp.einsum("bhqk,bkhd->bqhd", scores, v).reshape(x.shape) @ params["o"]
        logits = x @ params["embedding"].T
        return (jax.nn.logsumexp(logits, -1) - jnp.take_along_axis(logits, batch[..., None], -1)[..., 0]).mean()

    params = {name: dense(next(keys), width, width) for name in "qkvo"} | {"embedding": dense(next(keys), 128, width)}
    return loss, params, jax.random.randint(next(keys), (16, 32), 0, 128)


def experts(keys):
    def loss(params, batch):
        x, y = batch
        gates = jax.nn.softmax(jnp.einsum("bsd,de->bse", x, params["router"]))
        inner = jax.nn.gelu(jnp.einsum("bsd,edf->ebsf", x, params["up"]))
        out = jnp.einsum("ebsf,efd->ebsd", inner, params["down"])
        return ((jnp.einsum("ebsd,bse->bsd", out, gates) - y) ** 2).mean()

    draw = lambda *shape: jax.random.normal(next(keys), shape, jnp.float64) / 8
    params = {"router": draw(32, 8), "up": draw(8, 32, 64), "down": draw(8, 64, 32)}
    return loss, params, (draw(8, 16, 32), draw(8, 16, 32))


def odds_and_ends(keys):
    """What is easily split wrongly: reshapes in another order, padding that shifts, rows from both ends, products."""

    def loss(params, batch):
        x, y = batch
        a, b = jnp.split(x @ params["first"], 2, -1)
        z = jnp.concatenate([a * b, jnp.cumsum(a, 1)], -1)
        z = z + jax.lax.pad(z, 0.0, ((0, 0, 0), (1, -1, 0))) + jax.lax.pad(z, 3.0, ((0, 0, 0), (0, 0, 0)))
        z = z * (jnp.argsort(z, -1) % 3) + jnp.sort(z, -1) + jnp.flip(z, 0)
        z = z + jnp.max(z, 1, keepdims=True) + jnp.prod(1 + 0.01 * z, 1, keepdims=True) + jnp.prod(1 + 0.001 * z, 0)
        z = z + jax.lax.reshape(z.T, z.shape, dimensions=(1, 0)) + jax.lax.top_k(z, 4)[0].sum(-1, keepdims=True)
        z, _ = jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), None), z / jnp.abs(z).max(), params["layers"])
        return ((z[:, jnp.arange(z.shape[1])[::-1]] @ params["last"] - y) ** 2).mean()

    draw = lambda *shape: jax.random.normal(next(keys), shape, jnp.float64) / 8
    return loss, {"first": draw(64, 64), "layers": draw(3, 64, 64), "last": draw(64, 32)}, (draw(32, 64), draw(32, 32))


def pictures(keys):
    def loss(params, batch):
        x, y = batch
        for weights in params["layers"]:
            x = jax.nn.relu(jax.lax.conv_general_dilated(x, weights, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")))
        return ((x.mean((1, 2)) @ params["last"] - y) ** 2).mean()

    draw = lambda *shape: jax.random.normal(next(keys), shape, jnp.float64) / 4
    params = {"layers": [draw(3, 3, 8, 16), draw(3, 3, 16, 16)], "last": draw(16, 8)}
    return loss, params, (draw(16, 8, 8, 8), draw(16, 8))


def rows_by_number(keys):
    """Rows that are looked up, some of them by numbers of no row, in each way in which JAX says what these are."""
    few = jnp.concatenate([jnp.arange(28), jnp.array([199, 127, 120, 77])]).astype(jnp.uint8)

    def loss(params, batch):
        numbers, y = batch
        table = params["table"]
        z = table[few.reshape(8, 4)].sum(1) + table.at[numbers].get(mode="clip") + table.at[numbers].get(mode="fill", fill_value=0.5)
        z = z + jnp.nan_to_num(table.at[numbers].get(mode="fill"), nan=0.25)
        counted = jnp.arange(200)[::-1].at[numbers].get(mode="fill", fill_value=7)
        spread = jnp.zeros((200, 16)).at[numbers].add(z, mode="clip") + jnp.ones((200, 16)).at[numbers].add(z, mode="drop")
        return ((z + counted[:, None] / 200 - y) ** 2).mean() + (spread**2).mean()

    draw = lambda *shape: jax.random.normal(next(keys), shape, jnp.float64) / 8
    return loss, {"table": draw(200, 16)}, (jnp.array([3, 199, 200, 1000, 130, 128, 127, 0]), draw(8, 16))


def with_momentum(loss):
    def step(state, batch):
        params, momentum = state
        value, gradients = jax.value_and_grad(loss)(params, batch)
        momentum = jax.tree.map(lambda m, g: 0.9 * m + g, momentum, gradients)
        return (jax.tree.map(lambda p, m: p - 0.05 * m, params, momentum), momentum), value

    return step


def worst(left, right):
    pairs = zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True)
    return max(float(np.max(np.abs(np.asarray(a) - np.asarray(b)) / np.maximum(1.0, np.abs(np.asarray(a))))) for a, b in pairs)


def halves(keys):
    """No dimension can be split into more than two equal parts."""
    def loss(params, batch):
        x, y = batch
        for weights in params:
            x = jnp.tanh(x @ weights)
        return ((x - y) ** 2).mean()

    params = [dense(next(keys), 514, 1026), dense(next(keys), 1026, 514)]
    return loss, params, (dense(next(keys), 130, 514), dense(next(keys), 130, 514))


def run(name, model, cluster, welkin, **options):
    key = jax.random.key(0)
    loss, params, batch = model(iter(jax.random.split(key, 16)))
    step, start = with_momentum(loss), (params, jax.tree.map(jnp.zeros_like, params))
    made = wj.plan(step, start, batch, cluster=cluster, welkin=welkin, **options)
    one, many = jax.jit(step), made.apply(step)
    left = right = start
    for _ in range(5):
        left, left_loss = one(left, batch)
        right, right_loss = many(right, batch)
        assert np.isfinite(left_loss)
        assert worst(left_loss, right_loss) < 1e-12 and worst(left, right) < 1e-12, name
    verified = made.verify(step)
    assert verified.exact, f"{name} on {cluster}: {verified}"
    print(f"ok {name} on {cluster}: {made}, {worst(left, right):.1e}; {verified}", flush=True)
    return made


class One(device.Device):
    """One of two devices, which knows its blocks alone."""

    def __init__(self, graph):
        self.graph, self.cut, self.turn, self.names, self.sizes = graph, Whole(graph), 0, ("x",), {"x": 2}


def every_way_to_share_out_an_operation_gives_its_results(model):
    """Each loop of each operation, and each set in which it is linear, by two devices that know only their blocks."""
    loss, params, batch = model(iter(jax.random.split(jax.random.key(0), 16)))
    start = params, jax.tree.map(jnp.zeros_like, params)
    graph = graph_of(with_momentum(loss), (start, batch))
    given = [row["value"] for row in graph.inputs if row["value"] not in graph.constants]
    values = dict(zip(given, jax.tree.leaves((start, batch)), strict=True))
    values.update({value: jnp.asarray(constant) for value, constant in graph.constants.items()})
    one, ways, seen = One(graph), 0, set()
    for number, row in enumerate(graph.ops):
        whole = [values[value] for value, _ in row["in"]]
        same = [["same"]] * len(whole), [["same"]] * len(row["out"])
        made = [result[0] for result in by_two(one, number, whole, *same)]
        values.update({value: result for (value, _), result in zip(row["out"], made, strict=True)})
        kind, detail = graph.sources[number]
        known = str((row["op"], getattr(kind, "params", detail), row["loops"], [(array.shape, array.dtype) for array in whole]))
        if known in seen:
            continue
        seen.add(known)
        for reads, makes, combined in shares(graph, row):
            results = by_two(one, number, whole, reads, makes)
            for along, result, expected in zip(makes, results, made, strict=True):
                together = joined(along[0], result, row["op"] if combined else None)
                assert together.shape == expected.shape, (row, reads, makes)
                assert np.allclose(expected * 1.0, together * 1.0, rtol=1e-12, atol=1e-12, equal_nan=True), (row, reads, makes)
            ways += 1
    print(f"ok every way to share out an operation of {model.__name__}: {ways} of {len(graph.ops)}", flush=True)


def by_two(one, number, whole, reads, makes):
    """Results of both devices."""
    blocks = [of_two(array, along[0]) for array, along in zip(whole, reads)]
    held = [None if along == ["same"] else 0 for along in reads]

    def run(_, *args):
        return device.Work(one, number, list(args), reads, makes).run()

    return jax.vmap(run, in_axes=(0, *held), axis_name="x")(jnp.arange(2), *blocks)


def of_two(array, along):
    if along == "same":
        return array
    return jnp.stack([0.25 * array, 0.75 * array] if along == "sum" else jnp.split(array, 2, along))


def joined(along, results, combined):
    if isinstance(along, int):
        return jnp.concatenate(list(results), along)
    if along == "sum":
        return results[0] + results[1]
    if combined is None:
        assert jnp.array_equal(*results, equal_nan=jnp.issubdtype(results.dtype, jnp.inexact))
        return results[0]
    combine = {"reduce_max": jnp.maximum, "reduce_min": jnp.minimum, "reduce_prod": jnp.multiply, "reduce_and": jnp.logical_and,
               "reduce_or": jnp.logical_or}
    return combine[combined](*results)


def shares(graph, row):
    """Layouts of operands and results along one axis, and whether results are combined, for each way that a plan can have."""
    for loop, (_, size) in enumerate(row["loops"]):
        if size % 2 or not any(loop in dims for _, dims in row["in"] + row["out"]):
            continue
        kept = [loop in dims for _, dims in row["out"]]
        if not all(kept) and "reduce" not in row:
            continue
        added = lambda place: not all(kept) and place in row.get("accumulates", ())
        reads = [[dims.index(loop)] if loop in dims else ["sum" if added(place) else "same"] for place, (_, dims) in enumerate(row["in"])]
        rest = "sum" if row.get("reduce") == "sum" else "same"
        yield reads, [[dims.index(loop)] if loop in dims else [rest] for _, dims in row["out"]], rest == "same"
    for group in row.get("linear", ()):
        values = [row["in"][place][0] for place in group] + [value for value, _ in row["out"]]
        if group and all(jnp.issubdtype(graph.dtypes[value], jnp.floating) for value in values):
            yield [["sum" if place in group else "same"] for place in range(len(row["in"]))], [["sum"]] * len(row["out"]), False


def refused(words, work, kind=wj.PlanError):
    try:
        work()
    except kind as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"nothing said `{words}`")


def another_step_and_other_arguments_are_refused(welkin):
    """What is written into programs, sizes above all, would make other numbers of them."""
    loss, params, batch = mlp(iter(jax.random.split(jax.random.key(0), 16)))
    step, start = with_momentum(loss), (params, jax.tree.map(jnp.zeros_like, params))
    made = wj.plan(step, start, batch, cluster="8xcpu-host", welkin=welkin)

    def other(state, batch):
        """As many operations on as many values."""
        params, momentum = state
        value, gradients = jax.value_and_grad(loss)(params, batch)
        momentum = jax.tree.map(lambda m, g: 0.9 * m - g, momentum, gradients)
        return (jax.tree.map(lambda p, m: p - 0.05 * m, params, momentum), momentum), value

    refused("another step", lambda: made.apply(other))
    refused("another step", lambda: made.verify(other))
    run = made.apply(step)
    refused("other arguments", lambda: run(start, jax.tree.map(lambda x: jnp.concatenate([x, x]), batch)))
    refused("other arguments", lambda: run(start, jax.tree.map(lambda x: x.astype(jnp.float32), batch)))
    refused("other arguments", lambda: run(start, [*batch]))
    refused("other arguments", lambda: run(start, batch[:1]))
    _, alone = run(start, batch)
    _, again = run(start, jax.tree.map(np.asarray, batch))
    assert alone == again, (alone, again)


def program(line):
    return f"HloModule step, num_partitions=8\n\nENTRY %main (a: f32[8]) -> f32[8] {{\n  {line}\n}}\n"


def what_cannot_be_read_is_an_error():
    unknown = [
        program("%a = f32[8] all-reduce(%b), to_apply=%add"),
        program("%a = q9[8] all-reduce(%b), replica_groups={{0,1}}"),
        program("%a = f32[8] all-reduce(%b), replica_groups={{0,1},{2}}"),
        program("%a = f32[8] all-reduce(%b), replica_groups=whatever"),
        program("%a = f32[8] collective-broadcast(%b), replica_groups={{0,1}}"),
        program("%a = f32[8] all-gather-start(%b), replica_groups={{0,1}}"),
        program("%a = f32[8] all-shuffle(%b), replica_groups={{0,1}}"),
        program("%a = f32[8] collective-mean(%b), replica_groups={{0,1}}"),
        "%body (a: f32[8]) -> f32[8] {\n  %a = f32[8] all-reduce(%b), replica_groups={{0,1}}\n}\n",
    ]
    for text in unknown:
        try:
            hlo.collectives(text)
        except hlo.HloError:
            continue
        raise AssertionError(text)


def every_form_of_groups_is_read():
    for groups, count in (("{{0,1,2,3},{4,5,6,7}}", 4), ("[2,4]<=[8]", 4), ("[4,2]<=[2,4]T(1,0)", 2), ("{}", 8),
                          ("mesh['axis_0'=2,'axis_1'=4] {'axis_1'}", 4)):
        line = f"%a = (f32[8,2]{{1,0}}, /*index=1*/f64[]) all-reduce(%b, %c), replica_groups={groups}, to_apply=%add"
        assert hlo.collectives(program(line)) == {("all-reduce", count): 72}, groups
    words = program("%a = f32[8]{0:T(256)} add(%b, %c), metadata={op_name=\"as = f32[8] all-reduce(x)\"}")
    assert hlo.collectives(words) == {}, words
    scattered = program("%a = f32[8] reduce-scatter(%b), replica_groups=[2,4]<=[8], dimensions={0}")
    assert hlo.collectives(scattered) == {("reduce-scatter", 4): 128}


def a_task_of_a_run_takes_up_the_plan_that_chose_its_machines(welkin):
    steps = {}
    for model in (mlp, experts):
        loss, params, batch = model(iter(jax.random.split(jax.random.key(0), 16)))
        steps[model] = with_momentum(loss), (params, jax.tree.map(jnp.zeros_like, params)), batch
    step, start, batch = steps[mlp]
    with tempfile.TemporaryDirectory() as home:
        model, chosen = os.path.join(home, "model.json"), os.path.join(home, "plan.json")
        with open(model, "w", encoding="utf-8") as file:
            file.write(wj.trace(step, start, batch, name="as its author calls it"))
        subprocess.run([welkin, "parallelize", model, "--cluster", "8xcpu-host", "--save", chosen], check=True, capture_output=True)
        os.environ.update(HOME=home, WELKIN_PARALLEL_PLAN="~/plan.json")
        made = wj.plan(step, start, batch, welkin=welkin)
        assert made.wire["stages"] == wj.plan(step, start, batch, cluster="8xcpu-host", welkin=welkin).wire["stages"]
        made.apply(step)(start, batch)
        try:
            wj.plan(*steps[experts], welkin=welkin)
            raise AssertionError("the plan of another step")
        except wj.PlanError as error:
            assert "plan" in str(error), error
        del os.environ["WELKIN_PARALLEL_PLAN"]
        try:
            wj.plan(step, start, batch, welkin=welkin)
            raise AssertionError("no cluster")
        except wj.PlanError as error:
            assert "no cluster is named" in str(error), error


if __name__ == "__main__":
    what_cannot_be_read_is_an_error()
    every_form_of_groups_is_read()
    a_task_of_a_run_takes_up_the_plan_that_chose_its_machines(sys.argv[1])
    another_step_and_other_arguments_are_refused(sys.argv[1])
    # A matter of seconds for each: of one version.
    for each in () if sys.argv[2:] else (odds_and_ends, rows_by_number):
        every_way_to_share_out_an_operation_gives_its_results(each)
    assert run("halves", halves, "8xcpu-host", sys.argv[1], axes=3).wire["stages"][0]["mesh"] == [2, 2, 2]
    for place in sys.argv[2:] or ("8xcpu-host", "4xT4"):
        for each in (mlp, attention, experts, pictures, odds_and_ends, rows_by_number):
            run(each.__name__, each, place, sys.argv[1])
