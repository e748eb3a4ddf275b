"""The recipe for ephemeral images: a machine that gets the agent as user data, and does with it what cloud-init does."""

import json
import subprocess
import unittest
from pathlib import Path

import booted
import image
from region import Region

SYSTEMS = image.BARE[1:]
PROJECT = Path(__file__).resolve().parents[2]
# cloud-init keeps the configuration that the kernel's command line points to, and runs user data that is a script at the end of the boot,
# as a part of cloud-final.service: root, no terminal, almost no environment.
AS_CLOUD_INIT = """
install -D -m 600 /share/node.cfg /etc/cloud/cloud.cfg.d/91_kernel_cmdline_url.cfg
install -D -m 700 /share/user-data /var/lib/cloud/instance/scripts/part-001
systemd-run --unit=cloud-final --collect --wait --quiet /var/lib/cloud/instance/scripts/part-001
"""


class Recipe(unittest.TestCase):
    def setUp(self):
        self.log = booted.machine.work / "requests.jsonl"
        region = Region(PROJECT / "scripts/commissioning", options=["--request-log", self.log])
        self.addCleanup(region.end)
        (booted.machine.share / "node.cfg").write_text(region.config())
        self.addCleanup(booted.machine.run, "rm -rf /etc/cloud /var/lib/cloud /var/lib/shakedown /usr/local/bin/* /share/user-data")

    def write_user_data(self, *options):
        made = subprocess.run([PROJECT / "packaging/image/user-data", *options], capture_output=True, check=True)
        (booted.machine.share / "user-data").write_bytes(made.stdout)

    def test_the_program_comes_with_the_user_data(self):
        self.write_user_data(booted.program)
        done = booted.machine.run(AS_CLOUD_INIT)
        told = booted.machine.output("journalctl --no-pager --output cat -u cloud-final; shakedown results")
        self.assertEqual(done.status, 0, told)
        # A region hands them out under its own names.
        for script in ["20-maas-03-machine-resources", "maas-kernel-cmdline", "maas-list-modaliases", "maas-serial-ports"]:
            self.assertRegex(told, rf"(?m)^{script} +commissioning +Passed", told)
        requests = [json.loads(line) for line in self.log.read_text().splitlines()]
        self.assertEqual({request["answer"] for request in requests}, {200, 204})

    def test_a_program_that_arrived_damaged_is_not_run(self):
        self.write_user_data("--url", "http://10.0.2.2:1/shakedown", "--sha256", "0" * 64)
        (booted.machine.share / "curl").write_text("#!/bin/sh\nwhile [ $# -gt 2 ]; do shift; done\necho damaged > \"$1\"\n")
        booted.machine.output("install -m 755 /share/curl /usr/local/bin/curl && rm /share/curl")
        self.assertEqual(booted.machine.run(AS_CLOUD_INIT).status, 1)
        told = booted.machine.output("journalctl --no-pager --output cat -u cloud-final; ls /usr/local/bin")
        self.assertIn("arrived damaged", told)
        self.assertNotIn("shakedown.part", told)
        self.assertFalse(self.log.exists() and self.log.read_text(), "the region was asked for nothing")
