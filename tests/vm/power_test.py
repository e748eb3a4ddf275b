"""What the machine loses when its power goes, and what not; what a script that reboots it finds afterwards.

The machine that all tests share is booted twice here. Journal and outputs are on a disk of their own, with a file system as any other:
when QEMU is killed, what the guest had not made its disk write is gone, as in a power cut.
"""

import shutil
import tempfile
import time
import unittest
from pathlib import Path

import booted
from region import Region
from watch_test import Service

# Seconds. On a quiet machine nothing here takes 20.
LIMIT = 600
PLACE = "/mnt/kept"

HEADER = """#!/bin/bash
# --- Start MAAS 1.0 script metadata ---
# name: {name}
# script_type: testing
# may_reboot: {may_reboot}
# --- End MAAS 1.0 script metadata ---
echo {name} >> {place}/begun && sync {place}/begun
"""
SCRIPTS = {
    # Ends while the region cannot be reached: its result is nowhere but on this disk.
    "10-ends-unheard": "until [ -e /tmp/cut-off ]; do sleep 0.1; done; seq 1 20000; echo 'status: degraded' > $RESULT_PATH\n",
    "20-is-cut-off": "echo half of it; sleep 1; sync; touch /tmp/in-the-middle; sleep 100000\n",
    "30-reboots": "echo HAS_STARTED=$HAS_STARTED; [ $HAS_STARTED = True ] || { sync; busybox reboot -f; sleep 100000; }\n",
    "40-comes-last": "echo the end\n",
}


