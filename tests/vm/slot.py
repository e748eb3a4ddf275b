"""A slot for a PCI Express card that is nothing but registers, so that a test can say how its link came up.

QEMU's own cards always say that their link does all that they can, and let nobody change it. So the machine has a second PCI root bridge,
told of in an ACPI table, whose configuration space is a piece of the guest's memory: empty, and thus without a device, until a test writes
one there. What the kernel and lspci read of it are registers like any other's.
"""

import contextlib
import struct

import hardware

# Two buses of a megabyte each: a port, and the card behind it.
BUS, BUSES = 1 << 20, 2
PORT, CARD = "0001:00:00.0", "0001:01:00.0"
# A card that has a name and no driver in the guest.
ROOT_PORT_IDS, CARD_IDS = (0x1B36, 0x000C), (0x15B3, 0x1017)
CAPABILITIES, EXPRESS, CAPABILITY_BIT, LINK_ACTIVE = 0x40, 0x10, 1 << 4, 1 << 13
# GT/s in the order of their numbers, which begin with 1.
SPEEDS = (2.5, 5, 8, 16)


def table():
    """The body of an SSDT that tells of the root bridge (ACPI 6.5, 20.2; `_CBA`: PCI Firmware 3.3, 4.1.3)."""
    # A WordBusNumber with fixed ends, and the end tag.
    buses = struct.pack("<BHBBBHHHHH", 0x88, 13, 2, 0x0C, 0, 0, 0, BUSES - 1, 0, BUSES) + b"\x79\0"
    names = {
        b"_HID": b"\x0c" + bytes.fromhex("41d00a03"),  # PNP0A03
        b"_UID": b"\x0a\x09",
        b"_SEG": b"\x01",
        b"_CBA": b"\x0c" + struct.pack("<I", hardware.SLOT),
        b"_CRS": b"\x11" + package(b"\x0a" + bytes([len(buses)]) + buses),
    }
    device = b"SLOT" + b"".join(b"\x08" + name + value for name, value in names.items())
    return b"\x10" + package(b"\\_SB_" + b"\x5b\x82" + package(device))


def package(body):
    """With its length before it, which counts itself."""
    if len(body) < 0x3F:
        return bytes([len(body) + 1]) + body
    length = len(body) + 2
    return bytes([0x40 | length & 0xF, length >> 4]) + body


def link(speed, width):
    return SPEEDS.index(speed) + 1 | width << 4


def function(ids, device_class, kind, most, now, is_bridge=False):
    """The registers of a function whose link can do `most` and does `now`, each a pair of GT/s and lanes (PCI Express 5.0, 7.5)."""
    space = bytearray(4096)
    struct.pack_into("<HHHHI", space, 0, *ids, 0, CAPABILITY_BIT, device_class << 8)
    if is_bridge:
        space[0x0E] = 1
        space[0x18:0x1B] = bytes([0, 1, 1])
    space[0x34] = CAPABILITIES
    struct.pack_into("<BBH", space, CAPABILITIES, EXPRESS, 0, 2 | kind << 4)
    struct.pack_into("<IHH", space, CAPABILITIES + 0x0C, link(*most), 0, link(*now) | LINK_ACTIVE)
    # All speeds up to the highest.
    struct.pack_into("<I", space, CAPABILITIES + 0x2C, (2 << SPEEDS.index(most[0]) + 1) - 2)
    return bytes(space)


@contextlib.contextmanager
def card(machine, most, now):
    """A card that can do `most` is in the slot, which is one for 16 lanes of 16 GT/s, and its link came up as `now` says."""
    port = function(ROOT_PORT_IDS, 0x060400, 4, (16, 16), now, is_bridge=True)
    write(machine, port.ljust(BUS, b"\0") + function(CARD_IDS, 0x020000, 0, most, now))
    try:
        machine.output(f"echo 1 > /sys/bus/pci/rescan && [ -e /sys/bus/pci/devices/{CARD} ]")
        yield
    finally:
        machine.output(f"echo 1 > /sys/bus/pci/devices/{PORT}/remove")
        write(machine, bytes(BUSES * BUS))


def write(machine, registers):
    (machine.share / "registers").write_bytes(registers)
    machine.output(f"dd if=/share/registers of=/dev/mem bs=4096 seek={hardware.SLOT // 4096} conv=notrunc status=none")
