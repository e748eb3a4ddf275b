//! Profiles that travel in the text of `shakedown-accept`, so that a region has every new machine checked without a file on the machine.

use std::collections::BTreeSet;

use super::binary::sum;
use crate::acceptance::{Profile, ProfileError};
use crate::script::Header;

/// The script that carries profiles.
pub const CARRIER: &str = "shakedown-accept";
/// The line of the script that profiles stand in place of.
const PLACE: &str = "# --- profiles ---\n";
/// Most bytes of all profiles: each machine gets them with the script, and a region shows the script whole.
const MOST: usize = 1 << 20;
/// Beginning of the word that ends a profile in the script.
const END: &str = "PROFILE-";
/// Longest name of a file, without its ending.
const LONGEST: usize = 60;

/// A profile that travels with the script.
#[derive(Clone, Debug)]
pub struct Carried {
    /// Name of the file that machines have it in, such as `r760.toml`.
    pub file: String,
    /// The text, with line feeds alone.
    text: String,
    /// The profile, or its problems where somebody changed the text in the region.
    pub profile: Result<Profile, ProfileError>,
}

/// Profiles that are in order and can travel together.
#[derive(Clone, Debug, Default)]
pub struct Profiles(Vec<Carried>);

/// Why profiles cannot travel. Nothing was uploaded.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The profile is wrong.
    #[error("{file}: the profile is wrong, and nothing was uploaded\n{text}")]
    Wrong {
        /// The file.
        file: String,
        /// All that is wrong, one line each.
        text: String,
    },
    /// The profile is for no kind of machine.
    #[error(
        "{file}: without `match` no machine can tell that this profile is for it: add, for example, match = {{ vendor = \"Dell Inc.\", \
         product = \"PowerEdge R760\" }}, as `shakedown accept --learn` writes it"
    )]
    Unmatched {
        /// The file.
        file: String,
    },
    /// Two profiles are for the same machines.
    #[error(
        "{one} and {other} are both for {machines}: a machine with two profiles is not accepted, so leave one out or narrow its `match`"
    )]
    Both {
        /// One file.
        one: String,
        /// The other.
        other: String,
        /// The machines that both are for.
        machines: String,
    },
    /// They are too large.
    #[error(
        "the profiles have {bytes} bytes, and {MOST} can travel with a script: serve them by http, and give the address as its parameter"
    )]
    Large {
        /// Size of all.
        bytes: usize,
    },
    /// A line has a meaning for the region.
    #[error("{file}: a line of it looks to the region like the end or the beginning of a script's header: take it out")]
    Header {
        /// The file.
        file: String,
    },
}

impl Carried {
    /// Its name and the machines that it is for, for messages.
    #[must_use]
    pub fn show(&self) -> String {
        match &self.profile {
            Ok(profile) => {
                let machines = profile.made_for().unwrap_or_else(|| "no machine".to_owned());
                format!("{} ({}, for {machines})", self.file, profile.name)
            }
            Err(_) => format!("{} (it is wrong)", self.file),
        }
    }
}

impl Profiles {
    /// Takes profiles by the names of their files, checks each, and that no two are for the same machines.
    ///
    /// # Errors
    /// A profile is wrong, is for no machine, or cannot travel with the others.
    pub fn of(files: Vec<(String, String)>) -> Result<Profiles, Refused> {
        let (mut found, mut names) = (Vec::<(String, Carried)>::new(), BTreeSet::new());
        for (shown, text) in files {
            let text = plain(&text);
            let profile = Profile::parse(&text).map_err(|error| Refused::Wrong {
                text: error.problems.iter().map(|problem| format!("{shown}: {problem}\n")).collect::<String>(),
                file: shown.clone(),
            })?;
            if profile.made_for().is_none() {
                return Err(Refused::Unmatched { file: shown });
            }
            // The same file given twice is one profile.
            if found.iter().any(|(_, other)| other.text == text) {
                continue;
            }
            let file = (1..=found.len() + 1).map(|number| name(&shown, number)).find(|name| names.insert(name.clone()));
            found.push((shown, Carried { file: file.unwrap_or_default(), text, profile: Ok(profile) }));
        }
        for (place, (one, own)) in found.iter().enumerate() {
            for (other, its) in &found[place + 1..] {
                let (Ok(own), Ok(its)) = (&own.profile, &its.profile) else { continue };
                if own.is_for_all_of(its) || its.is_for_all_of(own) {
                    let narrow = if own.is_for_all_of(its) { its } else { own };
                    let machines = narrow.made_for().unwrap_or_default();
                    return Err(Refused::Both { one: one.clone(), other: other.clone(), machines });
                }
            }
        }
        let bytes = found.iter().map(|(_, one)| one.text.len()).sum();
        if bytes > MOST {
            return Err(Refused::Large { bytes });
        }
        if let Some((file, _)) = found.iter().find(|(_, one)| is_header(&one.text)) {
            return Err(Refused::Header { file: file.clone() });
        }
        Ok(Profiles(found.into_iter().map(|(_, one)| one).collect()))
    }

    /// The profiles that the text of a script carries, also those that somebody has changed in the region since.
    #[must_use]
    pub fn carried_by(script: &[u8]) -> Vec<Carried> {
        let text = String::from_utf8_lossy(script);
        let mut lines = text.lines();
        let mut found = Vec::new();
        while let Some(line) = lines.next() {
            let begin = line.strip_prefix("cat >\"$1\"/").and_then(|rest| rest.split_once(" <<'"));
            let Some((file, rest)) = begin else { continue };
            let Some(end) = rest.split('\'').next().filter(|end| end.starts_with(END)) else { continue };
            let own: String = lines.by_ref().take_while(|line| *line != end).map(|line| format!("{line}\n")).collect();
            found.push(Carried { file: file.to_owned(), profile: Profile::parse(&own), text: own });
        }
        found
    }

