"""Faults that the emulated machine really has: what the real kernel reports of them, and what `shakedown diagnose`, a script's result and
the machine's next start make of that.
"""

import json
import re
import time
import unittest

import booted
import hardware

# Seconds. Nothing here takes ten on a quiet machine.
LIMIT = 300
BAD = 20 << 20


def script(name, body, header=()):
    """A testing script on the machine, as a line that tries it: the JSON of its result."""
    marks = ["--- Start MAAS 1.0 script metadata ---", f"name: {name}", "script_type: testing", *header, "--- End MAAS 1.0 script metadata ---"]
    text = "".join(f"{line}\n" for line in ["#!/bin/bash", *(f"# {mark}" for mark in marks), body])
    (booted.machine.share / name).write_text(text)
    return f"{booted.CLOCKS_ARE_NOT_ITS_OWN} shakedown try /share/{name} --format json"


class Faults(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.machine, cls.ask = booted.machine, staticmethod(booted.machine.control.ask)

    def setUp(self):
        self.addCleanup(booted.told.cache_clear)
        # Each test reads its own part of the log.
        self.began = float(self.machine.output("cut -d' ' -f1 /proc/uptime"))

    def monitor(self, line):
        return self.ask("human-monitor-command", {"command-line": line})

    def incidents(self):
        """What the kernel's log says since the test began: code and device."""
        lines = self.machine.output("shakedown diagnose --format json").splitlines()
        found = [one for line in lines for one in json.loads(line)["incidents"]]
        recent = [one for one in found if re.fullmatch(r"[\d.]+", one["last"] or "") and float(one["last"]) >= self.began - 1]
        return {(one["code"], one["device"]) for one in recent}

    def tells(self, code, device=None):
        """Waits until it is told, of a device or of any: the kernel itself may take its time."""
        end = time.monotonic() + LIMIT
        while True:
            found = self.incidents()
            if any(one == code and device in (None, of) for one, of in found):
                return
            self.assertLess(time.monotonic(), end, f"{code} of {device} is not among {found}")
            time.sleep(1)

    def tried(self, line):
        """The result of a script that is tried."""
        done = self.machine.run(line, LIMIT)
        printed = (done.stdout + done.stderr).decode(errors="replace")
        return json.loads(done.stdout)["results"][0] if done.stdout else self.fail(printed), printed

    def bad_disk(self):
        """A disk with a place that cannot be read; its name."""
        file = self.machine.work / "disks/diagnosed.img"
        with open(file, "wb") as disk:
            disk.truncate(64 << 20)
        fault = {"event": "none", "iotype": "read", "sector": BAD // 512 + 8, "errno": 5}
        image = {"driver": "file", "filename": str(file)}
        self.ask("blockdev-add", {"node-name": "diagnosed", "driver": "blkdebug", "image": image, "inject-error": [fault]})
        self.addCleanup(self.ask, "blockdev-del", {"node-name": "diagnosed"})
        disk = {"id": "diagnosed", "driver": "scsi-hd", "bus": "scsi.0", "scsi-id": 6, "product": "BAD DISK", "serial": "DIAGNOSED"}
        self.ask("device_add", {**disk, "drive": "diagnosed"})
        self.addCleanup(self.machine.control.event, "DEVICE_DELETED", LIMIT, device="diagnosed")
        self.addCleanup(self.ask, "device_del", {"id": "diagnosed"})
        self.machine.until("udevadm settle && lsblk --nodeps --output SERIAL | grep -x DIAGNOSED", LIMIT)
        return self.machine.output("lsblk --nodeps --noheadings --output NAME,SERIAL | sed -n 's/ *DIAGNOSED//p'").strip()

    def test_a_disk_that_cannot_be_read_fails_the_script_that_passed_on_it(self):
        name = self.bad_disk()
        header = ("hardware_type: storage", "parameters: {storage: {type: storage}}")
        reads = f"dd if=/dev/{name} of=/dev/null bs=4k skip={BAD // 4096} count=4 iflag=direct; echo all is well"
        result, printed = self.tried(f"{script('reads-a-disk', reads, header)} --param storage={name}")
        self.tells("disk-io-error", name)
        self.assertEqual(result["status"], "Failed", printed)
        self.assertIn("disk-io-error", printed)

    def test_a_repaired_error_of_a_link_degrades_the_script_that_passed(self):
        waits = "touch /share/aer-begun; until [ -e /share/aer-done ]; do sleep 0.2; done; sleep 1"
        line = script("waits-for-a-link", waits)
        self.machine.output("rm -f /share/aer-*")
        out = "/share/aer-out"
        self.machine.output(f"setsid bash -c '{line} > {out}; touch /share/aer-ended' > /dev/null 2>&1 < /dev/null &")
        self.machine.until("[ -e /share/aer-begun ]", LIMIT)
        # Bad TLP, ten times: a few are common when a link saves power. The port keeps one at a time.
        for _ in range(60):
            self.monitor("pcie_aer_inject_error -c port1 0x40")
            counted = self.machine.output("cat /sys/bus/pci/devices/*/aer_dev_correctable | awk '/TOTAL_ERR_COR/ {sum += $2} END {print sum}'")
            if int(counted) >= 12:
                break
        self.machine.output("touch /share/aer-done")
        self.machine.until("[ -e /share/aer-ended ]", LIMIT)
        result = json.loads((self.machine.share / "aer-out").read_text())["results"][0]
        self.assertIn(result["status"], ("Degraded", "Failed"), result)
        self.assertIn("pcie-corrected", json.dumps(result), result)

    def test_a_cable_that_is_pulled_out_is_told_with_its_interface(self):
        name = self.machine.output("for one in /sys/class/net/*; do grep -q 52:54:00:00:00:11 $one/address && echo ${one##*/}; done; true").split()[0]
        self.machine.output(f"ip link set {name} up")
        self.addCleanup(self.machine.output, f"ip link set {name} down")
        self.machine.until(f"grep -x 1 /sys/class/net/{name}/carrier", LIMIT)
        self.ask("set_link", {"name": "nic1", "up": False})
        self.addCleanup(self.ask, "set_link", {"name": "nic1", "up": True})
        self.tells("net-link-down", name)

    def test_a_script_that_takes_all_memory_is_told_as_that(self):
        # In a group of its own: the machine's own memory is left alone.
        eats = "echo +memory > /sys/fs/cgroup/cgroup.subtree_control; mkdir -p /sys/fs/cgroup/eater && echo 16M > /sys/fs/cgroup/eater/memory.max && echo 0 > /sys/fs/cgroup/eater/memory.swap.max 2> /dev/null\n"
        eats += "(echo $BASHPID > /sys/fs/cgroup/eater/cgroup.procs; exec tail /dev/zero); ended=$?; rmdir /sys/fs/cgroup/eater; exit $ended"
        result, printed = self.tried(script("eats-memory", eats))
        self.assertEqual(result["status"], "Failed", printed)
        self.assertIn("oom-kill-cgroup", result["output"], printed)

    def test_a_script_that_wants_all_memory_ends_alone_and_whole(self):
        """At the top of the hierarchy of groups, where this machine's programs are."""
        runs = script("wants-all-memory", "tail /dev/zero; echo it went on")
        # The system of this machine lies in its memory: much of it is taken already. Half of it is the least that a script is left.
        reserve = "read _ total _ < /proc/meminfo; reserve=$((total * 1024 / 2))"
        result, printed = self.tried(f"{reserve}; env SHAKEDOWN_RUNNER_MEMORY_RESERVE=$reserve {runs}")
        self.assertEqual(result["status"], "Failed", printed)
        self.assertNotIn("it went on", result["output"], printed)
        self.assertIn("out of memory", printed)
        self.assertIn("runner.memory_reserve", printed)

    def test_a_corrected_machine_check_is_told(self):
        # The kernel looks for corrected errors every five minutes; here every two seconds.
        interval = "/sys/devices/system/machinecheck/machinecheck0/check_interval"
        self.machine.output(f"echo 2 > {interval}")
        self.addCleanup(self.machine.output, f"echo 300 > {interval}")
        # Bank 5, a corrected error of the cache with its address (SDM 3B, 15.9).
        self.monitor("mce 0 5 0x9c00000000000136 0x0 0x12345000 0x0")
        self.tells("cpu-mce-corrected")

    def test_a_script_whose_disk_hangs_is_told_with_where_it_waits(self):
        """A device-mapper volume that is suspended: what reads it waits in the kernel and takes no signal."""
        self.machine.output("modprobe dm_mod")
        disk = self.machine.output("lsblk --nodeps --noheadings --paths --output NAME,SERIAL | sed -n 's/ *RIGVBLK0001//p'").strip()
        self.machine.output(f"dmsetup create frozen --table '0 2048 linear {disk} 0' && dmsetup suspend frozen")
        self.addCleanup(self.machine.output, "dmsetup resume frozen; sleep 1; dmsetup remove --retry frozen")
        line = script("reads-what-hangs", "dd if=/dev/mapper/frozen of=/dev/null bs=4k count=1 iflag=direct", ("timeout: 00:01:30",))
        melts = "(sleep 100; dmsetup resume frozen) > /dev/null 2>&1 &"
        result, printed = self.tried(f"{melts} {line.replace(booted.CLOCKS_ARE_NOT_ITS_OWN, '')}")
        self.assertEqual(result["status"], "Timed out", printed)
        self.assertRegex(printed, r"waited for the kernel and took no signal: dd \(\d+\)")

    def test_what_a_crash_left_is_found_after_the_next_start(self):
        """The kernel panics, the machine is reset, and its memory still has the last lines of the log."""
        loads = f"modprobe ramoops mem_address={hardware.CRASH:#x} mem_size={hardware.CRASH_SIZE:#x} record_size=0x20000 ecc=1"
        self.machine.output(loads)
        self.ask("set-action", {"reboot": "reset"})
        self.addCleanup(self.ask, "set-action", {"reboot": "shutdown"})
        (self.machine.share / ".vm/ready").unlink()
        self.machine.output("sysctl -qw kernel.panic=1; (sleep 1; echo c > /proc/sysrq-trigger) > /dev/null 2>&1 < /dev/null &")
        self.machine.wait_for("share/.vm/ready")
        self.machine.reconnect()
        self.machine.output(f"{loads}; mkdir -p /sys/fs/pstore; mountpoint -q /sys/fs/pstore || mount -t pstore pstore /sys/fs/pstore")
        lines = [json.loads(line) for line in self.machine.output("shakedown diagnose --format json").splitlines()]
        crashes = [one for line in lines if "pstore" in line["file"] for one in line["incidents"]]
        self.assertIn("kernel-panic", {one["code"] for one in crashes}, lines)
