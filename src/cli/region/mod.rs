//! `shakedown region`: installs the agent for all machines of a region, whose software stays unchanged, and removes it again.

mod profiles;
mod programs;
mod show;

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use super::register::Region;
use super::{answer, exit, fetch, help};
use crate::adoption::{self, CARRIER, Change, Present, SITE_SCRIPTS, Wanted};
use crate::region::{self, Client};

#[derive(Debug, clap::Args)]
#[command(after_help = help::REGION)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Have the machines of a region run by Shakedown: uploads the programs and the scripts that take over
    Install(Install),
    /// List Shakedown's programs and scripts in a region and check that they fit together
    Status(Status),
    /// Fetch the inventories and figures of all machines of a region, for `shakedown compare`; changes nothing
    Fetch(fetch::Arguments),
    /// Take away what `install` put into a region, and nothing else
    Remove(Remove),
}

#[derive(Debug, clap::Args)]
struct Install {
    /// A static program, or one that xz packed, for the machines; ARCHITECTURE=FILE for one that does not say what it is for. May be given
    /// more than once. Without it this program itself is taken, and what lies beside it as `shakedown-VERSION-ARCHITECTURE[.xz]`
    #[arg(long = "binary", value_name = "[ARCHITECTURE=]FILE")]
    binaries: Vec<String>,
    /// A folder of a web server of the site from which machines get the programs, which the region then does not keep; the names of the
    /// files are printed
    #[arg(long, value_name = "URL", value_parser = folder)]
    binary_url: Option<String>,
    /// Scripts of Shakedown that the region shall have besides, under their own names: `all`, or names; `shakedown region install --scripts
    /// help` lists them
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    scripts: Vec<String>,
    /// A profile of machines that were ordered, or a folder of them; may be given more than once. They travel with the script
    /// `shakedown-accept`, which the region then has, and take the place of those that it came with before. Each needs `match`
    #[arg(long = "profile", value_name = "FILE|DIR", num_args = 1..)]
    profiles: Vec<PathBuf>,
    /// Write a preseed to this file, too, which region controllers have as `commissioning` and `enlist`: docs/adoption.md says where. With it
    /// Shakedown runs machines that enlist as well
    #[arg(long, value_name = "FILE")]
    preseed: Option<PathBuf>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    // The last one, since its heading counts for all that follows.
    #[command(flatten)]
    region: Region,
}

#[derive(Debug, clap::Args)]
struct Status {
    #[command(flatten)]
    region: Region,
}

#[derive(Debug, clap::Args)]
struct Remove {
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Take away scripts that somebody has changed since, too
    #[arg(long)]
    changed: bool,
    #[command(flatten)]
    region: Region,
}

