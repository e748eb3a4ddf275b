//! The chain of results: each final script result, each run that ended, and the head of the audit chain at the end of each run are sealed
//! by the SHA-256 of the seal before and of the row, so that none can be altered, removed or added later without a new chain from there on.
//!
//! The seal of a run is the last of it: nothing of a run is sealed after that but that it was deleted. Else whoever changes a result could
//! seal it again behind a head that the region was told.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sha2::{Digest, Sha256};

use super::audit::{Broken, GENESIS, set_fact};
use super::end::statuses;
use super::{RunId, Store};
use crate::script::Status;

/// The number of seals, beside the chain, so that its end cannot be cut off unseen.
const COUNT: &str = "result_seals";
/// Rows up to these numbers were there before there were seals.
const OLD_RESULTS: &str = "unsealed_results";
const OLD_RUNS: &str = "unsealed_runs";

/// The row that a seal is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A script result with a final status.
    Result,
    /// A run that ended.
    Run,
    /// A run that was deleted since it was out of bounds, with its results.
    Pruned,
    /// The head of the audit chain; its row is the number of audit events.
    Audit,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Result, Kind::Run, Kind::Pruned, Kind::Audit];

    fn name(self) -> &'static str {
        match self {
            Kind::Result => "result",
            Kind::Run => "run",
            Kind::Pruned => "pruned",
            Kind::Audit => "audit",
        }
    }

    /// The sealed part of a row, as one text. Rows from before there were findings and costs are sealed without them. Fractions are sealed as whole microseconds: how the former are written is not the same in
    /// every version of `SQLite`.
    fn content(self) -> &'static str {
        match self {
            Kind::Result => {
                "SELECT json_array(id, run_id, name, kind, result_id, version_id, subject, status, exit_status, signal, started, ended,
                    CAST(round(runtime * 1000000) AS INTEGER), script_sha256, may_reboot, parameters, notes, combined, stdout, stderr,
                    result_file) || CASE WHEN findings = '' AND cost = '' THEN '' ELSE json_array(findings, cost) END
                 FROM script_result WHERE id = ?1"
            }
            Kind::Run => {
                "SELECT json_array(id, started, ended, outcome, region, storage, boot_id, requested_by, end_kind, complete, audience,
                    CAST(round(started_monotonic * 1000000) AS INTEGER), CAST(round(duration * 1000000) AS INTEGER),
                    (SELECT json_group_array(json_array(id, status)) FROM (SELECT id, status FROM script_result WHERE run_id = ?1 ORDER BY id)))
                 FROM run WHERE id = ?1"
            }
            Kind::Pruned => "SELECT 'pruned ' || ?1",
            Kind::Audit => "SELECT hash FROM audit_seal WHERE sequence = ?1",
        }
    }
}

/// The head of the chain of results: whoever keeps it elsewhere can tell later whether anything that it covers was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Number of seals.
    pub seals: u64,
    /// The last seal.
    pub hash: String,
}

fn chained(previous: &str, kind: &str, run_id: RunId, row: i64, digest: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(format!("{previous}\n{kind} {run_id} {row} {digest}")))
}

fn digest(connection: &Connection, kind: Kind, row: i64) -> Result<Option<String>, rusqlite::Error> {
    let content: Option<String> =
        connection.prepare_cached(kind.content())?.query_row([row], |found| found.get(0)).optional()?;
    Ok(content.map(|content| base16ct::lower::encode_string(&Sha256::digest(content))))
}

