"""What a compiled program says to other devices: its collectives, read from HLO text.

A form that is not known is an error. Reading one wrongly would call a program that talks all the time a silent one.
"""

import math
import re


class HloError(ValueError):
    """The text cannot be read."""


# Bytes of an element, as HLO spells types.
SIZES = {"f64": 8, "f32": 4, "f16": 2, "bf16": 2, "s64": 8, "s32": 4, "s16": 2, "s8": 1, "u64": 8, "u32": 4, "u16": 2,
         "u8": 1, "pred": 1, "c64": 8, "c128": 16}
KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")
# How names begin of what goes between devices, whatever a later version calls it.
TALKS = ("all-", "collective-", "reduce-scatter", "ragged-", "send", "recv")


def collectives(text):
    """Bytes by kind and devices of a group: what one device has of the whole, the result of an all-gather, the operand of others."""
    count = re.search(r"num_partitions=(\d+)", text)
    sums, entry = {}, False
    for line in text.splitlines():
        if line and not line[0].isspace():
            entry = line.startswith("ENTRY")
        line = re.sub(r"/\*.*?\*/", "", line)
        # What is done comes after its type, and is the first word before a parenthesis.
        found = re.search(r"=\s+(.*?)\s([a-z][a-z0-9-]*)\(", line)
        if not found or not found[2].startswith(TALKS) or found[2].endswith("-done"):
            continue
        if not entry:
            raise HloError(f"a collective in a loop or a branch, which may run any number of times: {line.strip()[:200]}")
        if found[2] not in KINDS:
            raise HloError(f"a collective of a kind that is not known: {line.strip()[:200]}")
        group = _group(line, int(count[1]) if count else None)
        size = _bytes(found[1], line) * (group if found[2] == "reduce-scatter" else 1)
        if group > 1:
            sums[found[2], group] = sums.get((found[2], group), 0) + size
    return sums


def _bytes(types, line):
    found = re.findall(r"([a-z]+[0-9a-z]*)\[([0-9,]*)\]", types)
    if not found or any(name not in SIZES for name, _ in found):
        raise HloError(f"a type that is not known: {line.strip()[:200]}")
    return sum(SIZES[name] * math.prod(int(size) for size in dims.split(",") if size) for name, dims in found)


def _group(line, count):
    """Devices of a group, of whatever form the list of groups is."""
    if "source_target_pairs=" in line:
        return 2
    if found := re.search(r"replica_groups=\[(\d+),(\d+)\]<=\[", line):
        return int(found[2])
    if found := re.search(r"replica_groups=\{(\{[0-9,{} ]*\})\}", line):
        sizes = {len(group.split(",")) for group in re.findall(r"\{([0-9, ]+)\}", found[1])}
        if len(sizes) == 1:
            return sizes.pop()
    if "replica_groups={}" in line and count:
        return count
    if found := re.search(r"replica_groups=mesh\[([^\]]*)\]\s*\{([^}]*)\}", line):
        sizes = dict(re.findall(r"'([^']+)'=(\d+)", found[1]))
        axes = re.findall(r"'([^']+)'", found[2])
        if axes and all(axis in sizes for axis in axes):
            return math.prod(int(sizes[axis]) for axis in axes)
    raise HloError(f"groups of devices in a form that is not known: {line.strip()[:200]}")
