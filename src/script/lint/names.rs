//! Words that are known, and the nearest of them to one that is not.

/// Fields of the metadata.
pub(super) const FIELDS: [&str; 18] = [
    "name",
    "title",
    "description",
    "comment",
    "tags",
    "script_type",
    "type",
    "hardware_type",
    "parallel",
    "timeout",
    "destructive",
    "may_reboot",
    "recommission",
    "for_hardware",
    "packages",
    "apply_configured_networking",
    "parameters",
    "results",
];

/// Fields of a parameter.
pub(super) const PARAMETER_FIELDS: [&str; 10] =
    ["type", "min", "max", "title", "description", "argument_format", "default", "required", "allow_list", "choices"];

/// Variables that a runner sets, of those whose names look so.
pub(super) const VARIABLES: [&str; 15] = [
    "MAAS_BASE_URL",
    "MAAS_RESOURCES_FILE",
    "MAAS_MACHINE_EXTRA_FILE",
    "MAAS_STORAGE_CONFIG_FILE",
    "OUTPUT_COMBINED_PATH",
    "OUTPUT_STDOUT_PATH",
    "OUTPUT_STDERR_PATH",
    "RESULT_PATH",
    "DOWNLOAD_PATH",
    "RUNTIME",
    "HAS_STARTED",
    "BMC_CONFIG_PATH",
    "DEBIAN_FRONTEND",
    "SHAKEDOWN_BINARY",
    "SHAKEDOWN_STATE_DIR",
];

/// Scripts that every region brings along.
pub(super) const BUILT_IN: [&str; 31] = [
    "20-maas-01-install-lldpd",
    "20-maas-02-dhcp-unconfigured-ifaces",
    "20-maas-03-machine-resources",
    "30-maas-01-bmc-config",
    "40-maas-01-machine-config-hints",
    "50-maas-01-commissioning",
    "maas-support-info",
    "maas-lshw",
    "maas-list-modaliases",
    "maas-get-fruid-api-data",
    "maas-kernel-cmdline",
    "maas-serial-ports",
    "maas-capture-lldpd",
    "smartctl-validate",
    "smartctl-short",
    "smartctl-long",
    "smartctl-conveyance",
    "badblocks",
    "badblocks-destructive",
    "fio",
    "memtester",
    "7z",
    "ntp",
    "internet-connectivity",
    "gateway-connectivity",
    "rack-controller-connectivity",
    "stress-ng-cpu-long",
    "stress-ng-cpu-short",
    "stress-ng-memory-long",
    "stress-ng-memory-short",
    "wipe-disks",
];

/// The known word that an unknown one may have been meant for.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = word.to_lowercase().replace('-', "_");
    let near = known.iter().map(|other| (strsim::levenshtein(&plain, &other.to_lowercase()), *other));
    near.filter(|(steps, other)| *steps <= other.len().max(3) / 3).min().map(|(_, other)| other)
}

/// `did you mean …` or nothing.
pub(super) fn suggestion(word: &str, known: &[&str]) -> String {
    nearest(word, known)
        .map_or_else(|| format!("known are {}", known.join(", ")), |near| format!("did you mean {near:?}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_word_is_told() {
        assert_eq!(nearest("destrutive", &FIELDS), Some("destructive"));
        assert_eq!(nearest("Hardware-Type", &FIELDS), Some("hardware_type"));
        assert_eq!(nearest("colour", &FIELDS), None);
    }
}
