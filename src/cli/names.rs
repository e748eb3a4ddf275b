//! The names of the programs that this one replaces: called by one of them (a symbolic link will do), it takes that program's words,
//! and its help and its errors speak of that program.

use std::ffi::OsString;
use std::path::Path;

use clap::{ArgMatches, Command, CommandFactory as _, FromArgMatches as _, Parser as _};

use super::{Arguments, Verb, exit, help, resources, run, signal};

/// The program with several verbs.
const MANY: &str = "maas-run-scripts";
/// Its verbs, and what they do.
const VERBS: [(&str, &str); 3] = [
    ("register-machine", "Add this machine, which is in use already, to a region, and keep its credentials here"),
    ("get-machine-token", "Fetch the credentials of a deployed machine"),
    ("report-results", "Tell the region of this deployed machine what changed: one request when nothing did"),
];
/// Programs that are one verb each.
const ONE: [(&str, &str); 3] =
    [("maas-run-remote-scripts", "run"), ("maas-signal", "signal"), (MACHINE_RESOURCES, "resources")];
/// The program whose failures are known (contract RESOURCES, §0: one line `ERROR: …`, exit status 1).
const MACHINE_RESOURCES: &str = "machine-resources";

/// The command line, by the name that the program was called by.
pub(super) fn parse(words: Vec<OsString>) -> Result<Arguments, clap::Error> {
    let name = called_by(&words);
    if name.as_deref() == Some(MANY) {
        let matches = many().try_get_matches_from(words)?;
        let verb = match Verb::from_arg_matches(&matches)? {
            Verb::RegisterMachine(register) => Verb::RegisterMachine(register.where_maas_leaves_it()),
            other => other,
        };
        return Ok(arguments(&matches, verb));
    }
    let Some((name, verb)) = ONE.into_iter().find(|(one, _)| name.as_deref() == Some(*one)) else {
        return Arguments::try_parse_from(words);
    };
    let matches = common(verb_of(&Arguments::command(), verb).name(name)).try_get_matches_from(words)?;
    let verb = match verb {
        "run" => Verb::Run(run::Arguments::from_arg_matches(&matches)?),
        "signal" => Verb::Signal(signal::Arguments::from_arg_matches(&matches)?),
        _ => Verb::Resources(resources::Arguments::from_arg_matches(&matches)?),
    };
    Ok(arguments(&matches, verb))
}

/// The command line of each program that this one replaces, with the verb that it is; the empty one stands for the program with several.
pub(super) fn commands() -> Vec<(Command, &'static str)> {
    let whole = Arguments::command();
    let one = ONE.into_iter().map(|(name, verb)| (common(verb_of(&whole, verb).name(name)), verb));
    one.chain([(many(), "")]).collect()
}

/// What a usage error says, without the words of the command line that may be secret: an API key in the wrong place, the value of an
/// option that was misspelt. `None` when there are none of these in it.
pub(super) fn without_secrets(error: &clap::Error, words: &[OsString]) -> Option<String> {
    let mut text = error.render().to_string();
    let mut hides = false;
    for word in words.iter().skip(1).map(|word| word.to_string_lossy()) {
        let value = match word.split_once('=') {
            Some((_, value)) if word.starts_with('-') => value,
            _ if word.starts_with('-') => continue,
            _ => &word,
        };
        if value.is_empty() || is_plain(value) {
            continue;
        }
        for quoted in [format!("'{value}'"), format!("{value:?}"), format!("={value}"), format!(" {value}\n")] {
            hides |= text.contains(&quoted);
            text = text.replace(&quoted, " (not shown) ");
        }
        if value.chars().count() > 3 && text.contains(value) {
            (hides, text) = (true, text.replace(value, "(not shown)"));
        }
    }
    hides.then_some(text)
}

/// A word of the kind that verbs, settings and signals are.
fn is_plain(word: &str) -> bool {
    let is = |fits: fn(char) -> bool| word.len() <= 20 && word.chars().all(fits);
    is(|c| c.is_ascii_lowercase() || c == '-')
        || is(|c| c.is_ascii_uppercase() || c == '_')
        || is(|c| c.is_ascii_digit() || c == '.')
}

/// How a failure is told, and its exit status, by the name that the program was called by.
pub(super) fn failure() -> (&'static str, u8) {
    let words: Vec<OsString> = std::env::args_os().take(1).collect();
    match called_by(&words).as_deref() {
        Some(MACHINE_RESOURCES) => ("ERROR", 1),
        _ => ("shakedown", exit::CANNOT_RUN),
    }
}

fn called_by(words: &[OsString]) -> Option<String> {
    Some(Path::new(words.first()?).file_name()?.to_str()?.to_owned())
}

