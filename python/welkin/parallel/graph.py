"""A model file in the making: values, and operations with their table of loops."""

import hashlib
import json
import math

SCHEMA = "welkin.model-graph/1"

# How element types are written. Others are refused by name.
TYPES = {
    "float64": "f64", "float32": "f32", "float16": "f16", "bfloat16": "bf16", "float8_e4m3fn": "f8", "float8_e5m2": "f8",
    "int64": "i64", "int32": "i32", "int16": "i16", "int8": "i8", "uint64": "u64", "uint32": "u32", "uint16": "u16",
    "uint8": "u8", "bool": "bool", "complex64": "c64", "complex128": "c128", "float0": "bool",
}


class ModelError(ValueError):
    """The step cannot be written as a model file."""


def entries():
    """A table of what is known of operations, and a decorator that puts a function into it under some names."""
    table = {}

    def entry(*names):
        def add(function):
            for name in names:
                table[name] = function
            return function

        return add

    return table, entry


class Fixed:
    """A number that is written into the program, in place of a value's number."""

    def __init__(self, value):
        self.value = value


class Loops:
    """The loops of one operation, and which dimension of which operand each of them runs over.

    A dimension without a loop is never split.
    """

    def __init__(self):
        self.rows = []

    def new(self, name, size):
        """A loop; nothing where there is nothing to split."""
        if size <= 1:
            return None
        self.rows.append([f"{name}{sum(row[0].startswith(name) for row in self.rows)}", int(size)])
        return len(self.rows) - 1


class Graph:
    """Collects values and operations, and writes them."""

    def __init__(self, name):
        self.name = name
        self.values, self.inputs, self.outputs, self.ops = [], [], [], []
        self.dtypes = []
        # For each operation what it came from: an equation with its operands, or the name of what unrolling a loop made, with
        # what that needs. And what values hold that are written into the program.
        self.sources, self.constants = [], {}

    def value(self, aval):
        """A new value of this type, by its number."""
        shape = getattr(aval, "shape", None)
        if shape is None:
            raise ModelError(f"a value of type {aval} is no array")
        if not all(isinstance(size, int) for size in shape):
            raise ModelError(f"a value of type {aval} has a size that is known only when it runs")
        kind = TYPES.get(str(aval.dtype).removeprefix("torch."))
        # Keys of random numbers and the like hold a few words for each element.
        self.values.append([kind or "u64", [int(size) for size in shape]])
        self.dtypes.append(aval.dtype)
        return len(self.values) - 1

    def op(self, kind, ins, outs, loops, *, reduce=None, linear=(), accumulates=(), flops=0.0, at="", known=True, again=False):
        """Adds an operation. `ins` and `outs` are pairs of a value and the loop of each dimension, or None.

        `again` says that compilers do it again where it is read, so that its result need not be in memory.
        """
        spell = lambda pair: [pair[0], [-1 if loop is None else loop for loop in pair[1]]]
        row = {"op": kind, "loops": loops.rows, "in": [spell(pair) for pair in ins], "out": [spell(pair) for pair in outs]}
        if reduce:
            row["reduce"] = reduce
        if linear:
            row["linear"] = [list(group) for group in linear]
        if accumulates:
            row["accumulates"] = list(accumulates)
        if flops:
            row["flops"] = float(flops)
        if at:
            row["at"] = at
        if not known:
            row["known"] = False
        if again:
            row["again"] = True
        self.ops.append(row)

    def without_unread(self):
        """Drops operations that no result depends on: compilers do."""
        wanted, kept = {row["value"] for row in self.outputs}, []
        for row, source in reversed(list(zip(self.ops, self.sources, strict=True))):
            if any(value in wanted for value, _ in row["out"]):
                wanted.update(value for value, _ in row["in"])
                kept.append((row, source))
        self.ops, self.sources = ([pair[place] for pair in kept[::-1]] for place in (0, 1))

    def digest(self):
        """Of what a plan's program depends on: all but what things are called, and what only memory is counted by."""
        inputs = [(row["value"], row["role"]) for row in self.inputs]
        outputs = [(row["value"], row.get("becomes")) for row in self.outputs]
        ops = [{key: part for key, part in row.items() if key not in ("at", "again")} for row in self.ops]
        return hashlib.sha256(json.dumps([self.values, inputs, outputs, ops]).encode()).hexdigest()

    def text(self, made_by):
        document = {
            "schema": SCHEMA, "name": self.name, "made_by": made_by, "values": self.values, "inputs": self.inputs,
            "outputs": self.outputs, "ops": self.ops,
        }
        return json.dumps(document, separators=(",", ":"))


def same_order(before, after, loops):
    """The loops of a reshape: pairs of dimensions whose leading parts run over the same loop.

    Both shapes are cut into the smallest groups of equal product. Within a group the outermost dimension of one side is the
    leading part of the other's, and contiguous blocks of it stay contiguous.
    """
    left, right = [None] * len(before), [None] * len(after)
    i = j = 0
    while i < len(before) and j < len(after):
        first_i, first_j = i, j
        left_size, right_size = before[i], after[j]
        i, j = i + 1, j + 1
        while left_size != right_size and (i < len(before) or j < len(after)):
            if left_size < right_size and i < len(before):
                left_size, i = left_size * before[i], i + 1
            elif j < len(after):
                right_size, j = right_size * after[j], j + 1
            else:
                break
        leading = lambda shape, start, stop: next((at for at in range(start, stop) if shape[at] != 1), None)
        a, b = leading(before, first_i, i), leading(after, first_j, j)
        if a is None or b is None:
            continue
        size = math.gcd(before[a], after[b])
        if size == min(before[a], after[b]):
            left[a] = right[b] = loops.new("r", size)
    return left, right
