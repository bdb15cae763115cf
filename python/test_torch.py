"""Plans of PyTorch modules, run by four processes over gloo in float64 against one: `python3 python/test_torch.py WELKIN`, with torch.
"""

import copy
import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import torch  # noqa: E402
import torch.distributed as dist  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402
from torch.distributed.tensor import DTensor, Shard, distribute_tensor  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

import welkin.torch as wt  # noqa: E402
from welkin.torch import device  # noqa: E402
from welkin.torch.trace import UPDATE, Traced  # noqa: E402

PROCESSES = 4
CLOSE = 1e-12
ROWS = 256


def squared(module, x, y):
    return F.mse_loss(module(x), y)


def draw(*shape):
    return torch.randn(*shape) / 8


def mlp():
    layers = [nn.Linear(64, 256), nn.Tanh(), nn.Linear(256, 256), nn.GELU(), nn.Linear(256, 64)]
    return nn.Sequential(*layers), squared, (draw(64, 64), draw(64, 64))


def wide():
    """Few examples and large layers, one of which does not learn."""
    layers = nn.Sequential(nn.Linear(512, 1024, bias=False), nn.SiLU(), nn.Linear(1024, 512), nn.ReLU(), nn.Linear(512, 512))
    layers[4].requires_grad_(False)
    return layers, squared, (draw(4, 512), draw(4, 512))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.first, self.second = heads, nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        q, k, v = (each.unflatten(-1, (self.heads, -1)).transpose(1, 2) for each in self.qkv(self.first(x)).chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.second(x)), approximate="tanh"))


