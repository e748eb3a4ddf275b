//! Texts that machines run: the takeover scripts, one of each type, and the preseed, with addresses and checksums of the programs.

use super::binary::Binary;
use crate::script::ScriptType;

/// The template of every takeover script.
const TAKEOVER: &str = include_str!("takeover.sh");
/// The template of what a preseed has the machine run.
const PRESEED: &str = include_str!("preseed.sh");
/// The part of both that fetches the program.
const FETCH: &str = include_str!("fetch.sh");
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
    let (tags, when) = match kind {
        // By this tag a testing script is among those that commissioning runs unless others are chosen (contract ADOPTION, §3).
        ScriptType::Testing => (format!("commissioning, {TAG}"), "tests"),
        _ => (TAG.to_owned(), "commissioning scripts"),
    };
    let lines =
        [("@NAME@", name(kind)), ("@TYPE@", kind.folder().to_owned()), ("@TAGS@", tags), ("@WHEN@", when.to_owned())];
    lines.into_iter().fold(filled(TAKEOVER, contents), |text, (word, value)| text.replace(word, &value))
}

/// A preseed of a region (contract ADOPTION, §4): the region's own, and a command that cloud-init runs early in each boot.
#[must_use]
pub(super) fn preseed(contents: &Contents<'_>) -> String {
    let script = filled(PRESEED, contents);
    let lines = script.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") });
    format!("{{{{preseed_data}}}}\nbootcmd:\n  - |\n{}", lines.collect::<String>())
}

/// A template with what both have.
fn filled(template: &str, contents: &Contents<'_>) -> String {
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
    let lines = [
        ("@FETCH@\n", FETCH.to_owned()),
        ("@VERSION@", env!("CARGO_PKG_VERSION").to_owned()),
        ("@REGION@", contents.region.to_owned()),
        ("@CERTIFICATES@\n", certificates(contents.certificates)),
        ("@CASES@\n", cases),
    ];
    lines.into_iter().fold(template.to_owned(), |text, (word, value)| text.replace(word, &value))
}

/// One of the project's own scripts with the tag in its header: a region creates and tags it in one request, or not at all.
#[must_use]
pub(super) fn tagged(text: &str) -> String {
    text.replacen("\n# tags: [", &format!("\n# tags: [{TAG}, "), 1)
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
    fn a_preseed_is_the_regions_own_with_one_command_more() {
        let binary = Binary {
            architecture: Architecture::X86_64,
            packed: vec![0; 10],
            packed_sha256: "a".repeat(64),
            size: 20,
            sha256: "b".repeat(64),
        };
        let binaries = [(binary, From::Region("/MAAS/api/2.0/files/?op=get_by_key&key=1".to_owned()))];
        let certificates = "-----BEGIN CERTIFICATE-----\nAbc+/=\n-----END CERTIFICATE-----\n";
        let text = preseed(&Contents { binaries: &binaries, region: "http://region:5240", certificates });
        // The template's engine gives pairs of braces a meaning, and `base` is what it puts there.
        let (first, rest) = text.split_once('\n').expect("lines");
        assert_eq!(first, "{{preseed_data}}");
        assert!(!rest.contains("{{") && !rest.contains("}}") && !rest.contains('@'), "{rest}");
        let base = "#cloud-config\ndatasource:\n  MAAS: {metadata_url: 'http://rack:5248/MAAS/metadata/'}\nmanage_etc_hosts: true";
        let rendered = text.replace("{{preseed_data}}", base);
        let document = crate::yaml::parse(rendered.as_bytes()).expect("YAML");
        assert_eq!(document.pairs().len(), 3, "{document:?}");
        let expected = filled(PRESEED, &Contents { binaries: &binaries, region: "http://region:5240", certificates });
        let Some(crate::yaml::Node::Sequence(commands)) = document.get("bootcmd") else { panic!("{document:?}") };
        assert_eq!(commands.first().and_then(crate::yaml::Node::as_str), Some(expected.as_str()));
    }

    #[test]
    fn every_script_that_is_put_into_a_region_is_known_by_its_own_header() {
        for (name, text) in crate::adoption::SITE_SCRIPTS {
            let (before, after) = (Header::parse(text.as_bytes()), Header::parse(tagged(text).as_bytes()));
            let (before, after) = (before.expect("a header"), after.expect("a header"));
            assert_eq!(after.tags, [&[TAG.to_owned()], &before.tags[..]].concat(), "{name}");
        }
    }

    #[test]
    fn what_stands_around_certificates_does_not_get_into_a_script() {
        let pem = "Subject: x\nCERTIFICATES\nrm -rf /\n-----BEGIN CERTIFICATE-----\nAbc+/=\n$(reboot)\n-----END CERTIFICATE-----\nrest\n";
        assert_eq!(certificates(pem), "-----BEGIN CERTIFICATE-----\nAbc+/=\n-----END CERTIFICATE-----\n");
    }
}
