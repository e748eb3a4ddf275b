"""The emulated machine's software: a stock Debian kernel and a small Debian, made once and kept in the user's cache.

Three files: `vmlinux`, the kernel as an ELF file, which QEMU enters directly (an emulated processor takes seconds to unpack a
bzImage); `initramfs.cpio`, the first stage; `root.ext4`, the root disk, never written to. The `RIG` has all tools to look at hardware with
and no service manager, so it boots fast; `BARE` systems are what Debian installs, with systemd, to install the package in; `NETWORKING` has
netplan besides. `SECURE` is the rig once more, entered by UEFI firmware with Secure Boot: in its `esp` is what such a firmware starts.
"""

import contextlib
import fcntl
import hashlib
import lzma
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

import packages

HERE = Path(__file__).resolve().parent
ARCHIVE = "http://deb.debian.org/debian"
# With the kernel apart: its package would build an initramfs, which nobody needs.
KERNEL = "linux-image-amd64"
# Taken apart, too: the firmware, and what has the signatures that it and those after it ask for.
SIGNED = "ovmf shim-signed grub-efi-amd64-signed"
# The program, and its variables with the keys that machines are sold with.
FIRMWARE = ["OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd"]
PACKAGES = """
    udev systemd-standalone-sysusers kmod busybox-static qemu-guest-agent ca-certificates curl jq procps
    util-linux iproute2 ethtool pciutils usbutils dmidecode numactl lsscsi
    e2fsprogs parted dmsetup mdadm smartmontools nvme-cli hdparm sg3-utils sdparm ipmitool python3-minimal
""".split()
# What a machine with systemd has besides: the agent of this rig, what its network is set up with, and what the package recommends.
PACKAGES_OF_BARE = "systemd-sysv udev dbus kmod iproute2 procps qemu-guest-agent smartmontools".split()
LEFT_OUT = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"]
# Modules for the hardware of `hardware.py` and for tests to come; what these depend on comes along. Not among them: cryptography and
# virtualization in hardware, which udev would load for the processor's sake at a cost of seconds.
MODULES = """
    crypto lib arch/x86/events fs/efivarfs fs/pstore fs/ext4 fs/jbd2 fs/9p fs/netfs fs/fscache fs/fat fs/nls fs/isofs fs/xfs fs/overlayfs fs/fuse
    net/9p net/8021q net/bridge net/ipv4 net/ipv6 net/sched/sch_netem.ko
    drivers/acpi drivers/ata drivers/block drivers/cdrom drivers/char drivers/dca drivers/dma drivers/edac drivers/firmware
    drivers/gpu/drm/tiny drivers/hid drivers/hwmon drivers/i2c drivers/input drivers/md drivers/message drivers/misc
    drivers/net/bonding drivers/net/dummy.ko drivers/net/ethernet/intel drivers/net/ethernet/realtek drivers/net/macvlan.ko
    drivers/net/mdio drivers/net/phy drivers/net/tun.ko drivers/net/usb drivers/net/veth.ko drivers/net/virtio_net.ko
    drivers/nvme drivers/nvmem drivers/pci drivers/ptp drivers/scsi drivers/target drivers/thermal drivers/tty drivers/usb
    drivers/virtio drivers/watchdog
""".split()
NOT_MODULES = ("kernel/drivers/firmware/arm",)
# What takes an emulated processor seconds and nobody here waits for.
SLOW_UNITS = """
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer
    systemd-timesyncd.service getty@tty1.service serial-getty@ttyS0.service systemd-random-seed.service systemd-pcrphase.service
    qemu-guest-agent.service systemd-firstboot.service
""".split()
# Large enough for every file of PACKAGES and for what a test writes; sparse on this machine.
ROOT_SIZE = "1G"
ROOT_UUID = "5c3e5f7a-8d0b-4c56-9f0e-2a1f6b7d9c01"


class System(NamedTuple):
    """A Debian to boot: a name for it, its code name, its packages."""

    name: str
    suite: str
    packages: list


RIG = System("rig", "bookworm", PACKAGES)
# The newest is MAAS's ephemeral system as well, which has Python: MAAS's own runner is written in it.
BARE = [System("debian12", "bookworm", PACKAGES_OF_BARE), System("debian13", "trixie", [*PACKAGES_OF_BARE, "python3", "xz-utils"])]
SECURE = System("secure-boot", RIG.suite, RIG.packages)
NETWORKING = System("netplan", "bookworm", [*PACKAGES_OF_BARE, "netplan.io"])


def folder(system):
    """Where an image made of today's sources is or would be."""
    sources = [Path(__file__), *sorted((HERE / "guest").iterdir())]
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "shakedown/vm" / f"{system.name}-{digest[:16]}"


