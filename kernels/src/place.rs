//! On which processor a thread runs.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// Keeps the calling thread on one processor.
///
/// # Errors
/// When there is no such processor, or this process may not run there.
pub fn pin(cpu: usize) -> io::Result<()> {
    if cpu >= CpuSet::MAX_CPU {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("processor {cpu} is beyond what a set holds")));
    }
    let mut set = CpuSet::new();
    set.set(cpu);
    Ok(sched_setaffinity(None, &set)?)
}

/// The processor that the calling thread runs on at this moment.
#[must_use]
pub fn here() -> usize {
    sched_getcpu()
}

/// The processors that the calling thread may run on, in ascending order.
///
/// # Errors
/// When the kernel has more processors than a set holds.
pub fn allowed() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect())
}
