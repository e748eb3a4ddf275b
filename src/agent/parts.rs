//! The files of a result, as the region gets them.

use std::path::PathBuf;

use crate::region::{Content, FilePart};
use crate::runner::{Finished, ResultPart};
use crate::script::{Outputs, Script};

/// The combined file always goes, even empty: a result without a file is not stored.
pub(super) fn files(outputs: Outputs, script: &Script, finished: &Finished) -> Vec<FilePart> {
    let part = |suffix: &str, path: PathBuf, content| FilePart {
        name: format!("{}{suffix}", script.name),
        size: path.metadata().ok().map(|metadata| metadata.len()),
        path,
        content,
    };
    let stdout = if script.stdout_is_parsed() { Content::Parsed } else { Content::Output };
    let otherwise = match &finished.result {
        ResultPart::None => None,
        ResultPart::AsItIs(status) => {
            Some(status.map(|status| format!("status: {}\n", status.word())).unwrap_or_default())
        }
        ResultPart::Replaced(alone) => Some(alone.clone()),
    };
    let mut files = vec![
        part("", outputs.combined, Content::Output),
        part(".out", outputs.stdout, stdout),
        part(".err", outputs.stderr, Content::Output),
    ];
    files.extend(otherwise.map(|otherwise| part(".yaml", outputs.sent, Content::ResultFile { otherwise })));
    files
}
