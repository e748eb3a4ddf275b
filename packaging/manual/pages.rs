//! The man pages: one for each verb, one for each program that this one replaces, and one for the settings.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

use crate::roff::{bold, escaped, examples, italic, list, paragraphs, section};

/// Pages of the documentation that tell more, by verb.
const MORE: [(&str, &str); 12] = [
    ("region", "adoption.md"),
    ("takeover", "adoption.md"),
    ("disk", "disk-rules.md"),
    ("diagnose", "diagnosis.md"),
    ("accept", "acceptance.md"),
    ("compare", "acceptance.md"),
    ("report", "report.md"),
    ("events", "record.md"),
    ("sync", "deployed.md"),
    ("watch", "deployed.md"),
    ("lint", "scripts.md"),
    ("try", "scripts.md"),
];
const SETTINGS: &str = include_str!("../config/config.toml");

/// Parts of a page that come from the help of its command, or of the command above.
#[derive(Clone, Default)]
struct Help {
    examples: Vec<String>,
    exits: Vec<(String, String)>,
}

/// All pages, as file names and texts.
pub(crate) fn all() -> Vec<(String, String)> {
    let mut command = shakedown::cli::command();
    command.build();
    let help = help_of(&command).0;
    let mut pages = vec![("shakedown-config.5".to_owned(), settings())];
    add(&command, "shakedown", "shakedown", &help, &mut pages);
    for (mut command, verb) in shakedown::cli::commands_of_maas() {
        command.build();
        let name = command.get_name().to_owned();
        // The examples of the verb, by the other name.
        let mut whole = shakedown::cli::command();
        whole.build();
        let of_verb = whole.find_subcommand(verb).map(|verb| help_of(verb).0).unwrap_or_default();
        let of_verbs = command.get_subcommands().filter_map(|own| whole.find_subcommand(own.get_name()));
        let lines = of_verb.examples.iter().cloned().chain(of_verbs.flat_map(|verb| help_of(verb).0.examples));
        let help = Help {
            examples: lines.map(|line| line.replacen(format!("shakedown {verb}").trim(), &name, 1)).collect(),
            exits: if of_verb.exits.is_empty() { help.exits.clone() } else { of_verb.exits },
        };
        add(&command, &name, &name, &help, &mut pages);
    }
    pages
}

fn add(command: &Command, name: &str, words: &str, above: &Help, pages: &mut Vec<(String, String)>) {
    let (own, notes) = help_of(command);
    let is_of_it = |line: &&String| line.starts_with(&format!("{words} ")) || line.trim() == words;
    let of_above: Vec<String> = above.examples.iter().filter(is_of_it).cloned().collect();
    let help = Help {
        examples: match (own.examples.is_empty(), of_above.is_empty()) {
            (false, _) => own.examples,
            (true, false) => of_above,
            (true, true) if command.has_subcommands() => first_examples(command),
            (true, true) => above.examples.clone(),
        },
        exits: if own.exits.is_empty() { above.exits.clone() } else { own.exits },
    };
    pages.push((format!("{name}.1"), page(command, name, words, &help, &notes)));
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help");
    for verb in verbs {
        let word = verb.get_name();
        add(verb, &format!("{name}-{word}"), &format!("{words} {word}"), &help, pages);
    }
}

/// The first example of each verb.
fn first_examples(command: &Command) -> Vec<String> {
    command.get_subcommands().filter_map(|verb| help_of(verb).0.examples.into_iter().next()).collect()
}

/// Examples and exit codes of a help text, and its other paragraphs.
fn help_of(command: &Command) -> (Help, String) {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (mut help, mut notes) = (Help::default(), Vec::new());
    for paragraph in text.split("\n\n") {
        if let Some(lines) = paragraph.strip_prefix("Examples:\n") {
            help.examples = lines.lines().map(|line| line.trim().to_owned()).collect();
        } else if paragraph.starts_with("Exit codes") {
            for line in paragraph.lines().skip(1) {
                match line.trim().split_once(' ') {
                    Some((code, meaning)) if code.bytes().all(|byte| byte.is_ascii_digit()) => {
                        help.exits.push((code.to_owned(), meaning.trim().to_owned()));
                    }
                    // A line that goes on.
                    _ => {
                        if let Some((_, meaning)) = help.exits.last_mut() {
                            *meaning += &format!(" {}", line.trim());
                        }
                    }
                }
            }
        } else {
            notes.push(paragraph);
        }
    }
    (help, notes.join("\n\n"))
}

