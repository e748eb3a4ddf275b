//! What a region of a certain version takes otherwise than the newest does (contract VERSIONS, §6).

use super::parameters::Written;
use super::source::Source;
use super::{Finding, Level, Told, parameters, told};
use crate::script::{RegionVersion, ScriptType};

/// Findings for a region of this version.
pub(super) fn findings(source: &Source, region: RegionVersion) -> Vec<Finding> {
    let finding = |rule, level| move |(line, message, advice): Told| Finding { rule, level, line, message, advice };
    let mut found = Vec::new();
    found.extend(script_type(source, region).map(finding("region-script-type", Level::Error)));
    if !region.has_lenient_parameters() {
        let booleans = parameters::each(source, boolean);
        found.extend(booleans.into_iter().map(finding("region-boolean", Level::Error)));
        let formats = parameters::each(source, format);
        found.extend(formats.into_iter().map(finding("region-argument-format", Level::Error)));
    }
    if !region.names_arguments_by_key() {
        let names = parameters::each(source, argument_name);
        found.extend(names.into_iter().map(finding("region-argument-name", Level::Warning)));
    }
    found
}

fn script_type(source: &Source, region: RegionVersion) -> Option<Told> {
    let since = match source.header().kind {
        ScriptType::Release if !region.has_release_scripts() => "3.5",
        ScriptType::Deployment if !region.has_deployment_scripts() => "3.8",
        _ => return None,
    };
    let message = format!("script_type: MAAS {region} does not know it; {since} is the first that does");
    Some(told(source.line_of(&["script_type"]), message, "leave it out of such a region"))
}

fn boolean(p: &Written<'_>) -> Option<Told> {
    (p.kind() == "boolean" && p.is_required()).then(|| {
        p.tell(
            "required",
            "regions before 3.5 refuse a boolean that is required",
            "write required: false and a default",
        )
    })
}

fn format(p: &Written<'_>) -> Option<Told> {
    let format = p.argument_format()?;
    (!p.is_device() && !format.contains("{input}")).then(|| {
        p.tell("argument_format", "regions before 3.5 refuse an argument_format without {input}", "put {input} into it")
    })
}

fn argument_name(p: &Written<'_>) -> Option<Told> {
    let differs = !p.is_device() && p.argument_format().is_none() && p.name() != p.kind();
    let message = format!(
        "regions before 3.6 pass it as --{}=VALUE, newer ones as --{}=VALUE: a script that knows one fails with the other",
        p.kind(),
        p.name()
    );
    differs.then(|| p.tell("", message, format!("write argument_format: --{}={{input}}", p.name())))
}
