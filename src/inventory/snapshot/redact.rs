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

use super::super::detail::is_placeholder;
use super::super::smbios::structures;
use super::super::survey::legible;
use super::address::{internet, is_public, targets};
use super::allowed::{self, Allowed, Content};
use super::identifiers::{Found, core, find, is_one, other_endian, plain, smbios_serials, smbios_uuid, words};
use super::needed::{SERIAL_NUMBER, is_smbios};
use super::vpd;
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
    let mask = Mask::new(find(nodes, &answers))?;
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
    /// Identifiers.
    finder: AhoCorasick,
    /// Names that somebody chose for interfaces and block devices.
    names: AhoCorasick,
    found: Found,
    allowed: Allowed,
}

impl Mask {
    fn new(found: Found) -> Result<Self, SnapshotError> {
        let build = |words: &std::collections::BTreeSet<String>, ignore_case| {
            let mut builder = AhoCorasickBuilder::new();
            let finder =
                builder.ascii_case_insensitive(ignore_case).match_kind(MatchKind::LeftmostLongest).build(words);
            finder.map_err(|_| SnapshotError::Identifiers)
        };
        let (finder, names) = (build(&found.spellings, true)?, build(&found.names, false)?);
        let allowed = Allowed::new(found.here(), found.given());
        Ok(Mask { key: rand::random(), finder, names, found, allowed })
    }

    fn node(&self, place: &Path, node: Node) -> (PathBuf, Node) {
        let node = match node {
            Node::File(content) => Node::File(self.file(place, &content)),
            Node::Link(target) => Node::Link(self.name_of(&target, place.starts_with("/dev"))),
            Node::Directory => Node::Directory,
        };
        (self.path(place), node)
    }

    fn path(&self, path: &Path) -> PathBuf {
        self.name_of(path, path.starts_with("/dev"))
    }

    /// A path. Links below `/dev` are named by people, too: of them the place of a device and its model stay.
    fn name_of(&self, path: &Path, is_link: bool) -> PathBuf {
        let content = if is_link { Content::Listed } else { Content::Maker };
        PathBuf::from(OsString::from_vec(self.mapped(path.as_os_str().as_bytes(), |text| self.named(text, content))))
    }

    fn file(&self, place: &Path, content: &[u8]) -> Vec<u8> {
        if is_smbios(place) {
            return self.smbios(content);
        }
        if place.starts_with("/sys") && place.ends_with("config") && content.len() == SERIAL_NUMBER.end {
            return self.configuration(content);
        }
        if place.ends_with("pci.ids.gz") {
            return content.to_vec();
        }
        if place.ends_with("vpd") {
            return self.vpd(content);
        }
        if place.ends_with("vpd_pg80") {
            let (head, serial) = content.split_at(vpd::page_head(content));
            return [head, &self.mapped(serial, |text| self.value(text))].concat();
        }
        let kind = allowed::content(place);
        let line = |line: &str| {
            if place.ends_with("mountinfo") {
                self.mount(line)
            } else if place.starts_with("/run/udev") {
                self.udev_line(line).unwrap_or_default()
            } else if allowed::has_known_lines(place) && !allowed::is_known_line(place, line) {
                self.text(line, Content::One)
            } else if place.starts_with("/proc/net") {
                self.named(line, kind)
            } else {
                self.text(line, kind)
            }
        };
        if kind == Content::One {
            return self.mapped(content, |text| self.value(text));
        }
        self.mapped(content, |text| text.split_inclusive('\n').map(line).collect())
    }

    /// Applies a function to bytes as if each was a character, so that what is no text stays as long as it was.
    #[allow(clippy::unused_self)]
    fn mapped(&self, bytes: &[u8], function: impl Fn(&str) -> String) -> Vec<u8> {
        let text: String = bytes.iter().copied().map(char::from).collect();
        function(&text).chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
    }

    /// The maker's part of a PCI function's serial number, the last three bytes, stays.
    fn configuration(&self, content: &[u8]) -> Vec<u8> {
        let mut content = content.to_vec();
        let noise = self.noise(&legible(&content[SERIAL_NUMBER]), 0);
        content[SERIAL_NUMBER.start..SERIAL_NUMBER.end - 3].copy_from_slice(&noise[..5]);
        content
    }

