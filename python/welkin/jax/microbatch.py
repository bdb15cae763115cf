"""What a microbatch is: which values are cut into examples, which are sums over all of them, and what is done once a step.

Microbatches are to a step what devices along one more axis of the mesh are, only one after the other: a value is cut, the same
for all, or a part of a sum. What reads a sum has to wait for all of them, so it must be something that is done once.
"""


class MicrobatchError(ValueError):
    """The step cannot be done in parts of its batch."""


class Cut:
    """A step in `count` equal parts of its batch."""

    def __init__(self, graph, wire, count):
        self.graph, self.count, self.dims, self.phases = graph, count, wire["examples"], wire["phases"]
        self.sums = set()
        for row, phase in zip(graph.ops, self.phases, strict=True):
            self._operation(row, phase)

    def shape(self, value):
        """Of a microbatch's part."""
        shape, dim = list(self.graph.values[value][1]), self.dims[value]
        if dim is not None:
            shape[dim] //= self.count
        return tuple(shape)

    def examples(self, row):
        """The loop of an operation that runs over examples."""
        loops = (dims[self.dims[value]] for value, dims in row["in"] + row["out"] if self.dims[value] is not None)
        return next((loop for loop in loops if loop >= 0), None)

    def _operation(self, row, phase):
        loop, name = self.examples(row), row["op"]
        given = [value for value, _ in row["in"]]
        if phase == "once":
            if any(self.dims[value] is not None for value in given):
                raise MicrobatchError(f"`{name}` needs all examples at once, so the batch cannot be cut")
            return
        if any(value in self.sums for value in given):
            raise MicrobatchError(f"`{name}` works on each example with a sum over all of them, so the batch cannot be cut")
        if any(self.dims[value] is not None and dims[self.dims[value]] != loop for value, dims in row["in"]):
            raise MicrobatchError(f"`{name}` needs all examples at once, so the batch cannot be cut")
        for value, dims in row["out"]:
            if loop is not None and loop not in dims:
                if row.get("reduce") != "sum":
                    raise MicrobatchError(f"`{name}` combines all examples, and not by a sum, so the batch cannot be cut")
                self.sums.add(value)


class Whole:
    """A step that is not cut."""

    count = 1

    def __init__(self, graph):
        self.graph, self.dims = graph, [None] * len(graph.values)

    def shape(self, value):
        return tuple(self.graph.values[value][1])

    def examples(self, row):
        return None


def order(stage, stages, count, schedule):
    """What a stage does for which microbatch, in order: pairs of whether it is the backward pass, and the microbatch."""
    ahead = {"1f1b": min(count, stages - stage), "gpipe": count}[schedule]
    work = [(False, number) for number in range(ahead)]
    for number in range(count):
        work.append((True, number))
        if ahead + number < count:
            work.append((False, ahead + number))
    return work