class Gpt(nn.Module):
    """Its head is its embedding."""

    def __init__(self, words=128, width=64, heads=8, length=16, layers=2):
        super().__init__()
        self.embedding, self.positions = nn.Embedding(words, width), nn.Parameter(draw(length, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, text):
        x = self.embedding(text) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def next_words(module, text, wanted):
    return F.cross_entropy(module(text).flatten(0, 1), wanted.flatten())


def gpt():
    text = torch.randint(0, 128, (8, 17))
    text[:, 5] = -100
    return Gpt(), next_words, (text[:, :-1].clamp(min=0), text[:, 1:])


class Experts(nn.Module):
    def __init__(self):
        super().__init__()
        self.router, self.up, self.down = (nn.Parameter(draw(*shape)) for shape in ((32, 8), (8, 32, 64), (8, 64, 32)))

    def forward(self, x):
        gates = torch.softmax(torch.einsum("bsd,de->bse", x, self.router), -1)
        inner = F.gelu(torch.einsum("bsd,edf->ebsf", x, self.up))
        return torch.einsum("ebsd,bse->bsd", torch.einsum("ebsf,efd->ebsd", inner, self.down), gates)


def experts():
    return Experts(), squared, (draw(8, 16, 32), draw(8, 16, 32))


def pictures():
    """Statistics of a batch norm are buffers that a step changes."""
    layers = [nn.Conv2d(8, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 16, 3),
              nn.Flatten(), nn.Linear(64, 8)]
    return nn.Sequential(*layers), squared, (draw(16, 8, 8, 8), draw(16, 8))


class Odds(nn.Module):
    """What is easily split wrongly, and what nobody knows how to split."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Parameter(draw(64, 64)), nn.Parameter(draw(64, 32))
        self.register_buffer("order", torch.arange(ROWS - 1, -1, -1))

    def forward(self, x):
        a, b = (x @ self.first).split(32, -1)
        z = torch.cat([a * b, torch.cumsum(a, 1)], -1)
        z = z + F.pad(z, (1, -1)) + F.pad(z, (0, 0, 1, 0), value=3.0)[:-1] + z.flip(0) + z[:, 3].exp()[:, None]
        z = z * (z.argsort(-1) % 3) + z.sort(-1).values + z.topk(4, -1).values.sum(-1, keepdim=True)
        z = z + z.amax(1, keepdim=True) + (1 + 0.01 * z).prod(1, keepdim=True) + z.var(0) + z.std(1, keepdim=True)
        z = z / z.abs().amax()
        z = z.gather(1, z.argsort(1)) + z.index_select(0, self.order) + z[self.order - ROWS] + z[:, self.order[:64] // 4]
        z = z + z[:, :1].expand_as(z).logcumsumexp(1) + z.new_zeros(ROWS, 64).scatter(1, self.order[:, None] % 8, 0.5)
        z = z + z.T.reshape(32, 2, ROWS).transpose(0, 1).sum(0).T.repeat(1, 2)
        z = torch.linalg.solve(torch.eye(ROWS) * 4 + (z @ z.T).tanh() / ROWS, z)
        return z @ self.last


def odds_and_ends():
    return Odds(), squared, (draw(ROWS, 64), draw(ROWS, 32))


class Heard(TorchDispatchMode):
    """Counts what is handed to torch.distributed, whoever does."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function.namespace == "c10d"
        return function(*args, **(kwargs or {}))


def whole(tensor):
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def worst(pairs):
    """By how much arrays differ, as a share of their largest number where that is more than one."""
    pairs = [(whole(a), whole(b)) for a, b in pairs]
    apart = [((a - b).where(a != b, 0).abs().max() / a.nan_to_num(posinf=0, neginf=0).abs().max().clamp(min=1)).item() for a, b in pairs]
    return max(apart, default=0.0)


def told(*words):
    if dist.get_rank() == 0:
        print(*words, flush=True)


def run(model, cluster, welkin, steps=3):
    torch.manual_seed(0)
    module, loss, batch = model()
    alone = copy.deepcopy(module)
    plan = wt.plan(module, batch, loss=loss, cluster=cluster, welkin=welkin)
    together = plan.apply(module)
    # Gradients that are zero but for rounding (of a key's bias) make no steps to speak of.
    optimizers = [torch.optim.AdamW(each.parameters(), 1e-3, eps=1e-6) for each in (alone, together)]
    most = 0.0
    for _ in range(steps):
        values = [loss(alone, *batch), together(*batch)]
        for value, optimizer in zip(values, optimizers):
            optimizer.zero_grad()
            value.backward()
        pairs = list(zip(alone.parameters(), module.parameters(), strict=True))
        assert all((a.grad is None) == (b.grad is None) for a, b in pairs)
        apart = worst([values, *((a.grad, b.grad) for a, b in pairs if a.grad is not None)])
        for optimizer in optimizers:
            optimizer.step()
        most = max(most, apart, worst(zip(alone.state_dict().values(), module.state_dict().values(), strict=True)))
        assert torch.isfinite(values[0]) and most < CLOSE, (model.__name__, cluster, most)
    with torch.no_grad():
        assert worst([(loss(alone, *batch), together(*batch))]) < CLOSE
    verified = plan.verify(together, *batch)
    assert verified.exact, f"{model.__name__} on {cluster}: {verified}"
    with Heard() as heard:
        together.step(batch, keep=False)
    planned = sum(row["count"] for row in plan.wire["stages"][0]["collectives"])
    assert heard.count == planned, (model.__name__, heard.count, planned)
    unknown = f", replicated {plan.replicated}" if plan.replicated else ""
    told(f"ok {model.__name__} on {cluster}: {plan}, {most:.1e}; {verified}{unknown}")
    return plan, module


def results_without_a_loss(welkin):
    torch.manual_seed(0)
    module, _, (x, _) = mlp()
    expected = module(x).detach()
    plan = wt.plan(module, (x,), cluster="4xcpu-host", welkin=welkin)
    together = plan.apply(module)
    made = together(x)
    assert isinstance(made, DTensor) and worst([(expected, made)]) < CLOSE
    # A batch that is distributed already is taken as it is.
    assert worst([(expected, together(distribute_tensor(x, together.mesh, [Shard(0), *[Shard(1)] * (together.mesh.ndim - 1)])))]) < CLOSE
    told("ok results without a loss")


def what_is_drawn_is_drawn_alike(welkin):
    module = nn.Sequential(nn.Linear(32, 64), nn.Dropout(0.5), nn.Linear(64, 32))
    torch.manual_seed(dist.get_rank())
    plan = wt.plan(module, (draw(16, 32), draw(16, 32)), loss=squared, cluster="4xcpu-host", welkin=welkin)
    together = plan.apply(module)
    torch.manual_seed(7)
    x, y = draw(16, 32), draw(16, 32)
    values = [together(x, y).item() for _ in range(2)]
    every = [None] * PROCESSES
    dist.all_gather_object(every, values)
    assert all(each == values for each in every) and values[0] != values[1], every
    assert sum(plan.replicated.values()) > 0, plan.replicated
    told(f"ok what is drawn is drawn alike, {plan.replicated}")


class Alone:
    """One of several devices, which says nothing to the others."""

    device = torch.device("cpu")

    def __init__(self, at):
        self.at = at

    def count(self, axes):
        return len(axes) + 1

    def index(self, axes):
        return self.at * len(axes)

    def take(self, array, dim, axes):
        return array.chunk(2, dim)[self.at]


class One(device.Device):
    def __init__(self, graph, at):
        self.graph, self.groups, self.names, self.seed, self.draws = graph, Alone(at), ("x",), 0, 0


def every_way_to_share_out_an_operation_gives_its_results(model):
    """Each loop of each operation, and each set in which it is linear, by two devices that know only their blocks."""
    torch.manual_seed(0)
    module, loss, batch = model()
    inputs = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    traced = Traced(module, batch, loss)
    values = {traced.numbers[node]: given for node, given in zip(
        (node for node in traced.exported.graph.graph.nodes if node.op == "placeholder"),
        [*(inputs[name].detach() for name in (*traced.parameters, *traced.buffers)), *traced.exported.constants, *batch], strict=True)}
    values.update(traced.graph.constants)
    graph, ways = traced.graph, 0
    for number, row in enumerate(graph.ops):
        if row["op"] == UPDATE:
            continue
        whole = [values[value] for value, _ in row["in"]]
        same = [["same"]] * len(whole), [["same"]] * len(row["out"])
        made = device.Work(One(graph, 0), number, whole, *same).run()
        values.update({value: result for (value, _), result in zip(row["out"], made, strict=True)})
        for reads, makes, combined in shares(row):
            parts = []
            for at in range(2):
                one = One(graph, at)
                blocks = [part(one, array, along, at) for array, along in zip(whole, reads)]
                parts.append(device.Work(one, number, blocks, reads, makes).run())
            for along, left, right, expected in zip(makes, *parts, made, strict=True):
                together = joined(along[0], left, right, row["op"] if combined else None)
                assert together.shape == expected.shape and worst([(expected.double(), together.double())]) < CLOSE, (row, reads, makes)
            ways += 1
    told(f"ok every way to share out an operation of {model.__name__}: {ways} of {len(graph.ops)}")


def shares(row):
    """Layouts of operands and results along one axis, and whether results are combined, for each way that a plan can have."""
    loops = [loop for loop, (_, size) in enumerate(row["loops"]) if size % 2 == 0]
    for loop in loops:
        if not any(loop in dims for _, dims in row["in"] + row["out"]):
            continue
        kept = [loop in dims for _, dims in row["out"]]
        if not all(kept) and "reduce" not in row:
            continue
        added = lambda place: not all(kept) and place in row.get("accumulates", ())
        reads = [[dims.index(loop)] if loop in dims else ["sum" if added(place) else "same"] for place, (_, dims) in enumerate(row["in"])]
        rest = "sum" if row.get("reduce") == "sum" else "same"
        yield reads, [[dims.index(loop)] if loop in dims else [rest] for _, dims in row["out"]], rest == "same"
    for group in row.get("linear", ()):
        yield [["sum" if place in group else "same"] for place in range(len(row["in"]))], [["sum"]] * len(row["out"]), False


def part(one, array, along, at):
    if along == ["sum"]:
        return array * (0.25, 0.75)[at] if array.is_floating_point() else array * (1 - at)
    return one.block(array, along)


def joined(along, left, right, combined):
    if left.dtype == torch.uint16:
        # Nothing can be done with it but to move it.
        return joined(along, left.int(), right.int(), combined).to(torch.uint16)
    if isinstance(along, int):
        return torch.cat([left, right], along)
    if along == "sum":
        return left + right
    if combined is None:
        assert torch.equal(left, right)
        return left
    combine = {"amax": torch.maximum, "amin": torch.minimum, "prod": torch.mul, "any": torch.logical_or, "all": torch.logical_and}
    return combine[combined](left, right)


def refused(words, work, kind=ValueError):
    try:
        work()
    except kind as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"nothing said `{words}`")


