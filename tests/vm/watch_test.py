"""`shakedown watch` in the emulated machine while hardware is plugged in and pulled out: what it tells, and what it does not.

It prints how long each change took to be told; no test depends on that. Processors are left to power_test: only a machine
that was booted for it can lose one.
"""

import json
import re
import shutil
import time
import unittest

import booted

# On the machine's root disk: a journal on the shared folder would be on another kind of file system than any in use.
HOME = "/var/lib/watched"
# Seconds. On a quiet machine nothing here takes 10; beside compilers an emulated one was seen to be many times slower.
LIMIT = 300
DISK, INTERFACE, MEMORY, PCI, USB = (f"Node {kind}" for kind in ("Block Device", "Interface", "Memory", "PCI Device", "USB Device"))
# The first of the cards that have cables is cabled to the second, which has SR-IOV.
CABLED, SRIOV = "52:54:00:00:00:11", "52:54:00:00:00:12"


class Service:
    """A region and the service that reports to it, both in the machine, and what stands in the journal."""

    def __init__(self, machine):
        self.machine, self.pids, self.read = machine, {}, 0
        self.said = machine.share / "watched"
        # Of another one before this.
        shutil.rmtree(self.said, ignore_errors=True)
        self.said.mkdir()
        machine.output(f"rm -rf {HOME} && mkdir -p {HOME}/scripts")
        # The script that a region asks of every deployed machine; the service does the work of it itself.
        header = ["name: 20-maas-03-machine-resources", "script_type: commissioning", "tags: [deploy-info]"]
        marks = ["--- Start MAAS 1.0 script metadata ---", *header, "--- End MAAS 1.0 script metadata ---"]
        (self.said / "script").write_text("".join(f"{line}\n" for line in ["#!/bin/sh", *(f"# {mark}" for mark in marks)]))
        machine.output(f"cp /share/watched/script {HOME}/scripts/20-maas-03-machine-resources")
        self.start("region", f"shakedown sandbox --node-status deployed --scripts {HOME}/scripts")
        self.region = json.loads(self.wait("the region is there", lambda: self.lines("region"))[0])
        self.watch()
        self.start("events", f"shakedown events query level=AUDIT --format jsonl --follow --state-dir {HOME}/state")

    def start(self, name, line):
        """Starts a program that goes on; what it prints is in a file of that name, what it logs in one with `.log`."""
        there = f"/share/watched/{name}"
        self.pids[name] = self.machine.output(f"setsid {line} > {there} 2> {there}.log < /dev/null & echo $!").strip()

    def watch(self, disks_every=0):
        """Starts the service and waits until it has looked. No report is due while it runs, so only news leads to looks, or a disk that is
        asked every so many seconds."""
        options = f"--config {self.region['config']} --interval 604800 --storage {HOME}/sync --state-dir {HOME}/state"
        options += f" --disks-every {disks_every}"
        self.start("watch", f"shakedown --log-format json -v watch {options}")
        self.wait("it has looked", self.looks)

    def stop(self, name):
        pid = self.pids.pop(name)
        self.machine.output(f"kill {pid}; while [ -e /proc/{pid} ]; do sleep 0.1; done", LIMIT)

    def end(self):
        for name in list(self.pids):
            self.stop(name)
        self.machine.output(f"rm -rf {HOME}")

    def lines(self, name):
        """Whole lines of what a program printed."""
        path = self.said / name
        return path.read_text(errors="replace").split("\n")[:-1] if path.exists() else []

    def looks(self):
        """How many looks have ended since the service was started."""
        return sum('"message":"looked"' in line for line in self.lines("watch.log"))

    def events(self):
        """What is new in the journal, oldest first: of what, and the text with this node's name as NODE."""
        events = [json.loads(line) for line in self.lines("events")]
        # The kernel's log still has the faults that other tests made; the service tells them, too, and `diagnose_test` reads them.
        old = ("the machine reported ", "before it was watched, the machine had reported ")
        events = [event for event in events if not event["description"].startswith(old)][self.read:]
        what = [event["type"].partition(" hardware sync")[0] for event in events]
        return [(kind, event["description"].replace(self.region["system_id"], "NODE")) for kind, event in zip(what, events)]

    def wait(self, what, condition):
        end = time.monotonic() + LIMIT
        while not (found := condition()):
            if time.monotonic() > end:
                log = "\n".join(self.lines("watch.log")[-20:])
                raise AssertionError(f"not within {LIMIT} s: {what}. New in the journal: {self.events()}. The service said:\n{log}")
            time.sleep(0.05)
        return found


def scsi(name):
    """A disk on the SCSI bus, in the same place whatever its name, which is its serial number."""
    return {"driver": "scsi-hd", "bus": "scsi.0", "scsi-id": 3, "vendor": "RIGCORP", "product": "HOT DISK", "drive": name, "serial": name}


