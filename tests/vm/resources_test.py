"""`shakedown resources` in the emulated machine against what MAAS's program printed in it, key by key."""

import importlib.machinery
import importlib.util
import json
import os
import unittest
from pathlib import Path

import booted

PROJECT = Path(__file__).resolve().parents[2]
# How docs/resources-differences.json calls this machine, and reading it while it runs.
FIXTURE, MODE = "emulated-server", "live"


def comparison():
    """scripts/dev/compare-resources, as a module."""
    loader = importlib.machinery.SourceFileLoader("compare_resources", str(PROJECT / "scripts/dev/compare-resources"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def neutral(document):
    """The document without what another boot, another QEMU or another build of the root disk changes."""
    resources = document["resources"]
    for used in [resources["memory"], *resources["memory"]["nodes"]]:
        used["used"] = "(varies)"
    for disk in resources["storage"]["disks"]:
        if disk["id"][:2] in ("sd", "nv"):
            # Disks of several controllers get names and numbers in the order in which they answer.
            disk["id"] = f"({disk['serial']})"
            disk["device"] = "(varies)"
        if disk["serial"] == "RIGROOT":
            disk["size"] = disk["device_fs_uuid"] = "(this build's)"
        if disk.get("model") == "QEMU NVMe Ctrl":
            disk["firmware_version"] = "(QEMU's)"
    resources["storage"]["disks"].sort(key=lambda disk: disk["serial"])
    for network in document["networks"].values():
        network["counters"] = sorted(network["counters"])
        # QEMU announces this network at some moment after the start.
        network["addresses"] = [one for one in network["addresses"] if not one["address"].startswith("fec0:")]
    return document


class Resources(unittest.TestCase):
    maxDiff = None

    def test_is_what_the_reference_program_printed_but_for_the_listed_differences(self):
        shared = os.environ.get("SHAKEDOWN_SHARED")
        if not shared:
            self.skipTest("SHAKEDOWN_SHARED is not set: no reference to compare with")
        compare = comparison()
        theirs, ours = (
            neutral(compare.without_host(document))
            for document in (json.loads((Path(shared) / "vm/machine-resources-reference.json").read_text()), self.ours())
        )
        listed = compare.Listed()
        found = list(compare.differences("", theirs, ours, listed.any_order))
        self.assertEqual([one for one in found if not listed.covers(FIXTURE, MODE, *one)], [])
        self.assertEqual(list(listed.unmet({(FIXTURE, MODE)})), [])

    def test_disks_stand_in_the_order_of_their_names(self):
        names = [disk["id"] for disk in self.ours()["resources"]["storage"]["disks"]]
        self.assertEqual(names, sorted(names))
        self.assertEqual(len(names), 10)

    def test_says_nothing_on_stderr(self):
        self.assertEqual(booted.machine.run("shakedown resources > /dev/null").stderr.decode(), "")

    def ours(self):
        return json.loads(booted.told("shakedown resources"))
