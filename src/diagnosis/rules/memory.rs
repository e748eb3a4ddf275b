//! Memory and processor: EDAC, machine checks, APEI, pages taken out of use.

use super::Act::{As, Harmless, Is, Story as Tale};
use super::{Name, Rule, rule};
use crate::diagnosis::code::{Code, Severity};
use crate::diagnosis::stories::Story;

const EDAC: &str = "drivers/edac/edac_mc.c";
const EDAC_DEVICE: &str = "drivers/edac/edac_device.c";
const EDAC_PCI: &str = "drivers/edac/edac_pci_sysfs.c";
const MCE: &str = "arch/x86/kernel/cpu/mce/core.c";
const MCE_AMD: &str = "drivers/edac/mce_amd.c";
const FAILURE: &str = "mm/memory-failure.c";
const CPER: &str = "drivers/firmware/efi/cper.c";

pub(super) const RULES: &[Rule] = &[
    rule("^EDAC *Giving out device", Harmless, EDAC),
    // Corrected and uncorrected errors of a controller, since 3.6, before, and before 2.6.3x.
    rule("^EDAC MC*: * CE *on {} (", Tale(Story::EdacCorrected), EDAC),
    rule("^EDAC MC*: * UE *on {} (", Tale(Story::EdacUncorrected), EDAC),
    rule("^EDAC MC*: CE *label \"{}\"", Tale(Story::EdacCorrected), EDAC),
    rule("^EDAC MC*: UE *label \"{}\"", Tale(Story::EdacUncorrected), EDAC),
    rule("^EDAC MC*: UE *labels \"{}\"", Tale(Story::EdacUncorrected), EDAC),
    rule("^EDAC MC*: CE - no information available", Tale(Story::EdacCorrected), EDAC),
    rule("^EDAC MC*: UE - no information available", Tale(Story::EdacUncorrected), EDAC),
    rule("^EDAC DEVICE*: CE: * instance: {} block:", Is(Code::CpuMceCorrected, Name::Part), EDAC_DEVICE),
    rule("^EDAC DEVICE*: UE: * instance: {} block:", Is(Code::CpuMceUncorrected, Name::Part), EDAC_DEVICE),
    rule("^EDAC PCI: Signaled System Error on ", Is(Code::PcieUncorrected, Name::Pci), EDAC_PCI),
    rule("^EDAC PCI: Master Data Parity Error on ", Is(Code::PcieUncorrected, Name::Pci), EDAC_PCI),
    rule("^EDAC PCI: Detected Parity Error on ", Is(Code::PcieUncorrected, Name::Pci), EDAC_PCI),
    rule("^EDAC PCI: Bridge Signaled System Error on ", Is(Code::PcieUncorrected, Name::Pci), EDAC_PCI),
    rule("^EDAC PCI: Bridge Master Data Parity Error on ", Is(Code::PcieUncorrected, Name::Pci), EDAC_PCI),
    rule("^EDAC PCI: Bridge Detected Parity Error on ", Is(Code::PcieUncorrected, Name::Pci), EDAC_PCI),
    rule("Northbridge Error (node {}): DRAM ECC error detected on the NB", Tale(Story::AmdNorthbridge), MCE_AMD),
    rule("Northbridge Error (node {})", Tale(Story::AmdDecoded), MCE_AMD),
    rule("[Hardware Error]: CPU:{} (*MC*_STATUS[", Tale(Story::AmdStatus), MCE_AMD),
    rule("[Hardware Error]: MC*_STATUS[*]: 0x", Tale(Story::AmdStatus), MCE_AMD),
    rule("Ext. Error Code: ", Tale(Story::AmdDecoded), MCE_AMD),
    rule("[Hardware Error]: *Extended Error Code: ", Tale(Story::AmdDecoded), MCE_AMD),
    rule("[Hardware Error]: Corrected error, no action required", Tale(Story::AmdHeader), MCE_AMD),
    rule("[Hardware Error]: Deferred error, no action required", Tale(Story::AmdHeader), MCE_AMD),
    rule("[Hardware Error]: Uncorrected, software ", Tale(Story::AmdHeader), MCE_AMD),
    rule("[Hardware Error]: System Fatal error", Tale(Story::AmdHeader), MCE_AMD),
    // The kernel's own lines of a machine check; EDAC drivers repeat them with their name.
    rule("^EDAC *CPU {}: Machine Check Event: ", Tale(Story::MceBank), "drivers/edac/skx_common.c"),
    rule("CPU {}: Machine Check: * Bank ", Tale(Story::MceBank), MCE),
    rule("CPU {}: Machine Check Exception: * Bank ", Tale(Story::MceBank), MCE),
    // 2.4 and early 2.6 print each bank in a line of its own.
    rule("CPU {}: Machine Check Exception: ", Tale(Story::MceOld), MCE),
    rule("MCE: The hardware reports a non fatal, correctable incident occurred on CPU {}", Tale(Story::MceOld), MCE),
    rule("^Bank {}: ", Tale(Story::MceOldBank), MCE),
    rule(
        "Machine check: Data load in unrecoverable area of kernel",
        Tale(Story::MceReason),
        "arch/x86/kernel/cpu/mce/severity.c",
    ),
    rule(
        "Machine check: Instruction fetch error in kernel",
        Tale(Story::MceReason),
        "arch/x86/kernel/cpu/mce/severity.c",
    ),
    rule("Machine check: Action required", Tale(Story::MceReason), "arch/x86/kernel/cpu/mce/severity.c"),
    rule("Machine check events logged", Tale(Story::MceLogged), MCE),
    rule("CPUs not responding to MCE broadcast", Is(Code::CpuMceFatal, Name::No), MCE),
    rule("CPU {} BANK* CMCI storm detected", Is(Code::CpuMceStorm, Name::Cpu), "arch/x86/kernel/cpu/mce/threshold.c"),
    rule("CPU{} BANK* CMCI storm detected", Is(Code::CpuMceStorm, Name::Cpu), "arch/x86/kernel/cpu/mce/threshold.c"),
    rule("CMCI storm detected", Is(Code::CpuMceStorm, Name::No), "arch/x86/kernel/cpu/mce/intel.c"),
    rule("^mce: Uncorrected hardware memory error in user-access at {}", Tale(Story::UserAccess), MCE),
    rule(
        "MCE: Killing {} due to hardware memory corruption fault",
        Is(Code::MemoryPoisonConsumed, Name::No),
        "arch/x86/mm/fault.c",
    ),
    rule(
        "Memory failure: {}: Killing * due to hardware memory corruption",
        Is(Code::MemoryPoisonConsumed, Name::Page),
        FAILURE,
    ),
    rule("Memory failure: {}: Sending SIGBUS to ", Is(Code::MemoryPoisonConsumed, Name::Page), FAILURE),
    rule("MCE {}: Killing * due to hardware memory corruption", Is(Code::MemoryPoisonConsumed, Name::Page), FAILURE),
    rule("Memory failure: {}: recovery action for * Failed", Tale(Story::PageLost), FAILURE),
    rule("Memory failure: {}: recovery action for ", Tale(Story::PageOffline), FAILURE),
    rule("Memory failure: {}: ", Tale(Story::PageOffline), FAILURE),
    rule("MCE {}: recovery action for ", Tale(Story::PageOffline), FAILURE),
    rule("MCE {}: * page recovery: ", Tale(Story::PageOffline), FAILURE),
    rule("Soft-offlining pfn: {}", Tale(Story::PageOffline), "drivers/ras/cec.c"),
    rule("Soft offlining pfn {} at process virtual address", Tale(Story::PageInjected), "mm/madvise.c"),
    rule("Injecting memory failure for pfn {} at", Tale(Story::PageInjected), "mm/madvise.c"),
    rule("Injecting memory failure for page {} at", Tale(Story::PageInjected), "mm/madvise.c"),
    rule("soft_offline: {}: ", Tale(Story::PageOffline), FAILURE),
    rule("^Corrected memory errors page offline", Is(Code::MemoryPageOfflined, Name::No), "drivers/ras"),
    rule("BERT: Error records from previous boot", Tale(Story::ApeiBert), "drivers/acpi/apei/bert.c"),
    rule("BERT: Total records found", Tale(Story::ApeiBertEnd), "drivers/acpi/apei/bert.c"),
    rule("[Hardware Error]: ", Tale(Story::Apei), CPER),
    rule("SError Interrupt on CPU{}, code", Is(Code::CpuMceFatal, Name::Cpu), "arch/arm64/kernel/traps.c"),
    rule("Internal error: synchronous external abort", Is(Code::MemoryFatal, Name::No), "arch/arm64/mm/fault.c"),
    rule("Internal error: synchronous parity or ECC error", Is(Code::MemoryFatal, Name::No), "arch/arm64/mm/fault.c"),
    rule(
        "Unhandled fault: synchronous external abort",
        Is(Code::MemoryPoisonConsumed, Name::No),
        "arch/arm64/mm/fault.c",
    ),
    rule(
        ": frozen state error detected, disable CXL.mem",
        As(Code::CxlError, Severity::Fatal, Name::Pci),
        "drivers/cxl/core/pci.c",
    ),
    rule(
        ": failure state error detected, request disconnect",
        As(Code::CxlError, Severity::Fatal, Name::Pci),
        "drivers/cxl/core/pci.c",
    ),
    rule("^cxl*: CXL.mem", Harmless, "drivers/cxl/pci.c"),
    rule("^cxl_pci {}: Media not active", Is(Code::CxlError, Name::Pci), "drivers/cxl/pci.c"),
    rule("^cxl_pci {}: timeout awaiting memory active", Is(Code::CxlError, Name::Pci), "drivers/cxl/core/pci.c"),
    rule("^cxl_pci {}: media error", Is(Code::CxlError, Name::Pci), "drivers/cxl/pci.c"),
    rule("^cxl_pci {}: mailbox error", Is(Code::CxlError, Name::Pci), "drivers/cxl/pci.c"),
    rule("^cxl_pci {}: *Memory Device fatal", As(Code::CxlError, Severity::Fatal, Name::Pci), "drivers/cxl/cxlmem.h"),
];