def show(began, what):
    print(f"\n  {time.monotonic() - began:5.1f} s  {what}", end="", flush=True)


class Watch(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.machine = booted.machine
        cls.machine.output("shakedown inventory --format json > /share/before.json")
        cls.service = Service(cls.machine)
        cls.addClassCleanup(cls.service.end)

    def setUp(self):
        self.plugged = set()

    def tearDown(self):
        """Every test leaves the machine as it was, and the service at work with nothing more to tell."""
        print()
        for name in list(self.plugged):
            # The test has failed already.
            self.unplug(name)
        self.doCleanups()
        self.machine.output(f"kill -0 {self.service.pids['watch']}")
        self.assertNotIn("panicked", "\n".join(self.service.lines("watch.log")))
        more = self.service.events()
        # Whatever comes of it, it is of no concern to the next test.
        self.service.read += len(more)
        self.assertEqual(more, [])
        dry = f"shakedown sync --dry-run --config {self.service.region['config']} --state-dir {HOME}/state"
        # What a test puts back – a bridge, a link – is news for the service, too, and no event.
        self.service.wait("nothing to tell", lambda: self.machine.output(dry) == "Nothing changed: the region would get one sign of life\n")
        self.machine.output("shakedown inventory --format json > /share/after.json")
        self.assertEqual(self.machine.output("shakedown diff /share/before.json /share/after.json"), "Nothing changed\n")

    def ask(self, command, arguments):
        return self.machine.control.ask(command, arguments)

    def medium(self, name):
        """An empty disk that QEMU can put behind a device, until the test is over."""
        file = self.machine.work / f"disks/{name}.img"
        with open(file, "wb") as disk:
            disk.truncate(64 << 20)
        self.ask("blockdev-add", {"node-name": name, "driver": "raw", "file": {"driver": "file", "filename": str(file)}})
        self.addCleanup(self.ask, "blockdev-del", {"node-name": name})

    def plug(self, name, options):
        self.ask("device_add", {"id": f"hot-{name}", **options})
        self.plugged.add(name)

    def unplug(self, name):
        self.plugged.discard(name)
        self.ask("device_del", {"id": f"hot-{name}"})
        self.machine.control.event("DEVICE_DELETED", LIMIT, device=f"hot-{name}")

    def tells(self, what, change, *expected):
        """Makes a change and waits until it is told. Texts are regular expressions. Nothing else may be told with it."""
        service, began = self.service, time.monotonic()
        change()
        service.wait(f"told: {what}", lambda: len(service.events()) >= len(expected))
        show(began, f"{what}: told")
        # A look tells all its changes at once, so what is told too much stands there, too.
        found = sorted(service.events())
        service.read += len(found)
        self.assertEqual([kind for kind, _ in found], sorted(kind for kind, _ in expected), found)
        for (_, text), (_, pattern) in zip(found, sorted(expected)):
            self.assertRegex(text, f"^{pattern}$")

    def comes_and_goes(self, name, options, *expected):
        """Plugs a device in and pulls it out; WAS in the texts stands for what became of it."""
        for word, change in (("added", lambda: self.plug(name, options)), ("removed", lambda: self.unplug(name))):
            self.tells(f"{name} {word}", change, *((kind, text.replace("WAS", f"was {word} on node NODE")) for kind, text in expected))

    def looked_into(self, what, line):
        """Runs a line in the machine that is news, and waits until the service has looked."""
        looks, began = self.service.looks(), time.monotonic()
        self.machine.output(line)
        self.service.wait(f"looked into: {what}", lambda: self.service.looks() > looks)
        show(began, f"{what}: looked into")

    def a_disk_is_told_alone(self, serial):
        """Of what was before nothing is told: a look sees the whole machine, so the one that tells of this disk would tell of that."""
        self.medium(serial)
        self.comes_and_goes(serial, scsi(serial), (DISK, rf"block device sd\w WAS \(HOT DISK {serial}\)"))

    def test_a_network_card(self):
        self.ask("netdev_add", {"type": "hubport", "id": "hot-cable", "hubid": 9})
        self.addCleanup(self.ask, "netdev_del", {"id": "hot-cable"})
        self.comes_and_goes(
            "NIC",
            {"driver": "e1000e", "bus": "free2", "netdev": "hot-cable", "mac": "52:54:00:00:00:99", "romfile": ""},
            (INTERFACE, r"interface enp\d+s0 WAS \(Intel Corporation 82574L Gigabit Network Connection 52:54:00:00:00:99\)"),
            (PCI, r"pci device 0000:\w\w:00\.0 WAS \(Intel Corporation 82574L Gigabit Network Connection\)"),
        )

    def test_an_nvme_drive(self):
        self.medium("HOTNVME")
        self.comes_and_goes(
            "NVMe",
            {"driver": "nvme", "bus": "free1", "serial": "HOTNVME", "drive": "HOTNVME"},
            (DISK, r"block device nvme\dn1 WAS \(QEMU NVMe Ctrl HOTNVME\)"),
            (PCI, r"pci device 0000:\w\w:00\.0 WAS \(Red Hat, Inc\. QEMU NVM Express Controller\)"),
        )

    def test_a_scsi_disk(self):
        self.a_disk_is_told_alone("HOTSCSI")

    def test_a_usb_stick(self):
        self.medium("HOTUSB")
        self.comes_and_goes(
            "USB",
            {"driver": "usb-storage", "bus": "usb.0", "drive": "HOTUSB", "serial": "HOTUSB"},
            (DISK, r"block device sd\w WAS \(QEMU HARDDISK HOTUSB\)"),
            (USB, r"usb device QEMU QEMU USB HARDDRIVE WAS \(46f4:0001 HOTUSB\)"),
        )

    def test_memory(self):
        self.ask("object-add", {"qom-type": "memory-backend-ram", "id": "hot-memory", "size": 256 << 20})
        self.addCleanup(self.ask, "object-del", {"id": "hot-memory"})
        self.comes_and_goes("DIMM", {"driver": "pc-dimm", "memdev": "hot-memory", "node": 1}, (MEMORY, "256 MiB of memory WAS"))

    def known(self, serial):
        """Waits until the machine's own tools know a disk."""
        self.machine.until(f"udevadm settle && lsblk --nodeps --output SERIAL | grep -x {serial}", LIMIT)

    def test_a_disk_exchanged_between_two_looks_was_replaced(self):
        first, second = "HOTFIRST", "HOTSECOND"
        for serial in (first, second):
            self.medium(serial)
        disk = r"block device sd\w"
        self.tells("disk added", lambda: self.plug(first, scsi(first)), (DISK, rf"{disk} was added on node NODE \(HOT DISK {first}\)"))
        # On a busy machine the new disk may be a look later than the old one's end: the service is held until it is there.
        watch = self.service.pids["watch"]
        self.machine.output(f"kill -STOP {watch}")
        self.unplug(first)
        self.plug(second, scsi(second))
        self.known(second)
        replaced = rf"{disk} \(HOT DISK {first}\) was replaced by another \(HOT DISK {second}\) on node NODE"
        self.tells("disk replaced", lambda: self.machine.output(f"kill -CONT {watch}"), (DISK, replaced))
        self.service.wait("the region heard of it", lambda: re.search(replaced.replace("NODE", r"\w+"), self.region_log()))
        self.tells("disk removed", lambda: self.unplug(second), (DISK, rf"{disk} was removed on node NODE \(HOT DISK {second}\)"))

    def region_log(self, level="level=DEBUG"):
        """What stands in the region's own event log."""
        region = self.service.region
        return self.machine.output(f"shakedown events query {level} limit=1000 --region {region['url']} --api-key {region['api_key']}")

    def test_a_disk_that_comes_while_nobody_watches_is_told_at_the_start(self):
        self.medium("HOTLATE")
        texts = [(DISK, rf"block device sd\w was {word} on node NODE \(HOT DISK HOTLATE\)") for word in ("added", "removed")]
        self.service.stop("watch")
        self.plug("HOTLATE", scsi("HOTLATE"))
        self.known("HOTLATE")
        self.tells("disk added before the start", self.service.watch, texts[0])
        self.tells("disk removed", lambda: self.unplug("HOTLATE"), texts[1])

    def test_a_drive_that_begins_to_fail_although_no_news_tells_it(self):
        self.watch_anew(disks_every=1)
        self.addCleanup(self.watch_anew)
        warning = {"path": "/machine/peripheral/nvme1", "property": "smart_critical_warning"}
        self.addCleanup(self.ask, "qom-set", {**warning, "value": 0})
        failing = r"block device nvme\dn1 \(QEMU NVMe Ctrl, serial number RIGNVME0002\) is failing on node NODE: .*0x04: reliability degraded.*Next: .*"
        self.tells("drive failing", lambda: self.ask("qom-set", {**warning, "value": 4}), (DISK, failing))
        told = re.compile(failing.replace("NODE", r"\w+"))
        self.service.wait("the region has it as an error", lambda: told.search(self.region_log("level=ERROR")))

    def watch_anew(self, **options):
        self.service.stop("watch")
        self.service.watch(**options)

    def test_functions_of_a_card_are_nobodys_plugging(self):
        functions = f"/sys/class/net/{self.interface(SRIOV)}/device/sriov_numvfs"
        self.addCleanup(self.machine.output, f"echo 0 > {functions}")
        self.looked_into("SR-IOV functions made", f"echo 2 > {functions}")
        self.assertEqual(self.machine.output(f"cat {functions}"), "2\n")
        self.a_disk_is_told_alone("HOTBESIDE")
        self.looked_into("SR-IOV functions gone", f"echo 0 > {functions}")

    def test_virtual_devices_are_nobodys_plugging(self):
        self.addCleanup(self.machine.output, "modprobe -r -a dummy veth bridge loop")
        self.machine.output("ip link add quiet0 type dummy && ip link add quiet1 type veth peer name quiet2 && ip link set quiet0 up")
        self.machine.output("ip link add quiet3 type bridge && ip link set quiet2 master quiet3 && ip link set quiet3 up")
        self.addCleanup(self.machine.run, "ip link delete quiet3; ip link delete quiet0; ip link delete quiet1")
        self.machine.output(f"modprobe loop && truncate --size 64M {HOME}/loop && losetup --find {HOME}/loop")
        self.addCleanup(self.machine.output, "losetup --detach-all")
        disk, serial = r"block device sd\w was {} on node NODE \(HOT DISK HOTREAL\)", "HOTREAL"
        self.medium(serial)
        self.tells("disk added beside them", lambda: self.plug(serial, scsi(serial)), (DISK, disk.format("added")))
        # The region stores bridges, and that one is gone is no news: the next look, whatever for, brings it.
        self.machine.output("ip link delete quiet3 && ip link delete quiet0 && ip link delete quiet1")
        self.tells("disk removed after them", lambda: self.unplug(serial), (DISK, disk.format("removed")))

    def test_volumes_and_arrays_are_nobodys_plugging(self):
        # On disks of the machine: there at one look, gone at the next, told at neither.
        tool, links = self.machine.output, "/dev/disk/by-id"
        lower, other = tool(f"realpath {links}/scsi-35000c50000000010 {links}/virtio-RIGVBLK0001").split()
        parts = f"/dev/mapper/quiet {other}"
        lists = ["shakedown inventory --format json | jq '[.disks[].name]'", "shakedown disk list"]
        lists += ["shakedown resources | jq '[.resources.storage.disks[].id]'"]
        before = [tool(line) for line in lists]
        self.addCleanup(tool, "modprobe -r -a raid1 dm-mod")
        self.addCleanup(self.machine.run, f"mdadm --stop /dev/md/quiet; mdadm --zero-superblock {parts}; dmsetup remove --retry quiet")
        tool(f'dmsetup create quiet --table "0 $(blockdev --getsz {lower}) linear {lower} 0" && udevadm settle')
        tool(f"mdadm --create /dev/md/quiet --run --level 1 --raid-devices 2 --assume-clean {parts} && udevadm settle")
        made = json.loads(tool("shakedown inventory --format json | jq '[.volumes[0].lower, [.arrays[0].members[].name]]'"))
        self.assertEqual(made, [[lower.removeprefix("/dev/")], ["dm-0", other.removeprefix("/dev/")]])
        self.assertEqual([tool(line) for line in lists], before)
        disk, serial = r"block device sd\w was {} on node NODE \(HOT DISK HOTREAL\)", "HOTREAL"
        self.medium(serial)
        self.tells("disk added beside them", lambda: self.plug(serial, scsi(serial)), (DISK, disk.format("added")))
        tool(f"mdadm --stop /dev/md/quiet && mdadm --zero-superblock {parts} && dmsetup remove --retry quiet && udevadm settle")
        self.tells("disk removed after them", lambda: self.unplug(serial), (DISK, disk.format("removed")))

    def test_a_cable_pulled_again_and_again_is_no_other_hardware(self):
        ends = [self.interface(address) for address in (CABLED, SRIOV)]
        looks = self.service.looks()
        self.machine.output("; ".join(f"ip link set {end} up" for end in ends))
        self.addCleanup(self.machine.output, "; ".join(f"ip link set {end} down" for end in ends))
        for up, carrier in [(False, 0), (True, 1)] * 3:
            self.machine.until(f"grep -x {1 - carrier} /sys/class/net/{ends[0]}/carrier", LIMIT)
            self.ask("set_link", {"name": "nic1", "up": up})
        # How many looks that makes depends on the kernel, which gathers changes of a link for up to a second.
        self.service.wait("looked into the cable", lambda: self.service.looks() > looks)
        # The region hears of a restless link when that has settled, or when it is sent everything for another reason.
        self.machine.output("; ".join(f"ip link set {end} down" for end in ends))
        self.a_disk_is_told_alone("HOTCABLE")

    def interface(self, address):
        return self.machine.output(f"basename $(dirname $(grep -l {address} /sys/class/net/*/address))").strip()
