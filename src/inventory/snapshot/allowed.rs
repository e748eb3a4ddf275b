//! What may stay in a snapshot: numbers, the kernel's own words, makers' and products' names. Everything that is not on a list here is
//! replaced, so that a new attribute, property or link gives nothing away before somebody has looked at it.

use std::collections::BTreeSet;
use std::path::Path;

/// How much of a content stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Numbers and the kernel's words.
    Kernel,
    /// Text of a maker or of the kernel: all but addresses and identifiers.
    Maker,
    /// The kernel's words, names of products that public lists have, numbers of a few digits.
    Listed,
    /// Identifies one thing: nothing but words that everybody uses.
    One,
}

/// Attributes whose whole value identifies one thing.
const ONE: [&str; 29] = [
    "node_name",
    "port_name",
    "serial",
    "serialnum",
    "serial_num",
    "serial_number",
    "serial-number",
    "unique_id",
    "array_id",
    "hostname",
    "uuid",
    "guid",
    "nguid",
    "eui",
    "cid",
    "sas_address",
    "phys_switch_id",
    "phys_port_id",
    "system_uuid",
    "ifalias",
    "configuration",
    "board_info",
    "product_uuid",
    "product_serial",
    "board_serial",
    "chassis_serial",
    "board_asset_tag",
    "chassis_asset_tag",
    "product_sku",
];
/// Attributes in which makers name themselves, their products and their firmware.
const MAKER: [&str; 21] = [
    "vendor",
    "model",
    "rev",
    "firmware_rev",
    "firmware_revision",
    "firmware_version",
    "fw_ver",
    "fw_version",
    "fwrev",
    "version_fw",
    "version_product",
    "vbios_version",
    "hba_monitor_version",
    "host_fw_version",
    "host_fw_model",
    "board_id",
    "model_name",
    "hca_type",
    "label",
    "version",
    "proc_name",
];
/// Files of the kernel's table of DMI strings that name makers and products; whoever sells or owns a machine fills in the rest.
const DMI: [&str; 10] = [
    "sys_vendor",
    "product_name",
    "board_vendor",
    "board_name",
    "chassis_vendor",
    "chassis_type",
    "bios_vendor",
    "bios_version",
    "bios_date",
    "ec_firmware_release",
];
/// Attributes with numbers that may be long. Words in them are held to the kernel's.
const NUMBERS: [&str; 36] = [
    "size",
    "revision",
    "physical_package_id",
    "core_id",
    "die_id",
    "description",
    "mode",
    "xmit_hash_policy",
    "dev",
    "class",
    "device",
    "subsystem_vendor",
    "subsystem_device",
    "flags",
    "features",
    "speed",
    "meminfo",
    "numastat",
    "address",
    "bridge_id",
    "block_size_bytes",
    "scaling_cur_freq",
    "scaling_min_freq",
    "scaling_max_freq",
    "cpuinfo_min_freq",
    "cpuinfo_max_freq",
    "mem_info_vram_total",
    "sync_completed",
    "manufacturer_id",
    "product_id",
    "path_info",
    "bcdDevice",
    "idVendor",
    "idProduct",
    "shared_cpu_list",
    "interfaces",
];
/// How the kernel's attributes of sensors and of error counters begin.
const SENSORS: [&str; 8] = ["temp", "fan", "in", "curr", "power", "energy", "humidity", "aer_dev_"];
/// Keys of `/proc/cpuinfo` that tell what a processor is, on every architecture; a number may follow.
const PROCESSOR: &str = "
    processor, physical id, siblings, model name, model, core id, cpu MHz, vendor_id, cpu cores, revision, fpu, bogomips,
    wp, stepping, fpu_exception, flags, cpuid level, cpu family, clflush size, cache size, power management,
    cache_alignment, address sizes, initial apicid, apicid, BogoMIPS, cpu, clock, TLB size, Features, cpu number, microcode,
    features, vendor, itc MHz, family, cpu regs, bugs, archrev, arch, CPU variant, CPU revision, CPU part, CPU implementer,
    CPU architecture, thread id, vmx flags, package, core, TLB Entries, Model Name, ISA, Hardware Watchpoint, FPU Revision,
    CPU Revision, CPU MHz, CPU Family, Address Sizes, global_id, machine, cpu MHz static, cpu MHz dynamic, # processors,
    bogomips per cpu, uarch, mmu, isa, hart, timebase, platform, mvendorid, mimpid, marchid, hart isa, max thread id,
    facilities, cache, system type, Processor, Hardware, Revision, type, motherboard, firmware, detected as, Model, MMU
    Type, hlt_bug, fdiv_bug, f00f_bug, coma_bug, ncpus probed, ncpus active
