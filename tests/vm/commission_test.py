"""A whole run in the emulated machine: the project's own scripts, handed out by a region outside, on healthy and on broken hardware.

The region knows the machine's disks and interfaces as it would after commissioning. Prints what became of each script on each device.
"""

import json
import re
import unittest
from pathlib import Path

import booted
from region import Region

PROJECT = Path(__file__).resolve().parents[2]
# On the machine's root disk: a journal on the shared folder would be on another kind of file system than any in use.
HOME = "/var/lib/commissioned"
# Seconds. On a quiet machine the run takes a minute; beside compilers it was seen to take five times as long.
LIMIT = 1500
# Work for each processor, and passes over all of memory: not without an end, but without a point where one thread emulates all of them.
# What emulated disks, ports and links give is not known here yet.
NOT_RUN = ("shakedown-cpu", "shakedown-memory", "shakedown-disk-scan", "shakedown-network", "shakedown-pcie", "shakedown-gpu")
UNREADABLE = 20 << 20
MANAGEMENT, CABLED, SRIOV, LOOSE = (f"52:54:00:00:00:{last}" for last in ("01", "11", "12", "13"))
SMART, READ, NETWORK = "shakedown-smartctl-validate", "shakedown-disk-read", "shakedown-network-smoke"

EXPECTED = {
    ("20-maas-03-machine-resources", None): "Passed",
    ("maas-kernel-cmdline", None): "Passed",
    ("maas-list-modaliases", None): "Passed",
    ("maas-serial-ports", None): "Passed",
    (NETWORK, MANAGEMENT): "Passed",
    (NETWORK, CABLED): "Passed",
    (NETWORK, SRIOV): "Passed",
    (NETWORK, LOOSE): "Failed",
    (SMART, "RIGNVME0001"): "Passed",
    (SMART, "RIGNVME0002"): "Failed",
    (SMART, "RIGSATA0001"): "Passed",
    (SMART, "RIGSATA0002"): "Passed",
    # The drive was told to pretend a failure, which is none.
    (SMART, "PREDICTED"): "Degraded",
    # Without SMART, which is no fault of theirs.
    **{(SMART, serial): "Skipped" for serial in ("RIGSCSI0001", "RIGSAS0001", "RIGUSB0001", "RIGVBLK0001", "RIGROOT", "UNREADABLE")},
    **{(READ, f"RIG{serial}"): "Passed" for serial in ("NVME0001", "NVME0002", "SATA0001", "SATA0002", "SCSI0001", "SAS0001", "USB0001", "VBLK0001", "ROOT")},
    (READ, "PREDICTED"): "Passed",
    (READ, "UNREADABLE"): "Failed",
}