fn page(command: &Command, name: &str, words: &str, help: &Help, notes: &str) -> String {
    let about = |long: bool| {
        let (short, other) = (command.get_about(), command.get_long_about());
        if long { other.or(short) } else { short.or(other) }.map(ToString::to_string).unwrap_or_default()
    };
    let man = clap_mangen::Man::new(command.clone().display_name(name));
    let render = |part: &dyn Fn(&mut dyn std::io::Write) -> std::io::Result<()>| {
        let mut text = Vec::new();
        part(&mut text).expect("memory takes all");
        // Each part begins with definitions that a page has once, in its title.
        let text = String::from_utf8(text).expect("UTF-8");
        text.lines()
            .filter(|line| !line.starts_with(".ie ") && !line.starts_with(".el "))
            .fold(String::new(), |all, line| all + line + "\n")
    };
    let mut text = title(name, 1);
    text += &section("NAME", &escaped(&format!("{name} - {}", about(false))));
    text += &section("SYNOPSIS", &synopsis(command, words));
    let told = format!("{}{}{notes}", about(true), if notes.is_empty() { "" } else { "\n\n" });
    text += &section("DESCRIPTION", &(paragraphs(&told) + &replaced(name)));
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        text += &render(&|out| man.render_options_section(out));
    }
    text += &section("COMMANDS", &commands(command, name));
    text += &section("EXAMPLES", &examples(&help.examples));
    text += &section("EXIT STATUS", &list(help.exits.iter().map(|(code, meaning)| (code.as_str(), meaning.as_str()))));
    text += &section("ENVIRONMENT", &environment(command));
    text += &section("FILES", &files(command, name));
    text + &section("SEE ALSO", &see_also(command, name))
}

fn title(name: &str, number: u8) -> String {
    // `Aq` is an apostrophe that can be copied. No word is broken: it may be an option.
    format!(
        ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n.TH {} {number} \"\" \"shakedown {}\" \"Shakedown\"\n.nh\n.ad l\n",
        escaped(&name.to_uppercase()),
        env!("CARGO_PKG_VERSION")
    )
}

fn replaced(name: &str) -> String {
    let is_of_maas = !name.starts_with("shakedown");
    let told = "This is Shakedown by the name of the program of MAAS that it replaces, with that program's options: a symbolic link to shakedown(1).";
    if is_of_maas { format!("\n.PP\n{}", escaped(told)) } else { String::new() }
}

/// All options with their values, what is in brackets in one piece.
fn synopsis(command: &Command, words: &str) -> String {
    let mut text = bold(words);
    let shown = || command.get_arguments().filter(|argument| !argument.is_hide_set());
    // Options of every verb are told once, on the first page.
    let is_own = |argument: &&Arg| !argument.is_global_set() || words == "shakedown";
    let is_trivial = |argument: &&Arg| !["help", "version"].contains(&argument.get_id().as_str());
    for argument in shown().filter(|argument| !argument.is_positional()).filter(is_own).filter(is_trivial) {
        let _ = write!(text, "\n{}", bracketed(argument, &option(argument)));
    }
    for argument in shown().filter(|argument| argument.is_positional()) {
        let more = if is_many(argument) { " ..." } else { "" };
        let _ = write!(text, "\n{}", bracketed(argument, &(values(argument) + more)));
    }
    if command.has_subcommands() {
        let _ = write!(text, "\n{} ...", italic("COMMAND"));
    }
    text
}

fn option(argument: &Arg) -> String {
    let name = match (argument.get_long(), argument.get_short()) {
        (Some(long), _) => format!("--{long}"),
        (None, short) => format!("-{}", short.unwrap_or_default()),
    };
    let mut text = bold(&name);
    if argument.get_action().takes_values() {
        text += &format!(" {}", values(argument));
    }
    text + if is_many(argument) { " ..." } else { "" }
}