def ensure(system=RIG):
    """The folder with the image, which is built if it is not there yet. One process builds, others that want the same wait for it."""
    if system == SECURE:
        return with_esp(ensure(RIG))
    place = folder(system)
    if (place / "root.ext4").exists():
        return place
    if os.geteuid() != 0:
        raise packages.Unavailable("the guest's disk has to be built once as root: scripts/dev/vm build")
    place.parent.mkdir(parents=True, exist_ok=True)
    # One process installs what all need.
    with locked(place.parent / "lock"):
        packages.require(packages.TO_BUILD)
    kernel = ensure(RIG) if system != RIG else None
    with locked(place.parent / f"{system.name}.lock"):
        if not (place / "root.ext4").exists():
            work = place.with_suffix(".new")
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            try:
                build_bare(work, system, kernel) if kernel else build(work)
                shutil.rmtree(place, ignore_errors=True)
                work.rename(place)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return place


def with_esp(place):
    """The image of the rig, if what a secure machine starts with is there, too."""
    if not (place / "esp").exists():
        raise packages.Unavailable(f"the archive had no {SIGNED} when {place} was made; remove that to try again")
    return place


@contextlib.contextmanager
def locked(path):
    """One process at a time."""
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(work):
    """Makes the three files of the rig in a folder, and `modules`, which other systems need, too, and what `SECURE` starts with."""
    print(f"vm: building the guest ({RIG.suite}, takes a minute or two)", file=sys.stderr)
    root, kernel = work / "root", work / "kernel"
    debootstrap(root, RIG, work)
    for package in work.glob("*.deb"):
        run("dpkg-deb", "--extract", package, kernel)
        package.unlink()
    modules = next((kernel / "lib/modules").iterdir())
    version = modules.name
    run("depmod", "--basedir", kernel, version)
    (work / "vmlinux").write_bytes(elf_of((kernel / f"boot/vmlinuz-{version}").read_bytes()))
    copy_modules(modules, root / "lib/modules" / version)
    run("depmod", "--basedir", root, version)
    shutil.copytree(root / "lib/modules", work / "modules")
    make_initramfs(work, root, kernel, version)
    if (kernel / "usr/lib/shim").exists():
        make_esp(work, kernel, version)
    furnish(root)
    shutil.copy(HERE / "guest/init", root / "sbin/vm-init")
    make_disk(work, root)
    shutil.rmtree(kernel)


def build_bare(work, system, rig):
    """Makes the three files of a Debian with systemd, for the kernel of the rig."""
    print(f"vm: building {system.name} ({system.suite}, takes a minute)", file=sys.stderr)
    root = work / "root"
    debootstrap(root, system)
    shutil.copytree(rig / "modules", root / "lib/modules", dirs_exist_ok=True)
    for name in ["vmlinux", "initramfs.cpio"]:
        os.link(rig / name, work / name)
    furnish(root)
    (root / "sbin/vm-init").symlink_to("/lib/systemd/systemd")
    units = root / "etc/systemd/system"
    shutil.copy(HERE / "guest/vm-agent.service", units)
    (units / "multi-user.target.wants").mkdir(exist_ok=True)
    (units / "multi-user.target.wants/vm-agent.service").symlink_to("/etc/systemd/system/vm-agent.service")
    (units / "default.target").symlink_to("/lib/systemd/system/multi-user.target")
    for unit in SLOW_UNITS:
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    make_disk(work, root)


def make_disk(work, root):
    """The root disk from a folder, which goes."""
    run("mke2fs", "-q", "-t", "ext4", "-L", "root", "-U", ROOT_UUID, "-m", "0", "-d", root, work / "root.ext4", ROOT_SIZE)
    shutil.rmtree(root)


def sources(suite):
    """The archives to take Debian from: this machine's, if it is the same Debian, else (an empty list) the public ones."""
    listed = ["apt-get", "indextargets", "--format", "deb $(REPO_URI) $(CODENAME) $(COMPONENT)", "Created-By: Packages"]
    lines = subprocess.run(listed, capture_output=True, text=True).stdout.splitlines()
    wanted = {suite, f"{suite}-updates", f"{suite}-security"}
    archives = [line for line in dict.fromkeys(lines) if line.split()[2] in wanted and line.split()[3] == "main"]
    base = [line.split()[1] for line in archives if line.split()[2] == suite]
    probe = f"{(base or [ARCHIVE])[0].rstrip('/')}/dists/{suite}/InRelease"
    if probe.startswith("http"):
        try:
            urllib.request.urlopen(probe, timeout=20).close()
        except (urllib.error.URLError, OSError) as error:
            raise packages.Unavailable(f"no Debian archive to build the guest from: {probe}: {error}") from error
    return archives if base else []


