"""`shakedown test network` between two network namespaces of the emulated machine: a way that loses packets (netem) is found and named, one that does
not is not blamed, and one that delays and reorders is told apart."""

import json
import unittest

import booted

# Seconds. An emulated processor takes its time for each packet.
SECONDS = 20
TOKEN = "a token of the emulated machine"
HERE, THERE = "10.77.0.1", "10.77.0.2"


def setUpModule():
    booted.machine.output(
        "modprobe veth && modprobe sch_netem && ip netns add far && ip link add near0 type veth peer name far0 netns far"
        f" && ip address add {HERE}/24 dev near0 && ip link set near0 up"
        f" && ip -n far address add {THERE}/24 dev far0 && ip -n far link set far0 up && ip -n far link set lo up"
    )


def tearDownModule():
    booted.machine.output("ip netns del far; ip link del near0 2>/dev/null; true")


class TwoMachines(unittest.TestCase):
    def reported(self, *queues):
        """The reports of both ends, with queues as given by `tc`."""
        for where in queues:
            booted.machine.output(where)
        self.addCleanup(booted.machine.run, "tc qdisc del dev near0 root; ip netns exec far tc qdisc del dev far0 root")
        name = self.id().rsplit(".", 1)[1]
        booted.machine.output(
            f"export SHAKEDOWN_TOKEN='{TOKEN}'; ip netns exec far shakedown test network --listen {THERE} --seconds 300 --format json"
            f" > /tmp/{name}.far 2> /tmp/{name}.log & until grep -q 'wait for' /tmp/{name}.log; do sleep 0.2; done"
            f"; shakedown test network --peer {THERE} --seconds {SECONDS} --format json > /tmp/{name}.near; wait; true",
            600,
        )
        return [json.loads(booted.machine.output(f"cat /tmp/{name}.{end}")) for end in ("near", "far")]

    def figures(self, report):
        return {one["metric"]: one["value"] for one in report["measurements"]}

    def test_a_way_that_loses_nothing_is_not_blamed(self):
        for report in self.reported():
            self.assertEqual(report["outcome"], "passed", report)
            figures = self.figures(report)
            self.assertEqual((figures["packet_loss_sent"], figures["packet_loss_received"]), (0, 0), report)
            self.assertGreater(min(figures["throughput_sent"], figures["throughput_received"]), 1)

    def test_a_loss_of_two_percent_is_found_in_its_direction(self):
        near, far = self.reported("tc qdisc add dev near0 root netem loss 2%")
        for report, lossy, whole in ((near, "packet_loss_sent", "packet_loss_received"), (far, "packet_loss_received", "packet_loss_sent")):
            self.assertEqual(report["outcome"], "failed", report)
            self.assertIn("net-loss", [one["code"] for one in report["findings"] if one["outcome"] == "failed"])
            figures = self.figures(report)
            self.assertTrue(1 < figures[lossy] < 3.5, figures)
            self.assertEqual(figures[whole], 0)
            self.assertGreater(figures["retransmissions"], 0)

    def test_a_way_that_delays_and_reorders_loses_nothing(self):
        near, _ = self.reported("tc qdisc add dev near0 root netem delay 5ms reorder 10% 50%")
        self.assertEqual(near["outcome"], "passed", near)
        figures = self.figures(near)
        self.assertGreater(figures["packets_reordered"], 0)
        self.assertGreater(figures["round_trip_p50"], 4000)
        self.assertIn("net-reordered", [one["code"] for one in near["findings"]])
