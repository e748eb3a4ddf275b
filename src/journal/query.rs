//! Questions to the event log.

use rusqlite::{Row, ToSql, params};

use super::store::stamp;
use super::{Error, RunId, Store};
use crate::event::{EventQuery, EventRecord, Level};

const EVENT: &str = "SELECT e.id, e.created, t.level, t.name, t.description, e.action, e.description, e.username,
    e.node_system_id, e.node_hostname FROM maasserver_event e JOIN maasserver_eventtype t ON t.id = e.type_id";

fn event(row: &Row<'_>) -> Result<EventRecord, rusqlite::Error> {
    let level: i64 = row.get(2)?;
    let created: String = row.get(1)?;
    Ok(EventRecord {
        id: row.get(0)?,
        created: created.parse().unwrap_or_default(),
        level: Level::ALL.into_iter().find(|known| *known as i64 == level).unwrap_or(Level::Info),
        type_name: row.get(3)?,
        type_description: row.get(4)?,
        action: row.get(5)?,
        description: row.get(6)?,
        username: row.get(7)?,
        node: row.get(8)?,
        hostname: row.get(9)?,
    })
}

impl Store {
    /// The rows that a query asks for, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn events(&self, query: &EventQuery) -> Result<Vec<EventRecord>, Error> {
        let mut conditions = vec![if query.level == Level::Audit { "t.level = ?" } else { "t.level >= ?" }.to_owned()];
        let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(query.level as i64)];
        let mut one_of = |column: &str, words: &[String]| {
            if !words.is_empty() {
                conditions.push(format!("{column} IN ({})", vec!["?"; words.len()].join(", ")));
                values.extend(words.iter().map(|word| Box::new(word.clone()) as Box<dyn ToSql>));
            }
        };
        one_of("e.node_hostname", &query.hostnames);
        one_of("e.node_system_id", &query.ids);
        one_of("t.name", &query.types);
        one_of("e.username", query.owner.as_slice());
        let bounds: [(&str, Option<Box<dyn ToSql>>); 3] = [
            ("e.id < ?", query.before.map(|id| Box::new(id) as Box<dyn ToSql>)),
            ("e.id > ?", query.after.map(|id| Box::new(id) as Box<dyn ToSql>)),
            ("e.created >= ?", query.since.map(|since| Box::new(stamp(since)) as Box<dyn ToSql>)),
        ];
        for (condition, value) in bounds {
            if let Some(value) = value {
                conditions.push(condition.to_owned());
                values.push(value);
            }
        }
        let order = if query.after.is_some() { "ASC" } else { "DESC" };
        let sql = format!("{EVENT} WHERE {} ORDER BY e.id {order} LIMIT {}", conditions.join(" AND "), query.limit);
        let read = || -> Result<Vec<EventRecord>, rusqlite::Error> {
            let mut statement = self.connection.prepare(&sql)?;
            statement.query_map(rusqlite::params_from_iter(values.iter()), event)?.collect()
        };
        let mut rows = read().map_err(Error::sqlite(&self.path))?;
        rows.sort_by_key(|row| std::cmp::Reverse(row.id));
        Ok(rows)
    }

    /// The events of every level with a larger id, oldest first, at most `most`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn events_after(&self, id: i64, most: u32) -> Result<Vec<EventRecord>, Error> {
        let read = || -> Result<Vec<EventRecord>, rusqlite::Error> {
            let sql = format!("{EVENT} WHERE e.id > ?1 ORDER BY e.id LIMIT ?2");
            self.connection.prepare(&sql)?.query_map(params![id, most], event)?.collect()
        };
        read().map_err(Error::sqlite(&self.path))
    }

    /// The id of the newest event; 0 if there is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_event(&self) -> Result<i64, Error> {
        let sql = "SELECT ifnull(max(id), 0) FROM maasserver_event";
        self.connection.query_row(sql, [], |row| row.get(0)).map_err(Error::sqlite(&self.path))
    }

    /// The events of a run, of every level, oldest first: all from its start until another run began. At most `most`, the newest of
    /// them, and how many there are.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn events_of_run(&self, run_id: RunId, most: u32) -> Result<(Vec<EventRecord>, u64), Error> {
        // A run that began meanwhile, with another region, takes nothing away.
        const OF_RUN: &str = "FROM maasserver_event e JOIN maasserver_eventtype t ON t.id = e.type_id JOIN run r ON r.id = ?1
            WHERE e.created >= r.started
                AND e.created < max(ifnull(r.ended, ''), ifnull((SELECT min(n.started) FROM run n WHERE n.id > r.id), '9999'))";
        let read = || -> Result<(Vec<EventRecord>, u64), rusqlite::Error> {
            let columns = EVENT.split(" FROM ").next().unwrap_or(EVENT);
            let sql = format!("{columns} {OF_RUN} ORDER BY e.id DESC LIMIT ?2");
            let mut rows: Vec<EventRecord> =
                self.connection.prepare(&sql)?.query_map(params![run_id, most], event)?.collect::<Result<_, _>>()?;
            rows.reverse();
            let sql = format!("SELECT count(*) {OF_RUN}");
            let count: i64 = self.connection.query_row(&sql, [run_id], |row| row.get(0))?;
            Ok((rows, count.unsigned_abs()))
        };
        read().map_err(Error::sqlite(&self.path))
    }

    /// The event types: level, name, description.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn event_types(&self) -> Result<Vec<(i64, String, String)>, Error> {
        let read = || -> Result<Vec<_>, rusqlite::Error> {
            let sql = "SELECT level, name, description FROM maasserver_eventtype ORDER BY level, id";
            self.connection.prepare(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        };
        read().map_err(Error::sqlite(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, EventType};
    use crate::journal::Actor;

    /// The database and the region's rule in plain code answer alike.
    #[test]
    fn sql_answers_as_the_query_itself_does() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let mut store = Store::open(directory.path(), "host", "a region").expect("a new journal").store;
        store.set_system_id(Some("abc123".into()));
        let kinds =
            [EventType::NODE, EventType::RUNNING_TEST, EventType::SCRIPT_RESULT_CHANGED_STATUS, EventType::SETTINGS];
        for (number, kind) in (0..40).zip(kinds.into_iter().cycle()) {
            let username = if number % 3 == 0 { "ann" } else { "" };
            let actor = Actor { username: username.into(), ..Actor::default() };
            store.append_event(&Event::new(kind, format!("event {number}")), &actor).expect("append");
        }
        let mut log = store.events(&parse("level=DEBUG&limit=1000")).expect("readable");
        log.extend(store.events(&parse("level=AUDIT&limit=1000")).expect("readable"));
        log.sort_by_key(|row| row.id);
        assert_eq!(log.len(), 40);
        for text in [
            "",
            "level=AUDIT",
            "level=AUDIT&owner=ann",
            "level=DEBUG&after=5&limit=3",
            "level=DEBUG&before=20&limit=4",
            "hostname=host&id=abc123",
            "hostname=nobody",
            "limit=0",
        ] {
            let mut query = parse(text);
            let expected: Vec<EventRecord> = query.page(log.iter()).into_iter().cloned().collect();
            assert_eq!(store.events(&query).expect("readable"), expected, "{text}");
            query.types = vec!["RUNNING_TEST".into()];
            let expected: Vec<EventRecord> = query.page(log.iter()).into_iter().cloned().collect();
            assert_eq!(store.events(&query).expect("readable"), expected, "{text} of one type");
        }
    }

    fn parse(query: &str) -> EventQuery {
        let pair = |pair: &str| pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
        EventQuery::parse(&query.split('&').filter_map(pair).collect::<Vec<_>>()).expect("a valid query")
    }

    /// `select name, description from maasserver_eventtype where level=0;` as MAAS documents its answer.
    #[test]
    fn audit_types_are_those_of_the_region() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let store = Store::open(directory.path(), "host", "a region").expect("a new journal").store;
        let sql = "select name, description from maasserver_eventtype where level=0;";
        let mut statement = store.connection.prepare(sql).expect("the tables");
        let rows: Vec<(String, String)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("rows")
            .map(|row| row.expect("a row"))
            .collect();
        let expected = [
            ("AUTHORISATION", "Authorisation"),
            ("SETTINGS", "Settings"),
            ("NODE", "Node"),
            ("NODE_HARDWARE_SYNC_MEMORY", "Node Memory hardware sync state change"),
            ("NODE_HARDWARE_SYNC_INTERFACE", "Node Interface hardware sync state change"),
            ("NODE_HARDWARE_SYNC_BLOCK_DEVICE", "Node Block Device hardware sync state change"),
            ("NODE_HARDWARE_SYNC_PCI_DEVICE", "Node PCI Device hardware sync state change"),
            ("NODE_HARDWARE_SYNC_CPU", "Node CPU hardware sync state change"),
            ("NODE_HARDWARE_SYNC_USB_DEVICE", "Node USB Device hardware sync state chage"),
            ("NODE_HARDWARE_SYNC_BMC", "Node BMC hardware sync state change"),
        ];
        assert_eq!(rows.iter().map(|(n, d)| (n.as_str(), d.as_str())).collect::<Vec<_>>(), expected);
    }
}
