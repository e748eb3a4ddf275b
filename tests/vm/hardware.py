"""The emulated machine: a server with two sockets, eight kinds of disk, four network cards, a BMC and a TPM, as QEMU's options.

Devices stand in the order in which they get their PCI addresses. Two sockets of two cores with two threads each, the second
empty; two NUMA nodes; four slots for memory modules; free root ports `free1` to `free4`, the bus `scsi.0` and the bus `usb.0` take
devices while the machine runs. For the links of PCI Express, which QEMU's cards cannot tell the truth about, there is the slot of slot.py.
"""

from image import FIRMWARE

# Above the kernel and below the firmware's tables. The usual `-initrd` would put the first stage on top of those, which damages one or
# the other as soon as there is a TPM.
INITRAMFS = 0x800_0000
# Also kept from the kernel: the registers of slot.py, and what a kernel that crashes leaves to the next one.
SLOT = INITRAMFS + (6 << 20)
CRASH, CRASH_SIZE = SLOT + (2 << 20), 1 << 20
# The guest's interface to this machine; it finds it by this address.
HOST_INTERFACE = "52:54:00:00:00:01"

# Name, size, and the device that it is behind.
DISKS = {
    "nvme0": ("2G", "nvme,bus=port1,serial=RIGNVME0001"),
    "nvme1": ("1G", "nvme,bus=port2,serial=RIGNVME0002"),
    "sata0": ("4G", "ide-hd,bus=ide.0,serial=RIGSATA0001,model=RIG HDD 4000,wwn=0x5000c50000000001,rotation_rate=7200"),
    "sata1": ("1G", "ide-hd,bus=ide.1,serial=RIGSATA0002,model=RIG SSD 1000,wwn=0x5000c50000000002,rotation_rate=1"),
    "scsi0": ("1G", "scsi-hd,bus=scsi.0,scsi-id=0,serial=RIGSCSI0001,vendor=RIGCORP,product=SCSI DISK,wwn=0x5000c50000000010,rotation_rate=10000"),
    "sas0": ("1G", "scsi-hd,bus=raid.0,scsi-id=0,serial=RIGSAS0001,vendor=RIGCORP,product=SAS DISK,wwn=0x5000c50000000020,rotation_rate=15000"),
    "virtio0": ("1G", "virtio-blk-pci,serial=RIGVBLK0001"),
    "usb0": ("512M", "usb-storage,bus=usb.0,serial=RIGUSB0001,removable=on"),
}

SMBIOS = [
    "type=0,vendor=RigBIOS,version=1.2.3,date=01/02/2024,release=1.2",
    "type=1,manufacturer=RigCorp,product=Rig Server 9000,version=A1,serial=RIG-SYS-0001"
    ",uuid=11111111-2222-3333-4444-555555555555,sku=RIG-SKU,family=Rig",
    "type=2,manufacturer=RigCorp,product=RigBoard,version=B1,serial=RIG-MB-0001,asset=RIG-ASSET-MB,location=Slot0",
    "type=3,manufacturer=RigCorp,version=C1,serial=RIG-CH-0001,asset=RIG-ASSET-CH",
    "type=4,sock_pfx=CPU,manufacturer=RigCorp,version=Rig CPU,serial=RIG-CPU-0001,asset=RIG-ASSET-CPU,part=RIG-CPU-PN",
    "type=17,loc_pfx=DIMM,bank=BANK,manufacturer=RigMem,serial=RIG-DIMM-0001,asset=RIG-ASSET-DIMM,part=RIG-DDR-PN,speed=3200",
]


def arguments(image, work, is_secure=False, can_lose_processors=False):
    """All of QEMU's options, for an image and a folder with `share/`, `disks/` and the sockets. A secure machine starts by its firmware."""
    start = [*platform(can_lose_processors), *(firmware(image) if is_secure else software(image, work)), *channels(work)]
    return [*start, *devices(work, image / "esp" if is_secure else None)]


def platform(can_lose_processors):
    """Processors, memory, firmware.

    Emulated by one thread for all processors: with several, QEMU was seen to fail, or to hang, while these start. But when a processor is
    taken away, QEMU waits for the end of its thread. So a machine that can lose some has a thread for each, and one alone at the start.
    """
    threads, processors = ("multi", 1) if can_lose_processors else ("single", 4)
    return [
        *options(f"-nodefaults -no-user-config -display none -no-reboot -machine q35 -accel tcg,thread={threads}"),
        # QEMU's own model claims AMD without the bit that tells threads of a core apart.
        *("-cpu", "max,vendor=GenuineIntel,model-id=Rig Virtual CPU"),
        *options(f"-smp {processors},maxcpus=8,sockets=2,cores=2,threads=2 -m 1024,slots=4,maxmem=8G"),
        *options("-object memory-backend-ram,id=ram0,size=512M -object memory-backend-ram,id=ram1,size=512M"),
        *options("-numa node,nodeid=0,memdev=ram0 -numa node,nodeid=1,memdev=ram1"),
        *options("-numa cpu,node-id=0,socket-id=0 -numa cpu,node-id=1,socket-id=1 -numa dist,src=0,dst=1,val=20"),
        *(word for table in SMBIOS for word in ("-smbios", table)),
    ]