class Branches(nn.Module):
    def forward(self, x):
        return x * 2 if x.sum() > 0 else x


def what_cannot_be_done_says_why(welkin):
    module, loss, batch = mlp()
    make = lambda cluster, **more: wt.plan(module, batch, loss=loss, cluster=cluster, welkin=welkin, **more)
    refused("there are 4 processes", lambda: make("2xcpu-host").apply(module))
    refused("no cluster", lambda: make(None))
    refused("there is no cluster", lambda: make("8xabacus"))
    refused("another module", lambda: make("4xcpu-host").apply(nn.Linear(64, 64)))
    refused("no single floating-point number", lambda: wt.trace(module, batch, loss=lambda module, x, y: module(x) - y))
    refused("torch.export cannot write", lambda: wt.trace(Branches(), (draw(3),)))
    refused("cannot be started", lambda: wt.plan(module, batch, loss=loss, cluster="4xcpu-host", welkin="./no-such-program"))
    together = make("4xcpu-host").apply(module)
    refused("`batch[0]` is not of the type", lambda: together(draw(32, 64), batch[1]))
    refused("`batch[1]` is not of the type", lambda: together(batch[0]))
    refused("3 arguments are given, and 2 were planned", lambda: together(*batch, 1))
    together.eval()
    assert torch.isfinite(together(*batch)), "it does the same in training and in evaluation"
    told("ok what cannot be done says why")