fn head(connection: &Connection) -> Result<Head, rusqlite::Error> {
    let last = connection
        .prepare_cached("SELECT sequence, hash FROM result_seal ORDER BY sequence DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))
        .optional()?;
    let (sequence, hash) = last.unwrap_or((0, GENESIS.to_owned()));
    Ok(Head { seals: sequence.unsigned_abs(), hash })
}

fn append(connection: &Connection, kind: Kind, run_id: RunId, row: i64) -> Result<(), rusqlite::Error> {
    let Some(digest) = digest(connection, kind, row)? else { return Ok(()) };
    let last = head(connection)?;
    let hash = chained(&last.hash, kind.name(), run_id, row, &digest);
    let sequence = i64::try_from(last.seals).unwrap_or(i64::MAX).saturating_add(1);
    connection
        .prepare_cached(
            "INSERT INTO result_seal (sequence, kind, run_id, row, digest, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![sequence, kind.name(), run_id, row, digest, hash])?;
    set_fact(connection, COUNT, &sequence.to_string())
}

/// Seals a script result that has come to its end.
pub(super) fn result(
    connection: &Connection,
    run_id: RunId,
    name: &str,
    result_id: Option<i64>,
) -> Result<(), rusqlite::Error> {
    let row: Option<i64> = connection
        .prepare_cached("SELECT id FROM script_result WHERE run_id = ?1 AND name = ?2 AND result_id IS ?3")?
        .query_row(params![run_id, name, result_id], |row| row.get(0))
        .optional()?;
    row.map_or(Ok(()), |row| append(connection, Kind::Result, run_id, row))
}

/// Seals a script result that this program changed after its end. One that has no seal gets none.
pub(super) fn again(connection: &Connection, run_id: RunId, row: i64) -> Result<(), rusqlite::Error> {
    let sql = "SELECT 1 FROM result_seal WHERE kind = 'result' AND row = ?1";
    if connection.prepare_cached(sql)?.exists([row])? {
        append(connection, Kind::Result, run_id, row)?;
    }
    Ok(())
}

/// Seals all runs that ended and have no seal.
pub(super) fn runs(connection: &Connection) -> Result<(), rusqlite::Error> {
    let sql = "SELECT id FROM run WHERE ended IS NOT NULL AND id > (SELECT ifnull(max(value + 0), 0) FROM fact WHERE name = ?1)
        AND id NOT IN (SELECT row FROM result_seal WHERE kind = 'run') ORDER BY id";
    let ended: Vec<RunId> =
        connection.prepare_cached(sql)?.query_map([OLD_RUNS], |row| row.get(0))?.collect::<Result<_, _>>()?;
    ended.into_iter().try_for_each(|id| append(connection, Kind::Run, id, id.number()))
}

/// Seals the end of a run and the head of the audit chain, and so all that is on record; the head to keep elsewhere.
pub(super) fn end(connection: &Connection, run_id: RunId) -> Result<Head, rusqlite::Error> {
    runs(connection)?;
    let last = connection.query_row("SELECT ifnull(max(sequence), 0) FROM audit_seal", [], |row| row.get(0))?;
    append(connection, Kind::Audit, run_id, last)?;
    head(connection)
}

/// Seals that a run is about to be deleted.
pub(super) fn pruned(connection: &Connection, run_id: RunId) -> Result<(), rusqlite::Error> {
    append(connection, Kind::Pruned, run_id, run_id.number())
}

struct Seal {
    run_id: RunId,
    digest: String,
}

/// The findings of a check of all seals.
#[derive(Default)]
struct Sealed {
    /// The last seal of each row.
    latest: BTreeMap<(Kind, i64), Seal>,
    /// Runs that ended.
    ended: BTreeSet<RunId>,
    /// Runs that were deleted.
    pruned: BTreeSet<RunId>,
}

impl Sealed {
    /// False if this cannot be the next seal: nothing follows the end of a run but that it is deleted, and nothing that.
    fn take(&mut self, kind: Kind, row: i64, seal: Seal) -> bool {
        let run_id = seal.run_id;
        let is_over = self.pruned.contains(&run_id);
        match kind {
            Kind::Pruned => return self.pruned.insert(run_id),
            Kind::Result if is_over || self.ended.contains(&run_id) => return false,
            Kind::Run if is_over || row != run_id.number() || !self.ended.insert(run_id) => return false,
            _ => {}
        }
        self.latest.insert((kind, row), seal);
        true
    }
}

/// A chain that holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Its end.
    pub head: Head,
    /// How many of its runs are not on record any more, since they were out of bounds.
    pub deleted: usize,
}

impl Store {
    /// Walks the chain of results, and looks for a head that was kept elsewhere in both chains. A journal that an earlier version wrote has
    /// no such chain.
    pub(super) fn verify_results(&self, expected: Option<&str>) -> Result<Result<Chain, Broken>, rusqlite::Error> {
        let there = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'result_seal')";
        let is_there: bool = self.connection.query_row(there, [], |row| row.get(0))?;
        let mut sealed = Sealed::default();
        let mut head = Head { seals: 0, hash: GENESIS.to_owned() };
        let mut is_found = expected.is_none();
        if is_there {
            let mut statement = self
                .connection
                .prepare("SELECT sequence, kind, run_id, row, digest, hash FROM result_seal ORDER BY sequence")?;
            let mut rows = statement.query([])?;
            while let Some(found) = rows.next()? {
                head.seals += 1;
                if !next(found, &mut head, &mut sealed)? {
                    return Ok(Err(Broken::Seals { sequence: head.seals }));
                }
                is_found |= expected == Some(&head.hash);
            }
            if let Some(broken) = self.differs(&sealed, &head)? {
                return Ok(Err(broken));
            }
        }
        if let Some(expected) = expected.filter(|_| !is_found) {
            let in_audit = "SELECT EXISTS (SELECT 1 FROM audit_seal WHERE hash = ?1)";
            if !self.connection.query_row(in_audit, [expected], |row| row.get::<_, bool>(0))? {
                return Ok(Err(Broken::NotExpected { expected: expected.to_owned() }));
            }
        }
        Ok(Ok(Chain { head, deleted: sealed.pruned.len() }))
    }

    /// The first thing on record that is not as the seals have it.
    fn differs(&self, sealed: &Sealed, head: &Head) -> Result<Option<Broken>, rusqlite::Error> {
        let expected = self.fact(COUNT)?.and_then(|text| text.parse().ok()).unwrap_or(0);
        if expected != head.seals {
            return Ok(Some(Broken::SealsCutOff { found: head.seals, expected }));
        }
        if let Some(broken) = self.unsealed()? {
            return Ok(Some(broken));
        }
        for ((kind, row), seal) in &sealed.latest {
            let is_on_record = !sealed.pruned.contains(&seal.run_id) || *kind == Kind::Audit;
            if is_on_record && let Some(broken) = self.altered(*kind, *row, seal)? {
                return Ok(Some(broken));
            }
        }
        for run_id in &sealed.pruned {
            if digest(&self.connection, Kind::Run, run_id.number())?.is_some() {
                return Ok(Some(Broken::Returned { run_id: *run_id }));
            }
        }
        Ok(None)
    }

    fn altered(&self, kind: Kind, row: i64, seal: &Seal) -> Result<Option<Broken>, rusqlite::Error> {
        let run_id = seal.run_id;
        let found = digest(&self.connection, kind, row)?;
        if found.as_ref() == Some(&seal.digest) {
            return Ok(None);
        }
        Ok(Some(match (kind, found) {
            (Kind::Result, Some(_)) => Broken::ResultAltered { run_id, result: row },
            (Kind::Result, None) => Broken::ResultRemoved { run_id, result: row },
            (Kind::Audit, _) => Broken::AuditReplaced { events: row },
            (Kind::Run | Kind::Pruned, _) => Broken::RunAltered { run_id },
        }))
    }

    /// A final result or an ended run without a seal. Statuses that are not final are of runs that are under way, or were cut off.
    fn unsealed(&self) -> Result<Option<Broken>, rusqlite::Error> {
        let result = format!(
            "SELECT run_id, id FROM script_result WHERE status NOT IN ({})
            AND id > (SELECT ifnull(max(value + 0), 0) FROM fact WHERE name = ?1)
            AND id NOT IN (SELECT row FROM result_seal WHERE kind = 'result') ORDER BY id LIMIT 1",
            statuses(|status| !Status::is_final(status))
        );
        let found =
            self.connection.query_row(&result, [OLD_RESULTS], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        if let Some((run_id, result)) = found {
            return Ok(Some(Broken::ResultUnsealed { run_id, result }));
        }
        let run = "SELECT id FROM run WHERE ended IS NOT NULL
            AND id > (SELECT ifnull(max(value + 0), 0) FROM fact WHERE name = ?1)
            AND id NOT IN (SELECT row FROM result_seal WHERE kind = 'run') ORDER BY id LIMIT 1";
        let found = self.connection.query_row(run, [OLD_RUNS], |row| row.get(0)).optional()?;
        Ok(found.map(|run_id| Broken::RunAltered { run_id }))
    }
}

/// Takes the seal in a row as the next one of the chain; false if it is not.
fn next(found: &Row<'_>, head: &mut Head, sealed: &mut Sealed) -> Result<bool, rusqlite::Error> {
    let (sequence, kind, run_id, row): (i64, String, RunId, i64) =
        (found.get(0)?, found.get(1)?, found.get(2)?, found.get(3)?);
    let (digest, hash): (String, String) = (found.get(4)?, found.get(5)?);
    let is_next = sequence.unsigned_abs() == head.seals && hash == chained(&head.hash, &kind, run_id, row, &digest);
    head.hash = hash;
    let known = Kind::ALL.into_iter().find(|known| known.name() == kind);
    Ok(is_next && known.is_some_and(|kind| sealed.take(kind, row, Seal { run_id, digest })))
}

#[cfg(test)]
mod tests;
