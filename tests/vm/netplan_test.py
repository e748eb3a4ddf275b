"""Custom networking with the real netplan and systemd-networkd: a bond, a VLAN, DHCP, static addresses."""

import unittest

import booted
import image
from region import Region

SYSTEMS = [image.NETWORKING]
# The machine's own network, as its installer would have left it.
OWN = """network:
  version: 2
  ethernets:
    own:
      match: {macaddress: "52:54:00:00:00:01"}
      addresses: [10.0.2.15/24]
      routes: [{to: default, via: 10.0.2.2}]
"""
# What an operator configured for the deployed machine. With the first the region answers, with the second nobody does.
BOND = """network:
  version: 2
  ethernets:
    nic0:
      match: {macaddress: "52:54:00:00:00:01"}
      dhcp4: false
  bonds:
    bond1:
      interfaces: [nic0]
      macaddress: "52:54:00:00:00:01"
      parameters: {mode: active-backup, mii-monitor-interval: 100}
      %s
  vlans:
    bond1.7:
      id: 7
      link: bond1
      addresses: [10.7.0.2/24]
"""
WITH_DHCP, WITHOUT_REGION = BOND % "dhcp4: true", BOND % "addresses: [10.99.0.1/24]"
SCRIPT = """#!/bin/bash
# --- Start MAAS 1.0 script metadata ---
# name: net
# script_type: testing
# hardware_type: network
# apply_configured_networking: true
# timeout: 300
# --- End MAAS 1.0 script metadata ---
ip -brief address
grep -h 'Bonding Mode' /proc/net/bonding/*
ip -details link show bond1.7 | grep -o 'vlan .*id 7'
%s
"""
FILES = 'find /etc/netplan -printf "%p %m %U %s %i\\n" | sort'
# Without those that a link gives itself, which come and go by themselves.
NETWORK = "{ ip -brief -4 address; ip -4 route; } | sed 's/ *$//'"


class Networking(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        (booted.machine.share / "own.yaml").write_text(OWN)
        booted.machine.output(
            "install -m 600 /share/own.yaml /etc/netplan/50-cloud-init.yaml; systemctl enable --now systemd-networkd; netplan apply"
        )
        booted.machine.until("networkctl | grep -q 'ether *routable *configured'")
        cls.files, cls.network = booted.machine.output(FILES), booted.machine.output(NETWORK)

    def run_with(self, netplan, verbs, then="exit 0"):
        """What the agent printed, and the region's result."""
        folder = booted.machine.work / self.id()
        folder.mkdir()
        (folder / "net").write_text(SCRIPT % then)
        netplan_file = booted.machine.work / f"{self.id()}.yaml"
        netplan_file.write_text(netplan)
        region = Region(folder, options=["--node-status", "testing", "--netplan", netplan_file])
        self.addCleanup(region.end)
        (booted.machine.share / "node.yaml").write_text(region.config())
        options = f"--state-dir /var/lib/{self.id()} --config /share/node.yaml"
        told = "".join(booted.machine.run(f"shakedown {verb} {options} 2>&1", 600).stdout.decode() for verb in verbs)
        return told, region.results()[0]

    def assert_as_before(self, told):
        self.assertEqual(booted.machine.output(FILES), self.files, told)
        booted.machine.output("cmp /share/own.yaml /etc/netplan/50-cloud-init.yaml")
        booted.machine.until(f"[ \"$({NETWORK})\" = \"{self.network.strip()}\" ]")

    def test_a_bond_with_a_vlan_is_there_for_the_script_and_gone_after_it(self):
        told, result = self.run_with(WITH_DHCP, ["run --networking-wait 120"])
        self.assertEqual(result["status_name"], "Passed", told)
        printed = result["output"]
        self.assertRegex(printed, r"(?m)^bond1 +UP +10\.0\.2\.15/24")
        self.assertRegex(printed, r"(?m)^bond1\.7@bond1 +\S+ +10\.7\.0\.2/24")
        self.assertIn("active-backup", printed)
        self.assertRegex(printed, r"vlan .*id 7")
        self.assert_as_before(told)

    def test_a_network_without_the_region_is_taken_back_and_fails_the_script(self):
        told, result = self.run_with(WITHOUT_REGION, ["run --networking-wait 30"])
        self.assertEqual(result["status_name"], "Failed to apply custom network configuration", told)
        self.assertRegex(result["output"], r"(?i)region")
        self.assert_as_before(told)

    def test_after_a_kill_the_next_start_puts_it_back(self):
        # The first start is killed by the script; `deliver` is no run, and puts the network back all the same.
        told, _ = self.run_with(WITH_DHCP, ["run --networking-wait 120", "deliver --give-up-after 20"], "kill -9 $PPID; sleep 1000")
        self.assertRegex(told, r"(?i)network")
        self.assert_as_before(told)
        audit = booted.machine.output(f"shakedown events query level=AUDIT --state-dir /var/lib/{self.id()}")
        self.assertIn("own networking back", audit)

