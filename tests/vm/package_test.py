"""The Debian package in fresh Debian systems with systemd: install, take over, upgrade, remove, purge."""

import json
import re
import shutil
import time
import unittest
from pathlib import Path

import booted
import documented
import image
from region import Region

# Where these tests run; each of these machines finds the package and a newer one of it in /share.
SYSTEMS = image.BARE
PROJECT = Path(__file__).resolve().parents[2]
CREDENTIALS = "/etc/maas/maas-machine-creds.yml"
# What dpkg, systemd and the journal of the system keep for themselves.
NOT_OURS = "-path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /share -o -path /var/lib/dpkg -o -path /var/log"
# Debian masks the units of a package that was removed, and remembers which were enabled, until it is purged.
OF_DEBIAN = ("/etc/systemd/system/", "/var/lib/systemd/deb-systemd-helper-")
# The unit with which MAAS updates the hardware information of a deployed machine, which leaves a trace here instead.
MAAS_UNIT = """[Service]
Type=oneshot
ExecStart=/bin/touch /tmp/unit-of-maas-ran
"""
# A run against a region in a box, as of somebody who tries the program.
RUN = """shakedown sandbox --scripts /usr/share/shakedown/scripts/commissioning > region.json &
trap "kill $!" EXIT
until [ -s region.json ]; do sleep 0.1; done
shakedown run --config "$(sed 's/.*"config":"\\([^"]*\\)".*/\\1/' region.json)"
"""


def out(line):
    return booted.machine.output(line).strip()


def wait_until(line):
    booted.machine.until(line, 120)


def install(name="shakedown.deb"):
    # Never asks, as unattended installations need it.
    return out(f"DEBIAN_FRONTEND=noninteractive dpkg -i /share/{name} < /dev/null 2>&1")


def files():
    return set(out(f"find / \\( {NOT_OURS} \\) -prune -o -print").splitlines())


