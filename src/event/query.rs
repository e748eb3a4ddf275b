//! The region's query for events: its parameters, its order, its answer (contract REGION, "Events"; SCRIPTS, "Events API").
//!
//! The local log and the sandbox region answer by this one piece of code, so they cannot differ.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Level;
use super::place::{PlaceFilter, normal_mac};

/// The most that one query answers.
const LARGEST_LIMIT: i64 = 1000;
const DEFAULT_LIMIT: usize = 100;
/// What the paging addresses repeat; `pool` filters and is not among them.
const SHOWN: [&str; 9] = ["level", "limit", "hostname", "mac_address", "id", "zone", "agent_name", "domain", "owner"];
/// Where the region answers.
const PATH: &str = "/MAAS/api/2.0/events/";

/// A row of an event log, as far as the query shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// Grows with time.
    pub id: i64,
    /// When it happened.
    pub created: Timestamp,
    /// Severity of its type.
    pub level: Level,
    /// Name of its type, for example `SCRIPT_RESULT_CHANGED_STATUS`.
    pub type_name: String,
    /// Text of its type, for example `Script result`.
    pub type_description: String,
    /// The machine action behind it; mostly empty.
    pub action: String,
    /// What happened.
    pub description: String,
    /// Who did it; empty when nobody in particular.
    pub username: String,
    /// System id of the node; `None` when there is none.
    pub node: Option<String>,
    /// Host name of the node; empty when there is none.
    pub hostname: String,
}

impl EventRecord {
    /// The object in the region's answer.
    #[must_use]
    pub fn json(&self) -> Value {
        let known = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
        json!({
            "username": known(&self.username),
            "node": self.node,
            "hostname": known(&self.hostname),
            "id": self.id,
            "level": self.level.name(),
            "created": self.created.strftime("%a, %d %b. %Y %H:%M:%S").to_string(),
            "type": self.type_description,
            "description": self.description,
        })
    }
}

/// Why a region does not answer a query, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A 400.
    #[error("{0}")]
    Refused(String),
    /// A 500: the region stumbles.
    #[error("{0}")]
    Broken(&'static str),
}

/// A query with its defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// `AUDIT` asks for exactly that; any other level for it and those above.
    pub level: Level,
    /// Rows wanted, 1 to 1000.
    pub limit: usize,
    /// Only rows with a smaller id.
    pub before: Option<i64>,
    /// Only rows with a larger id, the oldest of them first taken.
    pub after: Option<i64>,
    /// Only these host names; none is any.
    pub hostnames: Vec<String>,
    /// Only nodes with these system ids; none is any.
    pub ids: Vec<String>,
    /// Only what this user did; empty is what nobody in particular did.
    pub owner: Option<String>,
    /// Where the node has to be.
    pub place: PlaceFilter,
    /// Only events of these types, by name. Ours; the region has no such parameter.
    pub types: Vec<String>,
    /// Only what happened since. Ours; the region has no such parameter.
    pub since: Option<Timestamp>,
    /// The filters as given, in their order, for the paging addresses.
    filters: Vec<(String, String)>,
}

