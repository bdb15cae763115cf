"""From a function to a model file: its jaxpr, with calls inlined and loops of known length unrolled."""

import jax
from jax.extend import core

from ..parallel.files import write
from ..parallel.graph import Fixed, Graph, Loops, ModelError
from .primitives import TABLE, unknown

# Longer scans stay one operation that is not known: what they unroll to would be a file of hundreds of megabytes.
MOST_EQUATIONS = 400_000

# Primitives that are a program of their own: where it is.
CALLS = {
    "jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr", "remat": "jaxpr",
    "remat2": "jaxpr", "checkpoint": "jaxpr", "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr", "custom_lin": "jaxpr", "xla_call": "call_jaxpr",
}
# What changes nothing that a plan is made of.
SAME = {"sharding_constraint", "optimization_barrier", "name", "pvary", "mesh_cast", "reshard"}


def trace(step, *args, name=None, state=0, file=None):
    """Writes what `step(*args)` does as a model file, and returns its text.

    `args` are arrays, or `jax.ShapeDtypeStruct`s, for which no memory is needed. Argument number `state` is what the step
    returns anew for the next step (parameters, the state of an optimizer), as its result or as a part of it; `None` if there
    is no such argument. `file` is a path to write to.
    """
    text = graph_of(step, args, name, state).text(f"jax {jax.__version__}")
    if file is not None:
        write(file, text)
    return text


def graph_of(step, args, name=None, state=0):
    """The graph of a model file, with where its operations come from."""
    closed, shapes = jax.make_jaxpr(step, return_shape=True)(*args)
    if closed.effects:
        raise ModelError(f"the step has effects, which no plan can keep: {', '.join(map(str, closed.effects))}")
    graph = Graph(name or getattr(step, "__name__", "step"))
    walker = _Walker(graph)
    names = [(number, jax.tree_util.keystr(path))
             for number, arg in enumerate(args) for path, _ in jax.tree_util.tree_leaves_with_path(arg)]
    for var, (number, path) in zip(closed.jaxpr.invars, names):
        role = "state" if number == state else "data"
        walker.enter(var, role, f"arg{number}{path}")
    walker.constants(closed.jaxpr, closed.consts)
    walker.walk(closed.jaxpr)
    _outputs(graph, walker, closed.jaxpr, args, shapes, state)
    graph.without_unread()
    return graph


def _outputs(graph, walker, jaxpr, args, shapes, state):
    """Results by name, and which of them takes the place of which input."""
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(shapes)]
    becomes = {}
    if state is not None:
        first = sum(len(jax.tree_util.tree_leaves(arg)) for arg in args[:state])
        wanted = jax.tree_util.tree_structure(args[state])
        kinds = [(leaf.shape, leaf.dtype) for leaf in jax.tree_util.tree_leaves(args[state])]
        at = 0
        for part in shapes if isinstance(shapes, tuple) and jax.tree_util.tree_structure(shapes) != wanted else [shapes]:
            leaves = jax.tree_util.tree_leaves(part)
            same = jax.tree_util.tree_structure(part) == wanted and [(leaf.shape, leaf.dtype) for leaf in leaves] == kinds
            if same and not becomes:
                becomes = {at + place: first + place for place in range(len(leaves))}
            at += len(leaves)
    for place, atom in enumerate(jaxpr.outvars):
        row = {"value": walker.value(atom), "name": f"out{jax.tree_util.keystr(paths[place])}"}
        if place in becomes:
            row["becomes"] = becomes[place]
        graph.outputs.append(row)


