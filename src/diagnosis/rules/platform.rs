//! Heat, power, USB, firmware, TPM and BMC.

use super::Act::{As, Harmless, Is, Story as Tale};
use super::{Name, Rule, rule};
use crate::diagnosis::code::{Code, Severity};
use crate::diagnosis::stories::Story;

const THROTTLE: &str = "arch/x86/kernel/cpu/mce/therm_throt.c";
const THERMAL: &str = "drivers/thermal/thermal_core.c";
const HUB: &str = "drivers/usb/core/hub.c";
const XHCI: &str = "drivers/usb/host";
const TPM: &str = "drivers/char/tpm";
const IPMI: &str = "drivers/char/ipmi";

pub(super) const RULES: &[Rule] = &[
    rule("CPU{}: Core temperature above threshold", Tale(Story::Throttled), THROTTLE),
    rule("CPU{}: Package temperature above threshold", Tale(Story::Throttled), THROTTLE),
    rule("CPU{}: Core temperature is above threshold", Tale(Story::Throttled), THROTTLE),
    rule("CPU{}: Package temperature is above threshold", Tale(Story::Throttled), THROTTLE),
    rule("CPU{}: Temperature above threshold", Tale(Story::Throttled), THROTTLE),
    rule("CPU{}: Package power limit notification", Tale(Story::PowerLimited), THROTTLE),
    rule("CPU{}: Core power limit notification", Tale(Story::PowerLimited), THROTTLE),
    rule("^thermal {}: *ritical temperature reached", Is(Code::ThermalCritical, Name::Part), THERMAL),
    rule("ritical temperature reached", Is(Code::ThermalCritical, Name::No), THERMAL),
    rule("HARDWARE PROTECTION shutdown (Temperature too high)", Tale(Story::HeatShutdown), "kernel/reboot.c"),
    rule("HARDWARE PROTECTION shutdown (", Is(Code::ThermalCritical, Name::No), "kernel/reboot.c"),
    rule(
        "^hwmon {}: Undervoltage detected!",
        Is(Code::PowerVoltageOutOfRange, Name::Part),
        "drivers/hwmon/raspberrypi-hwmon.c",
    ),
    rule(
        "^Under-voltage detected! (0x",
        Is(Code::PowerVoltageOutOfRange, Name::No),
        "drivers/firmware/raspberrypi.c, vendor",
    ),
    // USB.
    rule("^usb *: Product: ", Tale(Story::UsbProduct), "drivers/usb/core/hub.c"),
    rule("^usb *: Manufacturer: ", Tale(Story::UsbProduct), "drivers/usb/core/hub.c"),
    // The driver of a hub on the board turns the hub off and on again.
    rule("^onboard*: USB disconnect, ", Harmless, "drivers/usb/misc/onboard_usb_dev.c"),
    rule(": USB disconnect, ", Tale(Story::UsbDisconnect), HUB),
    rule("^usb *: new * USB device number ", Tale(Story::UsbNew), HUB),
    rule("^usb *: reset * USB device number ", Tale(Story::UsbReset), HUB),
    rule(": over-current condition", Is(Code::UsbOverCurrent, Name::Hub), HUB),
    rule(": over-current change", Harmless, HUB),
    rule("^usb *: device descriptor read/", Tale(Story::UsbSilent), HUB),
    rule("^usb *: device not accepting address ", Tale(Story::UsbSilent), HUB),
    rule("^usb *: Device not responding to setup address", Tale(Story::UsbSilent), HUB),
    rule("unable to enumerate USB device", Tale(Story::UsbSilent), HUB),
    rule("^usb *: unable to read config index ", Tale(Story::UsbSilent), "drivers/usb/core/config.c"),
    rule("^usb *: can't read configurations", Tale(Story::UsbSilent), HUB),
    rule("^usb *: Device not responding to set address", Tale(Story::UsbSilent), HUB),
    rule("^usb *: can't set config #", Tale(Story::UsbSilent), HUB),
    rule("^usb *: cannot reset (err = ", Tale(Story::UsbSilent), HUB),
    rule(" Maybe the USB cable is bad?", Tale(Story::UsbSilent), HUB),
    rule("HC died; cleaning up", Is(Code::UsbControllerDied, Name::Bus), XHCI),
    rule("host controller not responding, assume dead", Is(Code::UsbControllerDied, Name::Bus), XHCI),
    rule(
        "xHCI HW not ready after *(HC bug?) status = ",
        Is(Code::UsbControllerDied, Name::Bus),
        "drivers/usb/host/pci-quirks.c",
    ),
    rule("hci*: Host halt failed, -", Is(Code::UsbControllerDied, Name::Bus), XHCI),
    rule("hci*: Host not accessible, reset failed.", Is(Code::UsbControllerDied, Name::Bus), XHCI),
    rule("hci*: Host took too long to start, waited ", Is(Code::UsbControllerDied, Name::Bus), XHCI),
    rule("hci*: can't setup: -", Is(Code::UsbControllerDied, Name::Bus), "drivers/usb/core/hcd.c"),
    rule("hci*: startup error -", Is(Code::UsbControllerDied, Name::Bus), "drivers/usb/core/hcd.c"),
    rule("hci*: init * fail, -", Is(Code::UsbControllerDied, Name::Bus), "drivers/usb/core/hcd-pci.c"),
    rule("HC died", Is(Code::UsbControllerDied, Name::Bus), XHCI),
    rule("hci*hcd *: WARNING: Host System Error", Is(Code::UsbControllerDied, Name::Bus), XHCI),
    // TPM and BMC.
    // A TPM that the firmware did not start is started by the kernel.
    rule("^tpm {}: A TPM error (256) occurred attempting the self test", Harmless, TPM),
    rule("^tpm {}: A TPM error (", Is(Code::TpmError, Name::Part), TPM),
    rule("^tpm {}: A TPM error(", Is(Code::TpmError, Name::Part), TPM),
    rule("^tpm {}: Error (*) sending savestate", Is(Code::TpmError, Name::Part), TPM),
    rule("^tpm {}: invalid TPM_STS.x ", Is(Code::TpmError, Name::Part), TPM),
    rule("^tpm {}: Operation Timed out", Is(Code::TpmError, Name::Part), TPM),
    rule("^tpm {}: Operation Canceled", Is(Code::TpmError, Name::Part), TPM),
    rule("^tpm {}: tpm_try_transmit: ", Is(Code::TpmError, Name::Part), TPM),
    rule("^tpm {}: tpm_transmit: ", Is(Code::TpmError, Name::Part), TPM),
    rule("^tpm {}: *: send(): error ", Is(Code::TpmError, Name::Part), TPM),
    rule("^tpm {}: TPM_STS_DATA_EXPECT should be set", Is(Code::TpmError, Name::Part), TPM),
    rule("^tpm {}: Unable to read burstcount", Is(Code::TpmError, Name::Part), TPM),
    rule("^tpm {}: Unexpected burstcnt", Is(Code::TpmError, Name::Part), TPM),
    rule("^tpm {}: context table is inconsistent", Is(Code::TpmError, Name::Part), TPM),
    rule("^tpm {}: Timeout in wait(", Is(Code::TpmError, Name::Part), TPM),
    rule("^tpm {}: Could not get TPM timeouts and durations", Is(Code::TpmError, Name::Part), TPM),
    rule("^tpm {}: TPM self test failed", Is(Code::TpmError, Name::Part), TPM),
    rule("^tpm {}: [Firmware Bug]: TPM interrupt", Is(Code::FirmwareBug, Name::No), TPM),
    rule("^tpm_tis *: probe * failed", Is(Code::TpmError, Name::No), TPM),
    rule("ipmi_si {}: There appears to be no BMC at this location", Is(Code::BmcError, Name::Part), IPMI),
    rule("ipmi_si {}: BMC returned ", Is(Code::BmcError, Name::Part), IPMI),
    rule("ipmi_si {}: Invalid return from get ", Is(Code::BmcError, Name::Part), IPMI),
    rule("ipmi_ssif {}: *Unable to ", Is(Code::BmcError, Name::Part), IPMI),
    rule("ipmi_si {}: KCS in invalid state", Is(Code::BmcError, Name::Part), IPMI),
    rule("IPMI message handler: BMC returned incorrect response", Is(Code::BmcError, Name::No), IPMI),
    rule("ipmi_*: Unable to get the device id", Is(Code::BmcError, Name::Prefix), IPMI),
    rule("ipmi_si *: Interface detection failed", Harmless, IPMI),
    // Firmware.
    rule(
        "GHES: Invalid error status block",
        As(Code::FirmwareBug, Severity::Warning, Name::No),
        "drivers/acpi/apei/ghes.c",
    ),
    rule("[Firmware Bug]: TSC ADJUST differs: CPU{} ", Is(Code::FirmwareBug, Name::Cpu), "arch/x86/kernel/tsc_sync.c"),
    rule("[Firmware Bug]: TSC ADJUST differs: CPU {}", Is(Code::FirmwareBug, Name::Cpu), "arch/x86/kernel/tsc_sync.c"),
    rule("[Firmware Bug]: CPU{}: ", Is(Code::FirmwareBug, Name::Cpu), "include/linux/printk.h"),
    rule("[Firmware Bug]: ", Is(Code::FirmwareBug, Name::No), "include/linux/printk.h"),
    rule("[Firmware Warn]: ", Is(Code::FirmwareBug, Name::No), "include/linux/printk.h"),
];
