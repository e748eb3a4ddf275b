//! Where in a block of YAML a key stands, for messages.

/// Line of a key, from 0, given the keys that lead to it. Of keys that cannot be found, as inside braces, it is the line of the
/// last one that can.
#[must_use]
pub(in crate::script) fn line_of(yaml: &str, path: &[&str]) -> usize {
    let lines: Vec<&str> = yaml.lines().collect();
    let (mut at, mut scope) = (0, 0..lines.len());
    for key in path {
        let children = lines[scope.clone()].iter().find(|line| !is_blank(line)).map_or(0, |line| indent(line));
        let own = scope.clone().find(|&number| indent(lines[number]) == children && is_key(lines[number], key));
        // Inside braces, or among lines that are indented otherwise.
        let other = || scope.clone().find(|&number| lines[number].contains(&format!("{key}:")));
        let Some(found) = own.or_else(other) else { return at };
        at = found;
        let below = |number: &usize| is_blank(lines[*number]) || indent(lines[*number]) > indent(lines[found]);
        let end = (found + 1..scope.end).find(|number| !below(number)).unwrap_or(scope.end);
        scope = found + 1..end;
    }
    at
}

fn is_blank(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn is_key(line: &str, key: &str) -> bool {
    let line = line.trim_start();
    let quoted = |quote: char| line.strip_prefix(quote).and_then(|rest| rest.strip_prefix(key)?.strip_prefix(quote));
    let plain = line.strip_prefix(key).or_else(|| quoted('"')).or_else(|| quoted('\''));
    plain.is_some_and(|rest| rest.trim_start().starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_among_others_of_its_name() {
        let yaml = " title: x\n parameters:\n   title:\n     type: string\n   disk: {type: storage,\n     min: 3}\n results:\n   type:\n     title: T\n";
        let rows: [(&[&str], usize); 8] = [
            (&["title"], 0),
            (&["parameters", "title"], 2),
            (&["parameters", "title", "type"], 3),
            (&["parameters", "disk", "type"], 4),
            (&["results", "type", "title"], 8),
            (&["parameters", "disk", "min"], 5),
            (&["results", "absent"], 6),
            (&["absent"], 0),
        ];
        for (path, line) in rows {
            assert_eq!(line_of(yaml, path), line, "{path:?}");
        }
    }
}
