//! Graphics processors and accelerators as the kernel shows them, with or without their drivers.

use crate::host::Host;

const DEVICES: &str = "/sys/bus/pci/devices";
/// VGA and 3D controllers, processing accelerators.
const CLASSES: [&str; 3] = ["0x0300", "0x0302", "0x1200"];
/// `IORESOURCE_MEM` (`include/linux/ioport.h`).
const MEMORY: u64 = 0x200;
/// ASPEED, Matrox and Silicon Motion: screens of management controllers, without anything to test.
const SCREENS: [&str; 3] = ["0x1a03", "0x102b", "0x126f"];

/// A graphics processor or an accelerator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Card {
    /// `0000:41:00.0`.
    pub(super) address: String,
    /// Vendor and device, as hexadecimal numbers: `10de:2330`.
    pub(super) ids: String,
    /// The screen of a management controller.
    pub(super) is_screen: bool,
    /// Name of its driver.
    pub(super) driver: Option<String>,
    /// Windows into its memory: size in bytes, and whether firmware or kernel gave them an address.
    pub(super) windows: Vec<(u64, bool)>,
    /// Its configuration reads as all ones, or cannot be read.
    pub(super) is_gone: bool,
    /// Bytes of its memory (amdgpu).
    pub(super) memory: Option<u64>,
    /// Uncorrected and corrected errors since its driver was loaded (amdgpu).
    pub(super) errors: Option<(u64, u64)>,
}

/// All of them.
pub(super) fn cards(host: &Host) -> Vec<Card> {
    host.list(DEVICES).into_iter().filter_map(|address| card(host, address)).collect()
}

fn card(host: &Host, address: String) -> Option<Card> {
    let place = format!("{DEVICES}/{address}");
    let text = |key: &str| host.text(format!("{place}/{key}"));
    let class = text("class")?;
    if !CLASSES.iter().any(|prefix| class.starts_with(prefix)) || host.has(format!("{place}/physfn")) {
        return None;
    }
    let id = |key: &str| text(key).unwrap_or_default().trim_start_matches("0x").to_owned();
    let config = host.read(format!("{place}/config")).unwrap_or_default();
    Some(Card {
        ids: format!("{}:{}", id("vendor"), id("device")),
        is_screen: SCREENS.contains(&text("vendor").unwrap_or_default().as_str()),
        driver: host.link_name(format!("{place}/driver")),
        windows: windows(&text("resource").unwrap_or_default()),
        is_gone: config.get(..4).is_none_or(|ids| ids == [0xff; 4]),
        memory: text("mem_info_vram_total").and_then(|text| text.parse().ok()),
        errors: errors(host, &place),
        address,
    })
}

/// The six base address registers (`resource`: first and last address, flags; a line each). One that got no address begins at 0.
fn windows(resource: &str) -> Vec<(u64, bool)> {
    let number = |word: Option<&str>| u64::from_str_radix(word?.trim_start_matches("0x"), 16).ok();
    let window = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (first, last, flags) = (number(words.next())?, number(words.next())?, number(words.next())?);
        (flags & MEMORY != 0 && last > first).then(|| ((last - first).saturating_add(1), first != 0))
    };
    resource.lines().take(6).filter_map(window).collect()
}

/// The sums over the parts of an amdgpu (`ras/*_err_count`: `ue: 0` and `ce: 0`, a line each).
fn errors(host: &Host, place: &str) -> Option<(u64, u64)> {
    let files: Vec<String> =
        host.list(format!("{place}/ras")).into_iter().filter(|name| name.ends_with("_err_count")).collect();
    let count = |text: &str, key: &str| -> u64 {
        text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok()).unwrap_or(0)
    };
    let texts = files.iter().filter_map(|name| host.text(format!("{place}/ras/{name}")));
    let sums = texts.fold((0, 0), |sums, text| (sums.0 + count(&text, "ue:"), sums.1 + count(&text, "ce:")));
    (!files.is_empty()).then_some(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_without_an_address_are_told_from_those_with_one() {
        // As Linux prints them for a card with a window of 16 MiB, one of 64 GiB without an address, and ports.
        let resource = "0x00000000fa000000 0x00000000faffffff 0x0000000000040200\n\
                        0x0000000000000000 0x0000000fffffffff 0x000000000014220c\n\
                        0x0000000000000000 0x0000000000000000 0x0000000000000000\n\
                        0x0000000000000000 0x0000000000000000 0x0000000000000000\n\
                        0x0000000000000000 0x0000000000000000 0x0000000000000000\n\
                        0x000000000000e000 0x000000000000e07f 0x0000000000040101\n\
                        0x00000000000c0000 0x00000000000dffff 0x0000000000000212\n";
        assert_eq!(windows(resource), [(16 << 20, true), (64 << 30, false)]);
        assert_eq!(windows(""), []);
    }
}
