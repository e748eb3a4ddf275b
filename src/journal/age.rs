//! How old something on record is, when the clock may have been wrong: at boot without a battery, before it was set, or for good.
//!
//! Times on record are those of the clock as it was. Between two that follow each other lies the time that passed, unless the clock was set
//! in between: a step back, or one far ahead, is no time that passed. The age of a record is the sum of the steps since.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::store::stamp;
use super::{Error, RunId, Store, seal};

/// The longest step that counts where things are kept for a shorter time.
const LONGEST_STEP: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The clock was set if a run took so much more or less by it than by the one that nobody sets.
const SLACK: SignedDuration = SignedDuration::from_secs(60);

/// Which is the first of these times, newest first, that is older than the bound; `None` if none is.
pub(super) fn first_too_old(
    times: impl IntoIterator<Item = Timestamp>,
    now: Timestamp,
    bound: SignedDuration,
) -> Option<usize> {
    let (mut later, mut age) = (now, SignedDuration::ZERO);
    times.into_iter().position(|time| {
        let step = later.duration_since(time);
        if !step.is_negative() && step <= bound.max(LONGEST_STEP) {
            age = age.saturating_add(step);
        }
        later = time;
        age > bound
    })
}

/// A time of the tables.
pub(super) fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

impl Store {
    /// The number of the newest event that is older than so many days; `None` if there is none.
    pub(super) fn newest_old_event(&self, now: Timestamp, days: SignedDuration) -> Result<Option<i64>, Error> {
        let oldest = now.checked_sub(days).map(stamp).unwrap_or_default();
        let read = || -> Result<Option<i64>, rusqlite::Error> {
            let sql = "SELECT EXISTS (SELECT 1 FROM maasserver_event WHERE created < ?1)";
            if !self.connection.query_row(sql, [&oldest], |row| row.get::<_, bool>(0))? {
                return Ok(None);
            }
            let mut statement = self.connection.prepare("SELECT id, created FROM maasserver_event ORDER BY id DESC")?;
            let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, time(&row.get::<_, String>(1)?))))?;
            let rows: Vec<(i64, Timestamp)> = rows.collect::<Result<_, _>>()?;
            let place = first_too_old(rows.iter().map(|(_, created)| *created), now, days);
            Ok(place.map(|place| rows[place].0))
        };
        read().map_err(Error::sqlite(&self.path))
    }
}

/// A run that has just ended took so long by the clock that nobody sets. If the other was set meanwhile, what the run has from before
/// that is moved to where it belongs, and sealed anew.
pub(super) fn set_right(connection: &Connection, run_id: RunId, took: Duration) -> Result<(), rusqlite::Error> {
    let took = SignedDuration::try_from(took).unwrap_or_default();
    let sql = "SELECT started, ended FROM run WHERE id = ?1 AND ended IS NOT NULL";
    let times = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    let Some((started, ended)) = connection.query_row(sql, [run_id], times).optional()? else {
        return Ok(());
    };
    let (started, ended) = (time(&started), time(&ended));
    let stepped = ended.duration_since(started).saturating_sub(took);
    let Some(begun) = ended.checked_sub(took).ok().filter(|_| stepped.abs() > SLACK) else { return Ok(()) };
    connection.execute("UPDATE run SET started = ?2 WHERE id = ?1", params![run_id, stamp(begun)])?;
    // Only times outside of the run are of the other clock.
    let right = |text: &str| {
        let time = time(text);
        let is_right = (begun..=ended).contains(&time);
        let moved = time.checked_add(stepped).ok().filter(|moved| (begun..=ended).contains(moved));
        if is_right { time } else { moved.unwrap_or(begun) }
    };
    let sql = "SELECT id, started, ended FROM script_result WHERE run_id = ?1 AND started IS NOT NULL";
    let rows: Vec<(i64, String, Option<String>)> = connection
        .prepare(sql)?
        .query_map([run_id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (id, started, ended) in rows {
        let ended = ended.map(|ended| stamp(right(&ended)));
        connection.execute(
            "UPDATE script_result SET started = ?2, ended = ?3 WHERE id = ?1",
            params![id, stamp(right(&started)), ended],
        )?;
        seal::again(connection, run_id, id)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Audience, NewRun, RunEnd, RunEnding};

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn too_old(times: &[&str]) -> Option<usize> {
        let days = SignedDuration::from_hours(365 * 24);
        first_too_old(times.iter().map(|time| at(time)), at("2026-11-30T00:00:00Z"), days)
    }

    #[test]
    fn only_time_that_passed_makes_old() {
        assert_eq!(too_old(&["2026-11-29T00:00:00Z", "2026-03-01T00:00:00Z", "2025-11-01T00:00:00Z"]), Some(2));
        assert_eq!(too_old(&["2026-11-29T00:00:00Z", "1970-01-01T00:00:10Z"]), None, "the clock was not yet set");
        assert_eq!(too_old(&["1970-01-01T00:00:10Z", "2026-11-01T00:00:00Z"]), None, "nor here");
        assert_eq!(
            too_old(&["2031-01-01T00:00:00Z", "2026-11-01T00:00:00Z", "2026-10-01T00:00:00Z"]),
            None,
            "it was wrong"
        );
        assert_eq!(too_old(&["2024-01-01T00:00:00Z"]), None, "nobody knows what the clock was then");
    }

    #[test]
    fn a_run_that_began_in_1970_took_as_long_as_it_took() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let mut store = Store::open_beside(home.path(), "host").expect("a journal");
        let new = NewRun {
            region: "r".into(),
            storage: "/s".into(),
            boot_id: "b".into(),
            requested_by: "x".into(),
            audience: Audience::Region,
        };
        let id = store.begin_run(&new).expect("a run");
        let sql = format!("UPDATE run SET started = '1970-01-01T00:00:07.000000Z' WHERE id = {id};
            INSERT INTO script_result (run_id, name, kind, subject, status, may_reboot, parameters, combined, stdout, stderr, result_file,
                started, ended) VALUES ({id}, 'a', 'testing', 'a', 2, 0, '{{}}', '', '', '', '', '1970-01-01T00:00:10.000000Z',
                '1970-01-01T00:00:40.000000Z')");
        store.connection.execute_batch(&sql).expect("valid SQL");
        let ending = RunEnding { end: RunEnd::Passed, outcome: "ended", took: Some(Duration::from_secs(90)) };
        store.end_run(id, &ending, |_| Vec::new()).expect("it can be written");
        let run = store.runs().expect("readable").remove(0);
        let took = |from: Timestamp, to: Option<Timestamp>| to.expect("it ended").duration_since(from).as_secs();
        assert_eq!(took(run.started, run.ended), 90);
        let result = store.results(id).expect("readable").remove(0);
        assert_eq!(took(run.started, result.started), 3);
        assert_eq!(took(result.started.expect("it started"), result.ended), 30);
    }
}
