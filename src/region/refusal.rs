//! The region's own refusals, by status and text: only the region can refuse, and everybody on the way to it can answer 403.
//!
//! The texts are those of the recordings of a running region (`exchanges.jsonl`, `exchanges-2.jsonl`).

use reqwest::StatusCode;
use serde_json::Value;

/// What the region says no to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The nonce was used before, or the timestamp is too old.
    SignAgain,
    /// The credentials, with what is wrong about them where that can be told without a secret.
    Credentials(&'static str),
    /// The script has a final result.
    AlreadyFinal {
        /// The region's number of the result.
        result_id: i64,
        /// The region's number of its status.
        status: u8,
    },
    /// The request itself: it will be refused again.
    Request,
}

/// What the region refuses with an answer; `None` when the answer need not be the region's, or may be another one the next time.
pub(super) fn of_region(status: StatusCode, text: &str) -> Option<Refusal> {
    match status.as_u16() {
        401 | 403 => of_credentials(text),
        400 => is_bad_request(text).then_some(Refusal::Request),
        404 => is_not_found(text).then_some(Refusal::Request),
        409 => {
            let texts = ["Machine status isn't valid (status is ", "Invalid transition: "];
            texts.iter().any(|known| text.starts_with(known)).then_some(Refusal::Request)
        }
        410 => text.starts_with("The 1.0 API is no longer available").then_some(Refusal::Request),
        500 => of_final_result(text),
        _ => None,
    }
}

/// `Status for scriptresult 4014 is not running or pending (2)`, and nothing around it.
fn of_final_result(text: &str) -> Option<Refusal> {
    let (id, status) = text.strip_prefix("Status for scriptresult ")?.split_once(" is not running or pending (")?;
    let status = status.strip_suffix(')')?.parse().ok()?;
    Some(Refusal::AlreadyFinal { result_id: id.parse().ok()?, status })
}

fn of_credentials(text: &str) -> Option<Refusal> {
    if text.contains("Nonce already used") || text.contains("Expired timestamp") {
        return Some(Refusal::SignAgain);
    }
    let hints = [
        ("Invalid access token", ": it does not know the token (is the node still in this state?)"),
        ("Invalid API key", ": it does not know the consumer key"),
        ("Invalid signature", ": the token secret is wrong"),
        ("Authorization Error", ""),
        ("Not authenticated as a known node", ": they are not a node's (an administrator's key, perhaps)"),
        ("User is not allowed access to this API", ": they are not an administrator's"),
    ];
    hints.iter().find(|(known, _)| text.contains(known)).map(|(_, hint)| Refusal::Credentials(hint))
}

/// Problems of fields as JSON, or one sentence.
fn is_bad_request(text: &str) -> bool {
    const SENTENCES: [&str; 11] = [
        "Unrecognised signature: method=",
        "Unrecognised log level: ",
        "Unknown status: ",
        "No provided ",
        "Bad power_type",
        "Failed to parse ",
        "Status payload ",
        "Missing parameter(s) ",
        "Requested number of events ",
        "There is undetermined behaviour ",
        "Bad Request: ",
    ];
    // `Invalid FIELD: what is wrong with it`.
    let is_of_value = text.strip_prefix("Invalid ").is_some_and(|rest| rest.contains(": "));
    let is_of_field = |problems: &Value| problems.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    is_of_value
        || SENTENCES.iter().any(|known| text.starts_with(known))
        || match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => {
                !fields.is_empty() && fields.iter().all(|(name, problems)| is_field(name) && is_of_field(problems))
            }
            // A long one is not read to its end.
            _ => text
                .strip_prefix("{\"")
                .and_then(|rest| rest.split_once("\": [\""))
                .is_some_and(|(name, _)| is_field(name)),
        }
}

/// A field that the agent fills: of a signal, of a registration, of an enlistment. A gateway's JSON has other ones (`detail`, `message`).
fn is_field(name: &str) -> bool {
    const FIELDS: [&str; 24] = [
        "__all__",
        "agent_name",
        "architecture",
        "comment",
        "commission",
        "deployed",
        "description",
        "domain",
        "error",
        "exit_status",
        "hostname",
        "is_dpu",
        "mac_addresses",
        "min_hwe_kernel",
        "name",
        "pool",
        "power_parameters",
        "power_type",
        "runtime",
        "script_result",
        "script_version_id",
        "status",
        "subarchitecture",
        "zone",
    ];
    FIELDS.binary_search(&name).is_ok() || name.starts_with("power_parameters_")
}

fn is_not_found(text: &str) -> bool {
    let starts =
        ["Unknown metadata version: ", "Unknown metadata attribute: ", "Unknown API endpoint: ", "File not found"];
    starts.iter().any(|known| text.starts_with(known))
        || (text.starts_with("No ") && text.ends_with(" matches the given query."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, text: &str) -> Option<Refusal> {
        of_region(StatusCode::from_u16(status).expect("a status"), text)
    }

    #[test]
    fn what_the_recorded_region_says_is_its_refusal() {
        let recorded = [
            (400, "{\"error\": [\"Ensure this value has at most 255 characters (it has 256).\"]}"),
            (400, "Unrecognised signature: method=POST op=None"),
            (400, "Unknown status: 'GREAT'"),
            (400, "Invalid exit_status: Please enter an integer value"),
            (400, "There is undetermined behaviour when both `after` and `before` are specified."),
            (400, "Status payload must be ASCII-only: 'ascii' codec can't decode byte 0xc3"),
            (404, "Unknown metadata version: 2030-01-01"),
            (404, "No Node matches the given query."),
            (409, "Machine status isn't valid (status is Allocated)"),
            (409, "Invalid transition: Deployed -> Failed commissioning."),
        ];
        for (status, text) in recorded {
            assert_eq!(of(status, text), Some(Refusal::Request), "{status} {text}");
        }
        assert!(matches!(of(401, "Authorization Error: 'Invalid access token: abc'"), Some(Refusal::Credentials(_))));
        assert_eq!(of(401, "Authorization Error: 'Nonce already used: 1'"), Some(Refusal::SignAgain));
        assert!(matches!(of(403, "Not authenticated as a known node."), Some(Refusal::Credentials(_))));
        let again = "Status for scriptresult 4014 is not running or pending (2)";
        assert_eq!(of(500, again), Some(Refusal::AlreadyFinal { result_id: 4014, status: 2 }));
    }

    #[test]
    fn what_others_say_in_its_place_is_not() {
        let strays = [
            (400, ""),
            (400, "<html>400 The plain HTTP request was sent to HTTPS port</html>"),
            (400, "{\"status\": \"error\"}"),
            (400, "{\"detail\": [\"Request was throttled.\"]}"),
            (401, ""),
            (401, "Unauthorized"),
            (403, "squid: access denied"),
            (403, "Forbidden"),
            (404, "<html><head><title>404 Not Found</title></head></html>"),
            (404, "404 page not found"),
            (407, "Proxy Authentication Required"),
            (409, "conflict"),
            (421, ""),
            (451, "blocked"),
            (500, "upstream exploded"),
            (500, "<html>Status for scriptresult 4014 is not running or pending (2)</html>"),
        ];
        for (status, text) in strays {
            assert_eq!(of(status, text), None, "{status} {text}");
        }
    }
}
