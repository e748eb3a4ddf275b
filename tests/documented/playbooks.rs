//! The Ansible example: YAML, and every command in it is one of this program.

use crate::page;
use shakedown::yaml;

const PLAYBOOKS: [&str; 3] = ["back", "collect", "deployed"];

#[test]
fn the_playbooks_are_yaml_and_call_verbs_and_options_that_exist() {
    let mut calls = 0;
    for name in PLAYBOOKS {
        let path = format!("docs/ansible/{name}.yml");
        let text = page::file(&path);
        yaml::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{path}: {error}"));
        let commands = text.lines().filter_map(|line| line.trim().strip_prefix("ansible.builtin.command: "));
        for line in commands {
            let parsed = shakedown::cli::command().try_get_matches_from(line.split_whitespace());
            assert!(parsed.is_ok(), "{path}: `{line}`: {}", parsed.expect_err("it is wrong"));
            calls += 1;
        }
        assert!(page::file("docs/ansible/README.md").contains(&format!("{name}.yml")), "{path} is not in its README");
    }
    assert_eq!(calls, 2, "commands of the playbooks are written in another way now");
}
