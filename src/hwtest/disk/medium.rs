//! Source of all reads: a disk, past every cache, or a simulated disk in tests.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;

/// Boundary of buffers, offsets and lengths: no disk wants more for `O_DIRECT`, and pages are not smaller.
pub(super) const ALIGNMENT: usize = 4096;

/// How one read went. Times are counted from the same moment for all reads of a medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Bytes read, or why there are none.
    pub(super) result: Result<usize, Errno>,
    /// When it was asked.
    pub(super) start: Duration,
    /// When it answered.
    pub(super) end: Duration,
    /// How long this thread could have gone on and got no processor meanwhile.
    pub(super) waited: Duration,
}

/// Something to read from. Threads share it.
pub(super) trait Medium: Send + Sync {
    /// Reads at a place. All three are multiples of the logical block size. `watch` knows this thread's wait for processors.
    fn read(&self, offset: u64, buffer: &mut [u8], watch: &mut OwnWait) -> Answer;
    /// Now, as [`Answer`] counts.
    fn now(&self) -> Duration;
    /// Bytes of the whole.
    fn size(&self) -> u64;
}

/// A medium that may be written.
pub(super) trait Writable: Medium {
    /// Writes at a place, with the same limits as a read.
    fn write(&self, offset: u64, buffer: &mut [u8], watch: &mut OwnWait) -> Answer;
    /// Makes the drive put down what it has taken.
    ///
    /// # Errors
    /// The kernel's reason.
    fn flush(&self) -> Result<(), Errno>;
}

/// Memory at a boundary that `O_DIRECT` accepts.
pub(super) struct Buffer {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl Buffer {
    /// So many bytes.
    #[must_use]
    pub(super) fn new(length: usize) -> Self {
        let memory = vec![0; length + ALIGNMENT];
        let start = memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Buffer { memory, start, length }
    }

    /// The first bytes of it.
    pub(super) fn first(&mut self, bytes: usize) -> &mut [u8] {
        let end = self.start + bytes.min(self.length);
        &mut self.memory[self.start..end]
    }
}

/// A thread's wait for a processor (`/proc/thread-self/schedstat`, second number, nanoseconds): what a busy machine adds to a latency
/// is not the disk's.
pub(super) struct OwnWait(Option<File>);

impl OwnWait {
    /// Of the calling thread.
    #[must_use]
    pub(super) fn of_this_thread() -> Self {
        OwnWait(File::open("/proc/thread-self/schedstat").ok())
    }

    /// Knows nothing; for a medium that needs no waiting.
    #[cfg(test)]
    pub(super) fn unknown() -> Self {
        OwnWait(None)
    }

    /// Until now.
    fn total(&self) -> Duration {
        let mut text = [0; 64];
        let length = self.0.as_ref().and_then(|file| file.read_at(&mut text, 0).ok()).unwrap_or(0);
        let text = std::str::from_utf8(&text[..length]).unwrap_or_default();
        let waited = text.split_ascii_whitespace().nth(1).and_then(|number| number.parse().ok());
        Duration::from_nanos(waited.unwrap_or(0))
    }
}

/// A disk or a file, opened to read past the page cache.
pub(super) struct Device {
    file: File,
    size: u64,
    origin: Instant,
}

impl Device {
    /// Opens it. Whoever has mounted it is not disturbed: nothing is claimed and nothing is written.
    ///
    /// # Errors
    /// The kernel's reason; `EINVAL` where a file system knows no `O_DIRECT`.
    pub(super) fn open(path: &Path) -> Result<Self, Errno> {
        let flags = libc::O_DIRECT | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
        Device::of(OpenOptions::new().read(true).custom_flags(flags).open(path))
    }

    /// Opens it to be written, for this program alone (`O_EXCL`, open(2)): the kernel refuses what is mounted or belongs to something
    /// stacked on it, and lets nobody mount it meanwhile.
    ///
    /// # Errors
    /// The kernel's reason; `EBUSY` where it is in use.
    pub(super) fn claim(path: &Path) -> Result<Self, Errno> {
        let flags = libc::O_DIRECT | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_EXCL;
        Device::of(OpenOptions::new().read(true).write(true).custom_flags(flags).open(path))
    }

    fn of(opened: std::io::Result<File>) -> Result<Self, Errno> {
        let mut file = opened.map_err(|error| errno_of(&error))?;
        // The end of a block device is its size, as BLKGETSIZE64 tells it.
        let size = file.seek(SeekFrom::End(0)).map_err(|error| errno_of(&error))?;
        // A file may end within a block, which O_DIRECT cannot read.
        let size = size - size % 512;
        Ok(Device { file, size, origin: Instant::now() })
    }
}

fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

impl Device {
    fn request(&self, watch: &OwnWait, one: impl FnOnce(&File) -> std::io::Result<usize>) -> Answer {
        let waited = watch.total();
        let start = self.origin.elapsed();
        let result = one(&self.file);
        let end = self.origin.elapsed();
        Answer {
            result: result.map_err(|error| errno_of(&error)),
            start,
            end,
            waited: watch.total().saturating_sub(waited),
        }
    }
}

impl Writable for Device {
    fn write(&self, offset: u64, buffer: &mut [u8], watch: &mut OwnWait) -> Answer {
        self.request(watch, |file| file.write_at(buffer, offset))
    }

