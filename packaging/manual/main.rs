//! Writes what the Debian package has besides the program: man pages and shell completions, from the command line itself.
//!
//! `cargo run --example manual -- FOLDER`; the folder gets `man/` and `completions/`.

use std::path::PathBuf;

mod completions;
mod pages;
mod roff;

fn main() -> std::io::Result<()> {
    let folder: PathBuf = std::env::args_os().nth(1).map(PathBuf::from).ok_or(std::io::ErrorKind::InvalidInput)?;
    let (man, place) = (folder.join("man"), folder.join("completions"));
    for place in [&man, &place] {
        std::fs::create_dir_all(place)?;
    }
    for (name, text) in pages::all() {
        std::fs::write(man.join(name), text)?;
    }
    for (name, text) in completions::all() {
        std::fs::write(place.join(name), text)?;
    }
    Ok(())
}