fn values(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    names.iter().map(|name| italic(name)).collect::<Vec<_>>().join(" ")
}

fn is_many(argument: &Arg) -> bool {
    let is_list = argument.get_num_args().is_some_and(|range| range.max_values() > 1);
    is_list || matches!(argument.get_action(), ArgAction::Append)
}

fn bracketed(argument: &Arg, text: &str) -> String {
    let text = text.replace(' ', "\\ ");
    if argument.is_required_set() { text } else { format!("[{text}]") }
}

fn commands(command: &Command, name: &str) -> String {
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help");
    let rows: Vec<(String, String)> = verbs
        .map(|verb| {
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            (format!("{name}-{}(1)", verb.get_name()), about)
        })
        .collect();
    list(rows.iter().map(|(term, about)| (term.as_str(), about.as_str())))
}

fn environment(command: &Command) -> String {
    let has = |id: &str| command.get_arguments().any(|argument| argument.get_id() == id);
    let mut rows: Vec<(String, String)> = Vec::new();
    let own = command.get_arguments().filter(|argument| !argument.is_hide_set());
    for argument in own {
        let Some(variable) = argument.get_env().and_then(std::ffi::OsStr::to_str) else { continue };
        let option = argument.get_long().map(|long| format!("The same as --{long}.")).unwrap_or_default();
        rows.push((variable.to_owned(), option));
    }
    if has("api_key") && !rows.iter().any(|(name, _)| name == "SHAKEDOWN_API_KEY") {
        rows.push((
            "SHAKEDOWN_API_KEY".into(),
            "An administrator's API key, in place of --api-key and --api-key-file.".into(),
        ));
    }
    let common = [
        ("SHAKEDOWN_CONFIG", "The file of settings, in place of /etc/shakedown/config.toml."),
        ("SHAKEDOWN_SECTION_KEY", "A setting, for example SHAKEDOWN_JOURNAL_KEEP_RUNS; see shakedown-config(5)."),
        ("SHAKEDOWN_LOG", "A filter for what goes to the log, for example shakedown::region=debug."),
    ];
    rows.extend(common.map(|(name, meaning)| (name.to_owned(), meaning.to_owned())));
    if ["config", "url", "maas_url"].iter().any(|id| has(id)) {
        let meaning = "Proxies, as curl(1) reads them; what no_proxy names is asked without.";
        rows.push(("http_proxy, https_proxy, no_proxy".into(), meaning.into()));
    }
    list(rows.iter().map(|(name, meaning)| (name.as_str(), meaning.as_str())))
}

fn files(command: &Command, name: &str) -> String {
    let has = |id: &str| command.get_arguments().any(|argument| argument.get_id() == id);
    let mut rows = vec![
        ("/etc/shakedown/config.toml", "Settings; see shakedown-config(5)."),
        ("/etc/shakedown/config.d/*.toml", "More of them, which come after it in the order of their names."),
    ];
    if has("state_dir") || name == "shakedown" {
        rows.push(("/var/lib/shakedown/journal.db", "The journal: runs, results, events, messages that wait."));
    }
    if ["shakedown-run", "shakedown-deliver", "maas-run-remote-scripts"].contains(&name) {
        rows.push(("/var/lib/shakedown/run", "Scripts of a run and their outputs."));
        rows.push(("/etc/cloud/cloud.cfg.d/*cmdline*.cfg", "Region and credentials in MAAS's ephemeral system."));
        rows.push((
            "/var/lib/shakedown/enlisted.yaml",
            "Credentials of a machine that enlisted, until the region has everything.",
        ));
    }
    let is_deployed = ["sync", "watch", "machine", "report-results"].iter().any(|word| name.contains(word));
    if is_deployed && name != "machine-resources" {
        rows.push(("/etc/maas/maas-machine-creds.yml", "Region and credentials of a deployed machine."));
    }
    if name == "shakedown-takeover" {
        rows.push(("/var/lib/shakedown/takeover.log", "What the takeover and its agent printed."));
    }
    list(rows)
}

