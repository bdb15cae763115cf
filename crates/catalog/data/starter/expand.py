#!/usr/bin/env python3
"""Expand families x sizes x regions into types.csv and prices.csv, beside this file.

Every figure below is a public list price in USD an hour (Linux, on demand, no commitment), in the
home region of its cloud; a region's price is that figure times the family's regional ratio, which is
how the three clouds publish them. Run it after editing a table; the CSVs are what ships.
"""
import csv
import fnmatch
import pathlib

AS_OF = "2026-05-20"
HERE = pathlib.Path(__file__).resolve().parent
types: dict[tuple[str, str], dict] = {}
prices: dict[tuple[str, str, str], tuple[str, float, float | None]] = {}


def add_type(provider, name, vcpus, memory_gib, source, kind="vm", arch="x86_64", burstable=0,
             accelerator="", count="", network_gbps=""):
    types[provider, name] = dict(provider=provider, instance_type=name, kind=kind, vcpus=vcpus,
                                 memory_gib=memory_gib, arch=arch, burstable=burstable,
                                 accelerator=accelerator, count=count, network_gbps=network_gbps,
                                 source=source, as_of=AS_OF)


def add_price(provider, name, region, zones, on_demand, spot_share=None):
    spot = None if spot_share is None else on_demand * spot_share
    prices[provider, name, region] = (";".join(zones), on_demand, spot)


