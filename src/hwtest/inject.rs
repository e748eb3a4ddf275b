//! Faults that a test makes happen itself, to prove that it can find one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::outcome::Kind;

/// Where a fault happens: an offset, a processor, a sector. The test chooses where none is given.
pub type Location = Option<u64>;

/// A fault that a test is to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Inject {
    /// `memory:bit[@OFFSET]`: a bit that reads wrong, at an offset in bytes.
    MemoryBit(Location),
    /// `cpu:result[@CPU]`: a processor that computes wrong.
    CpuResult(Location),
    /// `disk:eio[@LBA]`, `disk:slow`, and of the test that writes `disk:wrong[@LBA]`, `disk:lost[@LBA]`, `disk:misplaced[@LBA]`.
    Disk(DiskFault),
    /// `net:loss`: lost packets.
    NetworkLoss,
    /// `KIND:crash`: the test process ends by a signal.
    Crash(Kind),
}

/// A fault of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DiskFault {
    /// A sector that cannot be read.
    Eio(Location),
    /// Reads that take long.
    Slow,
    /// A sector that is stored with a wrong bit.
    Wrong(Location),
    /// A sector whose second write never arrives.
    Lost(Location),
    /// A sector that is written to another place.
    Misplaced(Location),
}

impl DiskFault {
    /// True if a test that writes (`writes`) or one that only reads (otherwise) can find the fault.
    #[must_use]
    pub fn is_for(self, writes: bool) -> bool {
        match self {
            DiskFault::Eio(_) => true,
            DiskFault::Slow => !writes,
            DiskFault::Wrong(_) | DiskFault::Lost(_) | DiskFault::Misplaced(_) => writes,
        }
    }
}

/// A word that is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no fault: write memory:bit[@OFFSET], cpu:result[@CPU], disk:eio[@LBA], disk:slow, disk:wrong|lost|misplaced[@LBA], net:loss or KIND:crash"
)]
pub struct NoFault(String);

impl Inject {
    /// The test that the fault is for.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Inject::MemoryBit(_) => Kind::Memory,
            Inject::CpuResult(_) => Kind::Cpu,
            Inject::Disk(_) => Kind::Disk,
            Inject::NetworkLoss => Kind::Network,
            Inject::Crash(kind) => kind,
        }
    }
}

/// Ends this process by a signal, if that is the fault that a test is to find.
pub(super) fn crash_if_asked(inject: Option<Inject>) {
    if let Some(Inject::Crash(_)) = inject {
        // The language's own handler takes the first one, puts the default back and returns; the second one ends the process.
        for _ in 0..2 {
            let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGSEGV);
        }
    }
}

impl FromStr for Inject {
    type Err = NoFault;

    fn from_str(text: &str) -> Result<Self, NoFault> {
        let no_fault = || NoFault(text.to_owned());
        let (fault, place) = match text.split_once('@') {
            Some((fault, place)) => (fault, Some(place.parse::<u64>().map_err(|_| no_fault())?)),
            None => (text, None),
        };
        match (fault, place) {
            ("memory:bit", place) => Ok(Inject::MemoryBit(place)),
            ("cpu:result", place) => Ok(Inject::CpuResult(place)),
            ("disk:eio", place) => Ok(Inject::Disk(DiskFault::Eio(place))),
            ("disk:wrong", place) => Ok(Inject::Disk(DiskFault::Wrong(place))),
            ("disk:lost", place) => Ok(Inject::Disk(DiskFault::Lost(place))),
            ("disk:misplaced", place) => Ok(Inject::Disk(DiskFault::Misplaced(place))),
            ("disk:slow", None) => Ok(Inject::Disk(DiskFault::Slow)),
            ("net:loss", None) => Ok(Inject::NetworkLoss),
            ("memory:crash", None) => Ok(Inject::Crash(Kind::Memory)),
            ("cpu:crash", None) => Ok(Inject::Crash(Kind::Cpu)),
            ("disk:crash", None) => Ok(Inject::Crash(Kind::Disk)),
            ("net:crash", None) => Ok(Inject::Crash(Kind::Network)),
            ("pcie:crash", None) => Ok(Inject::Crash(Kind::Pcie)),
            ("gpu:crash", None) => Ok(Inject::Crash(Kind::Gpu)),
            _ => Err(no_fault()),
        }
    }
}

impl fmt::Display for Inject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, place) = match self {
            Inject::MemoryBit(place) => ("memory:bit", place),
            Inject::CpuResult(place) => ("cpu:result", place),
            Inject::Disk(DiskFault::Eio(place)) => ("disk:eio", place),
            Inject::Disk(DiskFault::Slow) => ("disk:slow", &None),
            Inject::Disk(DiskFault::Wrong(place)) => ("disk:wrong", place),
            Inject::Disk(DiskFault::Lost(place)) => ("disk:lost", place),
            Inject::Disk(DiskFault::Misplaced(place)) => ("disk:misplaced", place),
            Inject::NetworkLoss => ("net:loss", &None),
            Inject::Crash(Kind::Network) => ("net:crash", &None),
            Inject::Crash(kind) => return write!(f, "{kind}:crash"),
        };
        match place {
            Some(place) => write!(f, "{word}@{place}"),
            None => f.write_str(word),
        }
    }
}

impl TryFrom<String> for Inject {
    type Error = NoFault;

    fn try_from(text: String) -> Result<Self, NoFault> {
        text.parse()
    }
}

impl From<Inject> for String {
    fn from(inject: Inject) -> Self {
        inject.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_written_as_it_is_read() {
        let all = [
            "memory:bit",
            "memory:bit@4096",
            "cpu:result@1",
            "disk:eio@77",
            "disk:slow",
            "disk:wrong",
            "disk:lost@9",
            "disk:misplaced@100",
            "net:loss",
            "net:crash",
            "gpu:crash",
        ];
        for text in all {
            assert_eq!(text.parse::<Inject>().expect(text).to_string(), text);
        }
        for text in ["", "memory", "memory:bit@", "memory:bit@x", "disk:slow@1", "tape:eio"] {
            assert_eq!(text.parse::<Inject>(), Err(NoFault(text.to_owned())));
        }
    }
}
