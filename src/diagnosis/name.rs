//! The name of the device that a log line is about.

use super::pattern::word;
use super::rules::Name;

/// The device that a line is about, as an operator would name it.
pub(super) fn of(name: Name, part: &str, text: &str) -> String {
    match name {
        Name::No => String::new(),
        Name::Part => word(part.trim()).to_string(),
        Name::Cpu => cpu(part),
        // Linux 5.13 wrote `0x00:0x02.0` of a fault of the IOMMU.
        Name::Pci => pci(part)
            .or_else(|| pci(&part.strip_prefix("0x")?.replace(":0x", ":")))
            .or_else(|| pci(text))
            .unwrap_or_default(),
        Name::Net => net(text),
        Name::Disk => disk(text),
        Name::Ata => ata(part),
        Name::Bus => pci(text).unwrap_or_else(|| of(Name::Prefix, part, text)),
        Name::Journal => journal(word(part.trim())).to_string(),
        Name::Prefix => prefix(text).rsplit(' ').next().unwrap_or_default().to_string(),
        Name::Hub if text.starts_with("hub ") => prefix(text).to_string(),
        Name::Hub => usb(text),
        Name::Page => page(part).unwrap_or_default(),
    }
}

/// `cpu 12` from a text that starts with `12`.
pub(super) fn cpu(part: &str) -> String {
    let digits: String = part.trim().chars().take_while(char::is_ascii_digit).collect();
    if digits.is_empty() { digits } else { format!("cpu {digits}") }
}

/// The text before the first `: `; empty if there is none.
pub(super) fn prefix(text: &str) -> &str {
    text.split_once(": ").map_or("", |(before, _)| before)
}

/// `dm-0` of `dm-0-8`: the name of a journal is its device and the number of its inode. A journal on a device of its own has no number.
fn journal(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((device, inode)) if device != "dm" && !inode.is_empty() && inode.bytes().all(|b| b.is_ascii_digit()) => {
            device
        }
        _ => name,
    }
}

/// The first PCI address of a text, with its domain; a short one gets domain 0.
pub(super) fn pci(text: &str) -> Option<String> {
    let mut short = None;
    for token in text.split(|c: char| !c.is_ascii_hexdigit() && c != ':' && c != '.') {
        let token = token.trim_matches([':', '.']);
        let mut parts = token.split(':');
        let hex = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
        let (first, second, third) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next());
        let slot =
            |part: &str| part.len() == 4 && part.as_bytes()[2] == b'.' && hex(&part[..2], 2) && hex(&part[3..], 1);
        match third {
            Some(third)
                if (4..9).contains(&first.len()) && hex(first, first.len()) && hex(second, 2) && slot(third) =>
            {
                return Some(token.get(..first.len() + 8).unwrap_or(token).to_string());
            }
            None if hex(first, 2) && slot(second) => short = short.or_else(|| Some(format!("0000:{token}"))),
            _ => {}
        }
    }
    short
}

/// `id=00e8` of old kernels: bus, device and function in 16 bits.
pub(super) fn pci_of_id(id: &str) -> Option<String> {
    let id = u16::from_str_radix(id.get(..4)?, 16).ok()?;
    Some(format!("0000:{:02x}:{:02x}.{}", id >> 8, (id >> 3) & 31, id & 7))
}

/// The interface between PCI address and message, else the address, else a word that looks like an interface.
pub(super) fn net(text: &str) -> String {
    interface(text).map(|(_, name)| name.to_string()).or_else(|| pci(text)).unwrap_or_default()
}

/// An interface, with its PCI address where the line has both.
pub(super) fn interface(text: &str) -> Option<(Option<String>, &str)> {
    let address = pci(text);
    if let Some(address) = &address
        && let Some(at) = text.find(address.as_str())
    {
        let mut rest = text[at + address.len()..].trim_start_matches(':').trim_start().split(' ');
        let first = rest.next().unwrap_or("");
        let name = first.strip_suffix(':').filter(|name| name.len() <= 15 && !name.is_empty());
        let plain = |name: &&str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-@".contains(&b));
        let close = text.as_bytes().get(at + address.len()) == Some(&b' ');
        if let Some(name) = name.filter(plain).filter(|name| close || like_interface(name)) {
            return Some((Some(address.clone()), name));
        }
        if !close && !like_interface(rest.next().unwrap_or("")) {
            return None;
        }
    }
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
    words.take(6).map(|word| word.trim_matches('.')).find(|word| like_interface(word)).map(|name| (address, name))
}