fn see_also(command: &Command, name: &str) -> String {
    let mut others: Vec<String> = Vec::new();
    if name != "shakedown" {
        others.push("shakedown(1)".into());
    }
    // The verb above; other verbs of one word have hyphens in them.
    let above = name.rsplit_once('-').map_or("", |(above, _)| above);
    let is_word = ["shakedown-register", "shakedown-get-machine", "shakedown-report"].contains(&above);
    if above.starts_with("shakedown-") && !is_word {
        others.push(format!("{above}(1)"));
    }
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help");
    others.extend(verbs.map(|verb| format!("{name}-{}(1)", verb.get_name())));
    others.push("shakedown-config(5)".into());
    let verb = name.split('-').nth(1).unwrap_or_default();
    let more =
        MORE.iter().find(|(one, _)| *one == verb).map_or("README.md".to_owned(), |(_, page)| format!("docs/{page}"));
    format!("{}\n.PP\n/usr/share/doc/shakedown/{more}", escaped(&others.join(", ")))
}

/// The page of the settings, from the file that the package brings along.
fn settings() -> String {
    let mut text = title("shakedown-config", 5);
    text += &section("NAME", "shakedown\\-config \\- settings of a site");
    let (head, rest) = SETTINGS.split_once("\n\n").unwrap_or_default();
    let plain = |lines: &[&str]| {
        let words = lines.iter().map(|line| line.trim_start_matches('#').trim());
        words.collect::<Vec<_>>().join("\n")
    };
    text += &section("SYNOPSIS", "\\fI/etc/shakedown/config.toml\\fR\n.br\n\\fI/etc/shakedown/config.d/*.toml\\fR");
    text += &section("DESCRIPTION", &escaped(&plain(&head.lines().collect::<Vec<_>>())));
    let mut told = String::new();
    let mut comment: Vec<&str> = Vec::new();
    let mut part = String::new();
    for line in rest.lines() {
        let setting = line.trim_start_matches("# ");
        let is_setting = setting
            .split_once(" = ")
            .is_some_and(|(key, _)| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        if line.starts_with('[') {
            part = line.trim_matches(['[', ']']).to_owned();
            let _ = writeln!(told, ".SS {}", escaped(line));
        } else if is_setting {
            let (key, value) = setting.split_once(" = ").unwrap_or_default();
            let variable = format!("SHAKEDOWN_{}_{}", part.to_uppercase(), key.to_uppercase());
            let default = if line.starts_with('#') { "No default".to_owned() } else { format!("Default: {value}") };
            let meaning = format!("{}\n{default}. Variable: {variable}.", plain(&comment));
            told += &list([(key, meaning.as_str())]);
            comment.clear();
        } else if line.starts_with('#') {
            comment.push(line);
        }
    }
    text += &section("SETTINGS", &told);
    let lines = ["shakedown config show  # every value that is in effect, and where it came from".to_owned()];
    text += &section(
        "EXAMPLES",
        &(examples(&lines)
            + ".PP\nA file\n.I /etc/shakedown/config.d/site.toml\nthat keeps more runs:\n.PP\n.nf\n[journal]\nkeep_runs = 500\n.fi\n"),
    );
    text += &section(
        "EXIT STATUS",
        "A setting that is not known, or has a value that it cannot have, ends every verb with 3 before anything is done, and with 2 where it was given by --set.",
    );
    text += &section(
        "ENVIRONMENT",
        &list([(
            "SHAKEDOWN_CONFIG",
            "Another file in place of /etc/shakedown/config.toml; config.d is then looked for beside it.",
        )]),
    );
    text += &section(
        "FILES",
        &list([
            ("/etc/shakedown/config.toml", "Comes with the package, with the defaults."),
            ("/etc/shakedown/config.d", "Files of the site."),
        ]),
    );
    text + &section(
        "SEE ALSO",
        "shakedown(1), shakedown\\-config\\-show(1)\n.PP\n/usr/share/doc/shakedown/docs/operating.md",
    )
}
