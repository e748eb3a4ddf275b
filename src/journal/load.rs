//! How loaded the machine was during a run, a row for each process of this program that took part in it.

use jiff::Timestamp;
use rusqlite::params;

use super::{Error, RunId, Store};
use crate::host::Load;

impl Store {
    /// Keeps what was measured during a run, in place of what the same process measured before.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_load(&mut self, run_id: RunId, load: &Load) -> Result<(), Error> {
        let text = serde_json::to_string(load).unwrap_or_default();
        self.transact(|transaction, _| {
            let sql = "INSERT OR REPLACE INTO run_load (run_id, began, load) VALUES (?1, ?2, ?3)";
            transaction.execute(sql, params![run_id, load.began, text]).map(drop)
        })
    }

    /// The machine's load during a run, as one series; `None` if nothing is on record, as of runs that only took a moment.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn load(&self, run_id: RunId) -> Result<Option<Load>, Error> {
        let read = || -> Result<Vec<String>, rusqlite::Error> {
            let mut statement =
                self.connection.prepare("SELECT load FROM run_load WHERE run_id = ?1 ORDER BY began")?;
            statement.query_map([run_id], |row| row.get(0))?.collect()
        };
        let texts = read().map_err(Error::sqlite(&self.path))?;
        // What a newer version words otherwise is as good as absent.
        let parts = texts.iter().filter_map(|text| serde_json::from_str::<Load>(text).ok());
        Ok(parts.reduce(|first, later| joined(first, &later)))
    }
}

fn joined(mut first: Load, later: &Load) -> Load {
    let times = first.began.parse::<Timestamp>().ok().zip(later.began.parse::<Timestamp>().ok());
    let after = times.and_then(|(first, later)| u32::try_from(later.duration_since(first).as_secs()).ok());
    first.append(later, after.unwrap_or(0));
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::LoadSample;
    use crate::journal::Store;

    fn series(began: &str, afters: &[u32]) -> Load {
        let samples = afters.iter().map(|after| LoadSample { after: *after, ..LoadSample::default() }).collect();
        Load { began: began.to_owned(), every: 5, processors: 2, memory: 1 << 30, samples }
    }

    fn afters(store: &Store) -> Option<Vec<u32>> {
        let load = store.load(1.into()).expect("readable")?;
        Some(load.samples.iter().map(|sample| sample.after).collect())
    }

    #[test]
    fn what_is_measured_later_takes_its_place_and_another_process_goes_on() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let mut store = Store::open_beside(home.path(), "host").expect("a journal");
        assert_eq!(afters(&store), None);
        let (first, second) = ("2026-11-20T12:00:00.000000Z", "2026-11-20T12:10:00.000000Z");
        for load in [series(first, &[5]), series(first, &[5, 10]), series(second, &[5])] {
            store.keep_load(1.into(), &load).expect("kept");
        }
        assert_eq!(afters(&store), Some(vec![5, 10, 605]));
        store.connection.execute("UPDATE run_load SET load = '{' WHERE began = ?1", [first]).expect("damaged");
        assert_eq!(afters(&store), Some(vec![5]));
    }
}
