"""From an exported module to a model file, with where its operations come from."""

import torch

from ..parallel.graph import Graph, Loops, ModelError
from .aten import Operation, is_part, row_of, same
from .export import Exported

# What a step does to a parameter, its gradient and what an optimizer keeps for it, is done where these lie.
UPDATE = "update"
MOST_OPERATIONS = 400_000


class Source:
    """Where an operation comes from: a node, and those of its operands that are values."""

    def __init__(self, node, operands):
        self.node, self.operands = node, operands


class Traced:
    """The graph of a module: forward, or with a loss also backward and the update of parameters."""

    def __init__(self, module, batch, loss=None, optimizer_tensors=2, name=None):
        self.exported = exported = Exported(module, batch, loss)
        self.training = loss is not None
        self.graph = Graph(name or type(module).__name__)
        # The values of parameters, buffers and the batch, and those of results, changed buffers and gradients.
        self.numbers = {}
        # Where values are among inputs.
        self.place = {}
        self._inputs()
        outs = self._nodes()
        count = exported.count
        self.results = outs[:count]
        self.changed = dict(zip(exported.changed, outs[count:]))
        self.gradients = dict(zip(exported.trained, outs[count + len(exported.changed):]))
        self._outputs(optimizer_tensors)
        self.graph.without_unread()

    def text(self):
        return self.graph.text(f"torch {torch.__version__}")

    def _enter(self, tensor, role, name):
        number = self.graph.value(tensor)
        self.place[number] = len(self.graph.inputs)
        self.graph.inputs.append({"value": number, "name": name, "role": role})
        return number

    def _inputs(self):
        exported = self.exported
        self.parameters = {name: self._enter(each, "state", name) for name, each in exported.parameters.items()}
        self.buffers = {name: self._enter(each, "state", name) for name, each in exported.buffers.items()}
        self.fixed = [self._constant(each) for each in exported.constants]
        self.given = [self._enter(each, "data", name) for _, name, each in exported.given]

    def _constant(self, tensor):
        number = self._enter(tensor, "constant", f"constant{len(self.graph.inputs)}")
        self.graph.constants[number] = tensor.detach()
        return number

    def _nodes(self):
        inputs = iter([*self.parameters.values(), *self.buffers.values(), *self.fixed, *self.given])
        outs = []
        for node in self.exported.graph.graph.nodes:
            if node.op == "placeholder":
                self.numbers[node] = next(inputs)
            elif node.op == "get_attr":
                self.numbers[node] = self._constant(getattr(self.exported.graph, node.target))
            elif node.op == "output":
                outs = [self.numbers[each] for each in node.args[0]]
            elif node.op == "call_function":
                self._node(node)
            else:
                raise ModelError(f"`{node}` is no operation on arrays")
        return outs

    def _node(self, node):
        if is_part(node):
            made = self.numbers.get(node.args[0])
            if isinstance(made, list):
                self.numbers[node] = made[node.args[1]]
            return
        before = same(node)
        if before is not None:
            self.numbers[node] = self.numbers[before]
            return
        made = node.meta.get("val")
        if not isinstance(node.target, torch._ops.OpOverload) or not isinstance(made, (torch.Tensor, tuple, list)):
            if node.users:
                raise ModelError(f"`{node.target}` makes something that is no array")
            return
        operation = Operation(node)
        row = row_of(operation)
        ins = [self.numbers[operand] for operand in operation.operands]
        several = isinstance(made, (tuple, list))
        outs = [self.graph.value(each) if isinstance(each, torch.Tensor) else None for each in (made if several else [made])]
        self.numbers[node] = outs if several else outs[0]
        self.graph.op(operation.name, list(zip(ins, row.ins, strict=True)),
                      list(zip([out for out in outs if out is not None], row.outs, strict=True)), row.loops, **row.more)
        self.graph.sources.append(Source(node, operation.operands))
        if len(self.graph.ops) > MOST_OPERATIONS:
            raise ModelError(f"the module has more than {MOST_OPERATIONS} operations")

    def _outputs(self, optimizer_tensors):
        names = ["loss"] if self.training else [f"out{number}" for number in range(len(self.results))]
        for name, value in zip(names, self.results):
            self.graph.outputs.append({"value": value, "name": name})
        for name, value in self.changed.items():
            row = {"value": value, "name": name}
            if value not in self.place:
                row["becomes"] = self.place[self.buffers[name]]
            self.graph.outputs.append(row)
        # By parameter the operation that changes it.
        self.updates = {name: self._update(name, gradient, optimizer_tensors) for name, gradient in self.gradients.items()}

    def _update(self, name, gradient, optimizer_tensors):
        graph, parameter = self.graph, self.parameters[name]
        tensor = self.exported.parameters[name]
        kept = [self._enter(tensor, "state", f"{name}.optimizer{number}") for number in range(optimizer_tensors)]
        loops = Loops()
        dims = [loops.new("d", size) for size in tensor.shape]
        news = [graph.value(tensor) for _ in (parameter, *kept)]
        graph.op(UPDATE, [(value, dims) for value in (parameter, gradient, *kept)], [(value, dims) for value in news], loops)
        source = Source(None, [])
        graph.sources.append(source)
        for before, after in zip((parameter, *kept), news):
            at = self.place[before]
            graph.outputs.append({"value": after, "name": graph.inputs[at]["name"], "becomes": at})
        return source