fn many() -> Command {
    let whole = Arguments::command();
    let command = Command::new(MANY)
        .about("Add a machine that is in use already to a MAAS region, and report its hardware")
        .subcommand_required(true)
        .subcommands(VERBS.map(|(verb, about)| verb_of(&whole, verb).about(about)));
    common(command)
}

fn verb_of(whole: &Command, verb: &'static str) -> Command {
    let command = whole.find_subcommand(verb).cloned().unwrap_or_else(|| Command::new(verb));
    // Its examples speak of this program.
    match command.get_after_help().map(ToString::to_string) {
        Some(text) => command.after_help(help::without_examples(&text)),
        None => command,
    }
}

/// With the options that every verb has.
fn common(command: Command) -> Command {
    let whole = Arguments::command();
    let global = whole.get_arguments().filter(|argument| argument.is_global_set());
    let version = concat!(env!("CARGO_PKG_VERSION"), " (shakedown)");
    command.args(global.cloned()).version(version).propagate_version(true)
}

fn arguments(matches: &ArgMatches, verb: Verb) -> Arguments {
    let log_format = matches.get_one("log_format").copied().unwrap_or_default();
    let set = matches.get_many("set").map(|given| given.cloned().collect()).unwrap_or_default();
    Arguments { log_format, verbose: matches.get_count("verbose"), set, verb }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Verb, clap::Error> {
        parse(words.iter().map(OsString::from).collect()).map(|arguments| arguments.verb)
    }

    #[test]
    fn the_names_of_the_reference_programs_are_verbs() {
        assert!(matches!(parsed(&["/usr/bin/maas-signal", "OK"]), Ok(Verb::Signal(_))));
        assert!(matches!(parsed(&["shakedown", "run"]), Ok(Verb::Run(_))));
        assert!(matches!(
            parsed(&["maas-run-remote-scripts", "--config", "c", "--no-send", "/tmp/x"]),
            Ok(Verb::Run(_))
        ));
        assert!(matches!(parsed(&["./machine-resources"]), Ok(Verb::Resources(_))));
        let reporting = ["/usr/bin/maas-run-scripts", "report-results", "--config", "c", "--debug"];
        assert!(matches!(parsed(&reporting), Ok(Verb::ReportResults(arguments)) if arguments.debug));
        assert!(matches!(
            parsed(&["maas-run-scripts", "register-machine", "http://r", "a:b:c"]),
            Ok(Verb::RegisterMachine(_))
        ));
        assert!(matches!(parsed(&["maas-run-scripts", "get-machine-token", "abc"]), Ok(Verb::GetMachineToken(_))));
    }

    #[test]
    fn a_usage_error_shows_no_word_that_may_be_secret() {
        let key = "Ck9:Tk8:Ts7secret";
        for words in [
            &["maas-run-scripts", "get-machine-token", "http://r", key, "abc", "f", "more"][..],
            &["maas-run-scripts", "register-machine", "http://r", key, "more1"],
            &["maas-run-scripts", "register-machine", "http://r", "more1", key],
            &["shakedown", "run", "--tsecret=Ts7secret"],
            &["shakedown", "run", "--tsec", "a", "storage", "Ts7secret"],
            &["shakedown", "signal", "Ts7secret"],
            &["shakedown", "Ts7secret"],
            &["shakedown", "--set", "Ts7secret", "runs"],
            &["shakedown", "signal", "OK", "--exit-status", "Ts7secret"],
            &["shakedown", "register-machine", "--api-key", key, "--api-key-file", "f", "--wish", key],
        ] {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            let error = parse(words.clone()).map(drop).expect_err("no such words");
            let shown = without_secrets(&error, &words).unwrap_or_else(|| error.render().to_string());
            assert!(
                !shown.contains("secret") || shown.contains("--tsecret") && !shown.contains("Ts7"),
                "{words:?}: {shown}"
            );
        }
    }

    #[test]
    fn what_a_reference_program_does_not_know_is_refused() {
        for words in
            [&["maas-run-scripts"][..], &["maas-run-scripts", "run"], &["maas-signal", "run"], &["maas-signal"]]
        {
            let refused = parsed(words).map(drop).expect_err("no such words");
            assert_eq!(refused.exit_code(), 2, "{words:?}");
        }
    }

    #[test]
    fn options_of_every_verb_are_known_by_every_name() {
        let words = ["maas-signal", "-vv", "--log-format", "json", "OK"].map(OsString::from).to_vec();
        let arguments = parse(words).expect("known words");
        assert_eq!(arguments.verbose, 2);
        let words = ["maas-run-scripts", "report-results", "-v"].map(OsString::from).to_vec();
        assert_eq!(parse(words).expect("known words").verbose, 1);
    }
}
