//! The table of incident codes: one entry for each, with its kind, its usual severity, its meaning and the next step.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Severity of an incident. From `Warning` on it is to be raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a note; changes nothing.
    Info,
    /// Something was corrected, repeated or slowed down.
    Warning,
    /// Something failed.
    Error,
    /// A device or the machine is gone or stopped.
    Fatal,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Fatal => "fatal",
        })
    }
}

/// The part of the machine that an incident is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Cpu,
    Memory,
    Pcie,
    Disk,
    Network,
    Gpu,
    Thermal,
    Power,
    Usb,
    Kernel,
    Script,
    Firmware,
}

impl Kind {
    /// The word for people and programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Pcie => "pcie",
            Self::Disk => "disk",
            Self::Network => "network",
            Self::Gpu => "gpu",
            Self::Thermal => "thermal",
            Self::Power => "power",
            Self::Usb => "usb",
            Self::Kernel => "kernel",
            Self::Script => "script",
            Self::Firmware => "firmware",
        }
    }
}

macro_rules! codes {
    ($($name:ident: $word:literal, $kind:ident, $severity:ident, $meaning:literal, $next:literal;)*) => {
        /// The code of an incident: one kind of fault or event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "`meaning` says it")]
        pub enum Code { $($name),* }

        impl Code {
            /// All codes there are.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word for people and programs.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }
            /// The code with that word; `None` if there is none.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.word() == word)
            }
            /// The part of the machine.
            #[must_use]
            pub fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind),* }
            }
            /// The usual severity; a rule or a counter may set another one for an incident.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity),* }
            }
            /// The meaning of the code, as a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),* }
            }
            /// The next step for the operator.
            #[must_use]
            pub fn next(self) -> &'static str {
                match self { $(Self::$name => $next),* }
            }
        }
    };
}

