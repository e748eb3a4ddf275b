"""`shakedown inventory` in the emulated machine against what the usual tools say there."""

import ipaddress
import json
import re
import signal
import unittest

import booted
import hardware
import slot
from booted import blocks, json_of, told


def inventory():
    return json_of("shakedown inventory --format json")


def by(key, devices):
    return {device[key]: device for device in devices}


class Disks(unittest.TestCase):
    def setUp(self):
        self.disks = by("name", inventory()["disks"])
        self.listed = by("name", (disk for disk in json_of("lsblk --json --output-all --bytes")["blockdevices"] if disk["type"] in ("disk", "rom")))

    def test_are_those_of_lsblk(self):
        self.assertEqual(sorted(self.disks), sorted(self.listed))
        # Beside them the system's own and an empty optical drive.
        self.assertEqual(len(self.disks), len(hardware.DISKS) + 2)

    def test_have_the_serial_numbers_of_the_machine_each_once(self):
        built_in = {re.search(r"serial=(\w+)", device)[1] for _, device in hardware.DISKS.values()} | {"RIGROOT", "QM00005"}
        self.assertEqual(sorted(disk["serial"] for disk in self.disks.values()), sorted(built_in))
        self.assertEqual(len({disk["identity"] for disk in self.disks.values()}), len(self.disks))

    def test_agree_with_lsblk(self):
        names = {"size": "size", "serial": "serial", "model": "model", "rotational": "rota", "read_only": "ro"}
        names |= {"physical_block_size": "phy-sec", "logical_block_size": "log-sec"}
        for name, listed in self.listed.items():
            for ours, theirs in names.items():
                # Of an empty drive the kernel tells the size that the largest disc could have.
                if listed["type"] == "rom" and ours == "size":
                    continue
                with self.subTest(disk=name, value=ours):
                    self.assertEqual(self.disks[name].get(ours), listed[theirs])
            with self.subTest(disk=name, value="wwn"):
                wwn = (listed["wwn"] or "").replace("0x", "naa.")
                self.assertEqual(self.disks[name].get("wwn", ""), wwn)

    def test_have_the_links_and_file_systems_that_udev_knows(self):
        for name, disk in self.disks.items():
            with self.subTest(disk=name):
                links = told(f"udevadm info --query=symlink --root /dev/{name}").split()
                self.assertEqual(sorted(disk["links"]), sorted(links))
                self.assertEqual(disk.get("file_system"), self.listed[name]["fstype"])

    def test_agree_with_smartctl(self):
        compared = 0
        for name in sorted(self.disks):
            # Its exit status speaks of the disk's health and of what emulated disks lack.
            smart = json_of(f"smartctl --all --json {'-d scsi ' if self.disks[name]['kind'] == 'usb' else ''}/dev/{name} || true")
            if "user_capacity" not in smart:
                continue
            compared += 1
            firmware = smart.get("firmware_version") or smart.get("scsi_revision")
            told = [smart["serial_number"], smart["user_capacity"]["bytes"], smart["logical_block_size"], firmware]
            with self.subTest(disk=name):
                disk = self.disks[name]
                self.assertEqual([disk["serial"], disk["size"], disk["logical_block_size"], disk["firmware"]], told)
                # The kernel does not ask disks behind USB whether they rotate.
                if "rotation_rate" in smart and disk["kind"] != "usb":
                    self.assertEqual(disk["rotational"], smart["rotation_rate"] > 0)
        # It cannot read virtio disks nor an empty drive.
        self.assertEqual(compared, len(self.disks) - 3)

    def test_controllers_are_at_their_pci_addresses(self):
        theirs = {block["Slot"] for block in blocks(told("lspci -Dvmmk")) if block.get("Driver") in ("nvme", "ahci", "megaraid_sas")}
        ours = {one["pci_address"] for one in inventory()["storage_controllers"] if one["driver"] in ("nvme", "ahci", "megaraid_sas")}
        self.assertEqual(ours, theirs)


