"""The ways into an ephemeral system: a machine that gets the agent as user data, one that gets it by an uploaded script under MAAS's own
runner, and one that gets it by its preseed; each does with it what cloud-init does."""

import json
import os
import shutil
import subprocess
import tempfile
import textwrap
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


# What MAAS sends as user data finds the credentials, makes a folder and starts its runner there, as a part of cloud-final.service.
USER_DATA_OF_MAAS = """#!/bin/sh
place=$(mktemp -d)
cd "$place" && exec "$@" python3 /share/maas-run-remote-scripts --config=/etc/cloud/cloud.cfg.d/91_kernel_cmdline_url.cfg "$place/scripts"
"""
# The unit of cloud-init ends no processes but its own (KillMode=process), and what user data print goes through a pipe to a file.
LOG = "/var/log/cloud-init-output.log"
USER_DATA = "/var/lib/cloud/instance/scripts/part-001"
UNDER_MAAS = AS_CLOUD_INIT.strip().replace("--collect", "--collect --property=KillMode=process")
UNDER_MAAS = UNDER_MAAS.removesuffix(USER_DATA) + f"bash -o pipefail -c '{USER_DATA} 2>&1 | tee -a {LOG}'"
# A script of the site, which leaves a line of who ran it.
LOOK = """#!/bin/sh
# --- Start MAAS 1.0 script metadata ---
# name: look
# script_type: commissioning
# --- End MAAS 1.0 script metadata ---
echo "look ${SHAKEDOWN_BINARY:+shakedown}" >> /tmp/trace
sleep 3
"""
NAMES = ["00-shakedown-commissioning", "00-shakedown-testing", "look"]


class Takeover(unittest.TestCase):
    """`shakedown region install` on the host, then a commissioning whose user data start a stand-in for MAAS's runner."""

    def setUp(self):
        scripts = Path(tempfile.mkdtemp(prefix="shakedown-scripts."))
        self.addCleanup(shutil.rmtree, scripts)
        (scripts / "commissioning").mkdir()
        (scripts / "commissioning/look").write_text(LOOK)
        self.region = Region(scripts, options=["--node-status", "ready"])
        self.addCleanup(self.region.end)
        self.administer("install", "--binary", booted.program)
        self.region.operate("commission")
        (booted.machine.share / "node.cfg").write_text(self.region.boot())
        (booted.machine.share / "user-data").write_text(USER_DATA_OF_MAAS)
        shutil.copy(PROJECT / "tests/takeover/maas-run-remote-scripts", booted.machine.share)
        left = f"/etc/cloud /var/lib/cloud /var/lib/shakedown /usr/local/bin/* /tmp/trace /share/user-data {LOG}"
        self.addCleanup(booted.machine.run, f"rm -rf {left}")

    def administer(self, verb, *options):
        words = [booted.program, "region", verb, "--url", self.region.told["url"].rstrip("/"), *options]
        environment = {**os.environ, "SHAKEDOWN_API_KEY": self.region.told["api_key"], "NO_PROXY": "*"}
        done = subprocess.run(list(map(str, words)), env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def ended(self, by, status="Ready"):
        """Each script was run once by that one; what the logs tell."""
        told = booted.machine.output(f"cat {LOG} /var/lib/shakedown/takeover.log || true; journalctl --no-pager --output cat -u shakedown-preseed")
        self.assertEqual(booted.machine.output("cat /tmp/trace").split(), ["look", *by], told)
        booted.machine.until("! pgrep -f 'shakedown takeover|shakedown run'")
        self.assertRegex(self.region.status(), status, told)
        return told

    def statuses(self):
        return {row["name"]: row["status_name"] for row in self.region.results() if row["name"] in NAMES}

    def test_the_agent_runs_everything_in_place_of_maas_runner(self):
        done = booted.machine.run(UNDER_MAAS)
        told = self.ended(["shakedown"])
        self.assertNotEqual(done.status, 0, "user data end with the runner, which is killed")
        self.assertEqual(self.statuses(), dict.fromkeys(NAMES, "Passed"), told)
        self.assertRegex(told, r"shakedown [\d.]+: takes over \(maas-run-remote-scripts, process \d+; .*takeover.log")
        self.assertIn("has done its work", told)
        self.assertNotIn("stand-in: the end", told)
        self.assertIn("Nothing of Shakedown is in this region any more", self.administer("remove"))

    def test_agent_and_guardian_are_killed_and_the_run_goes_on(self):
        kill = "(until [ -s /tmp/trace ]; do sleep 0.1; done; pkill -KILL -f 'shakedown takeover --guard|shakedown run') & "
        booted.machine.run(f"{kill}{UNDER_MAAS}; wait")
        told = self.ended(["shakedown"], "Ready|Failed commissioning")
        statuses = self.statuses()
        # The script that ran at that moment has failed or gone on; nothing is left without an end. After a failure the region gives the tests up.
        self.assertEqual(sorted(statuses), NAMES, told)
        ends = {"Passed", "Failed", "Aborted"} if "Failed" in statuses.values() else {"Passed"}
        self.assertLessEqual(set(statuses.values()), ends, told)

    def test_a_program_that_cannot_be_had_leaves_maas_runner_at_work(self):
        user_data = USER_DATA_OF_MAAS.replace('exec "$@"', "exec env STAND_IN_BASE_URL=http://10.0.2.2:1 SHAKEDOWN_RETRY_WAIT=0.1")
        (booted.machine.share / "user-data").write_text(user_data)
        self.assertEqual(booted.machine.run(UNDER_MAAS).status, 0)
        told = self.ended([])
        degraded = dict.fromkeys(NAMES[:2], "Degraded")
        self.assertEqual(self.statuses(), {**degraded, "look": "Passed"}, told)
        self.assertIn("no address gave the right file", told)

    def test_by_its_preseed_the_agent_runs_before_user_data(self):
        preseed = booted.machine.work / "preseed"
        self.administer("install", "--binary", booted.program, "--preseed", preseed)
        head, _, script = preseed.read_text().partition("  - |\n")
        self.assertEqual(head, "{{preseed_data}}\nbootcmd:\n")
        (booted.machine.share / "bootcmd").write_text(textwrap.dedent(script))
        # cloud-init runs it early in the boot, by sh; user data wait for the unit that it makes.
        self.addCleanup(booted.machine.run, "rm -f /run/systemd/system/shakedown-preseed.service; systemctl daemon-reload")
        before, _, start = UNDER_MAAS.rpartition("\n")
        done = booted.machine.run(f"set -e\n{before}\nsh /share/bootcmd\n{start}")
        self.assertEqual(done.status, 0, done.stdout + done.stderr)
        told = self.ended(["shakedown"])
        self.assertEqual(self.statuses(), dict.fromkeys(NAMES, "Passed"), told)
        self.assertNotIn("stand-in", told)
