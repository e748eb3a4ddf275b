"""What the emulated machine needs on this one: QEMU and the tools that make a disk. Installed where that is possible."""

import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

# The first with the SR-IOV network card that the machine has.
OLDEST_QEMU = (8, 0)
QEMU = "qemu-system-x86_64"
TO_RUN = {QEMU: "qemu-system-x86", "swtpm": "swtpm", "setpriv": "util-linux"}
TO_BUILD = {"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs", "depmod": "kmod", "cpio": "cpio", "dpkg-deb": "dpkg", "apt-get": "apt"}


class Unavailable(Exception):
    """The machine cannot be had here; the text says why in one line."""


def require(tools):
    """Makes sure that programs are there, and that QEMU is new enough."""
    if platform.machine() != "x86_64":
        raise Unavailable(f"the emulated machine is an x86_64 one, programs of this {platform.machine()} would not run in it")
    # mke2fs and depmod are not on the path of every user.
    if "/usr/sbin" not in os.environ["PATH"].split(":"):
        os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        install(missing, sorted({tools[tool] for tool in missing}))
    if QEMU in tools and qemu_version() < OLDEST_QEMU:
        oldest, found = (".".join(map(str, version)) for version in (OLDEST_QEMU, qemu_version()))
        raise Unavailable(f"QEMU {oldest} or newer is needed, here is {found}")


def qemu_version():
    """Major and minor version of the QEMU on the path."""
    told = subprocess.run([QEMU, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"version (\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def install(missing, packages):
    lack = f"{', '.join(missing)} missing"
    if not shutil.which("apt-get"):
        raise Unavailable(f"{lack}, and there is no apt-get to install it with")
    if os.geteuid() != 0:
        raise Unavailable(f"{lack}; install it, or run this once as root: {' '.join(packages)}")
    with tempfile.TemporaryDirectory() as place:
        options = ["-qq", "-y", "--no-install-recommends"]
        if "qemu-system-x86" in packages and release().get("VERSION_CODENAME") == "bookworm":
            # Debian 12's own QEMU is too old. Backports are used for this one call, not added to the machine's sources.
            options += backports(Path(place)) + ["--target-release", "bookworm-backports"]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", *packages]):
            done = subprocess.run(["apt-get", *options, *command], env=environment, capture_output=True, text=True)
            if done.returncode != 0:
                said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
                raise Unavailable(f"{lack}, and apt-get {command[0]} failed: {said}")
    still = [tool for tool in missing if not shutil.which(tool)]
    if still:
        raise Unavailable(f"{', '.join(still)} missing, although {' '.join(packages)} was installed")


def backports(place):
    """Options of apt-get for the machine's own sources and backports, with lists of packages of its own."""
    own, source = Path("/etc/apt/sources.list"), place / "sources.list"
    source.write_text((own.read_text() if own.exists() else "") + "\ndeb http://deb.debian.org/debian bookworm-backports main\n")
    (place / "lists/partial").mkdir(parents=True)
    return ["-o", f"Dir::Etc::SourceList={source}", "-o", f"Dir::State::Lists={place}/lists"]


def release():
    """The keys of /etc/os-release."""
    path = Path("/etc/os-release")
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {key: value.strip('"') for key, value in pairs}