class Pci(unittest.TestCase):
    def test_functions_agree_with_lspci(self):
        theirs = {}
        for block in blocks(told("lspci -Dvmmnk")):
            interface = block.get("ProgIf", "00")
            theirs[block["Slot"]] = (block["Class"] + interface, f"{block['Vendor']}:{block['Device']}", block.get("Driver"))
        ours = {one["address"]: (one["class"], one["ids"], one.get("driver")) for one in inventory()["pci"]}
        self.assertEqual(ours, theirs)
        self.assertEqual(len(ours), 31)

    def test_names_agree_with_lspci(self):
        theirs = {}
        for block in blocks(told("lspci -Dvmm")):
            # What has no name is called `Device 1111` there, and by its number alone here.
            theirs[block["Slot"]] = tuple(re.sub("^(Device|Vendor) (?=[0-9a-f]{4}$)", "", block[key]) for key in ("Vendor", "Device"))
        self.assertEqual({one["address"]: (one["vendor"], one["product"]) for one in inventory()["pci"]}, theirs)

    def test_links_and_slots_agree_with_lspci(self):
        theirs = {}
        for paragraph in told("lspci -Dvvv").split("\n\n"):
            if not paragraph.strip():
                continue
            links = re.findall(r"Lnk(?:Sta|Cap):.*Speed ([\d.]+)GT/s.*Width x(\d+)", paragraph)
            slot = re.search(r"Physical Slot: (\S+)", paragraph)
            # What it can do stands first, then what it does.
            theirs[paragraph.split()[0]] = ([(float(speed), int(width)) for speed, width in links], slot and slot[1])
        ours = {}
        for one in inventory()["pci"]:
            link = one.get("link") or {}
            links = [(float(link[f"{most}speed"].split()[0]), link[f"{most}width"]) for most in ("maximum_", "") if link]
            ours[one["address"]] = (links, one.get("slot"))
        self.assertEqual(ours, theirs)

    def test_error_counts_are_those_of_the_kernel(self):
        files = ("aer_dev_correctable", "aer_dev_nonfatal", "aer_dev_fatal")
        line = "for one in /sys/bus/pci/devices/*; do [ -e $one/aer_dev_fatal ] && echo ${one##*/} $(sed -n 's/^TOTAL_ERR_[A-Z]* //p' $(printf $one/%s' ' FILES)); done; true"
        rows = [row.split() for row in told(line.replace("FILES", " ".join(files))).splitlines()]
        theirs = {address: tuple(map(int, counts)) for address, *counts in rows}
        keys = ("correctable", "nonfatal", "fatal")
        ours = {one["address"]: tuple(one["errors"][key] for key in keys) for one in inventory()["pci"] if one.get("errors")}
        self.assertEqual(ours, theirs)
        self.assertGreater(len(ours), 2)


class Slot(unittest.TestCase):
    """What a card says that a test writes into the machine's memory; not where the kernel keeps that from root (secure_boot_test)."""

    def test_a_link_that_does_less_than_both_its_ends_can_is_a_finding(self):
        name = f"Mellanox Technologies MT27800 Family [ConnectX-5] ({slot.CARD})"
        narrow, slow = f"x16 card trained at x4: {name}", f"link runs at 8 GT/s of 16 GT/s: {name}"
        best, older = (16, 16), (8, 8)
        for most, now, expected in [(best, best, []), (older, older, []), (best, (16, 4), [narrow]), (best, (8, 16), [slow])]:
            with self.subTest(most=most, now=now), slot.card(booted.machine, most, now):
                marks = [" (downgraded)" * (less < more) for less, more in zip(now, most)]
                link = booted.machine.output(f"lspci -vvs {slot.CARD} | grep LnkSta:").strip()
                self.assertEqual(link, "LnkSta:\tSpeed {}GT/s{}, Width x{}{}".format(now[0], marks[0], now[1], marks[1]))
                self.assertEqual(booted.machine.output("lspci -vv | grep -c downgraded || true"), f"{len(expected)}\n")
                found = json.loads(booted.machine.output("shakedown inventory finding --format json"))["findings"]
                self.assertEqual([one["text"] for one in found], expected)


