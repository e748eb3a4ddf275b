//! The kernel's log as `/dev/kmsg` gives it: one record a read (Documentation/ABI/testing/dev-kmsg).

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;

use nix::libc;

use super::Host;

/// A record with its properties is shorter (`CONSOLE_EXT_LOG_MAX`, 8 KiB); a shorter buffer would be refused.
const LONGEST: usize = 16 << 10;

/// The kernel's log, open at some place. Readers do not disturb each other.
#[derive(Debug)]
pub struct KernelLog {
    source: Source,
    /// Records that the kernel overwrote before they were read: so often, at least one each.
    lost: u64,
}

#[derive(Debug)]
enum Source {
    Device {
        file: File,
        buffer: Vec<u8>,
    },
    /// Of a copied machine: the records in a file.
    Recording(BufReader<File>),
}

impl Host {
    /// The log from its oldest record on; of a copied machine, what was recorded of it as `dev/kmsg`.
    ///
    /// # Errors
    /// When the log may not be read: no device (containers), no permission (`dmesg_restrict`), `printk.devkmsg=off`.
    pub fn kernel_log(&self) -> io::Result<KernelLog> {
        let source = if self.is_live() {
            let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg")?;
            Source::Device { file, buffer: vec![0; LONGEST] }
        } else {
            Source::Recording(BufReader::new(self.open_file("/dev/kmsg")?))
        };
        Ok(KernelLog { source, lost: 0 })
    }
}

impl KernelLog {
    /// Goes behind the newest record.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn skip_to_end(&mut self) -> io::Result<()> {
        let end = SeekFrom::End(0);
        match &mut self.source {
            Source::Device { file, .. } => file.seek(end).map(drop),
            Source::Recording(file) => file.seek(end).map(drop),
        }
    }

    /// The next record, with its properties; `None` when there is no more now.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn next_record(&mut self) -> io::Result<Option<String>> {
        let (file, buffer) = match &mut self.source {
            Source::Device { file, buffer } => (file, buffer),
            Source::Recording(file) => {
                let mut line = Vec::new();
                let length = file.read_until(b'\n', &mut line)?;
                return Ok((length > 0).then(|| String::from_utf8_lossy(&line).into_owned()));
            }
        };
        loop {
            match file.read(buffer) {
                Ok(0) => return Ok(None),
                Ok(length) => {
                    return Ok(Some(String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned()));
                }
                Err(error) => match error.raw_os_error() {
                    // The place has moved to the oldest that is left.
                    Some(libc::EPIPE) => self.lost += 1,
                    Some(libc::EAGAIN) => return Ok(None),
                    Some(libc::EINTR) => {}
                    _ => return Err(error),
                },
            }
        }
    }

    /// How often records were overwritten before they were read, since this was asked last.
    pub fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}
