//! Shell completions, with what this machine has: its runs, the scripts of its last run, its disks.

use clap_complete::Shell;

/// Lines that print the runs, the scripts of the last run, and the disks of this machine, in any shell. Nothing is asked of a drive.
const RUNS: &str = "shakedown runs 2>/dev/null | awk 'NR > 1 { print $1 }'";
const SCRIPTS: &str = "shakedown results 2>/dev/null | awk 'NR > 1 { print $1 }'";
const DISKS: &str = "ls /sys/block 2>/dev/null | grep -Ev '^(loop|ram|zram|dm-|md|sr|nbd)'";
/// Verbs with the number of a run, and verbs with disks.
const WITH_RUN: [&str; 2] = ["results", "report"];
const WITH_DISKS: [&str; 2] = ["test", "show"];

/// All of them, as file names and texts.
pub(crate) fn all() -> Vec<(&'static str, String)> {
    vec![("shakedown.bash", bash()), ("_shakedown", zsh()), ("shakedown.fish", fish())]
}

fn generated(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut shakedown::cli::command(), "shakedown", &mut text);
    String::from_utf8(text).expect("UTF-8")
}

fn bash() -> String {
    generated(Shell::Bash)
        + &format!(
            r#"
# What this machine has, then all else.
_shakedown_here() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} words=
    case "${{COMP_WORDS[1]:-}} $before" in
    "results --script") words=$({SCRIPTS}) ;;
    "{0} {0}" | "{1} {1}") words=$({RUNS}) ;;
    "disk "*) [[ ${{COMP_WORDS[2]:-}} == @({2}) && $before != -* ]] && words=$({DISKS}) ;;
    esac
    if [[ -n $words && $current != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        return 0
    fi
    _shakedown "$@"
}}
complete -F _shakedown_here -o nosort -o bashdefault -o default shakedown 2>/dev/null || complete -F _shakedown_here -o bashdefault -o default shakedown
"#,
            WITH_RUN[0],
            WITH_RUN[1],
            WITH_DISKS.join("|"),
        )
}

/// The actions of arguments that take one of these are replaced: the generated ones offer files.
fn zsh() -> String {
    let functions = format!(
        "\n_shakedown_runs() {{ local -a words; words=(${{(f)\"$({RUNS})\"}}); compadd -a words }}\n\
         _shakedown_scripts() {{ local -a words; words=(${{(f)\"$({SCRIPTS})\"}}); compadd -a words }}\n\
         _shakedown_disks() {{ local -a words; words=(${{(f)\"$({DISKS})\"}}); compadd -a words; _files }}\n"
    );
    let mut text = String::new();
    for line in generated(Shell::Zsh).lines() {
        let line = match line.trim_start() {
            start if start.starts_with("'::run -- ") => line.replace(":_default'", ":_shakedown_runs'"),
            start if start.starts_with("'--script=[Only this script") => {
                line.replace(":NAME:_default'", ":NAME:_shakedown_scripts'")
            }
            start if start.starts_with("'*::devices -- ") => line.replace(":_default'", ":_shakedown_disks'"),
            _ => line.to_owned(),
        };
        text += &line;
        text.push('\n');
        if line.starts_with("autoload ") {
            text += &functions;
        }
    }
    text
}

fn fish() -> String {
    let mut text = generated(Shell::Fish) + "\n# What this machine has.\n";
    let quoted = |line: &str| line.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
    for verb in WITH_RUN {
        text +=
            &format!("complete -c shakedown -n \"__fish_seen_subcommand_from {verb}\" -f -a \"({})\"\n", quoted(RUNS));
    }
    text += &format!(
        "complete -c shakedown -n \"__fish_seen_subcommand_from results\" -l script -x -a \"({})\"\n",
        quoted(SCRIPTS)
    );
    text += &format!(
        "complete -c shakedown -n \"__fish_seen_subcommand_from disk; and __fish_seen_subcommand_from {}\" -a \"({})\"\n",
        WITH_DISKS.join(" "),
        quoted(DISKS)
    );
    text
}