class ProcessorsAndMemory(unittest.TestCase):
    def test_threads_agree_with_lscpu(self):
        theirs = {tuple(map(int, line.split(","))) for line in told("lscpu --parse=CPU,CORE,SOCKET,NODE").splitlines() if line[0] != "#"}
        ours = {
            (thread["id"], core["core"], socket["socket"], thread["numa_node"])
            for socket in inventory()["machine_resources"]["resources"]["cpu"]["sockets"] for core in socket["cores"] for thread in core["threads"]
        }
        self.assertEqual(ours, theirs)
        self.assertEqual(len(ours), 4)

    def test_the_model_agrees_with_lscpu(self):
        fields = {field["field"]: field["data"] for field in json_of("lscpu --json")["lscpu"]}
        socket = inventory()["machine_resources"]["resources"]["cpu"]["sockets"][0]
        self.assertEqual([socket["name"], socket["vendor"]], [fields["Model name:"], fields["Vendor ID:"]])

    def test_caches_agree_with_lscpu(self):
        theirs = {cache["name"]: (int(cache["one-size"]), int(cache["all-size"])) for cache in json_of("lscpu --caches --json --bytes")["caches"]}
        ours = {}
        for cache in inventory()["processors"]["caches"]:
            name = f"L{cache['level']}" + {"Data": "d", "Instruction": "i", "Unified": ""}[cache["kind"]]
            size = cache["size"]
            ours[name] = (size, ours.get(name, (0, 0))[1] + size)
        self.assertEqual(ours, theirs)

    def test_memory_agrees_with_lsmem(self):
        blocks_of_memory = json_of("lsmem --json --bytes")["memory"]
        self.assertEqual(inventory()["memory"]["total"], sum(block["size"] for block in blocks_of_memory if block["state"] == "online"))

    def test_modules_agree_with_dmidecode(self):
        keys = {"slot": "Locator", "bank": "Bank Locator", "kind": "Type", "manufacturer": "Manufacturer", "part": "Part Number", "serial": "Serial Number"}
        theirs = [block for block in blocks(told("dmidecode --quiet --type memory")) if "Memory Device" in block]
        ours = inventory()["memory"]["dimms"]
        self.assertEqual([[dimm[key] for key in keys] for dimm in ours], [[block[key] for key in keys.values()] for block in theirs])
        units = {"MB": 20, "GB": 30}
        sizes = [int(block["Size"].split()[0]) << units[block["Size"].split()[1]] for block in theirs]
        self.assertEqual([dimm["size"] for dimm in ours], sizes)
        speeds = [[int(block[key].split()[0]) for key in ("Speed", "Configured Memory Speed")] for block in theirs]
        self.assertEqual([[dimm["speed"], dimm["configured_speed"]] for dimm in ours], speeds)

    def test_the_system_agrees_with_dmidecode(self):
        system = inventory()["machine_resources"]["resources"]["system"]
        keys = {"uuid": "uuid", "vendor": "manufacturer", "product": "product-name", "family": "family", "version": "version"}
        keys |= {"serial": "serial-number", "sku": "sku-number"}
        for ours, theirs in keys.items():
            with self.subTest(value=ours):
                self.assertEqual(system[ours], told(f"dmidecode --string system-{theirs}").strip())
        for part, prefix in {"firmware": "bios", "chassis": "chassis", "motherboard": "baseboard"}.items():
            words = {"vendor": "vendor" if part == "firmware" else "manufacturer", "date": "release-date", "serial": "serial-number"}
            words |= {"product": "product-name"}
            for ours, value in system[part].items():
                with self.subTest(part=part, value=ours):
                    self.assertEqual(value, told(f"dmidecode --string {prefix}-{words.get(ours, ours)}").strip())

    def test_weaknesses_agree_with_lscpu(self):
        fields = {field["field"]: field["data"] for field in json_of("lscpu --json")["lscpu"]}
        names = {field: field.removeprefix("Vulnerability ").rstrip(":").lower().replace(" ", "_") for field in fields if field.startswith("Vuln")}
        theirs = {name: fields[field] for field, name in names.items()}
        # It writes the first colon as a semicolon.
        ours = {name: state.replace(": ", "; ", 1) for name, state in inventory()["processors"]["mitigations"].items()}
        self.assertEqual(ours, {name: state.replace(": ", "; ", 1) for name, state in theirs.items()})


class Interfaces(unittest.TestCase):
    def test_agree_with_ip_and_ethtool(self):
        links = by("ifname", (link for link in json_of("ip -json -details link") if link["link_type"] == "ether"))
        ours = by("name", inventory()["interfaces"])
        self.assertEqual(sorted(ours), sorted(links))
        self.assertEqual(len(ours), 4)
        for name, link in links.items():
            driver = {key: value.strip() for key, _, value in (line.partition(":") for line in told(f"ethtool -i {name}").splitlines())}
            permanent = told(f"ethtool -P {name}").split()[-1]
            detected = "Link detected: yes" in told(f"ethtool {name}")
            theirs = [link["address"], permanent, driver["driver"], driver["bus-info"], driver["firmware-version"], detected]
            one = ours[name]
            with self.subTest(interface=name):
                # A virtio card is named there by its place on virtio's own bus.
                place = theirs.pop(3)
                if not place.startswith("virtio"):
                    self.assertEqual(one["pci_address"], place)
                keys = ["mac_address", "permanent_address", "driver", "firmware", "link"]
                self.assertEqual([one.get(key, "") for key in keys], theirs)

    def test_have_the_addresses_of_the_machine(self):
        addresses = {interface["permanent_address"] for interface in inventory()["interfaces"]}
        self.assertEqual(addresses, {f"52:54:00:00:00:{last}" for last in ("01", "11", "12", "13")})


