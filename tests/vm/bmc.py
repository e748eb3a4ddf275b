"""A BMC for the emulated machine: a process of its own behind QEMU's `ipmi-bmc-extern`, since the BMC inside QEMU has no network.

Started with the path of QEMU's socket. It knows what is asked of it when a machine is inventoried, and says of every other command that
it does not know it; whoever tried to change something would find it in its log.
"""

import socket
import sys
import time

GUID = bytes.fromhex("22222222333344445555666666666666")
MESSAGE_END, COMMAND_END, ESCAPE = 0xA0, 0xA1, 0xAA
APPLICATION, TRANSPORT = 0x06, 0x0C
UNKNOWN_COMMAND, UNKNOWN_PARAMETER, INVALID_FIELD = 0xC1, 0x80, 0xCC
# Revision 1, firmware 2.45, IPMI 2.0, maker 343, product 0x1234.
DEVICE = bytes([0x20, 0x01, 2, 0x45, 0x02, 0x84, 0x57, 0x01, 0, 0x34, 0x12, 0, 0, 0, 0])
LAN_CHANNEL, SERIAL_CHANNEL = 1, 2
LAN = {
    0: bytes([0]),
    3: bytes([192, 0, 2, 77]),
    4: bytes([1]),
    5: bytes.fromhex("525400bbccdd"),
    6: bytes([255, 255, 255, 128]),
    12: bytes([192, 0, 2, 1]),
    20: (0x8000 | 123).to_bytes(2, "little"),
    22: bytes([2]),
    23: bytes([0, 3, 17, *[0] * 14]),
    51: bytes([0]),
}


def answer(function, command, data):
    """Completion code and data."""
    if (function, command) == (APPLICATION, 0x01):
        return b"\0" + DEVICE
    if (function, command) in ((APPLICATION, 0x08), (APPLICATION, 0x37)):
        return b"\0" + GUID
    # What the kernel asks and sets in the interface itself: enables and flags, none.
    if (function, command) in ((APPLICATION, 0x2F), (APPLICATION, 0x31)):
        return b"\0\0"
    if (function, command) in ((APPLICATION, 0x2E), (APPLICATION, 0x30)):
        return b"\0"
    if (function, command) == (APPLICATION, 0x42) and data:
        # 0x0e is the channel that the question came by.
        medium = {LAN_CHANNEL: 4, SERIAL_CHANNEL: 5, 0x0E: 0x0C}.get(data[0] & 0xF)
        if medium is None:
            return bytes([INVALID_FIELD])
        return bytes([0, data[0] & 0xF, medium, 1, 0, 0xF2, 0x1B, 0, 0, 0])
    if (function, command) == (TRANSPORT, 0x02) and len(data) == 4 and data[0] & 0xF == LAN_CHANNEL:
        value = LAN.get(data[1])
        return bytes([UNKNOWN_PARAMETER]) if value is None else b"\0\x11" + value
    return bytes([UNKNOWN_COMMAND])


def packed(message):
    """With its checksum, its end, and escapes for what would look like an end."""
    message += bytes([-sum(message) & 0xFF])
    escaped = ([ESCAPE, byte | 0x10] if byte in (MESSAGE_END, COMMAND_END, ESCAPE) else [byte] for byte in message)
    return bytes(byte for part in escaped for byte in part) + bytes([MESSAGE_END])


def messages(stream):
    """Those of QEMU; its commands about the machine's power are passed over."""
    message, escaped = bytearray(), False
    while byte := stream.recv(1):
        byte = byte[0]
        if byte == MESSAGE_END and sum(message) & 0xFF == 0 and len(message) >= 4:
            yield bytes(message[:-1])
        if byte in (MESSAGE_END, COMMAND_END):
            message.clear()
        elif byte == ESCAPE:
            escaped = True
        else:
            message.append(byte & ~0x10 if escaped else byte)
            escaped = False


def main(path):
    stream = socket.socket(socket.AF_UNIX)
    while stream.connect_ex(path):
        time.sleep(0.05)
    # The version of this protocol.
    stream.sendall(bytes([0xFF, 1, COMMAND_END]))
    for number, function, command, *data in messages(stream):
        told = answer(function >> 2, command, data)
        if told[0] == UNKNOWN_COMMAND:
            print(f"unknown: {function >> 2:#04x} {command:#04x} {bytes(data).hex()}", flush=True)
        stream.sendall(packed(bytes([number, function | 4, command]) + told))


if __name__ == "__main__":
    main(sys.argv[1])