codes! {
CpuMceCorrected: "cpu-mce-corrected", Cpu, Warning,
    "the processor corrected an error of its own (cache, TLB, bus or interconnect)",
    "repeat the CPU test; if it returns on the same CPU or bank, have the processor or board replaced";
CpuMceUncorrected: "cpu-mce-uncorrected", Cpu, Error,
    "the processor met an error it could not correct and went on",
    "do not trust results computed meanwhile; retest, and replace the processor or board if it returns";
CpuMceFatal: "cpu-mce-fatal", Cpu, Fatal,
    "a machine check stopped the machine",
    "read pstore, BERT and the BMC event log, then replace the part that the bank names";
CpuMceStorm: "cpu-mce-storm", Cpu, Warning,
    "so many corrected machine checks came that the kernel turned the interrupt off and polls",
    "treat as a component about to fail: find the bank or DIMM with the most errors";
CpuMcePreviousBoot: "cpu-mce-previous-boot", Cpu, Info,
    "a machine check left in the banks from before this start, not from the test",
    "look at what happened before the restart: BMC event log, pstore, BERT";
MemoryCorrected: "memory-corrected", Memory, Warning,
    "memory had a bit error that ECC corrected",
    "note the DIMM; retest memory; replace it when errors come back or reach the maker's limit";
MemoryCorrectedStorm: "memory-corrected-storm", Memory, Error,
    "one DIMM keeps producing corrected errors in large numbers",
    "replace the DIMM; the errors may soon be uncorrectable";
MemoryUncorrected: "memory-uncorrected", Memory, Error,
    "memory returned data that ECC could not correct",
    "replace the DIMM named; distrust everything computed since";
MemoryPoisonConsumed: "memory-poison-consumed", Memory, Error,
    "a program or the kernel read memory that was damaged beyond correction",
    "replace the DIMM behind the address; repeat the test that was killed";
MemoryPageOfflined: "memory-page-offlined", Memory, Warning,
    "the kernel took a page of memory out of use because of errors in it",
    "find the DIMM behind the address and plan its replacement";
MemoryFatal: "memory-fatal", Memory, Fatal,
    "an uncorrectable memory error stopped the machine",
    "replace the DIMM named; then repeat the whole commissioning";
CxlError: "cxl-error", Memory, Error,
    "a CXL memory device or its link reported errors",
    "check the card, its slot and its firmware; compare with the CXL event log";
PcieCorrected: "pcie-corrected", Pcie, Warning,
    "a PCIe link had errors that the hardware repaired by itself",
    "reseat card, riser or cable; if the counter keeps rising, replace them in turn";
PcieUncorrected: "pcie-uncorrected", Pcie, Error,
    "a PCIe transaction failed and could not be repaired by hardware",
    "check the device named, its driver and firmware; reseat; retest";
PcieFatal: "pcie-fatal", Pcie, Fatal,
    "a PCIe link or device failed fatally",
    "reseat or replace card, riser or cable; the devices behind it cannot be trusted";
PcieDpcContained: "pcie-dpc-contained", Pcie, Error,
    "the port cut off a failing device to contain the error",
    "inspect the device behind the port; reseat; retest";
PcieLinkDown: "pcie-link-down", Pcie, Error,
    "a PCIe link went down and the device left the bus",
    "reseat card, drive or cable; check power to the slot";
PcieLinkDegraded: "pcie-link-degraded", Pcie, Info,
    "a PCIe device runs narrower or slower than it could",
    "compare with the slot's design; reseat the card if it should be faster";
PcieDeviceInaccessible: "pcie-device-inaccessible", Pcie, Error,
    "a PCIe device no longer answers",
    "power-cycle the machine; if it comes back broken, replace the device";
IommuFault: "iommu-fault", Pcie, Error,
    "a device tried to reach memory it has no right to",
    "check the driver and firmware of the device named; on a healthy machine this does not happen under test";
DiskMediumError: "disk-medium-error", Disk, Error,
    "the disk could not read (or write) a sector",
    "run a long self-test and replace the disk";
DiskIoError: "disk-io-error", Disk, Error,
    "a request to the disk failed",
    "look for the cause just before it in the log: link, controller or medium";
DiskLinkError: "disk-link-error", Disk, Warning,
    "data was damaged on the way between disk and controller",
    "reseat or replace cable, backplane or drive carrier";
DiskLinkReset: "disk-link-reset", Disk, Warning,
    "the link to the disk broke and was set up again",
    "check cable, backplane and power; retest";
DiskLinkSpeedReduced: "disk-link-speed-reduced", Disk, Warning,
    "the link to the disk was slowed down after errors",
    "check cable and backplane; the speed returns only after a restart";
DiskTimeout: "disk-timeout", Disk, Error,
    "the disk did not answer in time",
    "check firmware, power and link; replace the disk if it returns";
DiskTaskAbort: "disk-task-abort", Disk, Warning,
    "the controller aborted commands the disk did not finish",
    "check the disk named, then cable and expander";
DiskControllerReset: "disk-controller-reset", Disk, Error,
    "the disk controller stopped answering and was reset",
    "check firmware and slot; every disk behind it was affected";
DiskOffline: "disk-offline", Disk, Fatal,
    "the disk is gone: taken offline or removed",
    "reseat or replace the disk";
DiskHardwareError: "disk-hardware-error", Disk, Error,
    "the disk reports that its own hardware failed",
    "replace the disk";
DiskRecoveredError: "disk-recovered-error", Disk, Warning,
    "the disk needed retries or its own correction to get the data",
    "watch its error counters; long self-test; plan replacement";
DiskPredictedFailure: "disk-predicted-failure", Disk, Error,
    "the disk itself predicts that it will fail",
    "replace the disk";
DiskProtectionError: "disk-protection-error", Disk, Error,
    "end-to-end protection information did not match: data was damaged on its way",
    "check controller, cable and disk firmware; data is not to be trusted";
DiskPathFailed: "disk-path-failed", Disk, Warning,
    "one of several paths to a disk failed",
    "check the HBA port, cable or switch of that path";
DiskHbaEvent: "disk-hba-event", Disk, Warning,
    "the SAS controller reports trouble on its links to the disks",
    "find the disk or expander named nearby; check cables";
DiskReservationConflict: "disk-reservation-conflict", Disk, Warning,
    "the disk refused the request because another host holds it",
    "release the reservation; check for a second host on the same shelf";
FilesystemError: "filesystem-error", Disk, Error,
    "a filesystem found damage or could not write",
    "check the disk under it first, then repair the filesystem";
RaidDegraded: "raid-degraded", Disk, Error,
    "a software RAID lost a member",
    "replace the member named and rebuild";
NetLinkDown: "net-link-down", Network, Warning,
    "the network link went down",
    "check cable, transceiver and switch port";
NetLinkFlap: "net-link-flap", Network, Error,
    "the network link goes down and up again and again",
    "replace cable or transceiver, then try another switch port";
NetTxTimeout: "net-tx-timeout", Network, Error,
    "the network card stopped sending and had to be kicked",
    "update driver and firmware; replace the card if it returns";
NetAdapterReset: "net-adapter-reset", Network, Error,
    "the network card was reset after an internal error",
    "update firmware; check slot and temperature";
NetModuleError: "net-module-error", Network, Error,
    "the transceiver or cable in the port is not usable",
    "replace the transceiver or cable with a supported one";
NetFirmwareError: "net-firmware-error", Network, Error,
    "the firmware of the network card failed",
    "update or restore the card's firmware; replace the card if it returns";
NetOverheated: "net-overheated", Thermal, Error,
    "the network card stopped or warned because it is too hot",
    "check airflow and fans; let it cool";
IbLinkError: "ib-link-error", Network, Error,
    "an InfiniBand port lost its link or sees errors",
    "check cable and switch port; compare the port counters";
GpuLost: "gpu-lost", Gpu, Fatal,
    "the GPU dropped off the bus",
    "power-cycle; check power cables, slot and temperature; replace the GPU if it returns";
GpuMemoryUncorrected: "gpu-memory-uncorrected", Gpu, Error,
    "GPU memory had an error that could not be corrected",
    "reset the GPU, run its memory test; replace it if it returns";
GpuMemoryRemapped: "gpu-memory-remapped", Gpu, Warning,
    "the GPU replaced a bad row of its memory",
    "reset the GPU so that the remap takes effect; watch for more";
GpuMemoryRemapFailed: "gpu-memory-remap-failed", Gpu, Error,
    "the GPU could not replace a bad row of its memory",
    "replace the GPU";
GpuMemoryCorrected: "gpu-memory-corrected", Gpu, Warning,
    "the GPU corrected many memory errors",
    "watch the counters; reset; replace if they rise";
GpuApplicationFault: "gpu-application-fault", Gpu, Warning,
    "a program using the GPU made an error or was cut off",
    "look at the program first; suspect the GPU only if other programs fail too";
GpuNvlinkError: "gpu-nvlink-error", Gpu, Error,
    "the link between GPUs had errors",
    "reseat bridge, tray or cable; run the vendor's diagnostics";
GpuFirmwareTimeout: "gpu-firmware-timeout", Gpu, Error,
    "the GPU's own processor does not answer",
    "reset the GPU or restart; update the driver";
GpuReset: "gpu-reset", Gpu, Error,
    "the GPU hung and was reset",
    "check temperature, power and driver; retest";
CpuThrottled: "cpu-throttled", Thermal, Warning,
    "the processor got too hot and was slowed down",
    "check fans, airflow, heat sink and room temperature; performance results of this test do not count";
ThermalCritical: "thermal-critical", Thermal, Fatal,
    "a part reached its critical temperature",
    "switch off, check cooling";
ThermalSensorHigh: "thermal-sensor-high", Thermal, Error,
    "a sensor is above its limit",
    "check airflow and fans";
PowerPsuFailed: "power-psu-failed", Power, Error,
    "a power supply failed or lost its input",
    "check the supply and its cord; replace it";
PowerRedundancyLost: "power-redundancy-lost", Power, Warning,
    "the machine runs without a spare power supply",
    "restore the second supply before going on";
PowerLimited: "power-limited", Power, Warning,
    "a part runs slower because of a power limit",
    "check power caps in the BMC and the supplies; performance results do not count";
PowerSlotInsufficient: "power-slot-insufficient", Power, Warning,
    "the slot does not offer the power the card wants",
    "connect the auxiliary cable or use another slot";
UsbOverCurrent: "usb-over-current", Usb, Error,
    "a USB port drew too much current",
    "unplug what hangs on the port; inspect the connector";
UsbEnumerationFailed: "usb-enumeration-failed", Usb, Warning,
    "a USB device does not answer when it is set up",
    "replug or replace the device or cable";
UsbReset: "usb-reset", Usb, Warning,
    "a USB device had to be reset",
    "check cable and power; replace the device if it returns";
UsbControllerDied: "usb-controller-died", Usb, Error,
    "the USB host controller stopped",
    "restart; update firmware; everything on USB (also a virtual console) is gone";
UsbDisconnect: "usb-disconnect", Usb, Warning,
    "a USB device disappeared in the middle of the test",
    "check whether somebody unplugged it; else cable and power";
TaskHung: "task-hung", Kernel, Error,
    "a program waits for the kernel since minutes and cannot be stopped",
    "name the device from the stack or inflight counters; suspect that device";
KernelSoftLockup: "kernel-soft-lockup", Kernel, Error,
    "a CPU was busy in the kernel for many seconds without a pause",
    "retest; look for the driver in the trace; in a virtual machine suspect an overloaded host";
KernelHardLockup: "kernel-hard-lockup", Kernel, Fatal,
    "a CPU stopped reacting altogether",
    "restart; suspect CPU, firmware or a driver in the trace";
KernelRcuStall: "kernel-rcu-stall", Kernel, Error,
    "a CPU did not come back to the scheduler in time",
    "look for the driver in the trace; check for interrupt storms and overheating";
KernelOops: "kernel-oops", Kernel, Error,
    "the kernel made an error and killed what ran",
    "save the trace; memory test if traces differ each time; else report the bug";
KernelPanic: "kernel-panic", Kernel, Fatal,
    "the kernel stopped",
    "read pstore after the restart";
KernelWarning: "kernel-warning", Kernel, Warning,
    "the kernel met something its authors thought impossible",
    "save the trace for the driver's authors; no hardware fault by itself";
KernelAllocationFailure: "kernel-allocation-failure", Kernel, Warning,
    "the kernel could not get memory for a request",
    "check how much memory the test took";
ClocksourceUnstable: "clocksource-unstable", Kernel, Warning,
    "the processor's clock drifted and another is used",
    "update firmware; timings of this test are not exact";
NmiUnknown: "nmi-unknown", Kernel, Warning,
    "the hardware raised an alarm (NMI) that nobody explained",
    "look into the BMC event log for the cause";
OomKill: "oom-kill", Kernel, Error,
    "memory ran out and the kernel killed a program",
    "give the test less memory to use, or find out why so little was left";
OomKillCgroup: "oom-kill-cgroup", Script, Info,
    "a program went over the memory limit set for it and was killed",
    "raise the limit of the script if that was not intended";
ProgramCrashed: "program-crashed", Script, Info,
    "a program crashed by itself",
    "look at the program; repeated crashes of different programs point to memory or CPU";
FirmwareErrorRecord: "firmware-error-record", Firmware, Warning,
    "the firmware kept a record of an error from before this start",
    "read it: it tells why the machine stopped last time";
FirmwareBug: "firmware-bug", Firmware, Info,
    "the firmware has a flaw that the kernel works around",
    "update the firmware when there is a new one";
TpmError: "tpm-error", Firmware, Warning,
    "the TPM does not answer properly",
    "update TPM firmware; clear it in setup";
BmcError: "bmc-error", Firmware, Warning,
    "the BMC does not answer properly",
    "reset the BMC; update its firmware";
PowerBatteryFailed: "power-battery-failed", Power, Warning,
    "the battery that protects the cache of the RAID controller failed",
    "replace the battery; writes are slower until then";
PowerVoltageOutOfRange: "power-voltage-out-of-range", Power, Error,
    "a supply voltage is outside its limits",
    "check power supply and board; do not trust results";}
