//! The kernel's log as `/dev/kmsg` gives it: one record a read (Documentation/ABI/testing/dev-kmsg).

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;

use nix::libc;

use super::Host;

/// A record with its properties is shorter (`CONSOLE_EXT_LOG_MAX`, 8 KiB); a shorter buffer would be refused.
const LONGEST: usize = 16 << 10;

/// The kernel's log, open at some place. Readers do not disturb each other.
#[derive(Debug)]
pub struct KernelLog {
    device: File,
    buffer: Vec<u8>,
    /// Records that the kernel overwrote before they were read: so often, at least one each.
    lost: u64,
}

impl Host {
    /// The log from its oldest record on.
    ///
    /// # Errors
    /// When the log may not be read: no device (containers), no permission (`dmesg_restrict`), `printk.devkmsg=off`; of a copied
    /// machine there is none.
    pub fn kernel_log(&self) -> io::Result<KernelLog> {
        if !self.is_live() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "a copied machine has no running kernel"));
        }
        let device = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg")?;
        Ok(KernelLog { device, buffer: vec![0; LONGEST], lost: 0 })
    }
}

impl KernelLog {
    /// Goes behind the newest record.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn skip_to_end(&mut self) -> io::Result<()> {
        self.device.seek(SeekFrom::End(0)).map(drop)
    }

    /// The next record, with its properties; `None` when there is no more now.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn next(&mut self) -> io::Result<Option<String>> {
        loop {
            match self.device.read(&mut self.buffer) {
                Ok(0) => return Ok(None),
                Ok(length) => return Ok(Some(String::from_utf8_lossy(&self.buffer[..length]).into_owned())),
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

    /// All there is now.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn rest(&mut self) -> io::Result<String> {
        let mut text = String::new();
        while let Some(record) = self.next()? {
            text.push_str(&record);
        }
        Ok(text)
    }

    /// How often records were overwritten before they were read.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }
}
