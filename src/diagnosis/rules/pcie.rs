//! PCI Express: errors, containment, links, devices that do not answer, IOMMU.

use super::Act::{Harmless, Is, Story as Tale};
use super::{Name, Rule, rule};
use crate::diagnosis::code::Code;
use crate::diagnosis::stories::Story;

const AER: &str = "drivers/pci/pcie/aer.c";
const DPC: &str = "drivers/pci/pcie/dpc.c";
const HOTPLUG: &str = "drivers/pci/hotplug/pciehp_ctrl.c";
const PCI: &str = "drivers/pci/pci.c";
const DMAR: &str = "drivers/iommu/intel/dmar.c";
const AMD: &str = "drivers/iommu/amd/iommu.c";
const SMMU: &str = "drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c";

pub(super) const RULES: &[Rule] = &[
    rule("^pcieport *: AER: enabled with IRQ", Harmless, AER),
    // `Corrected` to 6.x, `Correctable` since 7.0; `id=` to 4.14; the device that the port names is meant, not the port.
    rule(" severity=Correct", Is(Code::PcieCorrected, Name::Pci), AER),
    rule(" severity=Uncorrect*(Fatal)", Is(Code::PcieFatal, Name::Pci), AER),
    rule(" severity=Uncorrect", Is(Code::PcieUncorrected, Name::Pci), AER),
    rule("AER: * error received: {}", Tale(Story::AerPort), AER),
    rule("AER: * error message received from {}", Tale(Story::AerPort), AER),
    rule("AER: * error message received: {}", Tale(Story::AerPort), AER),
    rule("DPC: containment event", Is(Code::PcieDpcContained, Name::Pci), DPC),
    rule("DPC: RP PIO log size", Harmless, DPC),
    rule("EDR: EDR event received", Harmless, "drivers/pci/pcie/edr.c"),
    rule("^pciehp {}:pcie*: slot(*): Link Down event", Is(Code::PcieLinkDown, Name::Part), HOTPLUG),
    rule("^pciehp {}:pcie*: Slot(*): Link Down", Is(Code::PcieLinkDown, Name::Part), HOTPLUG),
    rule("pciehp: Slot(*): Link Down", Is(Code::PcieLinkDown, Name::Pci), HOTPLUG),
    rule("pciehp: Slot(*): Card not present", Is(Code::PcieLinkDown, Name::Pci), HOTPLUG),
    rule("^pciehp {}:pcie*: Card not present on Slot", Is(Code::PcieLinkDown, Name::Part), HOTPLUG),
    rule("pciehp: Slot(*): Power fault", Is(Code::PcieLinkDown, Name::Pci), "drivers/pci/hotplug/pciehp_hpc.c"),
    // To 4.20, the port stands behind the driver's name.
    rule("^pciehp {}:pcie*: Slot(*): Card not present", Is(Code::PcieLinkDown, Name::Part), HOTPLUG),
    rule("^pciehp {}:pcie*: Slot(*): Power fault", Is(Code::PcieLinkDown, Name::Part), HOTPLUG),
    rule("^pciehp {}:pcie*: Power fault on ", Is(Code::PcieLinkDown, Name::Part), HOTPLUG),
    rule("^pciehp {}:pcie*: Power fault bit ", Is(Code::PcieLinkDown, Name::Part), HOTPLUG),
    rule("^pciehp {}:pcie*: Link Training Error occurs", Is(Code::PcieLinkDown, Name::Part), HOTPLUG),
    rule("^pciehp {}:pcie*: Failed to check link status", Is(Code::PcieLinkDown, Name::Part), HOTPLUG),
    rule("^pciehp {}:pcie*: Surprise Removal", Is(Code::PcieLinkDown, Name::Part), HOTPLUG),
    rule("Power fault on slot", Is(Code::PcieLinkDown, Name::Pci), "drivers/pci/hotplug/pciehp_ctrl.c"),
    rule(
        "pciehp: Slot(*): Failed to check link status",
        Is(Code::PcieLinkDown, Name::Pci),
        "drivers/pci/hotplug/pciehp_hpc.c",
    ),
    rule("pciehp: Failed to check link status", Is(Code::PcieLinkDown, Name::Pci), "drivers/pci/hotplug/pciehp_hpc.c"),
    rule("Gb/s available PCIe bandwidth, limited by", Is(Code::PcieLinkDegraded, Name::Pci), PCI),
    rule(
        ": broken device, retraining non-functional downstream link",
        Is(Code::PcieLinkDegraded, Name::Pci),
        "drivers/pci/quirks.c",
    ),
    rule(
        "PCI-Express bandwidth available for this device may be insufficient",
        Is(Code::PcieLinkDegraded, Name::Pci),
        "i40e",
    ),
    rule(
        "PCI-Express bandwidth available for this card is not sufficient",
        Is(Code::PcieLinkDegraded, Name::Pci),
        "ixgbe",
    ),
    rule("PCIe device link is downgraded", Is(Code::PcieLinkDegraded, Name::Pci), "drivers/pci"),
    rule("Unable to change power state from *, device inaccessible", Is(Code::PcieDeviceInaccessible, Name::Pci), PCI),
    rule(
        "an't change power state from * (config space inaccessible)",
        Is(Code::PcieDeviceInaccessible, Name::Pci),
        PCI,
    ),
    rule("Refused to change power state, currently in D3", Is(Code::PcieDeviceInaccessible, Name::Pci), PCI),
    rule("Refused to change power state from", Is(Code::PcieDeviceInaccessible, Name::Pci), PCI),
    rule(": not ready *ms after *; giving up", Is(Code::PcieDeviceInaccessible, Name::Pci), PCI),
    rule(
        ": unknown header type 7f, ignoring device",
        Is(Code::PcieDeviceInaccessible, Name::Pci),
        "drivers/pci/probe.c",
    ),
    rule(": invalid class 0xffffff", Is(Code::PcieDeviceInaccessible, Name::Pci), "drivers/pci/probe.c"),
    rule("DMAR:*[INTR-REMAP] Request device [{}] fault index", Is(Code::IommuFault, Name::Pci), DMAR),
    rule("DMAR:*Request device [{}] ", Is(Code::IommuFault, Name::Pci), DMAR),
    rule("DMAR:*Request device [{}] PASID", Is(Code::IommuFault, Name::Pci), DMAR),
    rule("AMD-Vi: Event logged [IOTLB_INV_TIMEOUT device={} ", Is(Code::PcieDeviceInaccessible, Name::Pci), AMD),
    rule("AMD-Vi: Event logged [* device={} ", Is(Code::IommuFault, Name::Pci), AMD),
    rule("AMD-Vi: Event logged [IO_PAGE_FAULT", Is(Code::IommuFault, Name::Pci), AMD),
    rule("AMD-Vi: Event logged [ILLEGAL_DEV_TABLE_ENTRY", Is(Code::IommuFault, Name::Pci), AMD),
    rule("AMD-Vi: Event logged [DEV_TAB_HARDWARE_ERROR", Is(Code::IommuFault, Name::Pci), AMD),
    rule("AMD-Vi: Event logged [PAGE_TAB_HARDWARE_ERROR", Is(Code::IommuFault, Name::Pci), AMD),
    rule("AMD-Vi: Event logged [INVALID_DEVICE_REQUEST", Is(Code::IommuFault, Name::Pci), AMD),
    rule("AMD-Vi: Event logged [INVALID_PPR_REQUEST", Is(Code::IommuFault, Name::Pci), AMD),
    // In two lines, to 4.x.
    rule("^IOTLB_INV_TIMEOUT device={}", Is(Code::PcieDeviceInaccessible, Name::Pci), AMD),
    rule("^IO_PAGE_FAULT device={}", Is(Code::IommuFault, Name::Pci), AMD),
    rule("^ILLEGAL_DEV_TABLE_ENTRY device={}", Is(Code::IommuFault, Name::Pci), AMD),
    rule("^DEV_TAB_HARDWARE_ERROR device={}", Is(Code::IommuFault, Name::Pci), AMD),
    rule("^PAGE_TAB_HARDWARE_ERROR device={}", Is(Code::IommuFault, Name::Pci), AMD),
    rule("^INVALID_DEVICE_REQUEST device={}", Is(Code::IommuFault, Name::Pci), AMD),
    rule("^INVALID_PPR_REQUEST device={}", Is(Code::IommuFault, Name::Pci), AMD),
    rule("^COMMAND_HARDWARE_ERROR address=", Is(Code::IommuFault, Name::No), AMD),
    rule("AMD-Vi: Event logged [COMMAND_HARDWARE_ERROR", Is(Code::IommuFault, Name::Pci), AMD),
    rule("^ILLEGAL_COMMAND_ERROR address=", Is(Code::IommuFault, Name::No), AMD),
    rule("AMD-Vi: Event logged [ILLEGAL_COMMAND_ERROR", Is(Code::IommuFault, Name::Pci), AMD),
    rule("AMD-Vi: Event logged [RMP_", Is(Code::IommuFault, Name::Pci), AMD),
    rule("event: F_* client: {} sid:", Is(Code::IommuFault, Name::Part), SMMU),
    rule("event: C_* client: {} sid:", Is(Code::IommuFault, Name::Part), SMMU),
    rule("^arm-smmu-v3 {}: event 0x* received:", Is(Code::IommuFault, Name::Part), SMMU),
    rule(
        "^arm-smmu {}: Unhandled context fault:",
        Is(Code::IommuFault, Name::Part),
        "drivers/iommu/arm/arm-smmu/arm-smmu.c",
    ),
    rule(
        "^arm-smmu {}: Unexpected global fault",
        Is(Code::IommuFault, Name::Part),
        "drivers/iommu/arm/arm-smmu/arm-smmu.c",
    ),
];