class Others(unittest.TestCase):
    def test_the_bmc_agrees_with_ipmitool(self):
        theirs = blocks(told("ipmitool mc info"))[0]
        bmc = inventory()["bmc"]
        self.assertEqual([bmc["interface"], bmc["devices"]], ["KCS", ["ipmi0"]])
        self.assertEqual(bmc["ipmi_version"], theirs["IPMI Version"])
        numbers = [int(bmc[key], 16) for key in ("manufacturer_id", "product_id")]
        self.assertEqual(numbers, [int(theirs[key].split()[0]) for key in ("Manufacturer ID", "Product ID")])
        self.assertEqual(bmc["guid"], "22222222-3333-4444-5555-666666666666")
        self.assertEqual(float(bmc["firmware"]), float(theirs["Firmware Revision"]))

    def test_the_bmc_is_on_the_network_as_ipmitool_says(self):
        theirs = blocks(told("ipmitool lan print 1"))[0]
        (lan,) = json_of("shakedown bmc --format json")["bmc"]["lan"]
        self.assertEqual(lan, inventory()["bmc"]["lan"][0])
        self.assertEqual([lan["channel"], lan["source"]], [1, "static"])
        self.assertEqual(theirs["IP Address Source"], "Static Address")
        same = {"address": "IP Address", "mac_address": "MAC Address", "gateway": "Default Gateway IP"}
        for ours, key in same.items():
            self.assertEqual(lan[ours], theirs[key])
        self.assertEqual(str(ipaddress.ip_network(f"0.0.0.0/{lan['prefix']}").netmask), theirs["Subnet Mask"])
        self.assertEqual(str(lan["vlan"]), theirs["802.1q VLAN ID"])
        self.assertEqual(",".join(map(str, lan["cipher_suites"])), theirs["RMCP+ Cipher Suites"])

    def test_the_bmc_is_the_device_that_ipmitool_knows(self):
        theirs = blocks(told("ipmitool mc info"))[0]
        found = json_of("shakedown bmc --format json")
        self.assertEqual([found["bmc"]["device_id"], found["bmc"]["device_revision"]], [int(theirs[key]) for key in ("Device ID", "Device Revision")])
        self.assertEqual(found["gaps"], [])
        page = told("shakedown bmc")
        for word in ("0x000157", "2.45", "192.0.2.77/25", "52:54:00:bb:cc:dd"):
            self.assertIn(word, page)

    def test_a_bmc_that_may_not_be_opened_is_a_gap_and_the_rest_is_told(self):
        line = "setpriv --reuid 65534 --clear-groups shakedown bmc --format json --state-dir /nowhere"
        found = json_of(line)
        self.assertIn("/dev/ipmi0", [gap["path"] for gap in found["gaps"]])
        self.assertEqual(found["bmc"]["ipmi_version"], "2.0")

    def test_when_the_bmc_hangs_that_is_a_gap_and_the_rest_is_told(self):
        booted.machine.bmc.send_signal(signal.SIGSTOP)
        try:
            found = json.loads(booted.machine.output("shakedown bmc --format json"))
        finally:
            booted.machine.bmc.send_signal(signal.SIGCONT)
        self.assertIn("/dev/ipmi0", [gap["path"] for gap in found["gaps"]])
        self.assertEqual(found["bmc"]["interface"], "KCS")

    def test_trust_is_what_the_kernel_shows(self):
        trust = inventory()["trust"]
        major, description = (told(f"cat /sys/class/tpm/tpm0/{file}").strip() for file in ("tpm_version_major", "device/description"))
        self.assertEqual([(tpm["name"], tpm["version"], tpm["description"]) for tpm in trust["tpms"]], [("tpm0", 2, description)])
        self.assertEqual(major, "2")
        # The machine is entered past its firmware, so there is no UEFI whose Secure Boot could be on or off.
        self.assertEqual(told("ls /sys/firmware | grep -cx efi || true"), "0\n")
        self.assertEqual((trust["uefi"], trust["secure_boot"]), (False, None))

    def test_usb_devices_agree_with_lsusb(self):
        found = re.findall(r"Bus (\d+) Device (\d+): ID (\w{4}:\w{4})", told("lsusb"))
        # Root hubs are the kernel's.
        theirs = {(int(bus), int(device), ids) for bus, device, ids in found if not ids.startswith("1d6b:")}
        ours = {(*map(int, one["address"].split(":")), one["ids"]) for one in inventory()["usb"] if not one["ids"].startswith("1d6b:")}
        self.assertEqual(ours, theirs)
        self.assertIn("RIGUSB0001", {one.get("serial") for one in inventory()["usb"]})

    def test_temperatures_agree_with_smartctl(self):
        ours = sorted(round(one["value"]) for one in inventory()["sensors"] if one["chip"] == "nvme")
        disks = [name for name in told("ls /sys/block").split() if name.startswith("nvme") and "c" not in name]
        self.assertEqual(ours, sorted(json_of(f"smartctl --all --json /dev/{name}")["temperature"]["current"] for name in disks))

    def test_a_healthy_machine_has_no_findings(self):
        self.assertEqual(inventory()["findings"], [])
