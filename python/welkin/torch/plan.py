"""Plans made by `welkin parallelize`, applied to PyTorch modules."""

import hashlib
import json

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils import _pytree as pytree

from ..parallel.ask import PlanError, ask, options
from ..parallel.files import write
from ..parallel.verified import Verified, planned
from .device import Device
from .export import named
from .trace import Traced

# What several processes can run.
ONE_MESH = "--one-mesh"


def trace(module, batch, *, loss=None, optimizer_tensors=2, name=None, file=None):
    """Writes what a module does with a batch as a model file, and returns its text.

    `batch` is a tuple of arguments; tensors on the device `meta` will do. With `loss`, a function of the module and these arguments, it is
    a training step: gradients, and the update of parameters by an optimizer that keeps so many tensors for each of them (Adam: 2).
    Else it is the module's result alone.
    """
    text = Traced(module, batch, loss, optimizer_tensors, name).text()
    if file is not None:
        write(file, text)
    return text


def plan(module, batch, *, loss=None, cluster=None, optimizer_tensors=2, welkin=None, effort=1, calibration=None,
         axes=None):
    """Plans a module for a cluster such as `8xH100`, with the program `welkin` (a name or a path; a node's own on a node).

    Arguments are those of `trace`; meshes have up to `axes` axes: 1, 2 unless said, or 3. Without a cluster it is the plan of the task of a run that chose its machines with it.
    """
    told, name = options(cluster, effort, calibration, axes)
    traced = Traced(module, batch, loss, optimizer_tensors, name)
    return Plan(ask(traced.text(), told if cluster is None else [*told, ONE_MESH], welkin), traced)


def machines(module, batch, *, max_hourly, loss=None, optimizer_tensors=2, welkin=None):
    """Machines of the catalog that no other beats in both time and money of a step, the cheapest step first."""
    text = Traced(module, batch, loss, optimizer_tensors).text()
    return ask(text, ["--any", "--max-hourly", str(max_hourly)], welkin)["front"]


class Plan:
    """A plan for a module and a batch of these shapes."""

    def __init__(self, wire, traced):
        self.wire, self.traced = wire, traced
        if wire["microbatches"] > 1 or len(wire["stages"]) > 1:
            raise PlanError("the plan has stages or microbatches, which are not applied to modules of PyTorch")
        program = wire["stages"][0].get("program")
        graph = traced.graph
        if program is None or len(program["operations"]) != len(graph.ops) or len(program["values"]) != len(graph.values):
            raise PlanError("the plan is of another module")

    def __repr__(self):
        return f"Plan({self.wire['step_s'] * 1e3:.3g} ms a step, mesh {self.wire['stages'][0]['mesh']})"

    @property
    def replicated(self):
        """Operations of which nobody knows how they could be split, with how many there are."""
        return dict(self.wire["replicated"])

    def mesh(self, device_type="cpu"):
        """The mesh of the plan, of all processes of the program."""
        stage = self.wire["stages"][0]
        self._fits(stage["mesh"])
        return init_device_mesh(device_type, tuple(stage["mesh"]), mesh_dim_names=tuple(stage["axes"]))

    def _fits(self, sizes):
        wanted = 1
        for size in sizes:
            wanted *= size
        if not dist.is_initialized():
            raise PlanError("torch.distributed is not initialized: call torch.distributed.init_process_group first")
        if dist.get_world_size() != wanted:
            raise PlanError(f"the plan is for {wanted} devices, each of a process; there are {dist.get_world_size()} processes")

    def apply(self, module, mesh=None):
        """The module as planned, on every process: its parameters become DTensors, those of the first process count.

        With a loss, calling it with a batch gives the loss, whose `backward` gives gradients: DTensors as well, so that any
        optimizer made with its parameters works on what each process has. Without, calling it gives the module's results as DTensors.
        """
        stage = self.wire["stages"][0]
        if mesh is None:
            mesh = self.mesh(next((tensor.device.type for tensor in module.parameters()), "cpu"))
        self._fits(stage["mesh"])
        if tuple(mesh.mesh.shape) != tuple(stage["mesh"]) or mesh.mesh_dim_names != tuple(stage["axes"]) \
                or mesh.mesh.flatten().tolist() != list(range(dist.get_world_size())):
            raise PlanError(f"the plan is for a mesh of {stage['mesh']} with axes {stage['axes']}, of processes in their order")
        digest = hashlib.sha256(json.dumps(self.wire, sort_keys=True).encode()).hexdigest()
        every = [None] * dist.get_world_size()
        dist.all_gather_object(every, (digest, torch.initial_seed()))
        if len({each for each, _ in every}) > 1:
            raise PlanError("processes have plans that differ: they have to trace the same module and batch with the same versions")
        return Parallel(self, module, Device(self.traced, stage["program"], mesh, every[0][1]), mesh)

    def verify(self, parallel, *batch):
        """Does a step, which changes nothing, and compares bytes of collectives by kind and devices of a group."""
        said = parallel.device.groups.said
        said.clear()
        parallel.step(batch, keep=False)
        return Verified(planned(self.wire["stages"][0]), dict(said), done="done")


