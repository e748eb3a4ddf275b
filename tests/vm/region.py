"""A region on this side of the emulated machine: `shakedown sandbox` on the loopback, which the machine reaches as 10.0.2.2."""

import base64
import json
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import booted

# How the guest calls this machine.
HOST = "10.0.2.2"
# Seconds, for a program on this side.
LIMIT = 120


class Region:
    """A region with scripts from folders. `disks_of` is the snapshot of a machine whose disks and interfaces it knows."""

    def __init__(self, *folders, disks_of=None, options=()):
        self.place = Path(tempfile.mkdtemp(prefix="shakedown-region."))
        command = [booted.program, "sandbox", *(word for folder in folders for word in ("--scripts", folder)), *options]
        command += ["--root", disks_of] if disks_of else []
        with open(self.place / "log", "w") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *map(str, command)], stdout=subprocess.PIPE, stderr=log, text=True
            )
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the region did not start: {(self.place / 'log').read_text()}")
        self.told = json.loads(line)

    def end(self):
        self.process.terminate()
        self.process.wait(LIMIT)
        self.process.stdout.close()
        for file in self.place.iterdir():
            file.unlink()
        self.place.rmdir()

    def config(self):
        """The node's configuration with addresses that lead here from inside the machine."""
        return Path(self.told["config"]).read_text().replace("127.0.0.1", HOST)

    def boot(self):
        """What the region gives a machine that boots for what it is to run: its configuration, with addresses that lead here from inside it."""
        address = f"{self.told['url']}metadata/latest/by-id/{self.told['system_id']}/?op=get_preseed"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(address, timeout=LIMIT) as answer:
            return answer.read().decode().replace("127.0.0.1", HOST)

    def operate(self, operation):
        """Has the region do something with the node, as its operator does: commission it, test it."""
        return self.ask(f"machines/{self.told['system_id']}/?op={operation}", data=b"")

    def ask(self, path, data=None):
        """An answer of the region's API to its administrator."""
        consumer, key, secret = self.told["api_key"].split(":")
        fields = {
            "oauth_version": "1.0", "oauth_signature_method": "PLAINTEXT", "oauth_consumer_key": consumer, "oauth_token": key,
            "oauth_signature": f"%26{secret}", "oauth_nonce": time.monotonic_ns(), "oauth_timestamp": int(time.time()),
        }
        header = "OAuth " + ", ".join(f'{name}="{value}"' for name, value in fields.items())
        request = urllib.request.Request(f"{self.told['url']}api/2.0/{path}", data=data, headers={"Authorization": header})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=LIMIT) as answer:
            return json.load(answer)

    def status(self):
        """The node's status, as the region shows it."""
        return self.ask(f"machines/{self.told['system_id']}/")["status_name"]

    def results(self):
        """The rows of all sets, with outputs as text and what is known of the device that each is about, if it is about one."""
        rows = []
        for group in self.ask(f"nodes/{self.told['system_id']}/results/?include_output=true"):
            for row in group["results"]:
                for key in ("output", "stdout", "stderr", "result"):
                    row[key] = base64.b64decode(row[key]).decode(errors="replace")
                row["device"] = next((one["value"] for one in row["parameters"].values() if isinstance(one["value"], dict)), {})
                rows.append(row)
        return rows

    def events(self):
        """The texts of its event log, oldest first."""
        return [event["description"] for event in reversed(self.ask("events/?op=query&level=DEBUG&limit=1000")["events"])]