def debootstrap(root, system, beside=None):
    """A Debian in a folder; on request the packages of the newest kernel, and of what starts it, in another."""
    # Run with the new system's own lists of packages.
    fetch = (
        f'cd "{beside}" && export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" && '
        f"package=$(apt-cache depends {KERNEL} | sed -n 's/.*Depends: \\(linux-image-[^ ]*\\).*/\\1/p' | head -n 1) && "
        'get="apt-get -qq -o APT::Sandbox::User=root download" && '
        f'$get "$package" && {{ $get {SIGNED} || true; }}'
    )
    options = ["--mode=root", "--format=directory", "--variant=minbase", f"--include={','.join(system.packages)}"]
    options += ['--aptopt=APT::Install-Recommends "false"']
    options += [f"--customize-hook={fetch}"] if beside else []
    options += [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    run("mmdebstrap", *options, system.suite, root, *sources(system.suite))


def elf_of(image):
    """The ELF file that a bzImage carries compressed."""
    formats = {b"\xfd7zXZ\x00": unpack_xz, b"\x28\xb5\x2f\xfd": unpack_zstd}
    for magic, unpack in formats.items():
        place = image.find(magic)
        while place >= 0:
            content = unpack(image[place:])
            if content[:4] == b"\x7fELF":
                return content
            place = image.find(magic, place + 1)
    sys.exit("vm: the kernel is packed in a way that is not known here")


def unpack_xz(data):
    try:
        return lzma.LZMADecompressor().decompress(data)
    except lzma.LZMAError:
        return b""


def unpack_zstd(data):
    return subprocess.run(["zstd", "-dcq"], input=data, capture_output=True).stdout


def copy_modules(source, target):
    """Copies the wanted modules and all that they depend on."""
    needs = {}
    for line in (source / "modules.dep").read_text().splitlines():
        name, _, others = line.partition(":")
        needs[name] = others.split()
    prefixes = tuple(f"kernel/{one}" if one.endswith(".ko") else f"kernel/{one}/" for one in MODULES)
    wanted = {name for name in needs if name.startswith(prefixes) and not name.startswith(NOT_MODULES)}
    wanted |= {other for name in wanted for other in needs[name]}
    for name in [*wanted, "modules.builtin", "modules.builtin.modinfo", "modules.order"]:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, target / name)


def make_initramfs(work, root, kernel, version):
    """Busybox, and the modules for the root disk in the order in which they are loaded."""
    order = []
    for module in ["virtio_pci", "virtio_blk", "crc32c_generic", "ext4"]:
        show = ["modprobe", "--dirname", str(kernel), "--set-version", version, "--show-depends", module]
        lines = subprocess.run(show, capture_output=True, text=True, check=True).stdout.splitlines()
        order += [words[1] for words in map(str.split, lines) if words[0] == "insmod"]
    order = list(dict.fromkeys(order))
    tree = work / "initramfs"
    for name in ["bin", "dev", "proc", "sys", "root", "modules"]:
        (tree / name).mkdir(parents=True)
    for path in order:
        shutil.copy(path, tree / "modules")
    (tree / "modules/order").write_text("".join(f"{Path(path).name}\n" for path in order))
    shutil.copy(root / "bin/busybox", tree / "bin/busybox")
    shutil.copy(HERE / "guest/first", tree / "init")
    names = "".join(f"{path.relative_to(tree)}\0" for path in sorted(tree.rglob("*")))
    with open(work / "initramfs.cpio", "wb") as out:
        subprocess.run(
            ["cpio", "--create", "--null", "--format=newc", "--quiet", "--owner=0:0"],
            input=names.encode(), stdout=out, cwd=tree, check=True,
        )
    shutil.rmtree(tree)


def make_esp(work, signed, version):
    """The firmware, and the folder that it finds on a disk: it starts shim, that GRUB, that the kernel, each if its signature is good."""
    boot, settings = work / "esp/EFI/BOOT", work / "esp/EFI/debian"
    boot.mkdir(parents=True)
    settings.mkdir()
    shutil.copy(signed / "usr/lib/shim/shimx64.efi.signed", boot / "BOOTX64.EFI")
    shutil.copy(signed / "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", boot / "grubx64.efi")
    shutil.copy(HERE / "guest/grub.cfg", settings)
    shutil.copy(signed / f"boot/vmlinuz-{version}", work / "esp/vmlinuz")
    os.link(work / "initramfs.cpio", work / "esp/initramfs.cpio")
    for name in FIRMWARE:
        shutil.copy(signed / "usr/share/OVMF" / name, work)


def furnish(root):
    """What makes the Debian a guest."""
    shutil.copy(HERE / "guest/agent", root / "sbin/vm-agent")
    (root / "etc/hostname").write_text("rig\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost rig\n10.0.2.2 host\n")
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    # Under emulation the clock's tick takes up to ten seconds to come, for which udev would wait.
    (root / "etc/udev/rules.d/85-hwclock.rules").symlink_to("/dev/null")
    for name in ["var/cache/apt", "var/lib/apt/lists"]:
        shutil.rmtree(root / name)
    for node in (root / "dev").iterdir():
        shutil.rmtree(node) if node.is_dir() and not node.is_symlink() else node.unlink()


def run(*command):
    """Runs a program that must succeed; what it said is shown only if it does not."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        sys.exit(f"{done.stdout[-3000:]}\nvm: {command[0]} failed with {done.returncode} while the guest was built")
