//! Why a read or a write failed: the kernel gives each kind of fault an errno of its own (`blk_errors`, Linux `block/blk-core.c`).

use nix::errno::Errno;

/// The kind of fault behind an error of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Fault {
    /// `ENODATA`: the medium does not give these blocks.
    Medium,
    /// `EILSEQ`: a checksum on the way from the medium is wrong (DIF/DIX).
    Protection,
    /// `EREMOTEIO`: the drive refuses: not ready, locked, being erased.
    Refused,
    /// `ENOLINK`: the way to the drive.
    Transport,
    /// `ETIMEDOUT`: no answer in time.
    Timeout,
    /// `ENODEV`, `ENXIO`: the drive went away.
    Gone,
    /// `EBADE`: another host has reserved the drive.
    Reserved,
    /// `ENOMEM`, `EBUSY`, `EAGAIN`: this system lacks something.
    Resource,
    /// `ENOSPC`: storage that is promised and not there (thin provisioning).
    Full,
    /// `EPERM`, `EACCES`, `EROFS`: this system does not permit it.
    NotPermitted,
    /// `EIO` and everything else: drivers that know no better say so of any fault, of the medium, too.
    Unknown,
}

impl Fault {
    /// By the number of the error.
    #[must_use]
    pub(super) fn of(errno: Errno) -> Self {
        match errno {
            Errno::ENODATA => Fault::Medium,
            Errno::EILSEQ => Fault::Protection,
            Errno::EREMOTEIO => Fault::Refused,
            Errno::ENOLINK => Fault::Transport,
            Errno::ETIMEDOUT => Fault::Timeout,
            Errno::ENODEV | Errno::ENXIO => Fault::Gone,
            Errno::EBADE => Fault::Reserved,
            Errno::ENOMEM | Errno::EBUSY | Errno::EAGAIN | Errno::EINTR => Fault::Resource,
            Errno::ENOSPC => Fault::Full,
            Errno::EPERM | Errno::EACCES | Errno::EROFS => Fault::NotPermitted,
            _ => Fault::Unknown,
        }
    }

    /// For people: what it means.
    #[must_use]
    pub(super) fn words(self) -> &'static str {
        match self {
            Fault::Medium => "the medium cannot be read",
            Fault::Protection => "a checksum between medium and host is wrong",
            Fault::Refused => "the drive refuses (locked, not ready or being erased)",
            Fault::Transport => "the way to the drive failed (cable, expander or controller)",
            Fault::Timeout => "the drive did not answer in time",
            Fault::Gone => "the drive went away",
            Fault::Reserved => "another host has reserved the drive",
            Fault::Resource => "this system lacked memory or the device was busy",
            Fault::Full => "the storage behind it has no room left",
            Fault::NotPermitted => "this system does not permit it",
            Fault::Unknown => "input/output error",
        }
    }

    /// Describes the fault to people, as that of a write.
    #[must_use]
    pub(super) fn words_of_write(self) -> &'static str {
        match self {
            Fault::Medium => "the medium cannot be written",
            Fault::Protection => "a checksum between host and medium is wrong",
            Fault::Refused => "the drive refuses (locked, write-protected or worn out)",
            _ => self.words(),
        }
    }

    /// True if the fault lies in the drive or its connection; the others are no evidence about the hardware.
    #[must_use]
    pub(super) fn blames_hardware(self) -> bool {
        match self {
            Fault::Medium | Fault::Protection | Fault::Transport | Fault::Timeout | Fault::Gone | Fault::Unknown => {
                true
            }
            Fault::Refused | Fault::Reserved | Fault::Resource | Fault::Full | Fault::NotPermitted => false,
        }
    }

    /// True if every further read would fail in the same way.
    #[must_use]
    pub(super) fn is_final(self) -> bool {
        matches!(self, Fault::Gone | Fault::Reserved | Fault::Full | Fault::NotPermitted)
    }

    /// Returns the next step for the operator, in one sentence.
    #[must_use]
    pub(super) fn next_step(self) -> &'static str {
        match self {
            Fault::Medium | Fault::Unknown | Fault::Protection => {
                "Look at SMART (pending and reallocated sectors) and at the kernel's log, and replace the drive if they agree."
            }
            Fault::Refused => "Unlock the drive, or wait until an erasure has ended.",
            Fault::Transport | Fault::Timeout | Fault::Gone => {
                "Check cable, backplane and power of the drive, then test again."
            }
            Fault::Reserved => "Release the reservation at the host that holds it.",
            Fault::Resource => "Test again when the machine has nothing else to do.",
            Fault::Full => "Give the storage behind it room (the pool of a thin volume), then test again.",
            Fault::NotPermitted => "Run as root outside of a container, or let the container open the device.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the kernel (`blk_errors` in `block/blk-core.c`, Linux 6.1): name of the status, errno.
    #[test]
    fn each_status_of_the_kernels_block_layer_has_its_kind() {
        let table = [
            ("MEDIUM", Errno::ENODATA, Fault::Medium),
            ("PROTECTION", Errno::EILSEQ, Fault::Protection),
            ("TARGET", Errno::EREMOTEIO, Fault::Refused),
            ("TRANSPORT", Errno::ENOLINK, Fault::Transport),
            ("TIMEOUT", Errno::ETIMEDOUT, Fault::Timeout),
            ("OFFLINE", Errno::ENODEV, Fault::Gone),
            ("NEXUS", Errno::EBADE, Fault::Reserved),
            ("RESOURCE", Errno::ENOMEM, Fault::Resource),
            ("DEV_RESOURCE", Errno::EBUSY, Fault::Resource),
            ("AGAIN", Errno::EAGAIN, Fault::Resource),
            ("NOSPC", Errno::ENOSPC, Fault::Full),
            ("IOERR", Errno::EIO, Fault::Unknown),
        ];
        for (status, errno, fault) in table {
            assert_eq!(Fault::of(errno), fault, "{status}");
        }
    }

    #[test]
    fn what_this_system_or_another_host_does_is_no_fault_of_the_drive() {
        for errno in [Errno::EPERM, Errno::ENOMEM, Errno::EBADE, Errno::EREMOTEIO] {
            assert!(!Fault::of(errno).blames_hardware(), "{errno}");
        }
        assert!(Fault::of(Errno::EIO).blames_hardware());
    }
}
