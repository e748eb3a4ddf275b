"""A running emulated machine: boots it, runs commands in it, changes its hardware, ends it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import hardware
import image
import packages
import slot
from channel import Agent, Control, Failed

HERE = Path(__file__).resolve().parent
# Alone on a machine it takes 10 s; beside compilers it was seen to take half a minute.
BOOT_LIMIT = 240
PATH = "/share:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class NoBoot(Exception):
    """The machine did not get as far as to take commands; the text says what its console showed."""


class TimeLimit(Exception):
    """A command did not end in time. What it printed until then is kept."""

    def __init__(self, limit, stdout, stderr):
        super().__init__(f"the command was still running after {limit} s")
        self.stdout, self.stderr = stdout, stderr


class Done:
    """How a command in the guest ended: exit status (128 and more for a signal) and what it printed, in bytes."""

    def __init__(self, status, stdout, stderr):
        self.status, self.stdout, self.stderr = status, stdout, stderr


class Machine:
    """A machine whose files are in a folder: `share/` is `/share` in the guest, `console.log` what its kernel said.

    As a context it is booted at the start and ended at the end, whatever happens. `attach` gives one that another process booted.
    """

    def __init__(self, work=None, files=(), boot_limit=BOOT_LIMIT, system=image.RIG):
        self.given, self.files, self.boot_limit, self.system = work, files, boot_limit, system
        self.work = self.control = self.agent = self.bmc = None
        self.children = []
        self.commands = 0

    @classmethod
    def attach(cls, work):
        machine = cls(work)
        machine.work = Path(work).resolve()
        machine.connect()
        return machine

    @property
    def share(self):
        return self.work / "share"

    def __enter__(self):
        packages.require(packages.TO_RUN)
        system = image.ensure(self.system)
        try:
            self.prepare(system)
            self.boot(system)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def prepare(self, system):
        self.work = Path(self.given or tempfile.mkdtemp(prefix="shakedown-vm.")).resolve()
        (self.share / ".vm").mkdir(parents=True)
        (self.work / "disks").mkdir()
        (self.work / "root.ext4").symlink_to(system / "root.ext4")
        (self.work / "slot.aml").write_bytes(slot.table())
        for name, (size, _) in hardware.DISKS.items():
            with open(self.work / f"disks/{name}.img", "wb") as disk:
                disk.truncate(int(size[:-1]) << {"M": 20, "G": 30}[size[-1]])
        for file in self.files:
            copy = shutil.copytree if Path(file).is_dir() else shutil.copy
            copy(file, self.share / Path(file).resolve().name)

    def boot(self, system, can_lose_processors=False):
        (self.work / "tpm").mkdir(exist_ok=True)
        tpm = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.work}/tpm", "--ctrl", f"type=unixio,path={self.work}/tpm.sock"]
        self.start([*tpm, "--flags", "startup-clear"])
        self.wait_for("tpm.sock")
        self.bmc = self.start([sys.executable, str(HERE / "bmc.py"), f"{self.work}/bmc.sock"])
        options = hardware.arguments(system, self.work, self.system == image.SECURE, can_lose_processors)
        self.start([packages.QEMU, *options])
        self.wait_for("share/.vm/ready")
        self.connect()

    def start(self, command):
        """Starts a program that ends with this one."""
        with open(self.work / "qemu.log", "ab") as log:
            child = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.children.append(child)
        return child

    def wait_for(self, name):
        """Waits until a file in the folder is there."""
        end = time.monotonic() + self.boot_limit
        while not (self.work / name).exists():
            ended = [child.args[3] for child in self.children if child.poll() is not None]
            if ended:
                raise NoBoot(f"{ended[0]} has ended early; it said:\n{self.said()}")
            if time.monotonic() > end:
                raise NoBoot(f"not up after {self.boot_limit} s; it said:\n{self.said()}")
            time.sleep(0.05)

    def said(self):
        """The last lines of QEMU and of the guest's console."""
        logs = [self.work / name for name in ("qemu.log", "console.log")]
        lines = [line for log in logs if log.exists() for line in log.read_text(errors="replace").splitlines()[-15:]]
        return "\n".join(lines)

    def connect(self):
        self.control = Control(self.work / "qmp.sock")
        self.agent = Agent(self.work / "agent.sock")

    def reconnect(self):
        """Speaks to the agent of a system that was started anew in the same machine."""
        self.agent.channel.close()
        self.agent = Agent(self.work / "agent.sock")

    def disconnect(self):
        """Leaves control and agent to another process: each of them serves one at a time."""
        for client in (self.control, self.agent):
            client.channel.close()
        self.control = self.agent = None

    def run(self, line, limit=300):
        """Runs a line of bash in the guest, as root in `/share`."""
        self.commands += 1
        name = f"{os.getpid()}-{self.commands}"
        script, out, err = (self.share / ".vm" / f"{name}.{kind}" for kind in ("sh", "out", "err"))
        script.write_text(f"cd /share\n{line}\n")
        there = f"/share/.vm/{name}"
        shell = f"exec bash {there}.sh > {there}.out 2> {there}.err < /dev/null"
        environment = [f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8"]
        process = self.agent.ask("guest-exec", path="/bin/bash", arg=["-c", shell], env=environment)["pid"]
        end = time.monotonic() + limit
        while True:
            state = self.agent.ask("guest-exec-status", pid=process)
            printed = [file.read_bytes() if file.exists() else b"" for file in (out, err)]
            if state["exited"]:
                return Done(state.get("exitcode", 128 + state.get("signal", 0)), *printed)
            if time.monotonic() > end:
                raise TimeLimit(limit, *printed)
            time.sleep(0.1)

    def output(self, line, limit=300):
        """What a line of bash prints; it must succeed."""
        done = self.run(line, limit)
        if done.status != 0:
            raise Failed(f"exit status {done.status} of `{line}`: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode()

    def until(self, line, limit=60):
        """Repeats a line of bash until it succeeds."""
        end = time.monotonic() + limit
        while self.run(line).status != 0:
            if time.monotonic() > end:
                raise Failed(f"not true within {limit} s: {line}")

    def cut_power(self):
        """Ends the machine at once. Its disks keep what had reached them, the root disk excepted, which is as new at every boot."""
        for child in reversed(self.children):
            child.kill()
            child.wait()
        self.children = []

    def has_reset_itself(self, limit):
        """Waits until the machine wanted to reboot, where QEMU ends."""
        try:
            return self.children[-1].wait(limit) is not None
        except subprocess.TimeoutExpired:
            return False

    def power_on(self, can_lose_processors=False):
        """Boots a machine whose power was cut, a second time if it does not come up: see scripts/dev/vm-tests."""
        for attempts_left in (1, 0):
            for name in ("share/.vm/ready", "tpm.sock", "qmp.sock", "agent.sock"):
                (self.work / name).unlink(missing_ok=True)
            try:
                return self.boot(image.ensure(), can_lose_processors)
            except NoBoot:
                self.cut_power()
                if not attempts_left:
                    raise

    def end(self):
        """Takes the power away. Nothing on the machine's disks is kept but in a folder that was given."""
        self.cut_power()
        if self.work and not self.given:
            shutil.rmtree(self.work, ignore_errors=True)
