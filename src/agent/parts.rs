//! The files of a result, as the region gets them.

use std::path::PathBuf;

use crate::region::FilePart;
use crate::runner::{Finished, ResultPart};
use crate::script::{Outputs, Script};

/// The combined file always goes, even empty: a result without a file is not stored.
pub(super) fn files(outputs: Outputs, script: &Script, finished: &Finished) -> Vec<FilePart> {
    let part = |suffix: &str, path: PathBuf, whole| FilePart {
        name: format!("{}{suffix}", script.name),
        size: path.metadata().ok().map(|metadata| metadata.len()),
        path,
        otherwise: String::new(),
        whole,
    };
    let mut files = vec![
        part("", outputs.combined, false),
        part(".out", outputs.stdout, script.stdout_is_parsed()),
        part(".err", outputs.stderr, false),
    ];
    match &finished.result {
        ResultPart::None => {}
        ResultPart::AsItIs(status) => {
            let otherwise = status.map(|status| format!("status: {}\n", status.word())).unwrap_or_default();
            files.push(FilePart { otherwise, ..part(".yaml", outputs.sent, true) });
        }
        ResultPart::Replaced(alone) => {
            files.push(FilePart { otherwise: alone.clone(), ..part(".yaml", outputs.sent, true) });
        }
    }
    files
}