    /// Takes over those that a script carries, also what somebody has broken in the region: with a wrong profile no machine is accepted,
    /// without it some other one might be for the same machines.
    #[must_use]
    pub fn kept(carried: Vec<Carried>) -> Profiles {
        Profiles(carried.into_iter().map(|one| Carried { file: name(&one.file, 1), ..one }).collect())
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Carried> {
        self.0.iter()
    }

    /// Those of a script whose texts are not among these.
    #[must_use]
    pub fn left_out(&self, carried: Vec<Carried>) -> Vec<Carried> {
        carried.into_iter().filter(|one| !self.0.iter().any(|own| own.text == one.text)).collect()
    }

    /// The text of the script with these profiles.
    pub(super) fn put_into(&self, script: &str) -> String {
        let here = |one: &Carried| {
            let end = format!("{END}{}", &sum(one.text.as_bytes())[..12]);
            format!("cat >\"$1\"/{} <<'{end}' || return 1\n{}{end}\n", one.file, one.text)
        };
        script.replacen(PLACE, &self.0.iter().map(here).collect::<String>(), 1)
    }
}

/// Line feeds alone, one at the end, and no mark of the byte order: a script is not started by a system that finds a carriage return in it.
fn plain(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    if text.ends_with('\n') { text } else { text + "\n" }
}

/// The name of a file on machines, of letters that mean nothing to a shell; from the second of one name on with a number.
fn name(shown: &str, number: usize) -> String {
    let last = shown.rsplit('/').next().unwrap_or_default();
    let stem = last.strip_suffix(".toml").unwrap_or(last);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let own: String = stem.chars().map(|c| if is_plain(c) { c } else { '_' }).take(LONGEST).collect();
    let own = own.trim_start_matches('.');
    let own = if own.is_empty() { "profile" } else { own };
    if number == 1 { format!("{own}.toml") } else { format!("{own}-{number}.toml") }
}

/// True if a region may take a text for a header, or for a part of one.
fn is_header(text: &str) -> bool {
    text.lines().any(|line| line.contains("MAAS 1.0 script metadata"))
        || Header::parse(text.as_bytes()).is_ok_and(|header| header.name.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = include_str!("../../scripts/commissioning/shakedown-accept");

    fn profile(product: &str) -> String {
        format!("schema = 1\nname = \"{product}\"\nmatch = {{ product = \"{product}\" }}\n[cpu]\ncount = 2\n")
    }

    fn of(files: &[(&str, String)]) -> Result<Profiles, Refused> {
        Profiles::of(files.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect())
    }

    #[test]
    fn what_a_script_carries_is_read_from_it_again() {
        let odd = profile("R760 $(touch x) `id` \u{fc}\u{1f4a5}").replace('\n', "\r\n");
        let files = [
            ("a/r 760's.toml", odd),
            ("b/r640.toml", format!("\u{feff}{}# \\", profile("R640"))),
            ("c/r640.toml", profile("R6")),
        ];
        let profiles = of(&files).expect("in order");
        let script = profiles.put_into(SCRIPT);
        let carried = Profiles::carried_by(script.as_bytes());
        let names: Vec<&str> = carried.iter().map(|one| one.file.as_str()).collect();
        assert_eq!(names, ["r_760_s.toml", "r640.toml", "r640-2.toml"]);
        assert!(carried.iter().zip(&profiles.0).all(|(one, own)| one.text == own.text && one.profile.is_ok()));
        assert_eq!(
            Header::parse(script.as_bytes()).expect("a header"),
            Header::parse(SCRIPT.as_bytes()).expect("a header")
        );
        assert_eq!(Profiles::kept(carried).put_into(SCRIPT), script);
        assert_eq!(Profiles::default().put_into(SCRIPT), SCRIPT.replace(PLACE, ""));
    }

    #[test]
    fn what_cannot_travel_is_refused_with_what_to_do() {
        let unmatched = profile("x").replace("match = { product = \"x\" }\n", "");
        let all = "schema = 1\nname = \"any\"\nmatch = { product = \"~R.*\" }\n[cpu]\ncount = 2\n".to_owned();
        let header = format!(
            "{}# --- Start MAAS 1.0 script metadata ---\n# name: x\n# --- End MAAS 1.0 script metadata ---\n",
            profile("x")
        );
        let vendor = profile("R760").replace("{ product", "{ vendor = \"Dell Inc.\", product");
        for (files, expected) in [
            (vec![("a.toml", unmatched)], "a.toml: without `match`"),
            (
                vec![("a.toml", profile("x").replace("count", "cuont"))],
                "line 5, column 1: cpu has no \"cuont\"; did you mean \"count\"?",
            ),
            (
                vec![("a.toml", profile("r760")), ("b.toml", profile("R760") + "cores = 4\n")],
                "a.toml and b.toml are both for R760",
            ),
            (vec![("a.toml", all), ("b.toml", profile("R760"))], "a.toml and b.toml are both for R760"),
            (vec![("a.toml", vendor), ("b.toml", profile("R760"))], "both for Dell Inc. R760"),
            (vec![("a.toml", format!("{}# {}\n", profile("x"), "y".repeat(MOST)))], "1048"),
            (vec![("a.toml", header)], "script's header"),
            (vec![("a.toml", String::new())], "a.toml: the profile is wrong"),
        ] {
            let told = of(&files).expect_err("it cannot travel").to_string();
            assert!(told.contains(expected), "{expected:?} in {told}");
        }
        assert_eq!(of(&[("a.toml", profile("x")), ("b/a.toml", profile("x"))]).expect("the same twice").0.len(), 1);
    }
}
