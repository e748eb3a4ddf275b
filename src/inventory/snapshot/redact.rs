//! Replaces what identifies a machine by something of the same length and form. Equal becomes equal, in whatever spelling, so that what
//! belonged together still does; which is which cannot be told back, for the key is thrown away.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::super::smbios::structures;
use super::super::survey::legible;
use super::identifiers::{core, find, is_attribute, is_one, is_property, other_endian, smbios_strings, smbios_uuid};
use super::needed::{SERIAL_NUMBER, is_smbios};
use super::{Node, Nodes, SnapshotError};
use crate::host::{Answer, Notes};

/// Parts of the names of directories that something is mounted on everywhere.
const USUAL: [&str; 22] = [
    "", "boot", "cgroup", "debug", "dev", "efi", "etc", "firmware", "fs", "home", "media", "mnt", "opt", "proc", "pts",
    "root", "run", "shm", "srv", "sys", "tmp", "var",
];
/// Shorter identifiers are replaced only where they stand alone.
const LONG: usize = 8;

pub(super) fn redact(nodes: &mut Nodes, answered: &mut Notes) -> Result<(), SnapshotError> {
    let answers = serde_json::to_string(&answered.answers).unwrap_or_default();
    let found = find(nodes, &answers);
    let finder =
        AhoCorasickBuilder::new().ascii_case_insensitive(true).match_kind(MatchKind::LeftmostLongest).build(found);
    let finder = finder.map_err(|_| SnapshotError::Identifiers)?;
    let mask = Mask { key: rand::random(), finder };
    *nodes = std::mem::take(nodes).into_iter().map(|(place, node)| mask.node(&place, node)).collect();
    let errors = std::mem::take(&mut answered.errors);
    answered.errors = errors.into_iter().map(|(place, number)| (mask.path(&place), number)).collect();
    if let Some(answers) = &mut answered.answers {
        *answers = mask.answers(std::mem::take(answers));
    }
    Ok(())
}

struct Mask {
    key: [u8; 32],
    finder: AhoCorasick,
}

impl Mask {
    fn node(&self, place: &Path, node: Node) -> (PathBuf, Node) {
        let node = match node {
            Node::File(content) => Node::File(self.file(place, &content)),
            Node::Link(target) => Node::Link(self.path(&target)),
            Node::Directory => Node::Directory,
        };
        (self.path(place), node)
    }

    fn path(&self, path: &Path) -> PathBuf {
        let bytes = self.bytes(path.as_os_str().as_bytes());
        let given = ["by-label/", "by-partlabel/", "by-path/ip-", "/dm-name-", "/md-name-"];
        let text = String::from_utf8_lossy(&bytes);
        // Names that people gave, which nothing else tells from words.
        let start = given.iter().find_map(|name| Some(text.find(name)? + name.len()));
        match start {
            Some(start) => PathBuf::from(format!("{}{}", &text[..start], self.value(&text[start..]))),
            None => PathBuf::from(OsString::from_vec(bytes)),
        }
    }

    fn file(&self, place: &Path, content: &[u8]) -> Vec<u8> {
        if is_smbios(place) {
            return self.smbios(content);
        }
        if place.ends_with("mountinfo") {
            return legible(content).lines().map(|line| self.mount(line) + "\n").collect::<String>().into_bytes();
        }
        if place.starts_with("/sys") && place.ends_with("config") && content.len() == SERIAL_NUMBER.end {
            return self.configuration(content);
        }
        if place.ends_with("subsysnqn") {
            // Before the last colon stands who gives the names.
            let text = legible(content);
            let (giver, name) = text.split_at(text.rfind(':').map_or(0, |colon| colon + 1));
            return format!("{giver}{}", self.value(name)).into_bytes();
        }
        if place.ends_with("address") || place.starts_with("/proc/net/bonding") {
            return self.ips(&legible(&self.bytes(content))).into_bytes();
        }
        if place.ends_with("vpd_pg80") {
            let (head, serial) = content.split_at(content.len().min(4));
            return [head, self.value(&legible(serial)).as_bytes()].concat();
        }
        if is_attribute(place) {
            return self.value(&legible(content)).into_bytes();
        }
        if place.starts_with("/run/udev") {
            return legible(content).lines().map(|line| self.udev_line(line) + "\n").collect::<String>().into_bytes();
        }
        self.bytes(content)
    }

