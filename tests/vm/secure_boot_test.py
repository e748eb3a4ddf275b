"""A machine that was started by UEFI with Secure Boot: what is told of it, and that a locked kernel lets the program see and do the same.

Such a kernel keeps memory, ports and registers from root, so everything has to come by ways that it allows.
"""

import json
import unittest

import booted
import image
import inventory_test
# These are run here, too.
from disk_test import Disks as DisksTested
from inventory_test import Disks, Interfaces, Pci, ProcessorsAndMemory
from resources_test import neutral

SYSTEMS = [image.SECURE]
VARIABLE = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


class SecureBoot(unittest.TestCase):
    def test_is_told_as_the_firmware_and_the_kernel_tell_it(self):
        # Four bytes of attributes come before the value.
        self.assertEqual(booted.told(f"od -An -tu1 {VARIABLE}").split()[4:], ["1"])
        self.assertIn("secureboot: Secure boot enabled", booted.told("dmesg"))
        trust = inventory_test.inventory()["trust"]
        self.assertEqual((trust["uefi"], trust["secure_boot"]), (True, True))
        page = booted.told("shakedown inventory")
        self.assertRegex(page, r"(?m)^Secure Boot +on$")
        self.assertRegex(page, r"(?m)^started by +UEFI$")

    def test_is_not_told_where_the_variables_are_not_shown(self):
        found = booted.json_of("unshare --mount sh -c 'umount /sys/firmware/efi/efivars && shakedown inventory --format json'")
        self.assertEqual((found["trust"]["uefi"], found["trust"].get("secure_boot")), (True, None))


class Locked(unittest.TestCase):
    """The kernel, which Debian locks where it was started in this way."""

    def test_keeps_memory_and_ports_from_root(self):
        self.assertIn("[integrity]", booted.told("cat /sys/kernel/security/lockdown"))
        for line in ("head -c 1 /dev/mem", "head -c 1 /dev/port"):
            self.assertIn("Operation not permitted", booted.machine.run(line).stderr.decode(), line)

    def test_lets_everything_be_told(self):
        done = booted.machine.run("shakedown resources")
        self.assertEqual((done.status, done.stderr.decode()), (0, ""))
        ours = inventory_test.inventory()
        self.assertEqual(neutral(json.loads(done.stdout)), neutral(ours["machine_resources"]))
        self.assertEqual(ours["gaps"], [])


class Others(inventory_test.Others):
    def test_trust_is_what_the_kernel_shows(self):
        (tpm,) = inventory_test.inventory()["trust"]["tpms"]
        self.assertEqual((tpm["name"], f"{tpm['version']}\n"), ("tpm0", booted.told("cat /sys/class/tpm/tpm0/tpm_version_major")))