    /// Of vital product data the product, its part number, its level and its maker stay.
    fn vpd(&self, content: &[u8]) -> Vec<u8> {
        let mut replaced = content.to_vec();
        for (at, kind) in vpd::texts(content) {
            let text = self.mapped(&content[at.clone()], |text| match kind {
                Content::One => self.value(text),
                _ => self.text(text, kind),
            });
            // An address may have got another length; the place of what follows must not change.
            let is_as_long = text.len() == at.len();
            let text = if is_as_long { text } else { self.mapped(&content[at.clone()], |text| self.masked(text)) };
            replaced[at].copy_from_slice(&text);
        }
        replaced
    }

    /// Directories that every system has stay; others are named by people.
    fn mount(&self, line: &str) -> String {
        let part = |part: &str| if USUAL.contains(&part) { part.to_owned() } else { self.value(part) };
        let path = |path: &str| path.split('/').map(part).collect::<Vec<_>>().join("/");
        let fields = line.split(' ').enumerate();
        fields
            .map(|(place, field)| if place == 4 { path(field) } else { self.text(field, Content::Kernel) })
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// A line of udev's record; nothing of what nobody reads.
    fn udev_line(&self, line: &str) -> Option<String> {
        if let Some(path) = line.strip_prefix("S:") {
            return Some(format!("S:{}", self.named(path, Content::Listed)));
        }
        let (key, value) = line.strip_prefix("E:")?.split_once('=')?;
        let (value, end) = value.strip_suffix('\n').map_or((value, ""), |value| (value, "\n"));
        let value = match allowed::property(key)? {
            Content::One => self.value(value),
            content => self.text(value, content),
        };
        Some(format!("E:{key}={value}{end}"))
    }

    fn smbios(&self, table: &[u8]) -> Vec<u8> {
        let mut replaced = Vec::with_capacity(table.len());
        for mut structure in structures(table) {
            let mut fixed = structure.fixed.to_vec();
            if let Some(uuid) = smbios_uuid(&structure).and_then(|uuid| parsed_uuid(&self.value(&uuid))) {
                fixed[0x08..0x18].copy_from_slice(&other_endian(uuid));
            }
            let at = |offsets: &[usize]| offsets.iter().filter_map(|at| structure.byte(*at)).collect::<Vec<u8>>();
            let (stay, serials) = (at(allowed::smbios_strings(structure.kind)), at(smbios_serials(structure.kind)));
            let strings: Vec<Vec<u8>> = structure
                .strings
                .iter()
                .zip(1..)
                .map(|(text, number)| {
                    let stays = stay.contains(&number) && !serials.contains(&number);
                    self.mapped(text, |text| if stays { self.text(text, Content::Maker) } else { self.value(text) })
                })
                .collect();
            structure.fixed = &fixed;
            structure.strings = strings.iter().map(Vec::as_slice).collect();
            replaced.extend(structure.to_bytes());
        }
        replaced
    }

    fn answers(&self, answers: BTreeMap<String, Answer>) -> BTreeMap<String, Answer> {
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
            (self.named(&question, Content::Maker), answer)
        };
        answers.into_iter().map(answer).collect()
    }

