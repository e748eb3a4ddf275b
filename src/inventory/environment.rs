//! The system that runs (contract RESOURCES §0).

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::survey::{Survey, storable};

/// Kernel and distribution.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Environment {
    /// `uname -s`.
    pub kernel: String,
    /// `uname -m`.
    pub kernel_architecture: String,
    /// `uname -r`.
    pub kernel_version: String,
    /// `ID` of os-release.
    pub os_name: String,
    /// `VERSION_ID` of os-release.
    pub os_version: String,
    /// Name of the program that MAAS expects here.
    pub server: String,
    /// Host name.
    pub server_name: String,
    /// Version of the LXD code whose output this equals.
    pub server_version: String,
}

pub(super) fn collect(survey: &Survey<'_>) -> Environment {
    let uname = survey.host.uname();
    let (os_name, os_version) = distribution(survey);
    Environment {
        kernel: uname.system,
        kernel_architecture: uname.machine,
        kernel_version: uname.release,
        os_name,
        os_version,
        server: "maas-machine-resources".to_owned(),
        server_name: uname.node,
        server_version: "6.9".to_owned(),
    }
}

fn distribution(survey: &Survey<'_>) -> (String, String) {
    let files = [
        ("/etc/os-release", "ID", "VERSION_ID"),
        ("/usr/lib/os-release", "ID", "VERSION_ID"),
        ("/etc/lsb-release", "DISTRIB_ID", "DISTRIB_RELEASE"),
    ];
    for (file, name, version) in files {
        let Some(text) = survey.text(file) else { continue };
        let value = |key: &str| setting(&text, key).to_lowercase();
        if value(name) != "ubuntu-core" {
            return (value(name), value(version));
        }
    }
    Default::default()
}

/// A value of shell-like settings, without quotes.
fn setting(text: &str, key: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let mut pairs = lines.filter_map(|line| line.split_once('='));
    let value = pairs.find(|(name, _)| *name == key).map_or("", |(_, value)| value);
    storable(value.trim_matches(|c| c == '"' || c == '\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_lose_their_quotes() {
        let text = "# ID=no\nID=ubuntu\nVERSION_ID=\"24.04\"\nX='y'\n";
        assert_eq!((setting(text, "ID"), setting(text, "VERSION_ID")), ("ubuntu".into(), "24.04".into()));
        assert_eq!((setting(text, "X"), setting(text, "Y")), ("y".into(), String::new()));
    }
}