fn folder(text: &str) -> Result<String, String> {
    let is_address = text.starts_with("http://") || text.starts_with("https://");
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/._~%@+-[]".contains(&byte));
    if is_address && is_plain { Ok(text.to_owned()) } else { Err("it is no plain address of a folder".to_owned()) }
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<u8> {
    match arguments.verb {
        Verb::Install(install) => put(install).await,
        Verb::Status(status) => show::look(&status.region, &status.region.client()?).await?.print(),
        Verb::Fetch(fetch) => fetch::run(&fetch).await,
        Verb::Remove(remove) => take_away(&remove).await,
    }
}

async fn put(install: Install) -> anyhow::Result<u8> {
    let asked = chosen(&install.scripts).and_then(|scripts| Ok((scripts, profiles::read(&install.profiles)?)));
    let (scripts, profiles) = match asked {
        Ok(asked) => asked,
        // Whatever is wrong there stands on the command line or in the files that it names.
        Err(error) => {
            complain!("shakedown: {error:#}\nNothing was uploaded.");
            return Ok(exit::USAGE);
        }
    };
    let Some(scripts) = scripts else { return Ok(exit::OK) };
    let wanted = install.wanted(scripts, profiles)?;
    let client = install.region.client()?;
    let made = install.make(&client, &wanted).await?;
    if install.dry_run {
        answer(if made == 0 { "The region has everything." } else { "Nothing was changed (--dry-run)." })?;
        return Ok(exit::OK);
    }
    if made == 0 {
        say!("The region had everything already.");
    }
    if let Some(path) = &install.preseed {
        let present = install.region.ask("looking", || Present::ask(&client)).await?;
        let text = wanted.preseed(&present, &client.base_url());
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        say!(
            "{} is written; on each region controller it belongs into the preseeds, as commissioning and as enlist.",
            path.display()
        );
    }
    say!("Commissioning takes over by itself; a test of hardware does if 00-shakedown-testing is chosen with it.");
    install.stands(&client).await?.print()
}

impl Install {
    /// The programs, scripts and profiles that the region is to have.
    fn wanted(&self, mut scripts: Vec<&'static str>, profiles: Option<adoption::Profiles>) -> anyhow::Result<Wanted> {
        if profiles.is_some() && !scripts.contains(&CARRIER) {
            scripts.push(CARRIER);
        }
        let certificates = match self.region.ca_file() {
            Some(path) => std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
            None => String::new(),
        };
        let binaries = programs::binaries(&self.binaries)?;
        if let Some(folder) = &self.binary_url {
            for binary in &binaries {
                say!("{folder} has to serve {} (SHA-256 {})", binary.file_name(), binary.packed_sha256);
            }
        }
        Ok(Wanted { binaries, site: self.binary_url.clone(), certificates, scripts, profiles })
    }

    /// Changes the region until nothing is left to change; the number of changes. Somebody else may install or remove at the same time, so
    /// the region is looked at once more after each change.
    async fn make(&self, client: &Client, wanted: &Wanted) -> anyhow::Result<usize> {
        let mut made = 0;
        for left in (0..PASSES).rev() {
            give_way(left).await;
            let pass = Pass { client, is_dry: self.dry_run, doing: RefCell::default() };
            match self.region.ask("installing", || pass.install(wanted)).await {
                Ok(Changes::Made(0)) => break,
                Ok(Changes::Made(number)) => made += number,
                Ok(Changes::Conflicts(names)) => anyhow::bail!(
                    "the region has scripts of these names that `shakedown region install` did not put there: {}. Nothing was changed; \
                     delete or rename them, or leave their names out of --scripts",
                    names.join(", ")
                ),
                // Somebody else was faster: the next look shows what is left to do.
                Err(error) if left > 0 && error.is_about_request() && !self.dry_run => {}
                Err(error) => return Err(pass.failed(error)),
            }
            if self.dry_run {
                break;
            }
        }
        Ok(made)
    }

    /// The region after the installation. Somebody else may be in the middle of one: only a fault that stays is a fault.
    async fn stands(&self, client: &Client) -> anyhow::Result<show::Shown> {
        let mut shown = show::look(&self.region, client).await?;
        for left in (0..PASSES).rev() {
            if shown.is_well {
                break;
            }
            give_way(left).await;
            shown = show::look(&self.region, client).await?;
        }
        Ok(shown)
    }
}

/// How often a region is looked at before it is said what it has.
const PASSES: u32 = 6;

/// Waits for a moment of random length from the third pass on: the second one finds something to do only if somebody else works on the region,
/// and two who answer each other at the same pace would never end.
async fn give_way(left: u32) {
    if left + 2 < PASSES {
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..1000))).await;
    }
}

/// Result of one pass.
enum Changes {
    /// So many changes were made, or would be.
    Made(usize),
    /// Scripts of these names are somebody else's.
    Conflicts(Vec<String>),
}

/// One pass over a region: a look, and all changes that follow from it. Repeating it is harmless.
struct Pass<'a> {
    client: &'a Client,
    is_dry: bool,
    /// The change that was begun last, in words.
    doing: RefCell<String>,
}

