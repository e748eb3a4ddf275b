"""`shakedown disk` in the emulated machine: the real smartctl, and drives that really test themselves."""

import unittest

import booted
from booted import json_of, told


def tested(test):
    """What came of every disk, by the serial number that the machine was built with."""
    disks = json_of(f"shakedown disk test --all --test {test} --poll 0.5 --format json")["disks"]
    return {disk["serial"]: disk for disk in disks if disk["serial"]}


def logged(serial):
    """How many self-tests a drive has in its log."""
    name = next(disk["name"] for disk in json_of("lsblk --json --output NAME,SERIAL")["blockdevices"] if disk["serial"] == serial)
    log = booted.machine.output(f"smartctl -l selftest /dev/{name} || true")
    return sum(line.startswith("# ") for line in log.splitlines())


class Disks(unittest.TestCase):
    def test_are_judged_or_left_out(self):
        verdicts = {serial: disk["verdict"] for serial, disk in tested("validate").items()}
        for serial in ("RIGNVME0001", "RIGNVME0002", "RIGSATA0001", "RIGSATA0002"):
            self.assertEqual(verdicts[serial], "healthy", serial)
        for serial in ("RIGSCSI0001", "RIGSAS0001", "RIGVBLK0001", "RIGUSB0001"):
            self.assertEqual(verdicts[serial], "not-supported", serial)

    def test_do_their_own_tests_to_the_end(self):
        for test in ("short", "long"):
            before = logged("RIGSATA0001")
            disk = tested(test)["RIGSATA0001"]
            with self.subTest(test=test):
                self.assertEqual((disk["verdict"], disk["self_test"]["state"]), ("healthy", "passed"), disk)
                self.assertEqual(logged("RIGSATA0001"), before + 1)

    def test_are_left_alone_by_validation(self):
        before = logged("RIGSATA0002")
        tested("validate")
        self.assertEqual(logged("RIGSATA0002"), before)

    def test_without_the_test_are_not_passed(self):
        disks = tested("conveyance")
        for serial in ("RIGNVME0001", "RIGSATA0001"):
            self.assertEqual((disks[serial]["verdict"], disks[serial]["self_test"]["state"]), ("not-supported", "not-supported"))

    def test_are_listed_with_their_tests(self):
        listed = {disk["serial"]: disk["tests"] for disk in json_of("shakedown disk list --format json")["disks"]}
        self.assertEqual(listed["RIGSATA0001"], ["validate", "short", "long"])
        self.assertEqual(listed["RIGVBLK0001"], [])

    def test_have_pages(self):
        self.assertIn("RIGNVME0001", told("shakedown disk show nvme0n1"))