";
/// Keys of `os-release`.
const SYSTEM: [&str; 8] =
    ["ID", "ID_LIKE", "NAME", "PRETTY_NAME", "VERSION", "VERSION_ID", "VERSION_CODENAME", "UBUNTU_CODENAME"];
/// udev's properties, each with what may stay of it. Others are left out: an inventory does not read them.
const PROPERTIES: [(&str, Content); 24] = [
    ("DEVTYPE", Content::Kernel),
    ("ID_BUS", Content::Kernel),
    ("ID_TYPE", Content::Kernel),
    ("ID_CDROM", Content::Kernel),
    ("ID_USB_DRIVER", Content::Kernel),
    ("ID_ATA_SATA", Content::Kernel),
    ("ID_ATA_ROTATION_RATE_RPM", Content::Kernel),
    ("ID_FS_TYPE", Content::Kernel),
    ("ID_VENDOR", Content::Maker),
    ("ID_VENDOR_ENC", Content::Maker),
    ("ID_MODEL", Content::Maker),
    ("ID_MODEL_ENC", Content::Maker),
    ("ID_REVISION", Content::Maker),
    ("ID_SERIAL", Content::Listed),
    ("ID_USB_SERIAL", Content::Listed),
    ("ID_SERIAL_SHORT", Content::One),
    ("ID_USB_SERIAL_SHORT", Content::One),
    ("ID_SCSI_SERIAL", Content::One),
    ("SCSI_IDENT_SERIAL", Content::One),
    ("ID_WWN", Content::One),
    ("ID_WWN_WITH_EXTENSION", Content::One),
    ("ID_FS_UUID", Content::One),
    ("ID_FS_LABEL", Content::One),
    ("MD_UUID", Content::One),
];
/// Words of the kernel, of udev's links and of file systems; a number may follow. None of them is anybody's name.
const WORDS: &str = "
    a ata atapi absent active address address4 addr alarm amd64 any arm64 array asleep auto available bad balanced battery bay
    backplane bank base block bond bonding boot bps bridge broadcast btrfs bufferpool buffers bus by byte bytes c cache cached card carrier
    cciss ccw cd cdrom change channel charging check clean colls compressed config connected controller core cpu critical crypt crypto
    csrow current data dax dead degraded dev device devices devtype dimm direct disabled discharging disconnected disk dm docker down
    drm drop drops duplex edac efi ehci empty enabled enclosure enterprise errs error errors eth ethernet eui event exp expander ext
    external f2fs failed failing fan fat fault faulty fc fd fibre fifo file firmware flags flash floppy frame free frozen full function g geneve
    good gpt gpu group gs gt half hang harddisk harddrive hcd hid hidden high host hub hugepages hugepagesize hz i915 id ide idle
    ieee1394 ifindex in inactive incus infiniband initiator input instruction integrated inter interface internal invalid ip
    ipmi iqn iscsi iso9660 isolated item journal jfs k kb keyboard khz kmem kvm lan layer level linear link linux live local locked
    logical loop loopback low lower lun luks lvm lxc lxd m mac macvlan macvtap main mains mapped mapper master max mb mc md mdev
    mechanical media mem memavailable memfree memory memtotal memused member memstick metadata mgmt mhz mii min minimum mirror mmc
    missing mode module mount mouse mpath mtd multicast multipath naa name namespace nand nbd near net network nfs nn no node none normal not
    nqn ns ntfs num_heads numa nvme nvmexpress ociscsi off offline offset ohci ok on online optical org other out
    overruns p packets page part partition partlabel partuuid passthrough path pci pcie pending permanent phy physical pl platform pn
    poll port power present primary processor pv qcow2 qemu raid ram rate rbd read readonly receive recover recovery ready
    receiver removable repair replacement representor reshape resync ro root rotational rootfs round robin rr rw running sas sata scsi sd
    sdcard secondary sector sg shmem size slab slave slot snap sock spare speed sr squashfs srp state static status stopped storage stp
    subsystem success suspended swap switch sync sys system t10 tablet tap tape tcp team temp tpm traddr trsvcid transmit
    transport-offline transport trtype tun type udf ufs uhci unified unknown unplugged unused up usb user uuid v vdpa vendor vf vfat
    vfio veth video virbr virt virtio virtual vlan vm vmbus vnet volume vrf vg lv vxlan w wan wireguard wireless wlan write wwan wwid wwn x xen
    xfs xhci xmit xor zfs zram zoned z q u s d n o com
    activeanon activefile inactiveanon inactivefile anonpages anonhugepages bounce committed_as as commitlimit committed
    dirty directmap filepages filehugepages filepmdmapped hardwarecorrupted hightotal highfree hugetlb kreclaimable kernelstack
    lowtotal lowfree mlocked nfs_unstable unstable pagetables percpu quicklists sreclaimable sunreclaim secpagetables
    shmemhugepages shmempmdmapped swapcached swapfree swaptotal unevictable vmallocchunk vmalloctotal vmallocused writeback
    writebacktmp zswap zswapped rsvd surp total anon cma cmafree cmatotal balloon hit miss foreign interleave face hw queue driver
    forceoff notsupported notimplemented name-type raw plus vid pad passive fault-tolerance tolerance src_addr src traddr num heads resolution framebuffer frl csrow host_traddr ceph mlx4 mlx5 libata ahci uas