impl EventQuery {
    /// Reads the parameters of a query. Of those that take one value, the last counts, as in a region.
    ///
    /// # Errors
    /// What the region would say.
    pub fn parse(pairs: &[(String, String)]) -> Result<Self, QueryError> {
        let refused = QueryError::Refused;
        let all = |key: &str| pairs.iter().filter(|(k, _)| k == key).map(|(_, v)| v.clone()).collect::<Vec<_>>();
        let one = |key: &str| all(key).pop();
        let number = |key: &str| match one(key).as_deref().map(str::trim) {
            None | Some("") => Ok(None),
            // Larger than any id is as good as that.
            Some(text) => match text.parse::<i128>() {
                Ok(number) => Ok(Some(i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX }))),
                Err(_) => Err(refused(format!("Invalid {key}: Please enter an integer value"))),
            },
        };
        let macs = all("mac_address");
        let wrong: Vec<&str> = macs.iter().map(String::as_str).filter(|mac| normal_mac(mac).is_none()).collect();
        if !wrong.is_empty() {
            return Err(refused(format!("Invalid MAC address(es): {}", wrong.join(", "))));
        }
        let limit = match number("limit")? {
            Some(limit) if limit > LARGEST_LIMIT => {
                return Err(refused(format!(
                    "Requested number of events {limit} is greater than limit: {LARGEST_LIMIT}"
                )));
            }
            Some(limit) => usize::try_from(limit).unwrap_or(1).max(1),
            None if one("limit").is_some() => {
                return Err(QueryError::Broken("'>' not supported between instances of 'NoneType' and 'int'"));
            }
            None => DEFAULT_LIMIT,
        };
        let level = match one("level") {
            Some(word) => match Level::from_name(&word) {
                Some(level) => level,
                None => return Err(refused(format!("Unrecognised log level: {word}"))),
            },
            None => Level::Info,
        };
        let (before, after) = (number("before")?, number("after")?);
        if before.is_some() && after.is_some() {
            return Err(refused(
                "There is undetermined behaviour when both `after` and `before` are specified.".to_owned(),
            ));
        }
        let mut filters: Vec<(String, String)> = Vec::new();
        for (key, value) in pairs.iter().filter(|(key, _)| SHOWN.contains(&key.as_str())) {
            match filters.iter_mut().find(|(known, _)| known == key) {
                Some((_, last)) => last.clone_from(value),
                None => filters.push((key.clone(), value.clone())),
            }
        }
        let place = PlaceFilter::new(one, &macs);
        let (hostnames, ids, owner) = (all("hostname"), all("id"), one("owner"));
        let (types, since) = (Vec::new(), None);
        Ok(EventQuery { level, limit, before, after, hostnames, ids, owner, place, types, since, filters })
    }

    /// Whether a row is asked for, paging aside.
    #[must_use]
    pub fn matches(&self, row: &EventRecord) -> bool {
        let level = if self.level == Level::Audit { row.level == Level::Audit } else { row.level >= self.level };
        level
            && (self.hostnames.is_empty() || self.hostnames.contains(&row.hostname))
            && (self.ids.is_empty() || row.node.as_ref().is_some_and(|node| self.ids.contains(node)))
            && (self.types.is_empty() || self.types.contains(&row.type_name))
            && self.owner.as_ref().is_none_or(|owner| *owner == row.username)
            && self.since.is_none_or(|since| row.created >= since)
            && self.before.is_none_or(|before| row.id < before)
            && self.after.is_none_or(|after| row.id > after)
    }

    /// The rows of the answer, newest first, out of a log with the oldest first. `after` takes the oldest that are newer,
    /// everything else the newest.
    pub fn page<'a>(&self, log: impl DoubleEndedIterator<Item = &'a EventRecord>) -> Vec<&'a EventRecord> {
        let wanted = log.filter(|row| self.matches(row));
        let mut rows: Vec<&EventRecord> = if self.after.is_some() {
            wanted.take(self.limit).collect()
        } else {
            wanted.rev().take(self.limit).collect()
        };
        rows.sort_by_key(|row| std::cmp::Reverse(row.id));
        rows
    }

    /// The region's answer for a page of rows, newest first.
    #[must_use]
    pub fn answer(&self, rows: &[&EventRecord]) -> Value {
        let (next, previous) = match (rows.first(), rows.last()) {
            (Some(newest), Some(oldest)) => {
                (Some(format!("after={}", newest.id)), Some(format!("before={}", oldest.id)))
            }
            _ => (
                self.before.map(|before| format!("after={}", before - 1)),
                self.after.map(|after| format!("before={}", after + 1)),
            ),
        };
        let base = self.uri();
        let with = |paging: String| format!("{base}&{paging}");
        json!({
            "count": rows.len(),
            "events": rows.iter().map(|row| row.json()).collect::<Vec<_>>(),
            "next_uri": next.map_or_else(|| base.clone(), with),
            "prev_uri": previous.map(with),
        })
    }

    fn uri(&self) -> String {
        let mut uri = format!("{PATH}?op=query");
        for (key, value) in &self.filters {
            uri.extend(["&", key, "=", &quoted(value)]);
        }
        uri
    }
}

