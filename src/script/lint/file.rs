//! The file as a whole: its encoding, its size, who runs it.

use super::source::{Source, interpreter};
use super::{Level, Rule, Told, told};

pub(super) const RULES: &[Rule] = &[
    Rule { id: "bom", level: Level::Error, check: bom },
    Rule { id: "crlf", level: Level::Error, check: crlf },
    Rule { id: "crlf-body", level: Level::Warning, check: crlf_body },
    Rule { id: "not-utf8", level: Level::Error, check: not_utf8 },
    Rule { id: "too-large", level: Level::Error, check: too_large },
    Rule { id: "env-arguments", level: Level::Error, check: env_arguments },
    Rule { id: "interpreter", level: Level::Warning, check: unlikely_interpreter },
    Rule { id: "allow-unknown", level: Level::Warning, check: unknown_allowance },
];

/// The region's web server takes no larger body (contract REGION).
const LARGEST: usize = 10_000_000;

/// What the ephemeral image, a server image of Ubuntu, brings along.
const INTERPRETERS: [&str; 7] = ["sh", "bash", "dash", "python3", "perl", "awk", "sed"];

fn bom(source: &Source) -> Vec<Told> {
    let found = source.text.starts_with('\u{feff}');
    let tell = || told(1, "a byte order mark stands before '#!'", "save the file as UTF-8 without BOM");
    found.then(tell).into_iter().collect()
}

fn crlf(source: &Source) -> Vec<Told> {
    let found = source.text.split('\n').next().is_some_and(|line| line.ends_with('\r'));
    let tell = || {
        told(
            1,
            "the line ends as in Windows (CR LF): the kernel looks for an interpreter with a carriage return in its name",
            "convert the file, with sed -i 's/\\r$//' FILE",
        )
    };
    found.then(tell).into_iter().collect()
}

fn crlf_body(source: &Source) -> Vec<Told> {
    let mut lines = source.text.split('\n').enumerate().filter(|(_, line)| line.ends_with('\r'));
    match lines.next() {
        Some((number @ 1.., _)) => vec![told(
            number + 1,
            "the line ends as in Windows (CR LF): the carriage return becomes part of the last word",
            "convert the file, with sed -i 's/\\r$//' FILE",
        )],
        _ => Vec::new(),
    }
}

fn not_utf8(source: &Source) -> Vec<Told> {
    let Err(error) = std::str::from_utf8(source.bytes) else { return Vec::new() };
    let line = source.bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
    vec![told(
        line,
        "bytes that are no UTF-8: the region stores scripts as text",
        "write them as escapes, or convert the file",
    )]
}

fn too_large(source: &Source) -> Vec<Told> {
    let tell = || {
        let size = source.bytes.len();
        let advice = "fetch data with `packages: {url: …}`, or from where the script runs";
        told(1, format!("{size} bytes: the region takes no request over {LARGEST}"), advice)
    };
    (source.bytes.len() > LARGEST).then(tell).into_iter().collect()
}

fn env_arguments(source: &Source) -> Vec<Told> {
    let first = source.text.lines().next().unwrap_or_default();
    let mut words = first.strip_prefix("#!").unwrap_or_default().split_whitespace();
    let is_env = words.next().is_some_and(|program| program.ends_with("/env"));
    let rest: Vec<&str> = words.collect();
    if !is_env || rest.len() < 2 || rest[0].starts_with("-S") || rest[0].starts_with("--split-string") {
        return Vec::new();
    }
    let message =
        format!("the kernel hands env one argument, so that it looks for a program named {:?}", rest.join(" "));
    vec![told(1, message, format!("write #!/usr/bin/env -S {}", rest.join(" ")))]
}

fn unlikely_interpreter(source: &Source) -> Vec<Told> {
    let Some((name, _)) = interpreter(&source.text).filter(|_| source.text.starts_with("#!/")) else {
        return Vec::new();
    };
    if name.is_empty() || INTERPRETERS.contains(&name.as_str()) {
        return Vec::new();
    }
    let advice = if name == "python" {
        "write python3"
    } else {
        "use one of those; or have it called by one that installs it first"
    };
    let usual = INTERPRETERS.join(", ");
    vec![told(1, format!("the image that machines boot may have no {name}; it has {usual}"), advice)]
}

fn unknown_allowance(source: &Source) -> Vec<Told> {
    let known = |rule: &str| {
        use super::{block, body, fields, parameters, results, values};
        let tables =
            [block::RULES, RULES, fields::RULES, parameters::RULES, results::RULES, values::RULES, body::RULES];
        tables.into_iter().flatten().any(|known| known.id == rule && known.level != Level::Error)
    };
    let mut odd: Vec<&String> = source.allowed.iter().filter(|rule| !rule.is_empty() && !known(rule)).collect();
    odd.sort();
    let line = source.text.lines().position(|line| line.contains("shakedown: allow ")).map_or(1, |number| number + 1);
    let tell =
        |rule: &&String| told(line, format!("{rule:?} is no rule that can be allowed"), "take it out of the comment");
    odd.first().map(tell).into_iter().collect()
}
