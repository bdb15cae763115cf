#!/usr/bin/env python3
"""Price lists of any size: FOLDER/PROVIDER/vms.csv, drawn from a seed.

    offers.py FOLDER ROWS [PROVIDERS]

Ten providers unless said otherwise, each with the same number of rows. A machine type is offered in each zone
of some regions, at a price that differs between regions by up to a half and not at all between zones; a fifth
of the types have accelerators. Nothing in it is to be doubted, so that as many offers come out as rows went in.
"""

import pathlib
import random
import sys

HEADER = "InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,AvailabilityZone,Price,SpotPrice"
GPUS = [("T4", 16384, 0.35), ("L4", 24576, 0.6), ("A100", 40960, 2.9), ("A100-80GB", 81920, 3.7), ("H100", 81920, 7.0)]
REGIONS, ZONES = 50, 4


def machine(index, draw):
    """Name, vCPUs, memory, accelerator, count, memory of one, price per hour."""
    vcpus = draw.choice([2, 4, 8, 16, 32, 64, 96])
    memory = vcpus * draw.choice([2, 4, 8])
    price = (0.04 * vcpus + 0.003 * memory) * draw.uniform(0.8, 1.3)
    gpu = ("", "", "")
    if index % 5 == 0:
        name, mib, each = draw.choice(GPUS)
        count = draw.choice([1, 2, 4, 8])
        memory = max(memory, count * mib // 1024)
        price += count * each * draw.uniform(0.9, 1.1)
        gpu = (name, count, mib)
    return (f"m{index}.x{vcpus}", vcpus, memory, *gpu, price)


def write(path, provider, rows, draw):
    regions = [f"{provider}-region-{number}" for number in range(REGIONS)]
    factors = [draw.uniform(1.0, 1.5) for _ in regions]
    with path.open("w") as out:
        print(HEADER, file=out)
        written, index = 0, 0
        while written < rows:
            name, vcpus, memory, gpu, count, mib, price = machine(index, draw)
            info = f"\"{{'Gpus': [{{'MemoryInfo': {{'SizeInMiB': {mib}}}}}]}}\"" if gpu else ""
            for region, factor in zip(regions, factors):
                for zone in "abcd"[:ZONES]:
                    if written == rows:
                        break
                    hourly = price * factor
                    print(f"{name},{vcpus},{memory},{gpu},{count},{info},{region},{region}-{zone},{hourly:.5f},{hourly * 0.35:.5f}", file=out)
                    written += 1
            index += 1


def main():
    folder, rows = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    providers = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    for number in range(providers):
        provider = f"cloud{number}"
        path = folder / provider
        path.mkdir(parents=True, exist_ok=True)
        write(path / "vms.csv", provider, rows // providers, random.Random(number))


if __name__ == "__main__":
    main()