";

/// Names of interfaces that the kernel, systemd or a hypervisor gives; people's own are replaced.
const INTERFACES: [&str; 28] = [
    "eth", "en", "wl", "ww", "ib", "lo", "bond", "team", "br", "vlan", "veth", "docker", "virbr", "vnet", "tap", "tun",
    "dummy", "wg", "usb", "sit", "gre", "ifb", "can", "macvlan", "macvtap", "vxlan", "lan", "tunl",
];

/// The words that may stay.
pub(super) struct Allowed {
    everywhere: BTreeSet<&'static str>,
    /// Words of the products that this machine has, and names that its kernel gave.
    here: BTreeSet<String>,
    /// Words of what identifies something: none of them stays, however short.
    given: BTreeSet<String>,
}

impl Allowed {
    pub(super) fn new(here: BTreeSet<String>, given: BTreeSet<String>) -> Self {
        Allowed { everywhere: WORDS.split_whitespace().collect(), here, given }
    }

    /// True if a word is one that everybody uses, with or without a number behind it.
    pub(super) fn is_usual(&self, word: &str) -> bool {
        let lower = word.to_ascii_lowercase();
        let stem = lower.trim_end_matches(|c: char| c.is_ascii_digit());
        // Longer numbers than of a port or a disk are somebody's; `mc0csrow1channel2` are three words.
        let is_word = |part: &str| part.is_empty() || self.everywhere.contains(part);
        let is_short = |part: &str| part.len() <= 3;
        self.everywhere.contains(lower.as_str())
            || !stem.is_empty()
                && lower.starts_with(|c: char| c.is_ascii_alphabetic())
                && lower.split(|c: char| c.is_ascii_digit()).all(is_word)
                && lower.split(|c: char| !c.is_ascii_digit()).all(is_short)
    }

    /// True if a word may stay in a content.
    pub(super) fn may_stay(&self, word: &str, content: Content) -> bool {
        let digits = || word.bytes().all(|byte| byte.is_ascii_digit());
        let hex = |word: &str| word.len() <= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        match content {
            Content::Maker => true,
            // `s1`, `disk7` may be all of a serial number.
            Content::One => {
                let is_word = word.len() > 1 && self.everywhere.contains(word.to_ascii_lowercase().as_str());
                is_word || digits() && word.len() <= 2
            }
            Content::Listed => {
                self.is_usual(word)
                    || self.here.contains(&word.to_lowercase())
                    || (digits() && word.len() <= 5
                        || word.strip_prefix("0x").is_some_and(|number| number.len() <= 4 && hex(number))
                        || word.len() <= 2)
                        && !self.given.contains(&word.to_lowercase())
            }
            Content::Kernel => {
                let number = word.strip_prefix("0x").unwrap_or(word);
                let figure = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                self.is_usual(word)
                    || self.here.contains(&word.to_lowercase())
                    || digits()
                    || hex(number) && number.bytes().any(|byte| byte.is_ascii_digit())
                    || number.len() <= 2
                    || !figure.is_empty()
                        && word.len() - figure.len() <= 2
                        && figure.bytes().all(|b| b.is_ascii_digit())
                    || matches!(word, "ffffff" | "ffffffff" | "0xffffffff")
            }
        }
    }
}