# ---------------------------------------------------------------------------------------------- AWS
AWS_ZONES = {
    "us-east-1": "abcdf", "us-east-2": "abc", "us-west-1": "ac", "us-west-2": "abcd",
    "ca-central-1": "abd", "sa-east-1": "abc", "eu-west-1": "abc", "eu-central-1": "abc",
    "eu-north-1": "abc", "eu-west-3": "abc", "ap-northeast-1": "acd", "ap-southeast-1": "abc",
    "ap-southeast-2": "abc", "ap-south-1": "abc",
}
# Price of the smallest listed unit in each region: the published figures of m5, c5, r5 and t3; newer
# generations of a line keep the line's ratio.
AWS_LINES = {
    "m": {"us-east-1": .096, "us-east-2": .096, "us-west-1": .112, "us-west-2": .096,
          "ca-central-1": .107, "sa-east-1": .153, "eu-west-1": .107, "eu-central-1": .115,
          "eu-north-1": .102, "eu-west-3": .112, "ap-northeast-1": .124, "ap-southeast-1": .120,
          "ap-southeast-2": .120, "ap-south-1": .101},
    "c": {"us-east-1": .085, "us-east-2": .085, "us-west-1": .106, "us-west-2": .085,
          "ca-central-1": .093, "sa-east-1": .131, "eu-west-1": .096, "eu-central-1": .097,
          "eu-north-1": .091, "eu-west-3": .101, "ap-northeast-1": .107, "ap-southeast-1": .098,
          "ap-southeast-2": .111, "ap-south-1": .085},
    "r": {"us-east-1": .126, "us-east-2": .126, "us-west-1": .140, "us-west-2": .126,
          "ca-central-1": .138, "sa-east-1": .201, "eu-west-1": .141, "eu-central-1": .152,
          "eu-north-1": .134, "eu-west-3": .148, "ap-northeast-1": .152, "ap-southeast-1": .152,
          "ap-southeast-2": .151, "ap-south-1": .130},
    "t": {"us-east-1": .0416, "us-east-2": .0416, "us-west-1": .0496, "us-west-2": .0416,
          "ca-central-1": .0464, "sa-east-1": .0672, "eu-west-1": .0456, "eu-central-1": .0480,
          "eu-north-1": .0432, "eu-west-3": .0472, "ap-northeast-1": .0544, "ap-southeast-1": .0528,
          "ap-southeast-2": .0528, "ap-south-1": .0448},
    "g4dn": {"us-east-1": .526, "us-east-2": .526, "us-west-1": .631, "us-west-2": .526,
             "ca-central-1": .584, "sa-east-1": .894, "eu-west-1": .587, "eu-central-1": .658,
             "eu-north-1": .558, "eu-west-3": .615, "ap-northeast-1": .710, "ap-southeast-1": .736,
             "ap-southeast-2": .684, "ap-south-1": .579},
    "g5": {"us-east-1": 1.006, "us-east-2": 1.006, "us-west-2": 1.006, "ca-central-1": 1.117,
           "eu-west-1": 1.123, "eu-central-1": 1.258, "eu-north-1": 1.066, "ap-northeast-1": 1.459,
           "ap-southeast-2": 1.308, "ap-south-1": 1.208, "sa-east-1": 1.711},
    "g6": {"us-east-1": .8048, "us-east-2": .8048, "us-west-2": .8048, "ca-central-1": .8936,
           "eu-central-1": 1.0061, "eu-north-1": .8531, "ap-northeast-1": 1.1672,
           "ap-southeast-2": 1.0462, "ap-south-1": .9658},
    "g6e": {"us-east-1": 1.861, "us-east-2": 1.861, "us-west-2": 1.861, "eu-central-1": 2.3263,
            "ap-northeast-1": 2.6985},
    "p3": {"us-east-2": 3.06, "us-west-2": 3.06, "ca-central-1": 3.366,
           "eu-west-1": 3.305, "eu-central-1": 3.823, "ap-northeast-1": 4.194,
           "ap-southeast-1": 4.234, "ap-southeast-2": 4.234},
    "p3dn": {"us-east-1": 31.212, "us-west-2": 31.212},
    "p4d": {"us-east-1": 21.957642, "us-east-2": 21.957642, "us-west-2": 21.957642},
    "p4de": {"us-east-1": 27.447053, "us-west-2": 27.447053},
    "p5": {"us-east-1": 55.04, "us-east-2": 55.04, "us-west-2": 55.04},
    "p5en": {"us-east-1": 63.296, "us-east-2": 63.296, "us-west-2": 63.296},
    "p6-b200": {"us-east-1": 113.9328, "us-east-2": 113.9328, "us-west-2": 113.9328},
    "inf1": {"us-east-1": .228, "us-east-2": .228, "us-west-2": .228, "eu-west-1": .254,
             "eu-central-1": .285, "ap-northeast-1": .308, "ap-south-1": .251},
    "inf2": {"us-east-1": .7582, "us-east-2": .7582, "us-west-2": .7582, "eu-west-1": .8340,
             "eu-central-1": .9478, "ap-northeast-1": 1.1373, "ap-south-1": .9098,
             "ap-southeast-2": .9857},
    "trn1": {"us-east-1": 1.34375, "us-east-2": 1.34375, "us-west-2": 1.34375},
    "trn1n": {"us-east-1": 24.78, "us-west-2": 24.78},
}
AWS_SIZES = {"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32, "16xlarge": 64}
AWS_HALF = {"m5": [10, 10, 10, 10, 10, 20], "c5": [10, 10, 10, 10], "r5": [10, 10, 10, 10, 10, 20]}
SIX = [12.5, 12.5, 12.5, 12.5, 12.5, 25]
SEVEN_G = [12.5, 12.5, 15, 15, 15, 30]
# family: line, us-east-1 price of `large`, GiB per vCPU, arch, Gbps by size, sizes left out, regions left out
AWS_FAMILIES = [
    ("m5", "m", .096, 4, "x86_64", AWS_HALF["m5"], (), ()),
    ("m6i", "m", .096, 4, "x86_64", SIX, (), ()),
    ("m7i", "m", .1008, 4, "x86_64", SIX, ("16xlarge",), ("us-west-1",)),
    ("m6a", "m", .0864, 4, "x86_64", SIX, ("16xlarge",), ("ap-south-1", "eu-north-1", "eu-west-3")),
    ("m7g", "m", .0816, 4, "arm64", SEVEN_G, ("16xlarge",), ("ap-south-1",)),
    ("c5", "c", .085, 2, "x86_64", AWS_HALF["c5"], ("8xlarge", "16xlarge"), ()),
    ("c6i", "c", .085, 2, "x86_64", SIX, (), ()),
    ("c7i", "c", .08925, 2, "x86_64", SIX, ("16xlarge",), ("us-west-1",)),
    ("c6a", "c", .0765, 2, "x86_64", SIX, ("16xlarge",), ("ap-south-1", "eu-north-1", "eu-west-3")),
    ("c7g", "c", .0725, 2, "arm64", SEVEN_G, ("16xlarge",), ("ap-south-1",)),
    ("r5", "r", .126, 8, "x86_64", AWS_HALF["r5"], ("16xlarge",), ()),
    ("r6i", "r", .126, 8, "x86_64", SIX, (), ()),
    ("r7i", "r", .1323, 8, "x86_64", SIX, ("16xlarge",), ("us-west-1",)),
    ("r6a", "r", .1134, 8, "x86_64", SIX, ("16xlarge",), ("ap-south-1", "eu-north-1", "eu-west-3")),
]
AWS_T3 = [("t3.micro", 1, .0104), ("t3.small", 2, .0208), ("t3.medium", 4, .0416),
          ("t3.large", 8, .0832), ("t3.xlarge", 16, .1664), ("t3.2xlarge", 32, .3328)]
# type: line, us-east-1 price, vCPUs, GiB, accelerator, count, Gbps
AWS_ACCELERATED = [
    ("g4dn.xlarge", "g4dn", .526, 4, 16, "T4", 1, 25), ("g4dn.2xlarge", "g4dn", .752, 8, 32, "T4", 1, 25),
    ("g4dn.4xlarge", "g4dn", 1.204, 16, 64, "T4", 1, 25), ("g4dn.8xlarge", "g4dn", 2.176, 32, 128, "T4", 1, 50),
    ("g4dn.16xlarge", "g4dn", 4.352, 64, 256, "T4", 1, 50), ("g4dn.12xlarge", "g4dn", 3.912, 48, 192, "T4", 4, 50),
    ("g5.xlarge", "g5", 1.006, 4, 16, "A10G", 1, 10), ("g5.2xlarge", "g5", 1.212, 8, 32, "A10G", 1, 10),
    ("g5.4xlarge", "g5", 1.624, 16, 64, "A10G", 1, 25), ("g5.8xlarge", "g5", 2.448, 32, 128, "A10G", 1, 25),
    ("g5.12xlarge", "g5", 5.672, 48, 192, "A10G", 4, 40), ("g5.48xlarge", "g5", 16.288, 192, 768, "A10G", 8, 100),
    ("g6.xlarge", "g6", .8048, 4, 16, "L4", 1, 10), ("g6.2xlarge", "g6", .9776, 8, 32, "L4", 1, 10),
    ("g6.4xlarge", "g6", 1.3232, 16, 64, "L4", 1, 25), ("g6.8xlarge", "g6", 2.0144, 32, 128, "L4", 1, 25),
    ("g6.12xlarge", "g6", 4.6016, 48, 192, "L4", 4, 40), ("g6.48xlarge", "g6", 13.3504, 192, 768, "L4", 8, 100),
    ("g6e.xlarge", "g6e", 1.861, 4, 32, "L40S", 1, 20), ("g6e.2xlarge", "g6e", 2.24208, 8, 64, "L40S", 1, 20),
    ("g6e.4xlarge", "g6e", 3.00424, 16, 128, "L40S", 1, 20), ("g6e.12xlarge", "g6e", 10.49264, 48, 384, "L40S", 4, 100),
    ("g6e.48xlarge", "g6e", 30.13118, 192, 1536, "L40S", 8, 400),
    ("p3.2xlarge", "p3", 3.06, 8, 61, "V100", 1, 10), ("p3.8xlarge", "p3", 12.24, 32, 244, "V100", 4, 10),
    ("p3.16xlarge", "p3", 24.48, 64, 488, "V100", 8, 25), ("p3dn.24xlarge", "p3dn", 31.212, 96, 768, "V100-32GB", 8, 100),
    ("p4d.24xlarge", "p4d", 21.957642, 96, 1152, "A100", 8, 400),
    ("p4de.24xlarge", "p4de", 27.447053, 96, 1152, "A100-80GB", 8, 400),
    ("p5.4xlarge", "p5", 6.88, 16, 256, "H100", 1, 100), ("p5.48xlarge", "p5", 55.04, 192, 2048, "H100", 8, 3200),
    ("p5en.48xlarge", "p5en", 63.296, 192, 2048, "H200", 8, 3200),
    ("p6-b200.48xlarge", "p6-b200", 113.9328, 192, 2048, "B200", 8, 3200),
    ("inf1.xlarge", "inf1", .228, 4, 8, "Inferentia", 1, 25), ("inf1.2xlarge", "inf1", .362, 8, 16, "Inferentia", 1, 25),
    ("inf1.6xlarge", "inf1", 1.18, 24, 48, "Inferentia", 4, 25), ("inf1.24xlarge", "inf1", 4.721, 96, 192, "Inferentia", 16, 100),
    ("inf2.xlarge", "inf2", .7582, 4, 16, "Inferentia2", 1, 15), ("inf2.8xlarge", "inf2", 1.96786, 32, 128, "Inferentia2", 1, 25),
    ("inf2.24xlarge", "inf2", 6.49063, 96, 384, "Inferentia2", 6, 50), ("inf2.48xlarge", "inf2", 12.98127, 192, 768, "Inferentia2", 12, 100),
    ("trn1.2xlarge", "trn1", 1.34375, 8, 32, "Trainium", 1, 12.5), ("trn1.32xlarge", "trn1", 21.5, 128, 512, "Trainium", 16, 800),
    ("trn1n.32xlarge", "trn1n", 24.78, 128, 512, "Trainium", 16, 1600),
]


def aws():
    def put(name, line, home_price):
        ratios = AWS_LINES[line]
        for region, unit in ratios.items():
            zones = [region + z for z in AWS_ZONES[region]]
            add_price("aws", name, region, zones, home_price * unit / ratios.get("us-east-1", ratios["us-west-2"]))

    for family, line, unit, gib, arch, gbps, no_sizes, no_regions in AWS_FAMILIES:
        sizes = [(s, v) for s, v in AWS_SIZES.items() if s not in no_sizes]
        for i, (size, vcpus) in enumerate(sizes):
            name = f"{family}.{size}"
            add_type("aws", name, vcpus, vcpus * gib, "aws-ec2-on-demand", arch=arch, network_gbps=gbps[i])
            put(name, line, unit * vcpus / 2)
            for region in no_regions:
                del prices["aws", name, region]
    for name, gib, price in AWS_T3:
        vcpus = 8 if name.endswith("2xlarge") else 4 if name.endswith(".xlarge") else 2
        add_type("aws", name, vcpus, gib, "aws-ec2-on-demand", burstable=1, network_gbps=5)
        put(name, "t", price)
    for name, line, price, vcpus, gib, accelerator, count, gbps in AWS_ACCELERATED:
        add_type("aws", name, vcpus, gib, "aws-ec2-on-demand", accelerator=accelerator, count=count,
                 network_gbps=gbps)
        put(name, line, price)


# ---------------------------------------------------------------------------------------------- GCP
GCP_ZONES = {
    "us-central1": "abcf", "us-east1": "bcd", "us-east4": "abc", "us-west1": "abc", "us-west4": "abc",
    "northamerica-northeast1": "abc", "southamerica-east1": "abc", "europe-west1": "bcd",
    "europe-west2": "abc", "europe-west3": "abc", "europe-west4": "abc", "europe-north1": "abc",
    "asia-east1": "abc", "asia-northeast1": "abc", "asia-southeast1": "abc", "asia-south1": "abc",
    "australia-southeast1": "abc",
}
GCP_RATIO = {
    "us-central1": 1, "us-east1": 1, "us-east4": 1.1262, "us-west1": 1, "us-west4": 1.1262,
    "northamerica-northeast1": 1.1010, "southamerica-east1": 1.5871, "europe-west1": 1.1001,
    "europe-west2": 1.2885, "europe-west3": 1.2885, "europe-west4": 1.1010, "europe-north1": 1.1010,
    "asia-east1": 1.1580, "asia-northeast1": 1.2847, "asia-southeast1": 1.2337, "asia-south1": 1.2012,
    "australia-southeast1": 1.4190,
}
# Families launched since 2023 have their own, mostly lower, ratios in some regions.
GCP_NEW_RATIO = {**GCP_RATIO, "us-east4": 1, "europe-west2": 1.1393, "europe-west3": 1.18,
                 "europe-west4": 1.05, "asia-south1": 1.0403, "australia-southeast1": 1.25}
# AMD families are sold at a deep discount in Mumbai.
GCP_AMD_RATIO = {**GCP_RATIO, "asia-south1": .6595}
# Three regions are listed for their accelerators only, to keep the file small.
EVERYWHERE = tuple(r for r in GCP_RATIO if r not in ("us-west4", "asia-east1", "australia-southeast1"))


def everywhere_but(*regions):
    return tuple(r for r in EVERYWHERE if r not in regions)


# family: us-central1 price of a vCPU and of a GiB, shapes with GiB per vCPU, vCPU counts, Gbps by count, spot share, ratios, regions
GCP_FAMILIES = [
    ("e2", .02181159, .00292353, {"standard": 4}, {2: 4, 4: 8, 8: 16, 16: 16, 32: 16}, .45,
     GCP_RATIO, EVERYWHERE),
    ("n1", .031611, .004237, {"standard": 3.75}, {1: 2, 2: 10, 4: 10, 8: 16, 16: 32, 32: 32, 64: 32}, .29,
     GCP_RATIO, EVERYWHERE),
    ("n2", .031611, .004237, {"standard": 4, "highmem": 8}, {2: 10, 4: 10, 8: 16, 16: 32, 32: 32, 64: 32}, .32,
     GCP_RATIO, EVERYWHERE),
    ("n2d", .027502, .003686, {"standard": 4, "highmem": 8}, {2: 10, 4: 10, 8: 16, 16: 32, 32: 32, 64: 32}, .31,
     GCP_AMD_RATIO, EVERYWHERE),
    ("n4", .03119, .003543, {"standard": 4, "highmem": 8}, {2: 10, 4: 10, 8: 15, 16: 20, 32: 30, 64: 45}, .42,
     GCP_NEW_RATIO, EVERYWHERE),
    ("t2d", .027502, .003686, {"standard": 4}, {4: 10, 8: 16, 16: 32, 32: 32}, .21,
     GCP_AMD_RATIO, EVERYWHERE),
    ("c2", .03398, .00455, {"standard": 4}, {4: 10, 8: 16, 16: 32, 60: 32}, .33,
     GCP_RATIO, EVERYWHERE),
    ("c2d", .029563, .003959, {"standard": 4}, {4: 10, 8: 16, 16: 32, 32: 32}, .26,
     GCP_AMD_RATIO, everywhere_but("europe-north1")),
    ("c3", .03487, .003883, {"standard": 4}, {4: 23, 8: 23, 22: 23, 44: 32, 88: 62}, .25,
     GCP_NEW_RATIO, EVERYWHERE),
    ("c3d", .029563, .003959, {"standard": 4}, {4: 20, 8: 20, 16: 20, 30: 20, 60: 40}, .30,
     GCP_NEW_RATIO, everywhere_but("asia-northeast1", "europe-west2", "northamerica-northeast1", "southamerica-east1")),
]
# Attached to N1 machines: USD an hour for one device, and zones, by region.
N1_GPUS = {
    "T4": {"us-central1": (.35, "abcf"), "us-east1": (.35, "cd"), "us-east4": (.37, "abc"), "us-west1": (.35, "ab"),
           "us-west4": (.37, "ab"), "northamerica-northeast1": (.385, "c"), "southamerica-east1": (.48, "c"),
           "europe-west1": (.35, "bcd"), "europe-west2": (.40, "ab"), "europe-west3": (.41, "b"),
           "europe-west4": (.3675, "abc"), "asia-east1": (.35, "ac"), "asia-northeast1": (.37, "ac"),
           "asia-southeast1": (.37, "abc"), "asia-south1": (.41, "ab"), "australia-southeast1": (.44, "ac")},
    "V100": {"us-central1": (2.48, "abcf"), "us-west1": (2.48, "ab"), "us-east1": (2.48, "c"),
             "europe-west4": (2.604, "abc"), "asia-east1": (2.48, "c")},
}
N1_HOSTS = {"T4": [("n1-standard-4", 1), ("n1-standard-8", 1), ("n1-standard-16", 1), ("n1-standard-16", 2), ("n1-standard-32", 4)],
            "V100": [("n1-standard-8", 1), ("n1-standard-16", 2), ("n1-standard-32", 4), ("n1-standard-64", 8)]}
# type: us-central1 price, vCPUs, GiB, accelerator, count, Gbps
GCP_GPU_TYPES = [
    ("g2-standard-4", .70683, 4, 16, "L4", 1, 10), ("g2-standard-8", .85362, 8, 32, "L4", 1, 16),
    ("g2-standard-12", 1.00041, 12, 48, "L4", 1, 16), ("g2-standard-16", 1.14721, 16, 64, "L4", 1, 32),
    ("g2-standard-24", 2.00083, 24, 96, "L4", 2, 32), ("g2-standard-48", 4.00165, 48, 192, "L4", 4, 50),
    ("g2-standard-96", 8.00331, 96, 384, "L4", 8, 100),
    ("a2-highgpu-1g", 3.673385, 12, 85, "A100", 1, 24), ("a2-highgpu-2g", 7.34677, 24, 170, "A100", 2, 32),
    ("a2-highgpu-4g", 14.69354, 48, 340, "A100", 4, 50), ("a2-highgpu-8g", 29.38708, 96, 680, "A100", 8, 100),
    ("a2-megagpu-16g", 55.739504, 96, 1360, "A100", 16, 100),
    ("a2-ultragpu-1g", 5.06879789, 12, 170, "A100-80GB", 1, 24), ("a2-ultragpu-2g", 10.13759578, 24, 340, "A100-80GB", 2, 32),
    ("a2-ultragpu-4g", 20.27519156, 48, 680, "A100-80GB", 4, 50), ("a2-ultragpu-8g", 40.55038312, 96, 1360, "A100-80GB", 8, 100),
    ("a3-highgpu-1g", 11.0612, 26, 234, "H100", 1, 25), ("a3-highgpu-8g", 88.490000119, 208, 1872, "H100", 8, 1000),
]
GCP_GPU_PLACES = {
    "g2-*": {"us-central1": (1, "abc"), "us-east1": (1, "bcd"), "us-east4": (1, "ac"), "us-west1": (1, "abc"),
             "us-west4": (1.1262, "ac"), "europe-west1": (1.1, "bc"), "europe-west2": (1.1393, "ab"),
             "europe-west3": (1.18, "b"), "europe-west4": (1.05, "abc"), "asia-east1": (1.158, "abc"),
             "asia-northeast1": (1.2847, "abc"), "asia-southeast1": (1.2337, "abc"), "asia-south1": (1.0403, "abc")},
    "a2-highgpu-*": {"us-central1": (1, "abcf"), "us-east1": (1, "b"), "us-west1": (1, "b"), "us-west4": (1.071, "b"),
                     "europe-west4": (1.0203, "ab"), "asia-northeast1": (1.0568, "ac"), "asia-southeast1": (1.047, "bc")},
    "a2-megagpu-*": {"us-central1": (1, "bcf"), "europe-west4": (1.0159, "ab")},
    "a2-ultragpu-*": {"us-central1": (1, "ac"), "us-east4": (1.126, "c"), "europe-west4": (1.1, "a"), "asia-southeast1": (1.2337, "c")},
    "a3-highgpu-*": {"us-central1": (1, "ac"), "us-east4": (1, "ab"), "us-west1": (1, "ab"),
                     "europe-west1": (1.1, "b"), "europe-west4": (1.264, "bc")},
}
GCP_GPU_SPOT = {"T4": .34, "V100": .48, "L4": .42, "A100": .49, "A100-80GB": .47, "H100": .38}
# TPU: price of a chip and its zones by region; vCPUs and GiB of a host, chips of a host; slices with their chips.
TPUS = [
    ("tpu-v2", {"us-central1": (1.125, "bc"), "europe-west4": (1.2375, "a"), "asia-east1": (1.305, "c")}, {"v2-8": (4, 96, 334)}),
    ("tpu-v3", {"us-central1": (2.0, "ab"), "europe-west4": (2.2, "a")}, {"v3-8": (4, 96, 334)}),
    ("tpu-v4", {"us-central2": (3.22, "b")}, {f"v4-{2 * c}": (c, 60 * c, 100 * c) for c in (4, 8, 16, 32, 64)}),
    ("tpu-v5e", {"us-central1": (1.2, "a"), "us-south1": (1.416, "a"), "us-west1": (1.2, "c"), "us-west4": (1.2, "a"),
                 "europe-west4": (1.56, "b")},
     {"v5litepod-1": (1, 24, 48), "v5litepod-4": (4, 112, 192), "v5litepod-8": (8, 224, 384),
      **{f"v5litepod-{c}": (c, 28 * c, 48 * c) for c in (16, 32, 64, 128, 256)}}),
    ("tpu-v5p", {"us-central1": (4.2, "a"), "us-east5": (4.2, "a"), "europe-west4": (4.2525, "b")},
     {f"v5p-{2 * c}": (c, 52 * c, 112 * c) for c in (4, 8, 16, 32, 64)}),
    ("tpu-v6e", {"us-central1": (2.7, "b"), "us-east1": (2.7, "d"), "us-east5": (2.7, "ab"), "europe-west4": (2.97, "a"),
                 "asia-northeast1": (3.24, "b")},
     {"v6e-1": (1, 44, 176), "v6e-4": (4, 180, 720), "v6e-8": (8, 180, 1440),
      **{f"v6e-{c}": (c, 45 * c, 180 * c) for c in (16, 32, 64, 256)}}),
]
TPU_SPOT = {"tpu-v2": .30, "tpu-v3": .26, "tpu-v4": .29, "tpu-v5e": .38, "tpu-v5p": .38, "tpu-v6e": .47}


def gcp():
    host_price = {}
    for family, vcpu, gib, shapes, counts, spot, ratios, regions in GCP_FAMILIES:
        for shape, per in shapes.items():
            for count, gbps in counts.items():
                name = f"{family}-{shape}-{count}"
                add_type("gcp", name, count, count * per, "gcp-vm-pricing", network_gbps=gbps)
                for region in GCP_RATIO:
                    price = (count * vcpu + count * per * gib) * ratios[region]
                    host_price[name, region] = price
                    if region in regions:
                        add_price("gcp", name, region, [f"{region}-{z}" for z in GCP_ZONES[region]], price, spot)
    for gpu, places in N1_GPUS.items():
        for host, count in N1_HOSTS[gpu]:
            base = types["gcp", host]
            name = f"{host}+{gpu}:{count}"
            add_type("gcp", name, base["vcpus"], base["memory_gib"], "gcp-gpu-pricing", accelerator=gpu, count=count,
                     network_gbps=base["network_gbps"])
            for region, (price, zones) in places.items():
                add_price("gcp", name, region, [f"{region}-{z}" for z in zones],
                          host_price[host, region] + count * price, GCP_GPU_SPOT[gpu])
    for name, price, vcpus, gib, gpu, count, gbps in GCP_GPU_TYPES:
        add_type("gcp", name, vcpus, gib, "gcp-gpu-pricing", accelerator=gpu, count=count, network_gbps=gbps)
        for glob, places in GCP_GPU_PLACES.items():
            if fnmatch.fnmatch(name, glob):
                for region, (ratio, zones) in places.items():
                    add_price("gcp", name, region, [f"{region}-{z}" for z in zones], price * ratio, GCP_GPU_SPOT[gpu])
    for tpu, places, slices in TPUS:
        for name, (chips, vcpus, gib) in slices.items():
            add_type("gcp", name, vcpus, gib, "gcp-tpu-pricing", kind="tpu", accelerator=tpu, count=chips)
            for region, (chip, zones) in places.items():
                add_price("gcp", name, region, [f"{region}-{z}" for z in zones], chip * chips, TPU_SPOT.get(tpu))


# -------------------------------------------------------------------------------------------- Azure
AZURE_RATIO = {
    "eastus": 1, "eastus2": 1, "westus2": 1, "westus3": 1, "canadacentral": 1.1146, "brazilsouth": 1.5938,
    "northeurope": 1.1146, "westeurope": 1.1979, "swedencentral": 1.0625, "germanywestcentral": 1.1979,
    "francecentral": 1.1667, "uksouth": 1.1563, "japaneast": 1.2917, "southeastasia": 1.25,
    "centralindia": 1.0521, "australiaeast": 1.25,
}
# Memory- and compute-optimised and burstable lines, from the published prices of E2s_v5, F2s_v2 and B2s.
AZURE_E = {"eastus": .126, "eastus2": .126, "westus2": .126, "westus3": .126, "canadacentral": .138, "brazilsouth": .201,
           "northeurope": .141, "westeurope": .152, "swedencentral": .134, "germanywestcentral": .152,
           "francecentral": .148, "uksouth": .148, "japaneast": .152, "southeastasia": .152, "centralindia": .130,
           "australiaeast": .151}
AZURE_F = {"eastus": .0846, "eastus2": .0846, "westus2": .0846, "westus3": .0846, "canadacentral": .0926,
           "brazilsouth": .131, "northeurope": .096, "westeurope": .097, "swedencentral": .097,
           "germanywestcentral": .097, "francecentral": .101, "uksouth": .101, "japaneast": .107,
           "southeastasia": .098, "centralindia": .085, "australiaeast": .111}
AZURE_B2S = {"eastus": .0416, "eastus2": .0416, "westus2": .0416, "westus3": .0416, "canadacentral": .0464,
             "brazilsouth": .0672, "northeurope": .0454, "westeurope": .0480, "swedencentral": .0432,
             "germanywestcentral": .0480, "francecentral": .0472, "uksouth": .0472, "japaneast": .0544,
             "southeastasia": .0528, "centralindia": .0448, "australiaeast": .0528}


def ratios(published):
    return {region: price / published["eastus"] for region, price in published.items()}


# AMD series are sold at a deep discount in Pune (centralindia).
INDIA_AMD = {"centralindia": .645}
AZURE_LINE = {"d": {}, "da": INDIA_AMD, "e": ratios(AZURE_E), "ea": {**ratios(AZURE_E), "centralindia": .62},
              "d6": {"centralindia": .645}, "f": ratios(AZURE_F), "b": ratios(AZURE_B2S), "sgx": {}}
# template: line, eastus price of the unit, unit vCPUs, GiB per vCPU, vCPU counts, spot share, regions (empty: all), arch, burstable
D = (2, 4, 8, 16, 32, 64)
AZURE_FAMILIES = [
    ("Standard_D{}s_v5", "d", .096, 2, 4, D, .19, ()),
    ("Standard_D{}ds_v5", "d", .113, 2, 4, (2, 4, 8, 16), .19, ()),
    ("Standard_D{}as_v5", "da", .086, 2, 4, D, .19, ()),
    ("Standard_D{}s_v6", "d", .1008, 2, 4, (2, 4, 8, 16, 32), .19, ()),
    ("Standard_D{}as_v6", "da", .0910, 2, 4, (2, 4, 8, 16, 32), .19, ()),
    ("Standard_E{}s_v5", "e", .126, 2, 8, D, .19, ()),
    ("Standard_E{}as_v5", "ea", .113, 2, 8, D, .19, ()),
    ("Standard_E{}s_v6", "e", .1323, 2, 8, (2, 4, 8, 16, 32), .19, ()),
    ("Standard_E{}as_v6", "d6", .1195, 2, 8, (2, 4, 8, 16, 32), .19, ()),
    ("Standard_F{}s_v2", "f", .0846, 2, 2, D, .19, ()),
    ("Standard_DC{}as_v5", "da", .0860, 2, 4, (2, 4, 8, 16, 32, 64), .19,
     ("eastus", "eastus2", "northeurope", "westeurope", "germanywestcentral", "japaneast", "southeastasia", "uksouth", "centralindia")),
    ("Standard_DC{}ads_v5", "da", .1030, 2, 4, (2, 4, 8, 16, 32), .19,
     ("eastus", "eastus2", "northeurope", "westeurope", "germanywestcentral", "japaneast", "southeastasia", "uksouth", "centralindia")),
    ("Standard_EC{}as_v5", "ea", .1130, 2, 8, (2, 4, 8, 16, 32), .19,
     ("eastus", "eastus2", "northeurope", "westeurope", "germanywestcentral", "japaneast", "southeastasia", "uksouth", "centralindia")),
    ("Standard_DC{}as_v6", "da", .0910, 2, 4, (2, 4, 8, 16, 32), .19, ("eastus", "westeurope", "northeurope", "southeastasia")),
    ("Standard_EC{}as_v6", "d6", .1195, 2, 8, (2, 4, 8, 16, 32), .19, ("eastus", "westeurope", "northeurope", "southeastasia")),
    ("Standard_DC{}es_v6", "d", .1008, 2, 4, (2, 4, 8, 16, 32), .19, ("westus3", "westeurope", "eastus")),
    ("Standard_EC{}es_v6", "e", .1323, 2, 8, (2, 4, 8, 16, 32), .19, ("westus3", "westeurope", "eastus")),
    ("Standard_DC{}s_v3", "sgx", .096, 1, 8, (1, 2, 4, 8, 16, 32), .19, ("eastus", "westus2", "northeurope", "westeurope", "canadacentral", "uksouth", "southeastasia")),
]
# Sizes that break their series' GiB per vCPU.
AZURE_MEMORY = {"Standard_EC32as_v5": 192}
AZURE_B = [("Standard_B1s", 1, 1, .0104), ("Standard_B1ms", 1, 2, .0207), ("Standard_B2s", 2, 4, .0416),
           ("Standard_B2ms", 2, 8, .0832), ("Standard_B4ms", 4, 16, .166), ("Standard_B8ms", 8, 32, .333)]
# type: eastus price, vCPUs, GiB, accelerator, count, Gbps, {region: ratio}
AZURE_GPU_TYPES = [
    ("Standard_NC4as_T4_v3", "t4", .526, 4, 28, "T4", 1, 8), ("Standard_NC8as_T4_v3", "t4", .752, 8, 56, "T4", 1, 8),
    ("Standard_NC16as_T4_v3", "t4", 1.204, 16, 110, "T4", 1, 8), ("Standard_NC64as_T4_v3", "t4", 4.352, 64, 440, "T4", 4, 32),
    ("Standard_NC6s_v3", "v100", 3.06, 6, 112, "V100", 1, 24), ("Standard_NC12s_v3", "v100", 6.12, 12, 224, "V100", 2, 24),
    ("Standard_NC24s_v3", "v100", 12.24, 24, 448, "V100", 4, 24),
    ("Standard_NC24ads_A100_v4", "a100", 3.673, 24, 220, "A100-80GB", 1, 20),
    ("Standard_NC48ads_A100_v4", "a100", 7.346, 48, 440, "A100-80GB", 2, 40),
    ("Standard_NC96ads_A100_v4", "a100", 14.692, 96, 880, "A100-80GB", 4, 80),
    ("Standard_ND96asr_v4", "nd40", 27.197, 96, 900, "A100", 8, 200),
    ("Standard_ND96amsr_A100_v4", "nd80", 32.7702, 96, 1900, "A100-80GB", 8, 200),
    ("Standard_NC40ads_H100_v5", "h100", 6.98, 40, 320, "H100", 1, 40),
    ("Standard_NC80adis_H100_v5", "h100", 13.96, 80, 640, "H100", 2, 80),
    ("Standard_NCC40ads_H100_v5", "ncc", 6.98, 40, 320, "H100", 1, 40),
    ("Standard_ND96isr_H100_v5", "ndh", 98.32, 96, 1900, "H100", 8, 400),
    ("Standard_ND96isr_H200_v5", "ndh2", 84.8, 96, 1850, "H200", 8, 400),
    ("Standard_NV36ads_A10_v5", "a10", 3.2, 36, 440, "A10", 1, 80),
    ("Standard_NV72ads_A10_v5", "a10", 6.52, 72, 880, "A10", 2, 80),
]
AZURE_GPU_PLACES = {
    "t4": {"eastus": 1, "eastus2": 1, "westus2": 1, "westus3": 1, "canadacentral": 1.11, "brazilsouth": 1.70,
           "northeurope": 1.115, "westeurope": 1.25, "swedencentral": 1.06, "germanywestcentral": 1.25,
           "francecentral": 1.169, "uksouth": 1.169, "japaneast": 1.35, "southeastasia": 1.40,
           "centralindia": 1.10, "australiaeast": 1.30},
    "v100": {"eastus": 1, "westus2": 1, "westeurope": 1.25, "northeurope": 1.08, "southeastasia": 1.38},
    "a100": {"eastus": 1, "eastus2": 1, "westus2": 1, "westus3": 1, "westeurope": 1.3, "northeurope": 1.2,
             "swedencentral": 1.3, "francecentral": 1.25, "uksouth": 1.25, "southeastasia": 1.3, "japaneast": 1.45,
             "australiaeast": 1.45, "canadacentral": 1.2, "germanywestcentral": 1.3, "centralindia": 1.4},
    "nd40": {"eastus": 1, "westus2": 1, "westeurope": 1.3},
    "nd80": {"eastus": 1, "westus2": 1, "westus3": 1, "swedencentral": 1.25, "westeurope": 1.25},
    "h100": {"eastus": 1, "eastus2": 1, "westus2": 1, "westus3": 1, "westeurope": 1.3, "swedencentral": 1.3, "uksouth": 1.25},
    "ncc": {"eastus2": 1, "westeurope": 1.275},
    "ndh": {"eastus": 1, "eastus2": 1, "westus2": 1, "swedencentral": 1.3, "uksouth": 1.25},
    "ndh2": {"eastus2": 1, "westus3": 1, "swedencentral": 1.3},
    "a10": {"eastus": 1, "westus2": 1, "westus3": 1, "westeurope": 1.3, "northeurope": 1.2, "swedencentral": 1.3,
            "germanywestcentral": 1.3, "uksouth": 1.25, "japaneast": 1.45, "southeastasia": 1.3},
}
AZURE_GPU_SPOT = {"t4": .29, "v100": .19, "a100": .20, "nd40": .22, "nd80": .26, "ncc": .19, "h100": .58, "ndh": .19, "a10": .19}


def azure():
    for template, line, unit, unit_vcpus, gib, counts, spot, regions in AZURE_FAMILIES:
        for count in counts:
            name = template.format(count)
            memory_gib = AZURE_MEMORY.get(name, count * gib)
            add_type("azure", name, count, memory_gib, "azure-vm-pricing")
            by_region = {**AZURE_RATIO, **AZURE_LINE[line]}
            for region in regions or AZURE_RATIO:
                add_price("azure", name, region, [], unit * count / unit_vcpus * by_region[region], spot)
    for name, vcpus, gib, price in AZURE_B:
        add_type("azure", name, vcpus, gib, "azure-vm-pricing", burstable=1)
        for region, ratio in {**AZURE_RATIO, **AZURE_LINE["b"]}.items():
            add_price("azure", name, region, [], price * ratio, .19)
    for name, line, price, vcpus, gib, gpu, count, gbps in AZURE_GPU_TYPES:
        add_type("azure", name, vcpus, gib, "azure-vm-pricing", accelerator=gpu, count=count, network_gbps=gbps)
        for region, ratio in AZURE_GPU_PLACES[line].items():
            add_price("azure", name, region, [], price * ratio, AZURE_GPU_SPOT.get(line))


def number(value, digits=8):
    """`value` with so many significant digits, without an exponent."""
    return "" if value is None else f"{float(f'{value:.{digits}g}'):.8f}".rstrip("0").rstrip(".")


def write():
    with open(HERE / "types.csv", "w", newline="") as out:
        rows = csv.DictWriter(out, next(iter(types.values())).keys(), lineterminator="\n")
        rows.writeheader()
        for key in types:
            rows.writerow({k: number(v) if isinstance(v, float) else v for k, v in types[key].items()})
    with open(HERE / "prices.csv", "w") as out:
        out.write("provider,instance_type,region,zones,on_demand,spot\n")
        for (provider, name, region), (zones, on_demand, spot) in prices.items():
            out.write(f"{provider},{name},{region},{zones},{number(on_demand, 6)},{number(spot, 3)}\n")


if __name__ == "__main__":
    aws()
    gcp()
    azure()
    write()