class Parallel(torch.nn.Module):
    """A module whose work is done by all processes of a mesh."""

    def __init__(self, plan, module, device, mesh):
        super().__init__()
        self.module, self.device, self.mesh = module, device, mesh
        self._traced = traced = plan.traced
        self._distribute(module)
        self._evaluate = device.needed(traced.results)
        self._train = device.needed({*traced.results, *traced.changed.values(), *traced.gradients.values()})

    def _distribute(self, module):
        """Parameters and buffers as the plan has them between steps."""
        traced, device = self._traced, self.device
        news = {}
        for names, layout in ((traced.parameters, device.updated), (traced.buffers, lambda name: device.kept(traced.buffers[name]))):
            for name, value in names.items():
                try:
                    tensor = named(module, name)
                except AttributeError:
                    raise PlanError(f"the plan is of another module: this one has no `{name}`") from None
                if list(tensor.shape) != traced.graph.values[value][1]:
                    raise PlanError(f"the plan is of another module: `{name}` has a shape of {list(tensor.shape)} here")
                made = distribute_tensor(tensor.detach().to(device.groups.device), self.mesh, device.placements(layout(name)))
                news[id(tensor)] = torch.nn.Parameter(made, tensor.requires_grad) if isinstance(tensor, torch.nn.Parameter) else made
        for part in module.modules():
            for tensors in (part._parameters, part._buffers):
                tensors.update({key: news[id(each)] for key, each in tensors.items() if id(each) in news})

    def forward(self, *batch):
        traced = self._traced
        if not traced.training:
            return self._results(batch)
        if not torch.is_grad_enabled():
            return self.step(batch, gradients=False)[0]
        parameters = [named(self.module, name) for name in traced.gradients]
        return _Step.apply(self, batch, *[each.to_local(grad_placements=each.placements) for each in parameters])

    def _held(self, batch):
        """Blocks of what a step is given, in the layouts in which the plan keeps them."""
        traced, device, held = self._traced, self.device, {}
        for name, part in self.module.named_modules():
            if part.training != traced.exported.modes.get(name, part.training):
                planned, now = ("training" if mode else "evaluation" for mode in (not part.training, part.training))
                raise PlanError(f"`{name or type(part).__name__}` was planned for {planned}, and is in {now}: plan once more for that")
        for name, value in traced.parameters.items():
            held[value] = device.begin(name, named(self.module, name).detach().to_local())
        for name, value in traced.buffers.items():
            held[value] = named(self.module, name).detach().to_local()
        leaves = pytree.tree_leaves((tuple(batch), {}))
        if len(leaves) > traced.exported.leaves:
            raise PlanError(f"{len(leaves)} arguments are given, and {traced.exported.leaves} were planned")
        for place, name, planned in traced.exported.fixed:
            leaf = leaves[place] if place < len(leaves) else None
            if type(leaf) is not type(planned) or leaf != planned:
                raise PlanError(f"`{name}` was planned as {planned!r}, which is written into the plan, and is {leaf!r}")
        for value, (place, name, wanted) in zip(traced.given, traced.exported.given, strict=True):
            leaf = leaves[place] if place < len(leaves) else None
            if not isinstance(leaf, torch.Tensor) or leaf.shape != wanted.shape or leaf.dtype != wanted.dtype:
                raise PlanError(f"`{name}` is not of the type that was planned: {wanted.dtype} of {list(wanted.shape)}")
            held[value] = self._given(leaf.detach(), device.kept(value))
        return held

    def _given(self, leaf, layout):
        """This device's block of an array that every process has, or that is distributed already."""
        if isinstance(leaf, DTensor):
            return leaf.redistribute(self.mesh, self.device.placements(layout)).to_local()
        return self.device.block(leaf.to(self.device.groups.device), self.device.layouts[layout])

    @torch.no_grad()
    def step(self, batch, keep=True, gradients=True):
        """The loss and gradients of a training step, in blocks; buffers that it changes are changed if they are to be kept."""
        traced, device = self._traced, self.device
        held = device.run(self._train if gradients else self._evaluate, self._held(batch))
        made = [device.gradient(name, held) for name in traced.gradients] if gradients else []
        if keep and gradients:
            self._change(held)
        return held[traced.results[0]] if traced.training else held, made

    def _change(self, held):
        """Buffers, in place."""
        traced, device = self._traced, self.device
        for name, value in traced.changed.items():
            before = traced.buffers[name]
            if value != before:
                new = device.moved(len(device.graph.ops), value, held[value], device.kept(value), device.kept(before))
                named(self.module, name).to_local().copy_(new)

    def _results(self, batch):
        traced, device = self._traced, self.device
        held, _ = self.step(batch)
        made = [DTensor.from_local(held[value], self.mesh, device.placements(device.kept(value)), run_check=False)
                for value in traced.results]
        return pytree.tree_unflatten(made, traced.exported.tree)


class _Step(torch.autograd.Function):
    """A step is done at once, forward and backward; what autograd asks for is there already."""

    @staticmethod
    def forward(context, parallel, batch, *blocks):
        loss, context.gradients = parallel.step(batch)
        return loss.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context, scale):
        return (None, None, *[gradient * scale for gradient in context.gradients])
