"""`shakedown test` on hardware whose faults are known: a sector that cannot be read, a slow disk, a processor that others use, little memory."""

import json
import unittest

import booted

# Seconds.
LIMIT = 300
SIZE = 64 << 20
# The sector that cannot be read, of 512 bytes.
BAD = 40_976


class Hardware(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.machine, cls.ask = booted.machine, staticmethod(booted.machine.control.ask)

    def reported(self, line, status=0):
        """The report of a test, which ends with a status."""
        done = self.machine.run(f"shakedown test {line} --format json", LIMIT)
        printed = (done.stdout + done.stderr).decode(errors="replace")
        self.assertEqual(done.status, status, printed)
        return json.loads(done.stdout)

    def disk(self, filtered=None):
        """A spare disk of random data, with a filter before its file; its name."""
        file = self.machine.work / "disks/tested.img"
        with open("/dev/urandom", "rb") as random, open(file, "wb") as disk:
            for _ in range(SIZE >> 20):
                disk.write(random.read(1 << 20))
        image = {"driver": "file", "filename": str(file)}
        self.ask("blockdev-add", {"node-name": "tested", **(filtered(image) if filtered else image)})
        self.addCleanup(self.ask, "blockdev-del", {"node-name": "tested"})
        disk = {"id": "tested", "driver": "scsi-hd", "bus": "scsi.0", "scsi-id": 6, "product": "SPARE DISK", "serial": "TESTED"}
        self.ask("device_add", {**disk, "drive": "tested"})
        self.addCleanup(self.machine.control.event, "DEVICE_DELETED", LIMIT, device="tested")
        self.addCleanup(self.ask, "device_del", {"id": "tested"})
        self.machine.until("udevadm settle && lsblk --nodeps --output SERIAL | grep -x TESTED", LIMIT)
        return self.machine.output("lsblk --nodeps --noheadings --output NAME,SERIAL | sed -n 's/ *TESTED//p'").strip()

    def figures(self, report):
        return {one["metric"]: one["value"] for one in report["measurements"]}

    def test_a_sector_that_cannot_be_read_is_found_and_named(self):
        fault = {"event": "none", "iotype": "read", "sector": BAD, "errno": 5}
        name = self.disk(lambda image: {"driver": "blkdebug", "image": image, "inject-error": [fault]})
        report = self.reported(f"disk --level soak --seconds 60 --device {name}", 1)
        found = [one for one in report["findings"] if one["code"] == "disk-unreadable"]
        self.assertEqual(len(found), 1, report)
        self.assertIn(f"sector {BAD} (512 bytes)", found[0]["what"])
        self.assertEqual(self.figures(report)["unreadable_places"], 1, report)

    def test_a_whole_disk_passes_with_all_of_it_read(self):
        report = self.reported(f"disk --level soak --seconds 60 --device {self.disk()}")
        self.assertIn(report["outcome"], ("passed", "degraded"), report)
        self.assertEqual((report["coverage"][0]["tested"], report["coverage"][0]["whole"]), (SIZE, SIZE), report)

    def test_a_slow_disk_is_as_slow_as_it_is(self):
        limits = {"bps-total": 8 << 20}
        self.ask("object-add", {"qom-type": "throttle-group", "id": "slow", "limits": limits})
        self.addCleanup(self.ask, "object-del", {"id": "slow"})
        name = self.disk(lambda image: {"driver": "throttle", "throttle-group": "slow", "file": image})
        report = self.reported(f"disk --level standard --seconds 60 --device {name}")
        self.assertLess(self.figures(report)["disk_read"], 20, report)

    def test_a_spare_disk_is_written_and_read_back_and_no_other_is(self):
        name = self.disk()
        report = self.reported(f"disk --level smoke --seconds 30 --device {name} --write --really")
        self.assertIn(report["outcome"], ("passed", "degraded"), report)
        root = self.machine.output("lsblk --noheadings --output PKNAME,MOUNTPOINT,NAME | awk '$NF == \"/\" || $2 == \"/\" {print $1}'").strip()
        root = root if root.startswith("vd") else self.machine.output("findmnt --noheadings --output SOURCE / | sed s,/dev/,,").strip()
        report = self.reported(f"disk --level smoke --device {root} --write --really", 3)
        self.assertEqual(report["outcome"], "error", report)
        self.assertIn("this system runs from", json.dumps(report["findings"]))

    def test_a_disk_in_use_by_another_program_is_not_written(self):
        name = self.disk()
        self.machine.output(f"mkfs.ext4 -q -F /dev/{name} && mkdir -p /tmp/used && mount /dev/{name} /tmp/used && echo kept > /tmp/used/file")
        self.addCleanup(self.machine.output, "umount /tmp/used")
        self.reported(f"disk --level smoke --device {name} --write --really", 3)
        self.assertEqual(self.machine.output("cat /tmp/used/file").strip(), "kept")

    def test_a_processor_that_others_use_is_told_as_that(self):
        self.machine.output("(exec -a others taskset -c 1 bash -c 'while :; do :; done') > /dev/null 2>&1 < /dev/null & echo $! > /tmp/others")
        self.addCleanup(self.machine.output, "kill $(cat /tmp/others) || pkill -f 'while :' || true")
        report = self.reported("cpu --level smoke --seconds 10")
        self.assertIn(report["outcome"], ("passed", "degraded"), report)
        self.assertNotIn("cpu-slow", [one["code"] for one in report["findings"]], report)
        self.assertGreater(self.figures(report).get("disturbed", 0), 0, report)

    def test_little_memory_for_the_test_kills_nobody(self):
        group = "/sys/fs/cgroup/little"
        makes = f"echo +memory > /sys/fs/cgroup/cgroup.subtree_control; mkdir -p {group}; echo 256M > {group}/memory.max"
        self.machine.output(makes)
        self.addCleanup(self.machine.output, f"rmdir {group}")
        line = f"(echo $BASHPID > {group}/cgroup.procs; shakedown test memory --level smoke --seconds 5 --format json)"
        done = self.machine.run(line, LIMIT)
        printed = (done.stdout + done.stderr).decode(errors="replace")
        self.assertEqual(done.status, 0, printed)
        tested = self.figures(json.loads(done.stdout))["memory_tested"]
        self.assertTrue(0 < tested <= 256 << 20, printed)
        events = dict(line.split() for line in self.machine.output(f"cat {group}/memory.events").splitlines())
        self.assertEqual(events["oom_kill"], "0", events)

    def test_a_user_without_rights_tests_what_may_be_locked(self):
        done = self.machine.run("setpriv --reuid 65534 --regid 65534 --clear-groups shakedown test memory --level smoke --seconds 5 --format json", LIMIT)
        printed = (done.stdout + done.stderr).decode(errors="replace")
        self.assertEqual(done.status, 0, printed)
        self.assertGreater(self.figures(json.loads(done.stdout))["memory_tested"], 0, printed)
