//! Writes what the Debian package has besides the program: man pages and shell completions, from the command line itself.
//!
//! `cargo run --example manual -- FOLDER`; the folder gets `man/` and `completions/`.

use std::path::{Path, PathBuf};

use clap_complete::Shell;

fn main() -> std::io::Result<()> {
    let folder: PathBuf = std::env::args_os().nth(1).map(PathBuf::from).ok_or(std::io::ErrorKind::InvalidInput)?;
    let (man, completions) = (folder.join("man"), folder.join("completions"));
    for place in [&man, &completions] {
        std::fs::create_dir_all(place)?;
    }
    let mut command = shakedown::cli::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command, "shakedown", &completions)?;
    }
    command.build();
    pages(&command, "shakedown", &man)
}

/// The page of a command and those of its verbs, `shakedown-disk-test.1` for `shakedown disk test`.
fn pages(command: &clap::Command, name: &str, folder: &Path) -> std::io::Result<()> {
    let page = clap_mangen::Man::new(command.clone().display_name(name.to_owned())).manual("Shakedown");
    let mut text = Vec::new();
    page.render(&mut text)?;
    std::fs::write(folder.join(format!("{name}.1")), text)?;
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help");
    for verb in verbs {
        pages(verb, &format!("{name}-{}", verb.get_name()), folder)?;
    }
    Ok(())
}