    fn json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.named(&text, Content::Maker)),
            Value::Array(values) => Value::Array(values.into_iter().map(|value| self.json(value)).collect()),
            Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, self.json(value))).collect(),
            other => other,
        }
    }

    /// Of the same kind – loopback, link-local, private, public –, with another host part.
    fn ip(&self, ip: IpAddr) -> IpAddr {
        let noise = self.noise(&ip.to_string(), 0);
        match ip {
            ip if is_public(ip) => ip,
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

    /// Replaces chosen names of interfaces and block devices, and what may not stay of the rest.
    fn named(&self, text: &str, content: Content) -> String {
        let (mut replaced, mut done) = (String::new(), 0);
        for found in self.names.find_iter(text).filter(|found| stands_alone(text, found.range())) {
            replaced += &self.text(&text[done..found.start()], content);
            replaced += &self.words(&text[found.range()], Content::One);
            done = found.end();
        }
        replaced + &self.text(&text[done..], content)
    }

    /// Replaces addresses and identifiers, and what may not stay of the rest.
    fn text(&self, text: &str, content: Content) -> String {
        let (mut replaced, mut done) = (String::new(), 0);
        for target in targets(text) {
            replaced += &self.identified(&text[done..target.start], content);
            replaced += &self.identified(&text[target.clone()], Content::One);
            done = target.end;
        }
        replaced + &self.identified(&text[done..], content)
    }

    fn identified(&self, text: &str, content: Content) -> String {
        let (mut replaced, mut done) = (String::new(), 0);
        let is_whole = |found: &aho_corasick::Match| found.len() >= LONG || stands_alone(text, found.range());
        for found in self.finder.find_iter(text).filter(is_whole) {
            replaced += &self.internet(&text[done..found.start()], content);
            replaced += &self.masked(&text[found.range()]);
            done = found.end();
        }
        replaced + &self.internet(&text[done..], content)
    }

    fn internet(&self, text: &str, content: Content) -> String {
        let (mut replaced, mut done) = (String::new(), 0);
        for (at, ip) in internet(text) {
            replaced += &self.words(&text[done..at.start], content);
            replaced += &self.ip(ip).to_string();
            done = at.end;
        }
        replaced + &self.words(&text[done..], content)
    }

    /// Replaces each word that may not stay.
    fn words(&self, text: &str, content: Content) -> String {
        let is_word = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii();
        let is_kernels = |text: &str| words(text).all(|word| self.allowed.may_stay(word, Content::Kernel));
        // A long number beside a word that the kernel does not use is not the kernel's either.
        let content = if content == Content::Kernel && !is_kernels(text) { Content::Listed } else { content };
        let (mut replaced, mut rest) = (String::new(), text);
        while let Some(start) = rest.find(is_word) {
            let end = rest[start..].find(|c| !is_word(c)).map_or(rest.len(), |length| start + length);
            let word = &rest[start..end];
            replaced += &rest[..start];
            replaced += &if self.allowed.may_stay(word, content) { word.to_owned() } else { self.masked(word) };
            rest = &rest[end..];
        }
        replaced + rest
    }

    /// Replaces a value that is an identifier, however short.
    fn value(&self, text: &str) -> String {
        let core = core(text);
        if !is_one(core) {
            return self.text(text, Content::Maker);
        }
        let start = text.find(core).unwrap_or(0);
        // As it is replaced wherever else it stands.
        let is_known = self.found.spellings.contains(&core.to_lowercase());
        let masked = if is_known { self.masked(core) } else { self.text(core, Content::One) };
        format!("{}{masked}{}", &text[..start], &text[start + core.len()..])
    }

    /// Letters and digits become others; everything between them stays, and so does what tells the maker.
    /// A text that identifies a device still does so afterwards: chance must not make `666` of a serial number.
    fn masked(&self, text: &str) -> String {
        let must_identify = !is_placeholder(text);
        let usable = |masked: &String| !must_identify || !is_placeholder(masked);
        (0..u8::MAX).map(|turn| self.masked_by(text, turn)).find(usable).unwrap_or_default()
    }

    fn masked_by(&self, text: &str, turn: u8) -> String {
        let plain = plain(text);
        let kept = match plain.len() {
            // The maker's half of a MAC address.
            12 if self.found.makers.contains(&plain) => 6,
            // The kind and the maker of a world-wide name.
            16.. if self.found.makers.contains(&plain) => 7,
            _ => 0,
        };
        let mut noise = self.noise(&plain, turn).into_iter().cycle();
        let mut place = 0;
        let mut replace = |c: char| {
            if c.is_ascii() && !c.is_ascii_alphanumeric() {
                return c;
            }
            place += 1;
            let noise = noise.next().unwrap_or(0);
            if place <= kept { c } else { alike(c, noise) }
        };
        let parts: Vec<String> = text.split("\\x20").map(|part| part.chars().map(&mut replace).collect()).collect();
        parts.join("\\x20")
    }

    /// Bytes that only this snapshot's key gives for a text; other ones at each turn.
    fn noise(&self, text: &str, turn: u8) -> [u8; 32] {
        Sha256::new().chain_update(self.key).chain_update(text).chain_update([turn]).finalize().into()
    }
}

/// True if what stands at a place is no part of a longer word.
fn stands_alone(text: &str, at: std::ops::Range<usize>) -> bool {
    let is_inside = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    !is_inside(at.start.checked_sub(1).and_then(|before| bytes.get(before))) && !is_inside(bytes.get(at.end))
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
        'G'..='Z' => (b'G', 20),
        // Also for a letter beyond ASCII, of which not even that stays.
        _ => (b'g', 20),
    };
    char::from(first + noise % count)
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_identifies_a_device_still_does() {
        let mask = super::Mask::new(super::find(&super::Nodes::new(), "")).expect("nothing to find");
        let numbers = (0..1000).map(|number| format!("{number:03}")).filter(|number| !super::is_placeholder(number));
        assert_eq!(numbers.map(|number| mask.masked(&number)).find(|masked| super::is_placeholder(masked)), None);
    }
}
