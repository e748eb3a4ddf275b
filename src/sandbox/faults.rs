//! Faults on request: what networks and servers do to those who rely on them.

use std::time::Duration;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// This answer instead of the right one; the request has no effect.
    Answer(u16, String),
    /// This answer with headers of its own instead of the right one; the request has no effect.
    Respond(u16, Vec<(String, String)>, String),
    /// A 307 to this address; the request has no effect.
    Redirect(String),
    /// As a proxy answers that takes no more than so many bytes: a 413 to larger bodies, the right answer to others.
    Limit(usize),
    /// The right answer, but late.
    Delay(Duration),
    /// The connection is cut before the request has any effect.
    DropBefore,
    /// The request takes effect, and the connection is cut before the answer.
    DropAfter,
    /// The request takes effect, and the connection is cut after so many bytes of the answer.
    Half(u64),
    /// A web page with a 200, as captive portals answer.
    Page(String),
}

/// A fault that strikes requests.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Method, for example `POST`; empty is any.
    pub method: String,
    /// Part of the path; empty is any.
    pub path: String,
    /// Only requests that carry files.
    pub only_results: bool,
    /// Only requests that say how the machine is switched on and off.
    pub only_power: bool,
    /// How many requests of the kind it lets pass before it strikes.
    pub skip: u32,
    /// How often it strikes.
    pub times: u32,
    /// What happens.
    pub action: Action,
}

impl Fault {
    /// A fault that strikes the next `times` requests with a method.
    #[must_use]
    pub fn new(method: &str, times: u32, action: Action) -> Self {
        Fault {
            method: method.to_owned(),
            path: String::new(),
            only_results: false,
            only_power: false,
            skip: 0,
            times,
            action,
        }
    }

    /// The same, only for requests that carry a script's result.
    #[must_use]
    pub fn for_results(times: u32, action: Action) -> Self {
        Fault { only_results: true, ..Fault::new("POST", times, action) }
    }

    /// The same, only for requests that say how the machine is switched on and off.
    #[must_use]
    pub fn for_power(times: u32, action: Action) -> Self {
        Fault { only_power: true, ..Fault::new("POST", times, action) }
    }

    /// The same, only for a page whose path has this part.
    #[must_use]
    pub fn at(self, path: &str) -> Self {
        Fault { path: path.to_owned(), ..self }
    }

    /// The same, only after so many requests of the kind.
    #[must_use]
    pub fn after(self, skip: u32) -> Self {
        Fault { skip, ..self }
    }

    /// Reads `METHOD:ACTION[:TIMES]` with an action of a status code, `drop-before`, `drop-after`, `half`, `delay=SECONDS`,
    /// or `limit=BYTES`. The method `power` is a `POST` that says how the machine is switched on and off.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let method = parts.next().unwrap_or_default().to_uppercase();
        let word = parts.next().ok_or_else(|| format!("{text:?} is not METHOD:ACTION[:TIMES]"))?;
        let times =
            parts.next().map_or(Ok(1), |times| times.parse().map_err(|_| format!("{times:?} is not a count")))?;
        let action = match word {
            "drop-before" => Action::DropBefore,
            "drop-after" => Action::DropAfter,
            "half" => Action::Half(60),
            _ if word.starts_with("limit=") => {
                let bytes = word.trim_start_matches("limit=");
                Action::Limit(bytes.parse().map_err(|_| format!("{bytes:?} is not a number of bytes"))?)
            }
            _ => match (word.strip_prefix("delay="), word.parse()) {
                (Some(seconds), _) => {
                    let seconds = seconds.parse::<f64>().map_err(|_| format!("{seconds:?} is not a number"))?;
                    Action::Delay(Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?)
                }
                (None, Ok(code @ 100..=599)) => Action::Answer(code, "a fault was asked for".to_owned()),
                _ => {
                    return Err(format!(
                        "{word:?} is not a status code, drop-before, drop-after, half, limit=BYTES or delay=SECONDS"
                    ));
                }
            },
        };
        match method.as_str() {
            "ANY" => Ok(Fault::new("", times, action)),
            "POWER" => Ok(Fault::for_power(times, action)),
            _ => Ok(Fault::new(&method, times, action)),
        }
    }

    fn strikes(&self, method: &str, path: &str, body: &[u8]) -> bool {
        let has = |text: &str| memchr::memmem::find(body, text.as_bytes()).is_some();
        let is_within = matches!(self.action, Action::Limit(bytes) if body.len() <= bytes);
        self.times > 0
            && !is_within
            && (self.method.is_empty() || self.method == method)
            && path.contains(&self.path)
            && (!self.only_results || has("filename="))
            && (!self.only_power || has("power_type"))
    }
}

/// The action of the first fault that strikes, which is then used up by one; those that still let requests pass count this one.
pub(super) fn strike(faults: &mut Vec<Fault>, method: &str, path: &str, body: &[u8]) -> Option<Action> {
    for fault in faults.iter_mut().filter(|fault| fault.strikes(method, path, body)) {
        if fault.skip > 0 {
            fault.skip -= 1;
            continue;
        }
        fault.times -= 1;
        let action = fault.action.clone();
        faults.retain(|fault| fault.times > 0);
        return Some(action);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_waits_for_its_turn_and_then_strikes_so_often() {
        let mut faults = vec![Fault::new("POST", 2, Action::DropBefore).after(1)];
        let mut strike = |method: &str| strike(&mut faults, method, "/MAAS/", b"").is_some();
        assert_eq!(
            [strike("GET"), strike("POST"), strike("POST"), strike("POST"), strike("POST")],
            [false, false, true, true, false]
        );
    }

    #[test]
    fn a_limit_strikes_larger_bodies_only() {
        let mut faults = vec![Fault::parse("post:limit=3:1").expect("a fault")];
        assert_eq!(strike(&mut faults, "POST", "/", b"abc"), None);
        assert_eq!(strike(&mut faults, "POST", "/", b"abcd"), Some(Action::Limit(3)));
    }
}
