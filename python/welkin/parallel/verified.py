"""What a plan said of a step, beside what the step does."""


class Verified:
    """Collectives and memory, planned and as they are: what was compiled of a step, or what a run of it did."""

    def __init__(self, planned, found, planned_memory=None, found_memory=None, done="compiled"):
        self.collectives = {key: (planned.get(key, 0), found.get(key, 0)) for key in sorted({*planned, *found})}
        self.memory, self.done = (planned_memory, found_memory), done

    @property
    def exact(self):
        """Whether devices say to each other what was planned, to the byte."""
        return all(planned == found for planned, found in self.collectives.values())

    def __repr__(self):
        rows = [f"{kind} of {group}: {planned} planned, {found} {self.done}"
                for (kind, group), (planned, found) in self.collectives.items()]
        if self.memory[0] is not None:
            rows.append(f"memory of a device: {self.memory[0]} planned, {self.memory[1]} {self.done}")
        return "; ".join(rows)


def planned(stage):
    """Bytes of collectives of a stage by kind and devices of a group, as a plan has them."""
    sums = {}
    for row in stage["collectives"]:
        key = row["kind"], row["group"]
        sums[key] = sums.get(key, 0) + row["bytes"]
    return sums
