//! udev's records in `/run/udev/data`, read as files: no libudev, so the binary stays static.

use super::Host;

/// The properties that udev keeps of one device.
#[derive(Clone, Debug, Default)]
pub struct Record {
    properties: Vec<(String, String)>,
    links: Vec<String>,
}

impl Record {
    /// Parses a record file: `E:KEY=VALUE` properties and `S:path` links below `/dev`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut record = Record::default();
        for line in text.lines() {
            if let Some((key, value)) = line.strip_prefix("E:").and_then(|rest| rest.split_once('=')) {
                record.properties.push((key.to_owned(), value.to_owned()));
            } else if let Some(link) = line.strip_prefix("S:") {
                record.links.push(format!("/dev/{link}"));
            }
        }
        record
    }

    /// A property, for example `ID_SERIAL_SHORT`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.properties.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// Links to the device, for example `/dev/disk/by-id/…`.
    #[must_use]
    pub fn links(&self) -> &[String] {
        &self.links
    }
}

impl Host {
    /// The record of a block device by its `MAJOR:MINOR`; empty without udev.
    #[must_use]
    pub fn udev_block(&self, device_number: &str) -> Record {
        self.text(format!("/run/udev/data/b{device_number}")).map(|text| Record::parse(&text)).unwrap_or_default()
    }
}

/// Decodes udev's `_ENC` values: `\xNN` escapes, surrounding blanks removed; `None` when an escape is malformed.
#[must_use]
pub fn decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some(at) = rest.find("\\x") {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        bytes.push(u8::from_str_radix(rest.get(at + 2..at + 4)?, 16).ok()?);
        rest = &rest[at + 4..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(String::from_utf8_lossy(&bytes).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_and_links_are_read() {
        let record = Record::parse("S:disk/by-id/ata-X\nW:1\nE:ID_MODEL=X_Y\nE:ID_SERIAL_SHORT=1=2\nnonsense\n");
        assert_eq!(record.get("ID_MODEL"), Some("X_Y"));
        assert_eq!(record.get("ID_SERIAL_SHORT"), Some("1=2"));
        assert_eq!(record.links(), ["/dev/disk/by-id/ata-X"]);
    }

    #[test]
    fn escapes_are_decoded() {
        assert_eq!(decode("QEMU\\x20HARDDISK\\x20\\x20").as_deref(), Some("QEMU HARDDISK"));
        assert_eq!(decode("plain").as_deref(), Some("plain"));
        assert_eq!((decode("a\\xzz"), decode("a\\x4")), (None, None));
    }
}