class Deployed:
    """A region on the host with this machine deployed in it; its credentials are where MAAS leaves them."""

    def __init__(self):
        self.log = booted.machine.work / "requests.jsonl"
        self.region = Region(PROJECT / "scripts/commissioning", options=["--node-status", "deployed", "--request-log", self.log])

    def __enter__(self):
        (booted.machine.share / "credentials.yml").write_text(self.region.config())
        out(f"install -D -m 600 /share/credentials.yml {CREDENTIALS}")
        # Said here, where it is one line, and not where a report never comes.
        out("ip route get 10.0.2.2 || { ip address; ip route; journalctl --no-pager -b | grep -iE 'e1000|igb|enp|eth0|vm:' ; false; } >&2")
        return self

    def __exit__(self, *_):
        out(f"rm -f {CREDENTIALS} /share/credentials.yml")
        self.region.end()

    def signals(self):
        """How many messages about the machine have come."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return sum(json.loads(line)["method"] == "POST" for line in lines)

    def wait_for_signals(self, count):
        end = time.monotonic() + 240
        while self.signals() < count:
            if time.monotonic() > end:
                raise AssertionError(f"{self.signals()} messages, not {count}: {out('journalctl --no-pager -n 30 -u shakedown-watch')}")
            time.sleep(0.3)


class Package(unittest.TestCase):
    """Each test is a story of one installation: under emulation dpkg takes its time."""

    def tearDown(self):
        out("dpkg --purge shakedown 2>&1; rm -rf /etc/systemd/system/maas_hardware_sync.*; systemctl daemon-reload; systemctl reset-failed")

    def test_without_a_region_it_works_and_nothing_runs(self):
        self.assertNotRegex(install(), r"(?i)warning|error|failed")
        self.assertRegex(out("shakedown --version"), r"^shakedown \d")
        for name in ("maas-run-remote-scripts", "maas-run-scripts", "maas-signal", "machine-resources"):
            self.assertIn("Usage", out(f"{name} --help"), name)
        self.assertIn("Rig Server 9000", out("machine-resources"))
        # Not deployed by MAAS: there is nobody to report to, and that is no failure.
        self.assertEqual(out("systemctl is-enabled shakedown-watch shakedown-run shakedown-sync.timer || true").split(), ["enabled", "disabled", "disabled"])
        self.assertEqual(out("systemctl is-active shakedown-watch; systemctl is-failed shakedown-watch || true").split(), ["inactive", "inactive"])
        self.assertEqual(out("stat -c '%a %U' /var/lib/shakedown"), "700 root")
        # This system has no documents and no man pages.
        self.assertEqual(out("test -s /var/lib/dpkg/info/shakedown.md5sums && dpkg --verify shakedown | grep -v /usr/share/ || true"), "")
        units = "/usr/lib/systemd/system/shakedown-*.service /usr/lib/systemd/system/shakedown-*.timer"
        self.assertEqual(out(f"systemd-analyze verify --man=no {units} 2>&1 | grep shakedown || true"), "")
        exposure = out("systemd-analyze security --no-pager shakedown-watch.service 2>&1 | tail -n 1")
        self.assertLessEqual(float(re.search(r"(\d+\.\d+)", exposure)[1]), 4.0, exposure)

    def test_the_journal_of_systemd_has_priority_identity_and_fields(self):
        install()
        marks = ["--- Start MAAS 1.0 script metadata ---", "name: ends-badly", "script_type: testing", "--- End MAAS 1.0 script metadata ---"]
        (booted.machine.share / "ends-badly").write_text("".join(f"{line}\n" for line in ["#!/bin/sh", *(f"# {mark}" for mark in marks), "exit 3"]))
        # MESSAGE_ID of a changed status, as docs/operating.md lists it. journald and journalctl are the judges.
        identity = "5ed109a6ce4d4559994c2226d1aa04a4"
        out("systemd-run --quiet --wait --collect shakedown try /share/ends-badly || true; journalctl --sync")
        lines = out(f"journalctl --no-pager -o json MESSAGE_ID={identity}").splitlines()
        told = [json.loads(line) for line in lines]
        seen = [(one["PRIORITY"], one["SHAKEDOWN_STATUS"], one["SHAKEDOWN_SCRIPT"], one["SYSLOG_IDENTIFIER"]) for one in told]
        self.assertEqual(seen[-1], ("4", "Failed", "ends-badly", "shakedown"), told)
        self.assertEqual({priority for priority, *_ in seen[:-1]}, {"6"}, told)
        # No line has a stamp of its own beside the journal's.
        self.assertNotRegex(told[-1]["MESSAGE"], r"\d{4}-\d\d-\d\dT")

    def test_on_a_deployed_machine_it_takes_over_is_upgraded_and_goes(self):
        (booted.machine.share / "unit").write_text(MAAS_UNIT)
        out("rm -f /tmp/unit-of-maas-ran; cp /share/unit /etc/systemd/system/maas_hardware_sync.service && systemctl daemon-reload")
        before = files()
        warning = {"path": "/machine/peripheral/nvme1", "property": "smart_critical_warning"}
        with Deployed() as region:
            booted.machine.control.ask("qom-set", {**warning, "value": 4})
            self.addCleanup(booted.machine.control.ask, "qom-set", {**warning, "value": 0})
            install()
            wait_until("systemctl is-active shakedown-watch")
            region.wait_for_signals(1)
            # Hardened as it is, the service lets smartctl ask the drives.
            wait_until("shakedown events query level=ERROR | grep 'RIGNVME0002) is failing'")
            watcher = out("systemctl show -P MainPID shakedown-watch")

            # An upgrade leaves the journal and starts the new program.
            journal = out("stat -c %i /var/lib/shakedown/journal.db")
            self.assertRegex(install("shakedown-newer.deb"), r"Unpacking shakedown .*over")
            wait_until(f"systemctl is-active shakedown-watch && [ $(systemctl show -P MainPID shakedown-watch) != {watcher} ]")
            self.assertEqual(out("stat -c %i /var/lib/shakedown/journal.db"), journal, "it is the same file")
            said = out("journalctl --no-pager -u shakedown-watch -p warning")
            self.assertNotRegex(said, r"(?i)denied|not permitted|read-only")

            # The unit of MAAS, whether it runs beside the service or alone.
            out("systemctl stop shakedown-watch")
            count = region.signals()
            out("systemctl start maas_hardware_sync.service")
            self.assertGreater(region.signals(), count, "the agent has reported")
            out("test ! -e /tmp/unit-of-maas-ran")

            # What was removed leaves the journal and the settings, and MAAS's unit works as it did.
            out("dpkg --remove shakedown 2>&1")
            kept = ("/var/lib/shakedown", "/etc/shakedown", "/etc/maas", *OF_DEBIAN)
            self.assertEqual({path for path in files() - before if not path.startswith(kept)}, set())
            out("test -s /var/lib/shakedown/journal.db && test ! -e /usr/bin/shakedown")
            out("systemctl start maas_hardware_sync.service && rm /tmp/unit-of-maas-ran")
            out("dpkg --purge shakedown 2>&1")
        self.assertEqual(files() - before - {"/etc/maas"}, set())


class Documented(unittest.TestCase):
    """What the pages show for a machine, run there as it stands (tests/documented sees that no such line is left out)."""

    def setUp(self):
        """A folder as of somebody who has the program and this project's `packaging`, and no package."""
        if out("sed -n 's/^VERSION_CODENAME=//p' /etc/os-release") != image.BARE[-1].suite:
            self.skipTest("in the newest Debian only, for the time that it takes")
        shutil.copytree(PROJECT / "packaging", booted.machine.share / "packaging", dirs_exist_ok=True)
        out("mkdir -p /root/here/target/package && cp -r /share/packaging /root/here/")
        out("cp /share/shakedown.deb /root/here/target/package/shakedown_0-1_amd64.deb")
        out("dpkg-deb --extract /share/shakedown.deb /tmp/tree && cp /tmp/tree/usr/bin/shakedown /root/here/")
        (booted.machine.share / "unit").write_text(MAAS_UNIT)
        out("cp /share/unit /etc/systemd/system/maas_hardware_sync.service && systemctl daemon-reload")

    def tearDown(self):
        out("systemctl disable --now shakedown-watch 2>&1 || true; dpkg --purge shakedown 2>&1 || true")
        out("rm -rf /etc/systemd/system/maas_hardware_sync.* /etc/systemd/system/shakedown-* /usr/bin/shakedown /root/here /tmp/tree")
        out("rm -rf /var/lib/shakedown; systemctl daemon-reload; systemctl reset-failed")

    def follow(self, page, heading, leaving_out=("scripts/", "shakedown sandbox")):
        disk = out("lsblk -dnpo NAME | head -n 1")
        for line in documented.lines(page, heading):
            if not line.startswith(leaving_out):
                out(f"cd /root/here && export SYSTEMD_PAGER=cat && {line.replace('/dev/sda', disk)}")

    def unit_of_maas_runs(self):
        why = "{ journalctl --no-pager -n 20 -u maas_hardware_sync >&2; false; }"
        out(f"rm -f /tmp/unit-of-maas-ran; systemctl start maas_hardware_sync.service || {why}")
        return out("test -e /tmp/unit-of-maas-ran && echo yes || true") == "yes"

    def test_the_service_takes_over_and_gives_back(self):
        with Deployed() as region:
            # Its last lines ask the service that the first ones start.
            self.follow("docs/deployed.md", "The service")
            wait_until("systemctl is-active shakedown-watch")
            region.wait_for_signals(1)
            self.assertFalse(self.unit_of_maas_runs())
            self.follow("docs/deployed.md", "The way back")
            self.assertTrue(self.unit_of_maas_runs())
            self.assertEqual(out("systemctl is-active shakedown-watch || true"), "inactive")

    def test_the_drop_ins_alone_take_over_and_give_back(self):
        with Deployed() as region:
            self.follow("docs/deployed.md", "The drop-ins alone")
            self.assertFalse(self.unit_of_maas_runs())
            self.assertGreater(region.signals(), 0, "the agent has reported")
            # Its first line is for those who took the service.
            out("cp /root/here/packaging/systemd/shakedown-watch.service /etc/systemd/system/ && systemctl daemon-reload")
            self.follow("docs/deployed.md", "The way back")
            self.assertTrue(self.unit_of_maas_runs())

    def test_a_new_user_installs_writes_a_script_and_reads_a_report(self):
        self.follow("README.md", "Install")
        self.follow("README.md", "Write scripts")
        (booted.machine.share / "run").write_text(RUN)
        out("cd /root/here && sh -eu /share/run")
        self.assertIn("maas-serial-ports", out("shakedown results"))
        out("cd /root/here && shakedown report -o report.html")
        self.assertIn("Passed", out("cat /root/here/report.html"))