impl Pass<'_> {
    async fn install(&self, wanted: &Wanted) -> Result<Changes, region::Error> {
        let region = self.client.base_url();
        let mut present = Present::ask(self.client).await?;
        let conflicts = wanted.conflicts(&present, &region);
        if !conflicts.is_empty() {
            return Ok(Changes::Conflicts(conflicts));
        }
        let mut made = 0;
        for binary in wanted.uploads(&present) {
            made += 1;
            self.tell(&Change::Upload { file: binary.file_name(), bytes: binary.packed.len() });
            if !self.is_dry {
                self.client.upload_file(&binary.file_name(), &binary.packed).await?;
            }
        }
        if made > 0 && !self.is_dry {
            present = Present::ask(self.client).await?;
        }
        let changes = wanted.changes(&present, &region);
        for line in profiles::news(wanted, &present, &changes) {
            say!("{}{line}", if self.is_dry { "would " } else { "" });
        }
        made += changes.len();
        self.make(changes).await?;
        Ok(Changes::Made(made))
    }

    async fn remove(&self, with_changed: bool) -> Result<usize, region::Error> {
        let present = Present::ask(self.client).await?;
        let changes: Vec<_> = present.removal(with_changed).into_iter().map(|change| (change, String::new())).collect();
        let number = changes.len();
        self.make(changes).await?;
        Ok(number)
    }

    async fn make(&self, changes: Vec<(Change, String)>) -> Result<(), region::Error> {
        for (change, text) in changes {
            self.tell(&change);
            if !self.is_dry {
                adoption::make(self.client, &change, &text).await?;
            }
        }
        Ok(())
    }

    fn tell(&self, change: &Change) {
        say!("{}{change}", if self.is_dry { "would " } else { "" });
        *self.doing.borrow_mut() = change.to_string();
    }

    fn failed(&self, error: region::Error) -> anyhow::Error {
        let doing = self.doing.borrow().clone();
        let error = anyhow::Error::new(error);
        if doing.is_empty() {
            error
        } else {
            error.context(format!("this was not done: {doing}; the same command goes on with it"))
        }
    }
}

async fn take_away(remove: &Remove) -> anyhow::Result<u8> {
    let client = remove.region.client()?;
    let mut made = 0;
    for left in (0..PASSES).rev() {
        give_way(left).await;
        let pass = Pass { client: &client, is_dry: remove.dry_run, doing: RefCell::default() };
        match remove.region.ask("removing", || pass.remove(remove.changed)).await {
            Ok(0) => break,
            Ok(number) => made += number,
            // Somebody else took it away.
            Err(error) if left > 0 && error.is_about_request() && !remove.dry_run => {}
            Err(error) => return Err(pass.failed(error)),
        }
        if remove.dry_run {
            break;
        }
    }
    let present = remove.region.ask("looking", || Present::ask(&client)).await?;
    let kept: Vec<&str> = present
        .scripts
        .iter()
        .filter(|script| adoption::was_changed(script))
        .map(|script| script.name.as_str())
        .collect();
    if !kept.is_empty() && !remove.changed {
        answer(&format!(
            "Somebody changed these scripts after they were put there, so they {}: {}. --changed takes them away, too.",
            if remove.dry_run { "would stay" } else { "stay, with the programs that they take" },
            kept.join(", ")
        ))?;
        return Ok(exit::SCRIPT_FAILED);
    }
    answer(match (made == 0, remove.dry_run) {
        (true, _) => "Nothing of Shakedown is in this region.",
        (false, true) => "Nothing was changed (--dry-run).",
        (false, false) => "Nothing of Shakedown is in this region any more.",
    })?;
    Ok(exit::OK)
}

/// The scripts that the command line names; `None` when it asks for the list of them, which is printed.
fn chosen(words: &[String]) -> anyhow::Result<Option<Vec<&'static str>>> {
    let all: Vec<&'static str> = SITE_SCRIPTS.iter().map(|(name, _)| *name).collect();
    if words.iter().any(|word| word == "help") {
        answer(&all.join("\n"))?;
        return Ok(None);
    }
    if words.iter().any(|word| word == "all") {
        return Ok(Some(all));
    }
    let find = |word: &String| {
        let found = all.iter().find(|name| *name == word).copied();
        found.with_context(|| format!("there is no script {word}; there are {}", all.join(", ")))
    };
    words.iter().map(find).collect::<anyhow::Result<_>>().map(Some)
}
