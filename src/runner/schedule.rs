//! In which order scripts run, and which together (contract REGION, "Order"). Pure.

use crate::script::{Parallel, Script};

/// Batches to be run one after another, the scripts of each together: every serial script alone, then the instances of
/// each script, then all that may run beside any other. By hardware type (the machine as a whole last), then name.
///
/// The network belongs to one script at a time: one that changes it runs alone, where it would have run with others.
#[must_use]
pub fn schedule(mut scripts: Vec<Script>) -> Vec<Vec<Script>> {
    scripts.sort_by(|a, b| (a.hardware_type.rank(), &a.name).cmp(&(b.hardware_type.rank(), &b.name)));
    let mut batches = Vec::new();
    let mut instances: Vec<Vec<Script>> = Vec::new();
    let (mut alone, mut any) = (Vec::new(), Vec::new());
    for script in scripts {
        match script.parallel {
            Parallel::Disabled => batches.push(vec![script]),
            Parallel::Any if script.apply_configured_networking => alone.push(vec![script]),
            Parallel::Any => any.push(script),
            Parallel::Instance => match instances.iter_mut().find(|group| group[0].name == script.name) {
                Some(group) => group.push(script),
                None => instances.push(vec![script]),
            },
        }
    }
    for group in instances {
        if group.iter().any(|script| script.apply_configured_networking) {
            batches.extend(group.into_iter().map(|script| vec![script]));
        } else {
            batches.push(group);
        }
    }
    batches.extend(alone);
    if !any.is_empty() {
        batches.push(any);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::parse_index;

    fn script(name: &str, id: u32, parallel: u8, hardware: u8) -> String {
        format!(
            r#"{{"name": "{name}", "path": "testing/{name}", "script_result_id": {id}, "parallel": {parallel}, "hardware_type": {hardware}}}"#
        )
    }

    #[test]
    fn a_script_that_changes_the_network_runs_alone() {
        let networking = |entry: String| entry.replace('}', r#", "apply_configured_networking": true}"#);
        let entries = [
            script("disk", 1, 1, 3),
            script("disk", 2, 1, 3),
            networking(script("nic", 3, 1, 4)),
            networking(script("nic", 4, 1, 4)),
            script("any", 5, 2, 1),
            networking(script("any-nic", 6, 2, 4)),
            script("any-node", 7, 2, 0),
            networking(script("serial", 8, 0, 4)),
        ];
        assert_eq!(order(&entries), [vec![8], vec![1, 2], vec![3], vec![4], vec![6], vec![5, 7]]);
    }

    #[test]
    fn serial_then_instances_then_any_by_hardware_and_name() {
        let entries = [
            script("node", 1, 0, 0),
            script("any-a", 2, 2, 1),
            script("disk", 3, 1, 3),
            script("mem", 4, 0, 2),
            script("disk", 5, 1, 3),
            script("nic", 6, 1, 4),
            script("b-cpu", 7, 0, 1),
            script("a-cpu", 8, 0, 1),
            script("any-b", 9, 2, 0),
        ];
        assert_eq!(order(&entries), [vec![8], vec![7], vec![4], vec![1], vec![3, 5], vec![6], vec![2, 9]]);
    }

    fn order(entries: &[String]) -> Vec<Vec<i64>> {
        let entries = entries.join(",");
        let index = parse_index(format!(r#"{{"1.0": {{"testing_scripts": [{entries}]}}}}"#).as_bytes()).expect("index");
        let batches = schedule(index.scripts);
        batches.iter().map(|batch| batch.iter().filter_map(|script| script.result_id).collect()).collect()
    }
}