class Power(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.machine = booted.machine
        cls.scripts = Path(tempfile.mkdtemp(prefix="shakedown-scripts."))
        cls.addClassCleanup(shutil.rmtree, cls.scripts)
        for name, body in SCRIPTS.items():
            header = HEADER.format(name=name, place=PLACE, may_reboot=str(name == "30-reboots").lower())
            (cls.scripts / name).write_text(header + body)
        cls.region = Region(cls.scripts, options=["--node-status", "testing"])
        cls.addClassCleanup(cls.region.end)
        (cls.machine.share / "node.yaml").write_text(cls.region.config())
        cls.addClassCleanup(cls.leave)
        cls.lives()

    @classmethod
    def leave(cls):
        """What was asked of the machine in its earlier lives may not hold any more: disks may have other names."""
        booted.told.cache_clear()
        if cls.machine.children[-1].poll() is not None:
            cls.machine.cut_power()
            cls.machine.power_on()
        elif cls.machine.run(f"umount {PLACE}").status == 0:
            cls.machine.control.ask("device_del", {"id": "kept"})
            cls.machine.control.event("DEVICE_DELETED", LIMIT, device="kept")

    @classmethod
    def processor_comes_and_goes(cls):
        """Plugs a processor's thread into the empty socket and takes it away again while the service watches; what was told of each."""
        machine, service = cls.machine, Service(booted.machine)

        def told(what):
            began, is_told = time.monotonic(), lambda: any(f" was {what} on " in text for _, text in service.events())
            service.wait(f"told of the processor {what}", is_told)
            found = service.events()
            service.read += len(found)
            print(f"\n  {time.monotonic() - began:5.1f} s  processor {what}: told", flush=True)
            return found

        try:
            slots = machine.control.ask("query-hotpluggable-cpus")
            # While a processor starts, the kernel counts it to the first socket. On a busy machine a look may fall into that moment.
            machine.output(f"kill -STOP {service.pids['watch']}")
            slot = next(one for one in slots if one["props"] == {"node-id": 1, "socket-id": 1, "core-id": 0, "thread-id": 0})
            machine.control.ask("device_add", {"id": "hot-cpu", "driver": slot["type"], **slot["props"]})
            machine.until("[ -e /sys/devices/system/cpu/cpu1/online ]", LIMIT)
            machine.output(f"echo 1 > /sys/devices/system/cpu/cpu1/online; kill -CONT {service.pids['watch']}")
            added = told("added")
            machine.control.ask("device_del", {"id": "hot-cpu"})
            return added, told("removed")
        finally:
            service.end()

    @classmethod
    def disk(cls):
        """The disk that is kept, plugged in and mounted."""
        image = cls.machine.work / "disks/kept.img"
        is_new = not image.exists()
        if is_new:
            with open(image, "wb") as file:
                file.truncate(256 << 20)
        ask = cls.machine.control.ask
        ask("blockdev-add", {"node-name": "kept", "driver": "raw", "file": {"driver": "file", "filename": str(image)}})
        ask("device_add", {"driver": "scsi-hd", "bus": "scsi.0", "scsi-id": 6, "id": "kept", "drive": "kept", "serial": "KEPT"})
        device = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_KEPT"
        cls.machine.until(f"[ -b {device} ]", LIMIT)
        cls.machine.output(f"{'mkfs.ext4 -q ' + device if is_new else 'true'} && mkdir -p {PLACE} && mount {device} {PLACE}")

    @classmethod
    def run_agent(cls, life):
        """Starts the agent, as the machine's boot would; what it says is in a file of the shared folder."""
        line = f"{booted.CLOCKS_ARE_NOT_ITS_OWN} shakedown run --config /share/node.yaml --state-dir {PLACE}/state {PLACE}/storage"
        cls.machine.output(f"setsid bash -c '{line}; echo $? > /share/{life}.status' > /share/{life}.log 2>&1 < /dev/null &")

    @classmethod
    def lives(cls):
        machine = cls.machine
        cls.disk()
        cls.run_agent("first")
        machine.until(f"grep 10-ends-unheard {PLACE}/begun", LIMIT)
        machine.control.ask("set_link", {"name": "nic0", "up": False})
        machine.output("touch /tmp/cut-off")
        machine.until("[ -e /tmp/in-the-middle ]", LIMIT)
        cls.at_the_cut = {row["name"]: row["status_name"] for row in cls.region.results()}
        machine.cut_power()

        machine.power_on(can_lose_processors=True)
        cls.processor = cls.processor_comes_and_goes()
        cls.disk()
        cls.run_agent("second")
        assert machine.has_reset_itself(LIMIT), cls.said("second")
        machine.cut_power()

        machine.power_on()
        cls.disk()
        cls.run_agent("third")
        machine.until("[ -s /share/third.status ]", LIMIT)
        cls.begun = machine.output(f"cat {PLACE}/begun").split()
        cls.own = machine.output(f"shakedown results --state-dir {PLACE}/state")
        cls.rows = {row["name"]: row for row in cls.region.results()}

    @classmethod
    def said(cls, life):
        return (cls.machine.share / f"{life}.log").read_text(errors="replace")

    def test_a_processor_that_is_added_or_removed_is_told(self):
        for word, told in zip(("added", "removed"), self.processor):
            with self.subTest(word):
                self.assertIn(("Node CPU", f"cpu Rig Virtual CPU was {word} on node NODE (Rig Virtual CPU RIG-CPU-0001)"), told)
                # QEMU gives all sockets one serial number: the other processor cannot be told by it meanwhile, and seems to have changed.
                self.assertEqual({kind for kind, _ in told}, {"Node CPU"}, told)

    def test_a_result_that_the_region_had_not_heard_of_is_whole(self):
        self.assertNotEqual(self.at_the_cut["10-ends-unheard"], "Degraded")
        row = self.rows["10-ends-unheard"]
        self.assertEqual((row["status_name"], row["exit_status"]), ("Degraded", 0))
        self.assertEqual(row["stdout"], "".join(f"{number}\n" for number in range(1, 20001)))

    def test_a_script_that_was_cut_off_has_failed_and_says_why(self):
        row = self.rows["20-is-cut-off"]
        self.assertEqual(row["status_name"], "Failed")
        self.assertIn("half of it\n", row["output"])
        self.assertIn("interrupted by a reboot or power loss", row["output"])
        self.assertIn("20-is-cut-off was interrupted by a reboot or power loss", "\n".join(self.region.events()))

    def test_a_script_that_reboots_goes_on_after_it(self):
        row = self.rows["30-reboots"]
        self.assertEqual((row["status_name"], row["exit_status"]), ("Passed", 0))
        self.assertIn("HAS_STARTED=True", row["stdout"])

    def test_no_script_that_had_ended_is_run_again(self):
        self.assertEqual(self.begun, ["10-ends-unheard", "20-is-cut-off", "30-reboots", "30-reboots", "40-comes-last"])

    def test_the_region_has_everything(self):
        self.assertEqual(self.rows["40-comes-last"]["status_name"], "Passed")
        self.assertEqual(self.region.status(), "Failed testing", self.own)
        self.assertEqual((self.machine.share / "third.status").read_text(), "1\n", self.said("third"))
