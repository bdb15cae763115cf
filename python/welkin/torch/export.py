"""From a module to a graph of ATen operations, with its gradients: what `torch.export` says it does, differentiated and taken apart.

1. `torch.export` writes the module down, without hidden changes of buffers (`run_decompositions({})`).
2. That is run on fake tensors with products that keep their dimensions apart, and differentiated by autograd, and what happens below
   it is written down.
3. Where that changes something in place, once more, so that nothing does.
"""

import torch
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as pytree

from ..parallel.graph import ModelError
from .decompose import Products, table


class Exported:
    """A graph and what its inputs and outputs are.

    `parameters` and `buffers` are by name, and a tensor with two names has the first. `given` are those of each leaf of a batch
    that is a tensor: its place among leaves, and its name; `fixed` those of all others, which are written into the graph. Inputs of the graph are parameters, buffers, constants and those, in this order.
    Outputs are `results`, new values of `changed` buffers, and gradients of `trained` parameters, in this order.
    """

    def __init__(self, module, batch, loss):
        wrapped = _WithLoss(module, loss)
        try:
            program = torch.export.export(wrapped, tuple(batch), strict=False).run_decompositions({})
        except Exception as error:
            raise ModelError(f"torch.export cannot write the module down: {error}") from error
        self.tree = program.call_spec.out_spec
        # Parts whose work may depend on it, with whether they were in training.
        self.modes = {name: part.training for name, part in module.named_modules() if _follows_mode(part)}
        self._inputs(wrapped, program, batch)
        self._outputs(program)
        self._trace(program, loss is not None)
        # Whoever holds a plan should not hold a second copy of the model.
        shown = lambda tensor: torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
        self.parameters, self.buffers = ({name: shown(each) for name, each in of.items()} for of in (self.parameters, self.buffers))
        self.given = [(place, name, shown(each)) for place, name, each in self.given]

    def _inputs(self, wrapped, program, batch):
        paths, _ = pytree.tree_flatten_with_path((tuple(batch), {}))
        leaves = iter([(place, f"batch{pytree.keystr(path[1:])}", leaf) for place, (path, leaf) in enumerate(paths)])
        self.parameters, self.buffers, self.constants, self.given, self.fixed = {}, {}, [], [], []
        self.leaves = len(paths)
        # For each input of the exported program what is handed to it: a key of one of these, or a value as it is.
        self.order, names = [], {}
        for spec in program.graph_signature.input_specs:
            if spec.kind == InputKind.USER_INPUT:
                place, name, leaf = next(leaves)
                if isinstance(leaf, torch.Tensor):
                    self.order.append(("given", len(self.given)))
                    self.given.append((place, name, leaf))
                else:
                    self.order.append(("as it is", leaf))
                    self.fixed.append((place, name, leaf))
            elif spec.kind in (InputKind.PARAMETER, InputKind.BUFFER):
                kind = "parameters" if spec.kind == InputKind.PARAMETER else "buffers"
                tensor = named(wrapped, spec.target)
                name = names.setdefault(id(tensor), spec.target.removeprefix("module."))
                getattr(self, kind)[name] = tensor
                self.order.append((kind, name))
            elif spec.kind == InputKind.CONSTANT_TENSOR:
                self.order.append(("constants", len(self.constants)))
                self.constants.append(program.constants[spec.target])
            else:
                raise ModelError(f"the module is given {spec.target or spec.arg}, which is no tensor")

    def _outputs(self, program):
        self.changed, self.count = [], 0
        self.picked = []
        targets = {}
        for (kind, name), spec in zip(self.order, program.graph_signature.input_specs):
            targets[spec.target] = name
        for place, spec in enumerate(program.graph_signature.output_specs):
            if spec.kind == OutputKind.BUFFER_MUTATION:
                self.changed.append(targets[spec.target])
                self.picked.append((place, False))
            elif spec.kind == OutputKind.USER_OUTPUT:
                self.count += 1
                self.picked.append((place, True))
            else:
                raise ModelError(f"the module changes {spec.target or spec.arg}, which no plan can keep")

    def _flat(self):
        """Inputs of the graph that is traced."""
        return [*self.parameters.values(), *self.buffers.values(), *self.constants, *(leaf for _, _, leaf in self.given)]

    def _trace(self, program, training):
        starts, at = {}, 0
        for kind in ("parameters", "buffers", "constants", "given"):
            starts[kind] = at
            at += len(getattr(self, kind))
        keys = {kind: {name: starts[kind] + place for place, name in enumerate(getattr(self, kind))}
                for kind in ("parameters", "buffers")}
        trained = [name for name, tensor in self.parameters.items() if training and tensor.requires_grad]

        def handed(kind, name, flat):
            if kind == "as it is":
                return name
            return flat[keys[kind][name] if kind in keys else starts[kind] + name]

        def step(*flat):
            run = Products(program.graph_module)
            with torch.set_grad_enabled(training):
                made = run.run(*[handed(kind, name, flat) for kind, name in self.order], enable_io_processing=False)
            results = [made[place] for place, ours in self.picked if ours]
            changed = [made[place] for place, ours in self.picked if not ours]
            if not all(isinstance(result, torch.Tensor) for result in results):
                raise ModelError("a result of the module is no tensor")
            if not training:
                return [*results, *changed]
            (loss,) = results if len(results) == 1 else (None,)
            if loss is None or loss.ndim != 0 or not loss.is_floating_point():
                raise ModelError("the loss is no single floating-point number")
            given = [flat[keys["parameters"][name]] for name in trained]
            grads = torch.autograd.grad(loss, given, allow_unused=True) if given else []
            self.trained = [name for name, grad in zip(trained, grads) if grad is not None]
            return [loss.detach(), *[each.detach() for each in changed], *[grad for grad in grads if grad is not None]]

        flat = [tensor.detach().requires_grad_(tensor.requires_grad and tensor.is_floating_point() and training)
                for tensor in self._flat()]
        self.trained = []
        with torch.autograd.set_multithreading_enabled(False):
            first = _written(step, flat)
        changes = any(getattr(getattr(node.target, "_schema", None), "is_mutable", False) for node in first.graph.nodes)
        self.graph = _written(torch.func.functionalize(first), [tensor.detach() for tensor in flat]) if changes else first


def _follows_mode(part):
    """Whether what a module does may depend on whether it is in training: some method of it asks."""
    if type(part).__module__.startswith("torch.nn.") and 0 in (getattr(part, "p", None), getattr(part, "dropout", None)):
        return False
    methods = (method for kind in type(part).__mro__ if kind is not torch.nn.Module for method in vars(kind).values())
    return any("training" in getattr(getattr(method, "__code__", None), "co_names", ()) for method in methods)


def _written(function, args):
    return make_fx(function, decomposition_table=table(), tracing_mode="fake", _allow_non_fake_inputs=True)(*args)


class _WithLoss(torch.nn.Module):
    def __init__(self, module, loss):
        super().__init__()
        self.module, self.loss = module, loss

    def forward(self, *batch):
        return self.module(*batch) if self.loss is None else self.loss(self.module, *batch)


def named(module, name):
    """A parameter or a buffer."""
    *path, last = name.split(".")
    for part in path:
        module = getattr(module, part)
    return getattr(module, last)
