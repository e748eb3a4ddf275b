//! What differs from region to region and from day to day, made the same.

/// What stands between two words is somebody's or some day's own: host names, secrets, numbers, times, versions.
const OWN: [(&str, &str); 8] = [
    ("Invalid access token: ", "'"),
    ("Expected signature base string: ", "\n"),
    ("given ", " and now"),
    ("and now ", " has a greater difference"),
    ("Status for scriptresult ", " is not running"),
    ("sent a script result for first(", ") with"),
    (".maas(", ")"),
    ("<center>nginx", "</center>"),
];

/// A text of the region without what is its own.
pub(crate) fn text(text: &str) -> String {
    let mut text = match text.split_once(".maas(") {
        Some((host, rest)) => format!("{}….maas({rest}", &host[..host.rfind(' ').map_or(0, |at| at + 1)]),
        None => text.to_owned(),
    };
    for (before, after) in OWN {
        if let Some(start) = text.find(before).map(|at| at + before.len()) {
            let end = text[start..].find(after).map_or(text.len(), |at| start + at);
            text.replace_range(start..end, "…");
        }
    }
    text
}

/// Two texts; of the sentences in which the region's YAML parser complains only their beginning counts.
pub(crate) fn texts(recorded: &str, came: &str) -> (String, String) {
    let (recorded, came) = (text(recorded), text(came));
    let complaint = "invalid YAML: ";
    match recorded.find(complaint) {
        Some(at) if recorded[at + complaint.len()..].starts_with("while parsing") => {
            let end = at + complaint.len();
            (recorded[..end].to_owned(), came.get(..end).unwrap_or(&came).to_owned())
        }
        _ => (recorded, came),
    }
}

/// The name of a file in the archive without the number of the script result.
pub(crate) fn member(name: &str) -> String {
    let is_id = |part: &str| part.starts_with("<id:") || part.parse::<i64>().is_ok();
    let parts: Vec<&str> = name.split('.').map(|part| if is_id(part) { "…" } else { part }).collect();
    parts.join(".")
}