fn like_interface(word: &str) -> bool {
    const STARTS: [&str; 8] = ["eth", "en", "em", "ib", "bond", "wl", "hsn", "lan"];
    let number = word.starts_with('p') && word.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    let known = STARTS.iter().any(|start| word.starts_with(start));
    word.len() <= 15 && (known || number) && word.bytes().any(|b| b.is_ascii_digit())
}

/// `sda` in brackets, else the SCSI address.
pub(super) fn disk(text: &str) -> String {
    let (address, name) = scsi(text);
    name.or(address).unwrap_or_default().to_string()
}

/// SCSI address and name of a line such as `sd 3:0:0:0: [sdb] tag#1 …`.
pub(super) fn scsi(text: &str) -> (Option<&str>, Option<&str>) {
    let is_address = |token: &&str| {
        token.split(':').count() == 4
            && token.split(':').all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let address = text.split(' ').take(4).map(|token| token.trim_end_matches(':')).find(is_address);
    let name = text.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(name, _)| name);
    (address, name.filter(|name| is_block(name)))
}

/// True if a word is the name of a block device.
pub(super) fn is_block(name: &str) -> bool {
    const STARTS: [&str; 11] = ["sd", "sr", "st", "nvme", "vd", "xvd", "hd", "mmcblk", "md", "dm-", "dasd"];
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    name.len() > 2 && name.len() < 32 && plain && STARTS.iter().any(|start| name.starts_with(start))
}

/// `ata3` of `ata3.00`, `3.00` or `3`.
pub(super) fn ata(part: &str) -> String {
    let part = part.trim_start_matches("ata");
    let number = part.split('.').next().unwrap_or("");
    let known = !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
        && part.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if known { format!("ata{number}") } else { String::new() }
}

/// `pfn 0x1234` of a page number in hexadecimal.
pub(super) fn page(part: &str) -> Option<String> {
    let digits = part.trim().trim_start_matches("0x");
    u64::from_str_radix(digits, 16).ok().map(|number| format!("pfn 0x{number:x}"))
}

/// `usb 1-1.3`, also of a port of a hub: `usb usb2-port3`, `usb 1-1-port3`, `hub 2-0:1.0: … on port 3`.
pub(super) fn usb(text: &str) -> String {
    let before = prefix(text);
    let name = before.rsplit(' ').next().unwrap_or_default();
    if let Some((hub, port)) = name.split_once("-port") {
        let hub = hub.trim_start_matches("usb");
        return if hub.contains('-') { format!("usb {hub}.{port}") } else { format!("usb {hub}-{port}") };
    }
    let port = text.split_once(" port ").map(|(_, rest)| word(rest));
    if let (Some(hub), Some(port)) = (before.strip_prefix("hub "), port) {
        let path = hub.split(':').next().unwrap_or(hub);
        return match path.strip_suffix("-0") {
            Some(root) => format!("usb {root}-{port}"),
            None => format!("usb {path}.{port}"),
        };
    }
    format!("usb {name}")
}

/// The disk that a partition, namespace or path belongs to: `sda` of `sda1`, `nvme0` of `nvme0n1p2`.
pub(super) fn family(device: &str) -> &str {
    let digits = |rest: &str| rest.bytes().take_while(u8::is_ascii_digit).count();
    if let Some(rest) = device.strip_prefix("nvme") {
        return &device[..4 + digits(rest)];
    }
    if ["sd", "vd", "xvd", "hd"].iter().any(|start| device.starts_with(start)) {
        return device.trim_end_matches(|c: char| c.is_ascii_digit());
    }
    if ["mmcblk", "md"].iter().any(|start| device.starts_with(start)) {
        return device.split_once('p').map_or(device, |(disk, _)| disk);
    }
    device
}

/// The last kernel module in brackets: `… fn+0x1/0x2 [ixgbe]`.
pub(super) fn module(text: &str) -> Option<&str> {
    let text = text.trim_end();
    let (_, name) = text.strip_suffix(']')?.rsplit_once('[')?;
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    (plain && !name.is_empty() && !name.starts_with('<') && name.bytes().any(|b| b.is_ascii_lowercase()))
        .then_some(name)
}

/// `name[123]` at the start of a text, before the kernel's message about the program.
pub(super) fn program(text: &str) -> Option<String> {
    let text = text.strip_prefix("traps: ").unwrap_or(text);
    let mut from = 0;
    while let Some(at) = text[from..].find('[') {
        let open = from + at;
        let close = open + text[open..].find(']')?;
        let pid = &text[open + 1..close];
        if open > 0 && !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit()) {
            return Some(text[..=close].to_string());
        }
        from = open + 1;
    }
    None
}
