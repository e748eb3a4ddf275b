//! Answers of NVIDIA's own program about its cards. Its library is no part of a static program, so the program is called.

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::process::Tool;

/// Fields queried of each card; every card has them.
const BASIC: [&str; 4] = ["pci.bus_id", "name", "memory.total", "temperature.gpu"];
/// Not all cards and drivers have these: one question each, so that a word that the program does not know takes no other answer away.
const FURTHER: [&str; 4] = [
    "ecc.errors.uncorrected.volatile.total",
    "ecc.errors.corrected.volatile.total",
    "remapped_rows.pending",
    "remapped_rows.failure",
];

/// A card, as the program says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// `0000:41:00.0`, as the kernel writes it.
    pub(super) address: String,
    /// Its name.
    pub(super) name: String,
    /// MiB of its memory.
    pub(super) memory: Option<u64>,
    /// Degrees Celsius.
    pub(super) temperature: Option<u64>,
    /// Errors since the driver was loaded that its memory could not correct.
    pub(super) uncorrected: Option<u64>,
    /// Errors since the driver was loaded that its memory corrected.
    pub(super) corrected: Option<u64>,
    /// Rows of its memory wait for a reset to be replaced.
    pub(super) pending: bool,
    /// Rows of its memory could not be replaced.
    pub(super) failure: bool,
}

/// The answer of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Not installed.
    None,
    /// No usable answer, and the reason.
    Broken(String),
    /// Cards with their fields, as the program lists them.
    Cards(Vec<Told>),
}

/// Asks the program, which may take so long for each question.
pub(super) async fn ask(limit: Duration) -> Answer {
    let Some(program) = in_path("nvidia-smi") else { return Answer::None };
    let mut cards = match query(&program, &BASIC, limit).await {
        Ok(text) => match basic(&text) {
            Some(cards) => cards,
            None => return Answer::Broken("its answer is not understood".to_owned()),
        },
        Err(reason) => return Answer::Broken(reason),
    };
    for field in FURTHER {
        if let Ok(text) = query(&program, &["pci.bus_id", field], limit).await {
            further(&mut cards, field, &text);
        }
    }
    Answer::Cards(cards)
}

async fn query(program: &std::path::Path, fields: &[&str], limit: Duration) -> Result<String, String> {
    let tool = Tool {
        program: program.to_owned(),
        arguments: vec![format!("--query-gpu={}", fields.join(",")).into(), "--format=csv,noheader,nounits".into()],
        environment: vec![("LC_ALL".into(), "C".into())],
        limit,
        grace: Duration::from_secs(2),
        most: 1 << 20,
    };
    let answer = tool.call(&CancellationToken::new()).await.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    if answer.status.success() {
        Ok(text)
    } else {
        Err(text.lines().next().unwrap_or("it failed without a word").to_owned())
    }
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

fn basic(text: &str) -> Option<Vec<Told>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            let [address, name, memory, temperature] = fields[..] else { return None };
            Some(Told {
                address: kernels(address)?,
                name: name.to_owned(),
                memory: memory.parse().ok(),
                temperature: temperature.parse().ok(),
                ..Told::default()
            })
        })
        .collect()
}

/// The program writes eight digits of the domain and capitals.
fn kernels(address: &str) -> Option<String> {
    let (domain, rest) = address.split_once(':')?;
    let domain = u32::from_str_radix(domain, 16).ok()?;
    Some(format!("{domain:04x}:{}", rest.to_ascii_lowercase()))
}

/// One further field. `[N/A]` and `[Not Supported]` are no answers.
fn further(cards: &mut [Told], field: &str, text: &str) {
    for line in text.lines() {
        let Some((address, value)) = line.split_once(',') else { continue };
        let Some(card) =
            kernels(address.trim()).and_then(|address| cards.iter_mut().find(|card| card.address == address))
        else {
            continue;
        };
        let value = value.trim();
        let number = value.parse::<u64>().ok();
        let yes = value.eq_ignore_ascii_case("yes") || number.is_some_and(|number| number > 0);
        match field {
            "ecc.errors.uncorrected.volatile.total" => card.uncorrected = number,
            "ecc.errors.corrected.volatile.total" => card.corrected = number,
            "remapped_rows.pending" => card.pending = yes,
            "remapped_rows.failure" => card.failure = yes,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_read_field_by_field() {
        let text = "00000000:07:00.0, NVIDIA H100 80GB HBM3, 81559, 31\n00000001:0F:00.0, NVIDIA A100-SXM4-40GB, 40960, [N/A]\n";
        let mut cards = basic(text).expect("two cards");
        assert_eq!(
            (cards[0].address.as_str(), cards[0].memory, cards[0].temperature),
            ("0000:07:00.0", Some(81_559), Some(31))
        );
        assert_eq!((cards[1].address.as_str(), cards[1].temperature), ("0001:0f:00.0", None));
        further(&mut cards, "ecc.errors.uncorrected.volatile.total", "00000000:07:00.0, 2\n00000001:0F:00.0, [N/A]\n");
        further(&mut cards, "remapped_rows.pending", "00000000:07:00.0, No\n00000001:0F:00.0, Yes\n");
        assert_eq!((cards[0].uncorrected, cards[1].uncorrected), (Some(2), None));
        assert_eq!((cards[0].pending, cards[1].pending), (false, true));
    }

    #[test]
    fn what_is_no_list_of_cards_is_no_answer() {
        assert_eq!(basic("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n"), None);
        assert_eq!(basic("No devices were found\n"), None);
        assert_eq!(basic(""), Some(vec![]));
    }
}