/// The content of a file that may stay.
pub(super) fn content(place: &Path) -> Content {
    let name = place.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let name = name.as_ref();
    let is_below = |part: &str| place.components().any(|component| component.as_os_str() == part);
    let parent = || place.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    if ONE.contains(&name) || place.starts_with("/stub/blkid") {
        Content::One
    } else if place.to_string_lossy().contains("/dmi/id/") {
        if DMI.contains(&name) { Content::Maker } else { Content::One }
    } else if is_below("vulnerabilities") || is_below("power_supply") || place.starts_with("/proc/driver") {
        Content::Maker
    } else if name == "name" {
        // Of a sensor's chip; else of a volume, an array, or whatever people name.
        let is_driver = is_below("hwmon") || is_below("platform") || is_below("mdev_supported_types");
        if is_driver || parent().is_some_and(|parent| parent.starts_with("hwmon")) {
            Content::Maker
        } else {
            Content::One
        }
    } else if MAKER.contains(&name)
        || name.ends_with(".ids")
        || is_sensor(name) && name.ends_with("_label")
        || has_known_lines(place)
        || place == Path::new("/stub/virt")
        || place == Path::new("/proc/sys/kernel/osrelease")
    {
        Content::Maker
    } else if NUMBERS.contains(&name) || is_sensor(name) || name.ends_with("_count") || place.starts_with("/proc") {
        Content::Kernel
    } else {
        Content::Listed
    }
}

fn is_sensor(name: &str) -> bool {
    SENSORS.iter().any(|start| {
        let rest = name.strip_prefix(start);
        rest.is_some_and(|rest| *start == "aer_dev_" || rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// The part of a line `KEY: VALUE` or `KEY=VALUE` that may stay; nothing of a line whose key nobody reads.
pub(super) fn is_known_line(place: &Path, line: &str) -> bool {
    if line.trim().is_empty() {
        return true;
    }
    if place == Path::new("/proc/cpuinfo") {
        let key = line.split(':').next().unwrap_or_default().trim();
        let key = key.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end();
        PROCESSOR.split(',').any(|known| known.trim() == key)
    } else if place.ends_with("os-release") {
        SYSTEM.contains(&line.split('=').next().unwrap_or_default())
    } else {
        true
    }
}

/// True if a file consists of lines whose keys are on a list.
pub(super) fn has_known_lines(place: &Path) -> bool {
    place == Path::new("/proc/cpuinfo") || place.ends_with("os-release")
}

/// The value of a property of udev's that may stay; `None` when it is left out.
pub(super) fn property(key: &str) -> Option<Content> {
    PROPERTIES.iter().find(|(known, _)| *known == key).map(|(_, content)| *content)
}

/// Offsets of the numbers of strings in which makers name themselves, their products, and the places of parts, by SMBIOS type.
pub(super) fn smbios_strings(kind: u8) -> &'static [usize] {
    match kind {
        0 => &[0x04, 0x05, 0x08],
        1 | 2 => &[0x04, 0x05],
        3 | 7 | 9 | 41 => &[0x04],
        4 => &[0x04, 0x07, 0x10, 0x22],
        8 => &[0x04, 0x06],
        17 => &[0x10, 0x11, 0x17, 0x1a, 0x2b],
        39 => &[0x05, 0x06, 0x07, 0x0a, 0x0b],
        _ => &[],
    }
}

/// True if an interface has a name that nobody chose.
pub(super) fn is_usual_interface(name: &str) -> bool {
    name.split(['.', '@', ':']).all(|part| {
        part.bytes().all(|byte| byte.is_ascii_digit())
            || INTERFACES.iter().any(|start| part.strip_prefix(start).is_some_and(|rest| is_place(start, rest)))
    })
}

/// `p130s0d1` and the like after `en`; a number, or what `veth` has, after others.
fn is_place(start: &str, rest: &str) -> bool {
    if matches!(start, "en" | "wl" | "ww" | "ib") {
        let mut parts = rest.split_inclusive(|c: char| c.is_ascii_alphabetic());
        return rest.len() <= 13
            && parts.all(|part| {
                let part = part.trim_end_matches(|c: char| "opsfndvuciaxbP".contains(c) || c.is_ascii_hexdigit());
                part.is_empty()
            });
    }
    rest.bytes().all(|byte| byte.is_ascii_digit())
        || matches!(start, "veth" | "tap" | "vnet") && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
