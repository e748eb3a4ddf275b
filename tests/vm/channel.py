"""JSON objects, one in a line, over a UNIX socket: how QEMU and its agent in the guest are spoken to."""

import json
import socket
import time


class Failed(Exception):
    """The other side answered with an error, or not in time."""


class Channel:
    """A connection to one of the sockets that QEMU listens on."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.connect(str(path))
        except OSError as error:
            raise Failed(f"{path}: {error}") from error
        self.rest = b""

    def send(self, **message):
        try:
            self.socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise Failed(f"the machine has gone: {error}") from error

    def receive(self, limit):
        """The next object, waited for up to `limit` seconds."""
        end = time.monotonic() + limit
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left <= 0:
                raise Failed(f"no answer within {limit:.0f} s; does another process speak to the machine?")
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(1 << 16)
            except socket.timeout:
                continue
            except OSError as error:
                raise Failed(f"the machine has gone: {error}") from error
            if not data:
                raise Failed("the machine has gone")
            self.rest += data
        line, _, self.rest = self.rest.partition(b"\n")
        return json.loads(line)

    def close(self):
        self.socket.close()


class Agent:
    """The QEMU guest agent."""

    def __init__(self, path):
        self.channel = Channel(path)
        # What an earlier client left half read is passed over.
        token = time.monotonic_ns() & 0x7FFF_FFFF
        self.channel.send(execute="guest-sync", arguments={"id": token})
        while self.channel.receive(60).get("return") != token:
            pass

    def ask(self, command, **arguments):
        """Runs a command of the agent and returns its answer."""
        self.channel.send(execute=command, arguments=arguments)
        answer = self.channel.receive(120)
        if "error" in answer:
            raise Failed(f"{command}: {answer['error']['desc']}")
        return answer["return"]


class Control:
    """QMP: the machine from outside."""

    def __init__(self, path):
        self.channel = Channel(path)
        self.channel.receive(60)
        self.events = []
        self.ask("qmp_capabilities")

    def ask(self, command, arguments=None, limit=60):
        """Runs a command and returns its answer; events that come meanwhile are kept."""
        self.channel.send(execute=command, arguments=arguments or {})
        while True:
            answer = self.channel.receive(limit)
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise Failed(f"{command}: {answer['error']['desc']}")
            else:
                return answer["return"]

    def event(self, name, limit=60, **data):
        """The next event of that name with that data."""
        end = time.monotonic() + limit
        while True:
            for place, event in enumerate(self.events):
                if event["event"] == name and data.items() <= event.get("data", {}).items():
                    return self.events.pop(place)
            answer = self.channel.receive(max(end - time.monotonic(), 0))
            if "event" in answer:
                self.events.append(answer)
