//! The inventory script of a region, done by this program itself: no binary is fetched for it, and the machine is not read twice.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use crate::inventory::{Gap, Inventory};
use crate::runner::{Conclusion, Ending, Finished};
use crate::script::{Evidence, Exit, Kept, Machine, Said, Script, Workspace};

/// The region's script whose output is what `shakedown resources` prints.
const NAME: &str = "20-maas-03-machine-resources";
/// Whether a script is done here.
pub(super) fn is_native(script: &Script) -> bool {
    script.name == NAME
}

/// Writes the script's output. With a topic that could not be read it fails and prints nothing: a region that got half of an inventory
/// would remove the rest from the machine's page.
pub(super) fn write(script: &Script, workspace: &Workspace, inventory: &Inventory) -> Finished {
    let began = std::time::Instant::now();
    let is_half = inventory.gaps.iter().any(Gap::halves_the_document);
    let written = write_files(script, workspace, inventory, is_half);
    let mut notes = Vec::new();
    let ending = match written {
        Ok(()) if is_half => {
            notes.push("part of the machine could not be read, so its inventory is not sent".to_owned());
            Ending::Exited(1)
        }
        Ok(()) => Ending::Exited(0),
        Err(error) => {
            notes.push(format!("its output could not be written: {error}"));
            Ending::NotExecuted(error.raw_os_error().unwrap_or(2))
        }
    };
    let evidence = Evidence::weigh(&Exit::Code(ending.exit_status()), &Kept::Whole, Said::Nothing, Machine::Quiet);
    let conclusion = evidence.map_or(Conclusion::Failed, Conclusion::Passed);
    Finished { conclusion, runtime: Some(began.elapsed()), notes, ..Finished::failed(ending) }
}

fn write_files(script: &Script, workspace: &Workspace, inventory: &Inventory, is_half: bool) -> std::io::Result<()> {
    let outputs = workspace.outputs(script);
    let gaps: String = inventory.gaps.iter().map(|gap| format!("{gap}\n")).collect();
    std::fs::write(&outputs.stderr, &gaps)?;
    if is_half {
        std::fs::write(&outputs.stdout, "")?;
        remove(&workspace.resources())?;
        return std::fs::write(&outputs.combined, &gaps);
    }
    document(inventory, &outputs.stdout)?;
    std::fs::copy(&outputs.stdout, &outputs.combined)?;
    // Later scripts read it there.
    std::fs::copy(&outputs.stdout, workspace.resources()).map(drop)
}

/// Removes what an earlier synchronisation left: a later script must not tell it anew.
fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn document(inventory: &Inventory, path: &Path) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    inventory.machine_resources.write_json(&mut file)?;
    file.flush()
}