    fn flush(&self) -> Result<(), Errno> {
        self.file.sync_all().map_err(|error| errno_of(&error))
    }
}

impl Medium for Device {
    fn read(&self, offset: u64, buffer: &mut [u8], watch: &mut OwnWait) -> Answer {
        self.request(watch, |file| file.read_at(buffer, offset))
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// A disk that is read, with a fault that was asked for.
pub(super) struct Faulty<M> {
    /// The disk.
    pub(super) medium: M,
    /// The fault.
    pub(super) fault: Injected,
}

/// A fault that a test is to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Injected {
    /// The 512 bytes of this number cannot be read.
    Unreadable(u64),
    /// Each read of a sixteenth of the disk, from two fifths on, takes so much longer.
    Slow(Duration),
}

impl<M: Medium> Medium for Faulty<M> {
    fn read(&self, offset: u64, buffer: &mut [u8], watch: &mut OwnWait) -> Answer {
        let answer = self.medium.read(offset, buffer, watch);
        match self.fault {
            Injected::Unreadable(sector) => {
                let (first, last) = (offset / 512, (offset + buffer.len() as u64).div_ceil(512));
                let hits = (first..last).contains(&sector);
                Answer { result: if hits { Err(Errno::EIO) } else { answer.result }, ..answer }
            }
            Injected::Slow(more) => {
                let size = self.medium.size();
                if !(size / 5 * 2..size / 5 * 2 + size.div_ceil(16)).contains(&offset) {
                    return answer;
                }
                std::thread::sleep(more);
                Answer { end: self.medium.now(), ..answer }
            }
        }
    }

    fn now(&self) -> Duration {
        self.medium.now()
    }

    fn size(&self) -> u64 {
        self.medium.size()
    }
}

#[cfg(test)]
pub(super) mod simulated {
    //! A disk in time of its own: nothing waits.

    use std::collections::BTreeMap;
    use std::ops::Range;
    use std::sync::Mutex;

    use super::*;

    /// A read of a range that fails, how often, and how long that takes.
    pub(crate) struct Bad {
        pub(crate) range: Range<u64>,
        pub(crate) errno: Errno,
        /// Reads until it can be read; `None` is never.
        pub(crate) times: Option<u32>,
        pub(crate) takes: Duration,
    }

    #[derive(Default)]
    pub(crate) struct Simulated {
        pub(crate) size: u64,
        /// Nanoseconds of a KiB.
        pub(crate) pace: u64,
        pub(crate) bad: Mutex<Vec<Bad>>,
        /// Places whose reads take longer: by how much, and how often.
        pub(crate) slow: Mutex<Vec<(Range<u64>, Duration, u32)>>,
        /// Ranges filled with one byte; reads elsewhere return data without repetition.
        pub(crate) filled: Vec<(Range<u64>, u8)>,
        pub(crate) clock: Mutex<Duration>,
        /// How often each place was asked.
        pub(crate) asked: Mutex<BTreeMap<(u64, usize), u32>>,
        /// Wait for processors of each read.
        pub(crate) waits: Duration,
    }

    fn overlaps(range: &Range<u64>, other: &Range<u64>) -> bool {
        range.start < other.end && other.start < range.end
    }

    impl Medium for Simulated {
        fn read(&self, offset: u64, buffer: &mut [u8], _: &mut OwnWait) -> Answer {
            let length = buffer.len().min(usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX));
            let range = offset..offset + length as u64;
            *self.asked.lock().expect("a lock").entry((offset, length)).or_default() += 1;
            let mut takes = Duration::from_nanos(self.pace * (length as u64).div_ceil(1024)) + self.waits;
            let mut result = Ok(length);
            for bad in self.bad.lock().expect("a lock").iter_mut().filter(|bad| overlaps(&bad.range, &range)) {
                if bad.times == Some(0) {
                    continue;
                }
                bad.times = bad.times.map(|times| times - 1);
                (result, takes) = (Err(bad.errno), takes + bad.takes);
            }
            for (place, more, times) in self.slow.lock().expect("a lock").iter_mut() {
                if overlaps(place, &range) && *times > 0 {
                    *times -= 1;
                    takes += *more;
                }
            }
            match self.filled.iter().find(|(range, _)| range.contains(&offset)) {
                Some((_, byte)) => buffer.fill(*byte),
                // A second block that is unlike the first makes it data.
                None => buffer.get_mut(4096).into_iter().for_each(|byte| *byte = 1),
            }
            let mut clock = self.clock.lock().expect("a lock");
            let start = *clock;
            *clock += takes;
            Answer { result, start, end: *clock, waited: self.waits }
        }

        fn now(&self) -> Duration {
            *self.clock.lock().expect("a lock")
        }

        fn size(&self) -> u64 {
            self.size
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_lies_where_the_kernel_wants_it() {
        for length in [512, 4096, 1 << 20] {
            let mut buffer = Buffer::new(length);
            assert_eq!(buffer.first(usize::MAX).len(), length);
            assert_eq!(buffer.first(length).as_ptr().align_offset(ALIGNMENT), 0);
        }
    }

    #[test]
    fn what_is_not_there_has_the_kernels_reason() {
        assert_eq!(Device::open(Path::new("/no/such/disk")).err(), Some(Errno::ENOENT));
    }

    #[test]
    fn an_injected_sector_fails_every_read_that_touches_it_and_no_other() {
        let disk = simulated::Simulated { size: 1 << 20, ..Default::default() };
        let faulty = Faulty { medium: disk, fault: Injected::Unreadable(9) };
        let mut watch = OwnWait::unknown();
        let mut read = |offset: u64, length| faulty.read(offset, &mut vec![0; length], &mut watch).result;
        assert_eq!(read(4096, 4096), Err(Errno::EIO));
        assert_eq!(read(9 * 512, 512), Err(Errno::EIO));
        assert_eq!(read(8 * 512, 512), Ok(512));
        assert_eq!(read(10 * 512, 512), Ok(512));
    }
}