/// As Python's `quote_plus` writes a value.
fn quoted(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b' ' => text.push('+'),
            _ if byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte) => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<EventQuery, QueryError> {
        let pair = |pair: &str| pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
        EventQuery::parse(&query.split('&').filter_map(pair).collect::<Vec<_>>())
    }

    fn log() -> Vec<EventRecord> {
        let row = |id, level| EventRecord {
            id,
            created: "2022-04-25T21:51:23Z".parse().expect("a timestamp"),
            level,
            type_name: "X".into(),
            type_description: "Node".into(),
            action: String::new(),
            description: format!("event {id}"),
            username: if level == Level::Audit { "admin".into() } else { String::new() },
            node: Some("e86c7h".into()),
            hostname: "valued-moth".into(),
        };
        vec![
            row(1, Level::Audit),
            row(2, Level::Debug),
            row(3, Level::Info),
            row(4, Level::Error),
            row(5, Level::Audit),
        ]
    }

    fn ids(query: &str) -> Vec<i64> {
        parse(query).expect("a valid query").page(log().iter()).iter().map(|row| row.id).collect()
    }

    #[test]
    fn audit_is_asked_for_alone_and_others_with_those_above() {
        assert_eq!(ids("level=AUDIT"), [5, 1]);
        assert_eq!(ids("level=DEBUG"), [4, 3, 2]);
        assert_eq!(ids(""), [4, 3]);
        assert_eq!(ids("level=AUDIT&owner=admin&limit=1"), [5]);
        assert_eq!(ids("level=AUDIT&owner=nobody"), Vec::<i64>::new());
    }

    #[test]
    fn after_takes_the_oldest_newer_ones() {
        assert_eq!(ids("level=DEBUG&after=2&limit=1"), [3]);
        assert_eq!(ids("level=DEBUG&before=4&limit=1"), [3]);
    }

    #[test]
    fn the_answer_is_the_regions() {
        let query = parse("level=AUDIT&owner=admin").expect("valid");
        let log = log();
        let answer = query.answer(&query.page(log.iter()));
        assert_eq!(answer["count"], 2);
        assert_eq!(answer["next_uri"], "/MAAS/api/2.0/events/?op=query&level=AUDIT&owner=admin&after=5");
        assert_eq!(answer["prev_uri"], "/MAAS/api/2.0/events/?op=query&level=AUDIT&owner=admin&before=1");
        assert_eq!(
            answer["events"][0],
            json!({"username": "admin", "node": "e86c7h", "hostname": "valued-moth", "id": 5, "level": "AUDIT",
                "created": "Mon, 25 Apr. 2022 21:51:23", "type": "Node", "description": "event 5"})
        );
        let empty = |text: &str| parse(text).map(|query| query.answer(&[])).expect("valid");
        assert_eq!(empty("before=1")["next_uri"], "/MAAS/api/2.0/events/?op=query&after=0");
        assert_eq!(empty("after=9")["prev_uri"], "/MAAS/api/2.0/events/?op=query&before=10");
        assert_eq!(empty("after=9")["next_uri"], "/MAAS/api/2.0/events/?op=query");
        assert_eq!(empty("level=INFO")["prev_uri"], Value::Null);
    }

    #[test]
    fn mistakes_are_refused_in_the_regions_words() {
        let rows = [
            ("limit=1001", "Requested number of events 1001 is greater than limit: 1000"),
            ("limit=x", "Invalid limit: Please enter an integer value"),
            ("limit=1.5", "Invalid limit: Please enter an integer value"),
            ("level=info", "Unrecognised log level: info"),
            ("level=", "Unrecognised log level: "),
            ("mac_address=zz&mac_address=yy", "Invalid MAC address(es): zz, yy"),
            ("level=GREAT", "Unrecognised log level: GREAT"),
            ("before=5&after=3", "There is undetermined behaviour when both `after` and `before` are specified."),
        ];
        for (query, text) in rows {
            assert_eq!(parse(query), Err(QueryError::Refused(text.to_owned())));
        }
        assert_eq!(parse("limit=0").map(|query| query.limit), Ok(1));
        assert_eq!(parse("limit=-1").map(|query| query.limit), Ok(1));
        assert!(matches!(parse("limit="), Err(QueryError::Broken(_))));
    }

    #[test]
    fn of_several_values_the_last_counts_and_is_repeated_in_the_paging_addresses() {
        let query = parse("limit=1&level=DEBUG&limit=2&zone=a b&nonsense=1&pool=x&mac_address=52:54:00:AA:00:01")
            .expect("valid");
        assert_eq!((query.limit, query.level), (2, Level::Debug));
        let uri = "/MAAS/api/2.0/events/?op=query&limit=2&level=DEBUG&zone=a+b&mac_address=52%3A54%3A00%3AAA%3A00%3A01";
        assert_eq!(query.answer(&[])["next_uri"], uri);
    }
}