    /// The maker's part of a PCI function's serial number, the last three bytes, stays.
    fn configuration(&self, content: &[u8]) -> Vec<u8> {
        let mut content = content.to_vec();
        let noise = self.noise(&legible(&content[SERIAL_NUMBER]));
        content[SERIAL_NUMBER.start..SERIAL_NUMBER.end - 3].copy_from_slice(&noise[..5]);
        content
    }

    /// Directories that every system has stay; others are named by people.
    fn mount(&self, line: &str) -> String {
        let part = |part: &str| if USUAL.contains(&part) { part.to_owned() } else { self.value(part) };
        let path = |path: &str| path.split('/').map(part).collect::<Vec<_>>().join("/");
        let fields = line.split(' ').enumerate();
        fields
            .map(|(place, field)| if place == 4 { path(field) } else { field.to_owned() })
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn udev_line(&self, line: &str) -> String {
        match line.strip_prefix("E:").and_then(|rest| rest.split_once('=')) {
            Some((key, value)) if is_property(key) => format!("E:{key}={}", self.value(value)),
            _ => match line.strip_prefix("S:") {
                Some(path) => format!("S:{}", self.path(Path::new(path)).display()),
                None => legible(&self.bytes(line.as_bytes())),
            },
        }
    }

    fn smbios(&self, table: &[u8]) -> Vec<u8> {
        let mut replaced = Vec::with_capacity(table.len());
        for mut structure in structures(table) {
            let mut fixed = structure.fixed.to_vec();
            if let Some(uuid) = smbios_uuid(&structure).and_then(|uuid| parsed_uuid(&self.value(&uuid))) {
                fixed[0x08..0x18].copy_from_slice(&other_endian(uuid));
            }
            let numbers: Vec<u8> = smbios_strings(structure.kind).iter().filter_map(|at| structure.byte(*at)).collect();
            let strings: Vec<Vec<u8>> = structure
                .strings
                .iter()
                .zip(1..)
                .map(|(text, number)| {
                    if numbers.contains(&number) {
                        self.value(&String::from_utf8_lossy(text)).into_bytes()
                    } else {
                        self.bytes(text)
                    }
                })
                .collect();
            structure.fixed = &fixed;
            structure.strings = strings.iter().map(Vec::as_slice).collect();
            replaced.extend(structure.to_bytes());
        }
        replaced
    }

    fn answers(&self, answers: BTreeMap<String, Answer>) -> BTreeMap<String, Answer> {
        let text = |text: &str| legible(&self.bytes(text.as_bytes()));
        let answer = |(question, answer): (String, Answer)| {
            let answer = match answer {
                Answer::Value(mut value) => {
                    if question == "uname"
                        && let Some(Value::String(node)) = value.get_mut("node")
                    {
                        *node = self.value(node);
                    }
                    Answer::Value(self.json(value))
                }
                error @ Answer::Error(_) => error,
            };
            (text(&question), answer)
        };
        answers.into_iter().map(answer).collect()
    }

    fn json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(match text.parse() {
                Ok(ip) => self.ip(ip).to_string(),
                Err(_) => legible(&self.bytes(text.as_bytes())),
            }),
            Value::Array(values) => Value::Array(values.into_iter().map(|value| self.json(value)).collect()),
            Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, self.json(value))).collect(),
            other => other,
        }
    }

    /// Replaces the IP addresses of a text: of an NVMe controller over a network, or what a bond watches.
    fn ips(&self, text: &str) -> String {
        let part = |part: &str| {
            let word = part.trim_end_matches(|c: char| c == ',' || c == '=' || c.is_whitespace());
            word.parse().map_or_else(|_| part.to_owned(), |ip| format!("{}{}", self.ip(ip), &part[word.len()..]))
        };
        text.split_inclusive(|c: char| c == ',' || c == '=' || c.is_whitespace()).map(part).collect()
    }

    /// Of the same kind – loopback, link-local, private, public –, with another host part.
    fn ip(&self, ip: IpAddr) -> IpAddr {
        let noise = self.noise(&ip.to_string());
        match ip {
            ip if ip.is_loopback() => ip,
            IpAddr::V4(v4) => {
                let [a, b, ..] = v4.octets();
                IpAddr::V4(Ipv4Addr::new(
                    a,
                    if v4.is_private() || v4.is_link_local() { b } else { noise[0] },
                    noise[1],
                    noise[2],
                ))
            }
            IpAddr::V6(v6) => {
                let mut bytes = v6.octets();
                let kept = if bytes[0] == 0xfe { 8 } else { 2 };
                bytes[kept..].copy_from_slice(&noise[kept..16]);
                IpAddr::V6(Ipv6Addr::from(bytes))
            }
        }
    }

    /// Replaces every identifier in a text or in bytes.
    fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut replaced = bytes.to_vec();
        for found in self.finder.find_iter(bytes) {
            let is_inside =
                |place: Option<usize>| place.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
            let stands_alone = !is_inside(found.start().checked_sub(1)) && !is_inside(Some(found.end()));
            if found.len() >= LONG || stands_alone {
                let text = String::from_utf8_lossy(&bytes[found.range()]).into_owned();
                replaced[found.range()].copy_from_slice(self.masked(&text).as_bytes());
            }
        }
        replaced
    }

    /// Replaces a value that is an identifier, however short.
    fn value(&self, text: &str) -> String {
        let core = core(text);
        if !is_one(core) {
            return text.to_owned();
        }
        let start = text.find(core).unwrap_or(0);
        format!("{}{}{}", &text[..start], self.masked(core), &text[start + core.len()..])
    }

    /// Letters and digits become others; everything between them stays, and so does what tells the maker.
    fn masked(&self, text: &str) -> String {
        let plain: String =
            text.replace("\\x20", "").chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        let is_hex = plain.bytes().all(|byte| byte.is_ascii_hexdigit());
        let kept = match plain.len() {
            // The maker's half of a MAC address.
            12 if is_hex => 6,
            // The kind and the maker of a world-wide name. A UUID has no maker.
            16.. if is_hex && !text.contains('-') => 7,
            _ => 0,
        };
        let mut noise = self.noise(&plain).into_iter().cycle();
        let mut place = 0;
        let mut replace = |c: char| {
            if !c.is_ascii_alphanumeric() {
                return c;
            }
            place += 1;
            let noise = noise.next().unwrap_or(0);
            if place <= kept { c } else { alike(c, noise) }
        };
        let parts: Vec<String> = text.split("\\x20").map(|part| part.chars().map(&mut replace).collect()).collect();
        parts.join("\\x20")
    }

    /// Bytes that only this snapshot's key gives for a text.
    fn noise(&self, text: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.key).chain_update(text).finalize().into()
    }
}

fn parsed_uuid(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    Some(u128::from_str_radix(&digits, 16).ok()?.to_be_bytes())
}

/// A digit for a digit, a hexadecimal letter for such a one, a letter for a letter.
fn alike(c: char, noise: u8) -> char {
    let (first, count) = match c {
        '0'..='9' => (b'0', 10),
        'a'..='f' => (b'a', 6),
        'A'..='F' => (b'A', 6),
        'g'..='z' => (b'g', 20),
        'G'..='Z' => (b'G', 20),
        other => return other,
    };
    char::from(first + noise % count)
}
