//! The takeover scripts, one of each type, with addresses and checksums of the programs.

use super::binary::Binary;
use crate::script::ScriptType;

/// The template of every takeover script.
const TEMPLATE: &str = include_str!("takeover.sh");
/// The tag of everything that `region install` puts into a region.
pub(super) const TAG: &str = "shakedown-installed";

/// Where the machines get a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// The region, with the path of a file that it stores.
    Region(String),
    /// A web server of the site, with the whole address.
    Site(String),
}

/// The values that are filled into the template.
#[derive(Clone, Debug)]
pub(super) struct Contents<'a> {
    /// The programs, each with the place that machines get it from.
    pub(super) binaries: &'a [(Binary, From)],
    /// Scheme, host and port of the region, for machines that cannot reach it at the address that their runner uses.
    pub(super) region: &'a str,
    /// The certificates to trust, in PEM; empty for those of the ephemeral system.
    pub(super) certificates: &'a str,
}

/// The name of the script of a type.
#[must_use]
pub(super) fn name(kind: ScriptType) -> String {
    format!("00-shakedown-{}", kind.folder())
}

/// The script of a type.
#[must_use]
pub(super) fn script(kind: ScriptType, contents: &Contents<'_>) -> String {
    let mut cases = String::new();
    for (binary, from) in contents.binaries {
        let (path, site) = match from {
            From::Region(path) => (path.as_str(), ""),
            From::Site(address) => ("", address.as_str()),
        };
        cases += &format!(
            "{})\n    path='{path}' site='{site}'\n    packed_size={} packed_sum={}\n    size={} sum={}\n    ;;\n",
            binary.architecture.name(),
            binary.packed.len(),
            binary.packed_sha256,
            binary.size,
            binary.sha256,
        );
    }
    let (tags, when) = match kind {
        // By this tag a testing script is among those that commissioning runs unless others are chosen (contract ADOPTION, §3).
        ScriptType::Testing => (format!("commissioning, {TAG}"), "tests"),
        _ => (TAG.to_owned(), "commissioning scripts"),
    };
    let lines = [
        ("@NAME@", name(kind)),
        ("@TYPE@", kind.folder().to_owned()),
        ("@TAGS@", tags),
        ("@WHEN@", when.to_owned()),
        ("@VERSION@", env!("CARGO_PKG_VERSION").to_owned()),
        ("@REGION@", contents.region.to_owned()),
        ("@CERTIFICATES@\n", certificates(contents.certificates)),
        ("@CASES@\n", cases),
    ];
    lines.into_iter().fold(TEMPLATE.to_owned(), |text, (word, value)| text.replace(word, &value))
}

/// Keeps only the certificates of a PEM file: other text could end the here-document that the script has them in.
fn certificates(pem: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in pem.lines().map(str::trim) {
        inside |= line == "-----BEGIN CERTIFICATE-----";
        let is_of_it = line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=- ".contains(&byte));
        if inside && is_of_it {
            kept += line;
            kept.push('\n');
        }
        inside &= line != "-----END CERTIFICATE-----";
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adoption::binary::Architecture;
    use crate::script::{Header, Parallel, lint};

    fn both(certificates: &str) -> [String; 2] {
        let binary = |architecture| Binary {
            architecture,
            packed: vec![0; 10],
            packed_sha256: "a".repeat(64),
            size: 20,
            sha256: "b".repeat(64),
        };
        let binaries = [
            (binary(Architecture::X86_64), From::Region("/MAAS/api/2.0/files/?op=get_by_key&key=1".to_owned())),
            (binary(Architecture::Aarch64), From::Site("https://files.example.com/s.xz".to_owned())),
        ];
        let contents = Contents { binaries: &binaries, region: "http://region:5240", certificates };
        [ScriptType::Commissioning, ScriptType::Testing].map(|kind| script(kind, &contents))
    }

    #[test]
    fn a_region_takes_them_and_runs_them_first_and_alone() {
        for text in both("") {
            assert!(!text.contains('@'), "{text}");
            // That tags and time limit count once is known; another program changes neither.
            let wrong: Vec<_> =
                lint::lint(text.as_bytes()).into_iter().filter(|finding| finding.level > lint::Level::Info).collect();
            assert_eq!(wrong, [], "{text}");
            let header = Header::parse(text.as_bytes()).expect("a header");
            assert_eq!(header.parallel, Parallel::Disabled);
            assert_eq!(header.hardware_type.name(), "cpu");
            assert!(header.tags.iter().any(|tag| tag == TAG));
        }
    }

    #[test]
    fn what_stands_around_certificates_does_not_get_into_a_script() {
        let pem = "Subject: x\nCERTIFICATES\nrm -rf /\n-----BEGIN CERTIFICATE-----\nAbc+/=\n$(reboot)\n-----END CERTIFICATE-----\nrest\n";
        assert_eq!(certificates(pem), "-----BEGIN CERTIFICATE-----\nAbc+/=\n-----END CERTIFICATE-----\n");
    }
}