def software(image, work):
    """The kernel and its first stage, as a piece of memory that the kernel is told to keep; at its end the slot, and where that is told."""
    size = (image / "initramfs.cpio").stat().st_size
    assert INITRAMFS + size <= SLOT, f"a first stage of {size} bytes reaches into the slot"
    line = [
        *(f"initrdmem={INITRAMFS:#x},{size}", f"memmap={(CRASH + CRASH_SIZE - INITRAMFS) >> 20}M${INITRAMFS:#x}", "retain_initrd"),
        *("console=ttyS0", "loglevel=4", "panic=-1"),
        # What saves an emulated processor time: no calibration of delays, no checks of timers, no mitigations.
        *("lpj=5000000", "tsc=reliable", "no_timer_check", "mitigations=off"),
        # `iomem`: the registers of slot.py may be written while the kernel uses them.
        *("memhp_default_state=online_movable", "iomem=relaxed"),
    ]
    return [
        *("-kernel", str(image / "vmlinux"), "-append", " ".join(line)),
        *("-device", f"loader,file={image}/initramfs.cpio,addr={INITRAMFS:#x},force-raw=on"),
        *("-acpitable", f"sig=SSDT,data={work}/slot.aml"),
    ]


def firmware(image):
    """UEFI with Secure Boot: what it keeps can be written in system management mode only."""
    code, variables = (image / name for name in FIRMWARE)
    return [
        # Once this firmware has used the PIT, the kernel takes it for a measure of the processor's clock and is wrong by a factor.
        *options("-machine smm=on,pit=off -global driver=cfi.pflash01,property=secure,value=on"),
        *("-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}"),
        *("-drive", f"if=pflash,unit=1,format=raw,snapshot=on,file={variables}"),
    ]


def channels(work):
    """The ways between guest and host: console, control, agent, shared folder, network; and the root disk."""
    return [
        *("-serial", f"file:{work}/console.log", "-qmp", f"unix:{work}/qmp.sock,server=on,wait=off"),
        *devices_of("virtio-rng-pci", "virtio-serial-pci"),
        *("-chardev", f"socket,id=agent,path={work}/agent.sock,server=on,wait=off"),
        *devices_of("virtserialport,chardev=agent,name=org.qemu.guest_agent.0"),
        *("-fsdev", f"local,id=share,path={work}/share,security_model=none,multidevs=remap"),
        *devices_of("virtio-9p-pci,fsdev=share,mount_tag=share"),
        # What is written to the root disk goes to a file that nobody keeps.
        *("-drive", f"if=none,id=root,format=raw,snapshot=on,file={work}/root.ext4"),
        *devices_of("virtio-blk-pci,drive=root,serial=RIGROOT"),
        *options("-netdev user,id=host"),
        *devices_of(f"virtio-net-pci,id=nic0,netdev=host,mac={HOST_INTERFACE},romfile="),
    ]


def devices(work, esp=None):
    """The hardware that is there to be found. A folder to start from is what is on a disk."""
    start = "" if esp is None else ",bootindex=0"
    result = [f"pcie-root-port,id=port{n},chassis={n},slot={n}" for n in range(1, 7)]
    result += [f"pcie-root-port,id=free{n},chassis={16 + n},slot={16 + n}" for n in range(1, 5)]
    result += [disk("nvme0"), disk("nvme1"), disk("sata0"), disk("sata1"), "ide-cd,bus=ide.2"]
    result += ["virtio-scsi-pci,id=scsi", disk("scsi0"), "megasas,id=raid,bus=port3", disk("sas0"), disk("virtio0") + start]
    result += ["qemu-xhci,id=usb,p2=8,p3=8", "usb-kbd,bus=usb.0", "usb-tablet,bus=usb.0", disk("usb0")]
    # One cable between the first two; that of the third leads nowhere.
    result += [f"e1000e,id=nic1,bus=port4,netdev=cable1,mac=52:54:00:00:00:11,romfile="]
    result += [f"igb,id=nic2,bus=port5,netdev=cable2,mac=52:54:00:00:00:12,romfile="]
    result += [f"rtl8139,id=nic3,netdev=cable3,mac=52:54:00:00:00:13,romfile="]
    result += ["ipmi-bmc-extern,id=bmc,chardev=bmc", "isa-ipmi-kcs,bmc=bmc"]
    # The last has no driver.
    result += ["i6300esb", "VGA,romfile=", "edu", "tpm-crb,tpmdev=tpm"]
    return [
        *options("-netdev hubport,id=cable1,hubid=1 -netdev hubport,id=cable2,hubid=1 -netdev hubport,id=cable3,hubid=3"),
        *(word for name in DISKS for word in ("-drive", drive(name, work, esp))),
        *("-chardev", f"socket,id=bmc,path={work}/bmc.sock,server=on,wait=off"),
        *("-chardev", f"socket,id=tpm,path={work}/tpm.sock", *options("-tpmdev emulator,id=tpm,chardev=tpm")),
        *devices_of(*result),
    ]


def disk(name):
    return f"{DISKS[name][1]},id={name},drive={name}"


def drive(name, work, esp):
    if esp and name == "virtio0":
        return f"if=none,id={name},format=raw,readonly=on,file=fat:{esp}"
    return f"if=none,id={name},format=raw,cache=unsafe,discard=unmap,file={work}/disks/{name}.img"


def devices_of(*devices):
    return [word for device in devices for word in ("-device", device)]


def options(line):
    """Options without spaces in them."""
    return line.split()