class Broken:
    """The machine with four faults: a critical warning, a pretended failure, a place that cannot be read, a cable pulled out."""

    def __init__(self, machine):
        self.machine, self.ask = machine, machine.control.ask

    def warning(self, value):
        self.ask("qom-set", {"path": "/machine/peripheral/nvme1", "property": "smart_critical_warning", "value": value})

    def make(self):
        self.warning(4)
        self.machine.output("modprobe scsi_debug dev_size_mb=64 && udevadm settle && sdparm --quiet --set=TEST=1 $(lsblk -dnpo NAME,MODEL | sed -n 's/ *scsi_debug *//p')")
        file = self.machine.work / "disks/unreadable.img"
        with open(file, "wb") as disk:
            disk.truncate(64 << 20)
        fault = {"event": "none", "iotype": "read", "sector": UNREADABLE // 512 + 8, "errno": 5}
        image = {"driver": "raw", "file": {"driver": "file", "filename": str(file)}}
        self.ask("blockdev-add", {"node-name": "unreadable", "driver": "blkdebug", "image": image["file"], "inject-error": [fault]})
        disk = {"id": "unreadable", "driver": "scsi-hd", "bus": "scsi.0", "scsi-id": 5, "product": "BAD DISK", "serial": "UNREADABLE"}
        self.ask("device_add", {**disk, "drive": "unreadable"})
        self.machine.until("lsblk --nodeps --output SERIAL | grep -x UNREADABLE", LIMIT)
        self.machine.output(f"for one in /sys/class/net/*; do grep -qE '{CABLED}|{SRIOV}|{LOOSE}' $one/address && ip link set ${{one##*/}} up; done; udevadm settle")
        self.ask("set_link", {"name": "nic3", "up": False})

    def mend(self):
        self.ask("set_link", {"name": "nic3", "up": True})
        self.machine.output(f"for one in /sys/class/net/*; do grep -qE '{CABLED}|{SRIOV}|{LOOSE}' $one/address && ip link set ${{one##*/}} down; done; true")
        self.ask("device_del", {"id": "unreadable"})
        self.machine.control.event("DEVICE_DELETED", LIMIT, device="unreadable")
        self.ask("blockdev-del", {"node-name": "unreadable"})
        self.machine.output("modprobe --remove scsi_debug && udevadm settle")
        self.warning(0)


class Commissioning(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        machine = cls.machine = booted.machine
        broken = Broken(machine)
        cls.addClassCleanup(broken.mend)
        broken.make()
        machine.output("shakedown snapshot --keep-serials /share/known.tar.xz")
        tests = sorted(file.name for file in (PROJECT / "scripts/testing").iterdir() if not re.search("tags:.*noauto", file.read_text()))
        tests = [name for name in tests if name not in NOT_RUN]
        options = ["--testing-scripts", ",".join(tests)]
        folders = [PROJECT / "scripts/commissioning", PROJECT / "scripts/testing"]
        region = cls.region = Region(*folders, disks_of=machine.share / "known.tar.xz", options=options)
        cls.addClassCleanup(region.end)
        (machine.share / "node.yaml").write_text(region.config())
        # The machine reaches no archive: what scripts want of one is in its image, which the real apt-get finds out.
        machine.output(f"rm -rf {HOME} && truncate --size 0 /etc/apt/sources.list && mkdir -p {HOME} /var/cache/apt/archives/partial /var/lib/apt/lists/partial")
        done = machine.run(f"{booted.CLOCKS_ARE_NOT_ITS_OWN} shakedown run --config node.yaml --state-dir {HOME}/state {HOME}/storage", LIMIT)
        cls.status, cls.printed = done.status, (done.stdout + done.stderr).decode(errors="replace")
        cls.rows = {(row["name"], cls.name(row["device"])): row for row in region.results()}

    @staticmethod
    def name(device):
        """How a device is called here; the one that the kernel makes up has no name of its own."""
        made_up = (device.get("model") or "").startswith("scsi_debug")
        return "PREDICTED" if made_up else device.get("serial") or device.get("mac_address")

    def test_every_script_ends_as_the_hardware_is(self):
        print()
        for (script, device), row in sorted(self.rows.items(), key=str):
            print(f"  {script:30} {device or '-':18} {row['status_name']}")
        self.assertEqual({key: row["status_name"] for key, row in self.rows.items()}, EXPECTED, self.printed)
        self.assertEqual(self.status, 1, self.printed)
        self.assertEqual(self.region.status(), "Failed testing")

    def test_the_reasons_are_told(self):
        for key, reason in {
            (SMART, "RIGNVME0002"): "critical warning 0x04: reliability degraded",
            (SMART, "PREDICTED"): r"the drive was told to pretend a failure.*sense 5D/FF",
            (READ, "UNREADABLE"): f"at {UNREADABLE}: dd: error reading .*: Input/output error",
            (NETWORK, LOOSE): "has no link",
        }.items():
            with self.subTest(result=key):
                self.assertRegex(self.rows[key]["output"], reason)
        self.assertIn(f"unreadable_at: [{UNREADABLE}]", self.rows[READ, "UNREADABLE"]["result"])
        self.assertIn("link_connected: false", self.rows[NETWORK, LOOSE]["result"])

    def test_the_resources_are_the_machines(self):
        sent = json.loads(self.rows["20-maas-03-machine-resources", None]["stdout"])
        serials = [disk["serial"] for disk in sent["resources"]["storage"]["disks"]]
        known = {device for script, device in self.rows if script == READ} - {"PREDICTED"}
        self.assertLessEqual(known, set(serials))
        self.assertEqual(sent["resources"]["system"]["serial"], "RIG-SYS-0001")

    def test_events_and_the_machines_own_record_tell_the_same(self):
        events = self.region.events()
        table = self.machine.output(f"shakedown results --state-dir {HOME}/state").splitlines()[1:]
        own = sorted(tuple(re.split("  +", line)[index] for index in (0, 2)) for line in table)
        # A failure and what is degraded have words of their own.
        # An event that the agent tells may hold several, as few requests as can be.
        parts = [part for event in events for part in (event.split("; ") if " is degraded: " in event else [event])]
        ended = [re.match(r"(?:'shakedown' )?([^:]*?)(?: changed status from .* to '(?:Passed|Skipped)'| failed| is degraded: .*)$", part) for part in parts]
        self.assertEqual(sorted(match[1] for match in ended if match), [subject for subject, _ in own])
        self.assertEqual(sorted(status for _, status in own), sorted(EXPECTED.values()))


class BehindControllers(unittest.TestCase):
    def test_a_disk_behind_a_raid_controller_is_found_and_tested_for_itself(self):
        listed = [disk for disk in booted.json_of("shakedown disk list --format json")["disks"] if disk["serial"] == "RIGSAS0001"]
        self.assertRegex(" ".join(disk["device"] for disk in listed), r"/dev/sd\w /dev/bus/\d:megaraid,0")
        volume = booted.told("lsblk --nodeps --noheadings --paths --output NAME,SERIAL | sed -n 's/ *RIGSAS0001//p'").strip()
        tested = booted.json_of(f"shakedown disk test --test short --format json {volume}")["disks"]
        # This one lets itself be asked, and says that it has no SMART.
        self.assertEqual([(disk["verdict"], disk["model"]) for disk in tested], [("not-supported", "RIGCORP SAS DISK")] * 2)
