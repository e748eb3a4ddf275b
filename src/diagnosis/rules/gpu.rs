//! Graphics and compute cards.

use super::Act::{As, Harmless, Is, Story as Tale};
use super::{Name, Rule, rule};
use crate::diagnosis::code::{Code, Severity};
use crate::diagnosis::stories::Story;

const NVIDIA: &str = "NVIDIA driver, kernel_gsp.c";
const AMDGPU: &str = "drivers/gpu/drm/amd/amdgpu";

pub(super) const RULES: &[Rule] = &[
    rule("NVRM: Xid (*): ", Tale(Story::Xid), "NVIDIA Xid catalogue"),
    rule(
        ": SXid (PCI:{}): *, Fatal",
        As(Code::GpuNvlinkError, Severity::Fatal, Name::Pci),
        "NVIDIA fabric manager guide",
    ),
    rule(
        ": SXid (PCI:{}): *, Non-fatal",
        As(Code::GpuNvlinkError, Severity::Warning, Name::Pci),
        "NVIDIA fabric manager guide",
    ),
    rule(": SXid (PCI:{}): ", Is(Code::GpuNvlinkError, Name::Pci), "NVIDIA fabric manager guide"),
    rule("NVRM: The NVIDIA GPU {}", Tale(Story::NvidiaNamed), "NVIDIA driver"),
    rule("fallen off the bus", Tale(Story::NvidiaLost), "NVIDIA driver"),
    rule("NVRM: GPU {}: RmInitAdapter failed", Is(Code::GpuFirmwareTimeout, Name::Part), "NVIDIA driver"),
    rule("NVRM: {} _kgspIsHeartbeatTimedOut: Heartbeat timed out", Is(Code::GpuFirmwareTimeout, Name::Part), NVIDIA),
    rule("NVRM: {} _kgsp*GSP Timeout *", Is(Code::GpuFirmwareTimeout, Name::Part), NVIDIA),
    rule("NVRM: _kgspIsHeartbeatTimedOut: Heartbeat timed out", Is(Code::GpuFirmwareTimeout, Name::No), NVIDIA),
    rule("NVRM: _kgsp*GSP Timeout *", Is(Code::GpuFirmwareTimeout, Name::No), NVIDIA),
    rule("NVRM: *rpcRecvPoll timedout for fn ", Is(Code::GpuFirmwareTimeout, Name::No), NVIDIA),
    rule("NVRM: GPU at PCI:", Harmless, "NVIDIA driver"),
    rule("*ERROR* ring * timeout, signaled seq=", Tale(Story::AmdgpuRing), AMDGPU),
    rule("ring * timeout, signaled seq=", Tale(Story::AmdgpuRing), AMDGPU),
    rule("amdgpu: GPU reset begin", Is(Code::GpuReset, Name::Pci), AMDGPU),
    rule("amdgpu: GPU reset(*) failed", As(Code::GpuReset, Severity::Fatal, Name::Pci), AMDGPU),
    rule("ASIC reset failed with error, ", As(Code::GpuReset, Severity::Fatal, Name::Pci), AMDGPU),
    rule("amdgpu: GPU reset for * RAS poison consumption", Is(Code::GpuMemoryUncorrected, Name::Pci), AMDGPU),
    rule("amdgpu: RAS poison consumption", Is(Code::GpuMemoryUncorrected, Name::Pci), AMDGPU),
    rule(" uncorrectable hardware errors detected in ", Tale(Story::AmdgpuCount), AMDGPU),
    rule(" uncorrectable hardware error(s) detected in ", Tale(Story::AmdgpuCount), AMDGPU),
    rule(" correctable hardware errors detected in ", Tale(Story::AmdgpuCount), AMDGPU),
    rule(" correctable hardware error(s) detected in ", Tale(Story::AmdgpuCount), AMDGPU),
    rule("ERREVENT_ATHUB_INTERRUPT", Is(Code::GpuMemoryUncorrected, Name::Pci), AMDGPU),
    // Storage drivers print the same words.
    rule("[drm*PCI error: detected callback", Tale(Story::AmdgpuBus), AMDGPU),
    rule("amdgpu*PCI error: detected callback", Tale(Story::AmdgpuBus), AMDGPU),
    rule("PCIe error recovery failed, err:", Tale(Story::AmdgpuBus), AMDGPU),
    rule("amdgpu: device lost from bus", Is(Code::GpuLost, Name::Pci), AMDGPU),
    rule("amdgpu: SMU: I'm not done with your previous command", Is(Code::GpuFirmwareTimeout, Name::Pci), AMDGPU),
    rule("amdgpu: SMU: No response", Is(Code::GpuFirmwareTimeout, Name::Pci), AMDGPU),
    rule("amdgpu: *page fault (src_id:", Is(Code::GpuApplicationFault, Name::Pci), AMDGPU),
    rule("amdgpu: GPU fault detected:", Is(Code::GpuApplicationFault, Name::Pci), AMDGPU),
    rule("GPU over temperature range(SW CTF) detected", Is(Code::ThermalCritical, Name::Pci), AMDGPU),
    rule("GPU over temperature range detected", Is(Code::ThermalSensorHigh, Name::Pci), AMDGPU),
    rule("GPU HW CTF", Is(Code::ThermalCritical, Name::Pci), AMDGPU),
    rule("GPU HANG: ecode", Is(Code::GpuReset, Name::Pci), "drivers/gpu/drm/i915/i915_gpu_error.c"),
    rule("Resetting chip for ", Is(Code::GpuReset, Name::Pci), "drivers/gpu/drm/i915/gt/intel_reset.c"),
    rule("^xe {}: *GT*: trying reset", Is(Code::GpuReset, Name::Pci), "drivers/gpu/drm/xe/xe_gt.c"),
    rule("^xe {}: *GT*: reset queued", Is(Code::GpuReset, Name::Pci), "drivers/gpu/drm/xe/xe_gt.c"),
    rule("^radeon {}: GPU lockup", Is(Code::GpuReset, Name::Pci), "drivers/gpu/drm/radeon/radeon_fence.c"),
    rule("^nouveau {}: *GPU lockup", Is(Code::GpuReset, Name::Pci), "drivers/gpu/drm/nouveau"),
];
