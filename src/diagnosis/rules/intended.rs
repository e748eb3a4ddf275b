//! Lines that tell what somebody wanted. They stand beside all other rules: none of them takes a line from another.

use super::Act::Meant;
use super::{Rule, rule};
use crate::diagnosis::intended::{Action, Step};

const SUSPEND: &str = "kernel/power/suspend.c";
const PROCESS: &str = "kernel/power/process.c";
const HIBERNATE: &str = "kernel/power/hibernate.c";
const HOTPLUG: &str = "drivers/pci/hotplug/pciehp_ctrl.c";

pub(super) const RULES: &[Rule] = &[
    rule("PM: suspend entry", Meant(Action::Sleep, Step::Goes), SUSPEND),
    rule("PM: Preparing system for sleep", Meant(Action::Sleep, Step::Goes), SUSPEND),
    rule("PM: hibernation entry", Meant(Action::Sleep, Step::Goes), HIBERNATE),
    rule("PM: hibernation: hibernation entry", Meant(Action::Sleep, Step::Goes), HIBERNATE),
    rule("Freezing user space processes", Meant(Action::Sleep, Step::Goes), PROCESS),
    rule("PM: resume from suspend-to-idle", Meant(Action::Sleep, Step::Goes), SUSPEND),
    rule(" resume of devices complete after ", Meant(Action::Sleep, Step::Goes), "drivers/base/power/main.c"),
    rule("PM: Waking up from system sleep state", Meant(Action::Sleep, Step::Goes), "drivers/acpi/sleep.c"),
    rule("ACPI: Waking up from system sleep state", Meant(Action::Sleep, Step::Goes), "drivers/acpi/sleep.c"),
    rule("PM: Finishing wakeup", Meant(Action::Sleep, Step::Goes), SUSPEND),
    rule("^OOM killer enabled.", Meant(Action::Sleep, Step::Goes), "mm/oom_kill.c"),
    rule("^Restarting tasks", Meant(Action::Sleep, Step::Ends), PROCESS),
    rule("PM: suspend exit", Meant(Action::Sleep, Step::Ends), SUSPEND),
    rule("PM: hibernation exit", Meant(Action::Sleep, Step::Ends), HIBERNATE),
    rule("PM: hibernation: hibernation exit", Meant(Action::Sleep, Step::Ends), HIBERNATE),
    rule("pciehp*: Attention button pressed", Meant(Action::Button, Step::Goes), HOTPLUG),
    rule("pciehp*: Button press: will power off", Meant(Action::Button, Step::Goes), HOTPLUG),
    rule("pciehp*owering off due to button press", Meant(Action::Button, Step::Goes), HOTPLUG),
    rule("^sd *] Stopping disk", Meant(Action::Removal, Step::Goes), "drivers/scsi/sd.c"),
    rule(": removed PHC ", Meant(Action::Driver, Step::Goes), "ixgbe, igb, i40e, ice, e1000e"),
    rule(": E-Switch: Unload vfs", Meant(Action::Driver, Step::Goes), "mlx5"),
    rule(": E-Switch: cleanup", Meant(Action::Driver, Step::Goes), "mlx5"),
    rule(": remove, state ", Meant(Action::UsbDriver, Step::Goes), "drivers/usb/core/hcd.c"),
    rule(": USB bus * deregistered", Meant(Action::UsbDriver, Step::Goes), "drivers/usb/core/hcd.c"),
    rule(
        "^tpm *: [Firmware Bug]: TPM interrupt not working, polling instead",
        Meant(Action::Polling, Step::Ends),
        "drivers/char/tpm/tpm_tis_core.c",
    ),
    rule(
        "^tpm *: [Firmware Bug]: TPM interrupt storm detected, polling instead",
        Meant(Action::Polling, Step::Ends),
        "drivers/char/tpm/tpm_tis_core.c",
    ),
    rule("^ixgbe *: complete", Meant(Action::Driver, Step::Goes), "ixgbe"),
];