def what_was_written_into_a_plan_is_not_taken_for_something_else(welkin):
    """Whether a module is in training, and numbers that are no tensors: a plan made with others would be another one."""
    module, _, batch = mlp()
    loss = lambda module, x, y, scale: (module(x) * scale - y).pow(2).mean()
    together = wt.plan(module, (*batch, 0.5), loss=loss, cluster="4xcpu-host", welkin=welkin).apply(module)
    assert torch.isfinite(together(*batch, 0.5))
    refused("was planned as 0.5", lambda: together(*batch, 0.25))
    refused("was planned as 0.5", lambda: together(*batch))
    for part in (nn.Dropout(0.5), nn.BatchNorm1d(64)):
        module = nn.Sequential(nn.Linear(64, 64), part)
        together = wt.plan(module, batch, loss=squared, cluster="4xcpu-host", welkin=welkin).apply(module)
        together.eval()
        refused("`1` was planned for training, and is in evaluation", lambda: together(*batch))
        together.train()
        assert torch.isfinite(together(*batch))
    told("ok what was written into a plan is not taken for something else")


def a_number_of_no_row_is_an_error():
    """On the device that has other rows as well: it would be read as zero everywhere."""
    module, loss, batch = gpt()
    traced = Traced(module, batch, loss)
    number = next(number for number, row in enumerate(traced.graph.ops) if row["op"] == "embedding")
    table = module.embedding.weight.detach()
    for at in range(2):
        one = One(traced.graph, at)
        look_up = lambda numbers: device.Work(one, number, [one.block(table, [0]), numbers], [[0], ["same"]], [["sum"]]).run()
        look_up(batch[0])
        for wrong in (-1, len(table)):
            refused("out of range", lambda: look_up(torch.full_like(batch[0], wrong)), RuntimeError)
    told("ok a number of no row is an error")


def large_models_are_traced_without_memory():
    with torch.device("meta"):
        module = Gpt(words=50304, width=768, heads=12, length=1024, layers=12)
        text = torch.zeros(8, 1024, dtype=torch.int64)
    model = json.loads(wt.trace(module, (text, text), loss=next_words))
    unknown = [row["op"] for row in model["ops"] if row.get("known") is False]
    assert not unknown, unknown
    count = sum(row["role"] == "state" for row in model["inputs"])
    assert count == 3 * (4 + 12 * 12), count
    told(f"ok large models are traced without memory: {len(model['ops'])} operations")


def work(rank, folder, welkin):
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=PROCESSES,
                            timeout=datetime.timedelta(minutes=10))
    said = set()
    for model in (mlp, wide, gpt, experts, pictures, odds_and_ends):
        for cluster in ("4xcpu-host", "4xT4"):
            plan, _ = run(model, cluster, welkin)
            said |= {row["kind"] for row in plan.wire["stages"][0]["collectives"]}
    assert said >= {"all-reduce", "all-gather"}, said
    results_without_a_loss(welkin)
    what_is_drawn_is_drawn_alike(welkin)
    what_cannot_be_done_says_why(welkin)
    what_was_written_into_a_plan_is_not_taken_for_something_else(welkin)
    if rank == 0:
        a_number_of_no_row_is_an_error()
        for model in (mlp, gpt, experts, pictures, odds_and_ends):
            every_way_to_share_out_an_operation_gives_its_results(model)
        large_models_are_traced_without_memory()
    dist.barrier()
    dist.destroy_process_group()


def main(welkin):
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(Path(__file__).resolve()), welkin, folder]
        started = [subprocess.Popen([*command, str(rank)]) for rank in range(PROCESSES)]
        codes = [each.wait() for each in started]
    sys.exit(f"processes ended with {codes}" if any(codes) else 0)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        work(int(sys.argv[3]), sys.argv[2], sys.argv[1])
    else:
        main(sys.argv[1])