class _Walker:
    def __init__(self, graph):
        self.graph = graph
        self.values = {}

    def enter(self, var, role, name):
        self.values[var] = self.graph.value(var.aval)
        self.graph.inputs.append({"value": self.values[var], "name": name, "role": role})

    def constants(self, jaxpr, consts):
        for var, const in zip(jaxpr.constvars, consts, strict=True):
            self.enter(var, "constant", f"constant{len(self.graph.inputs)}")
            self.graph.constants[self.values[var]] = const

    def value(self, atom):
        """The number of a value; one that is made here for what is written into the program."""
        known = Fixed(atom.val) if isinstance(atom, core.Literal) else self.values[atom]
        return self.made(known, atom.aval) if isinstance(known, Fixed) else known

    def made(self, fixed, aval):
        number = self.graph.value(aval)
        self.graph.inputs.append({"value": number, "name": f"constant{number}", "role": "constant"})
        self.graph.constants[number] = fixed.value
        return number

    def operand(self, atom):
        """A value's number, or a `Fixed`."""
        if isinstance(atom, core.Literal):
            return self.value(atom) if atom.aval.shape else Fixed(atom.val)
        return self.values[atom]

    def walk(self, jaxpr, at=""):
        for eqn in jaxpr.eqns:
            self.equation(eqn, _scope(at, eqn))
            if len(self.graph.ops) > MOST_EQUATIONS:
                raise ModelError(f"the step has more than {MOST_EQUATIONS} operations")

    def equation(self, eqn, at):
        name = eqn.primitive.name
        if name in CALLS:
            return self.call(eqn, _program(eqn, CALLS[name]), at)
        if name == "scan" and eqn.params["length"] * len(eqn.params["jaxpr"].eqns) <= MOST_EQUATIONS:
            return self.scan(eqn, at)
        if name in SAME:
            for var, atom in zip(eqn.outvars, eqn.invars):
                self.values[var] = self.operand(atom)
            return None
        given = [self.operand(atom) for atom in eqn.invars]
        ins = [None if isinstance(value, Fixed) else value for value in given]
        for var in eqn.outvars:
            self.values[var] = self.graph.value(var.aval)
        outs = [self.values[var] for var in eqn.outvars]
        TABLE.get(name, unknown)(self.graph, eqn, ins, outs, at)
        self.graph.sources.append((eqn, given))
        return None

    def call(self, eqn, inner, at):
        inner, consts = (inner.jaxpr, inner.consts) if hasattr(inner, "consts") else (inner, [])
        self.constants(inner, consts)
        self.body(inner, [self.operand(atom) for atom in eqn.invars][-len(inner.invars) or len(eqn.invars):], at)
        for var, atom in zip(eqn.outvars, inner.outvars):
            self.values[var] = self.operand(atom)

    def body(self, jaxpr, values, at):
        for var, value in zip(jaxpr.invars, values):
            self.values[var] = value
        self.walk(jaxpr, at)

    def scan(self, eqn, at):
        """Each turn by itself: rows are cut out of what is scanned over, and stacked again."""
        length, consts, carried = (eqn.params[key] for key in ("length", "num_consts", "num_carry"))
        inner = eqn.params["jaxpr"]
        ins = [self.operand(atom) for atom in eqn.invars]
        carry, stacks = ins[consts:consts + carried], [[] for _ in eqn.outvars[carried:]]
        turns = range(length) if not eqn.params["reverse"] else reversed(range(length))
        self.constants(inner.jaxpr, inner.consts)
        for turn in turns:
            rows = [self.row(value, turn, var.aval, at) for value, var in
                    zip(ins[consts + carried:], inner.jaxpr.invars[consts + carried:])]
            self.body(inner.jaxpr, ins[:consts] + carry + rows, at)
            results = [self.operand(atom) for atom in inner.jaxpr.outvars]
            results = [self.made(value, atom.aval) if isinstance(value, Fixed) else value
                       for value, atom in zip(results, inner.jaxpr.outvars)]
            carry = results[:carried]
            for stack, value in zip(stacks, results[carried:]):
                stack.append(value)
        for var, value in zip(eqn.outvars[:carried], carry):
            self.values[var] = value
        for var, stack in zip(eqn.outvars[carried:], stacks):
            self.values[var] = self.stack(stack if not eqn.params["reverse"] else stack[::-1], var.aval, at)

    def row(self, value, turn, aval, at):
        loops = Loops()
        dims = [loops.new("d", size) for size in aval.shape]
        out = self.graph.value(aval)
        self.graph.op("row", [(value, [None, *dims])], [(out, dims)], loops, linear=[[0]], at=at)
        self.graph.sources.append(("row", turn))
        return out

    def stack(self, values, aval, at):
        loops = Loops()
        dims = [loops.new("d", size) for size in aval.shape[1:]]
        out = self.graph.value(aval)
        self.graph.op("stack", [(value, dims) for value in values], [(out, [None, *dims])], loops,
                      linear=[list(range(len(values)))], at=at)
        self.graph.sources.append(("stack", None))
        return out


def _program(eqn, name):
    """The program of a call: versions have it under other names."""
    given = eqn.params.get(name)
    return given if given is not None else next(part for part in eqn.params.values() if hasattr(part, "eqns"))


def _scope(at, eqn):
    inner = str(eqn.source_info.name_stack)
    return "/".join(part for part in (at, inner) if part)
