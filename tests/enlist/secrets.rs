//! What nobody may see: the machine's token, and the password of its BMC.

use shakedown::sandbox::{Action, Fault};

use crate::machine::{FIRST, Machine, assert_enlisted};

/// The password, of which no script has the text.
const PASSWORD: &str = "hunter-two-7";
const BMC: &str = "printf 'power_type: ipmi\\npower_address: 10.0.0.9\\npower_pass: %s\\n' \"$(printf '%s-two-7' hunter)\" > \"$BMC_CONFIG_PATH\"";

#[tokio::test]
async fn no_secret_is_in_any_text_or_left_in_any_file() {
    let quoting = format!("{{\"power_parameters\": [\"{PASSWORD} is too weak\"]}}");
    for fault in [None, Some(Fault::for_power(u32::MAX, Action::Answer(400, quoting)))] {
        let machine = Machine::new(2);
        let region = machine.region(BMC, "").await;
        let is_refused = fault.is_some();
        if let Some(fault) = fault {
            region.inject(fault);
        }
        let finished = machine.run(&region.url()).finish().await;
        assert_enlisted(&machine, &region, &finished);
        assert_eq!(
            region.power().is_some_and(|power| power.parameters_json().contains(PASSWORD)),
            !is_refused,
            "the region alone has it"
        );
        let config = region.node_config();
        let of = |key: &str| config.lines().find_map(|line| line.trim().strip_prefix(key)).expect("a line").to_owned();
        let mut texts = machine.everything();
        texts.push(("stdout".into(), finished.stdout));
        texts.push(("stderr".into(), finished.stderr));
        for secret in [of("token_secret: "), of("token_key: "), PASSWORD.to_owned()] {
            let seen: Vec<_> = texts.iter().filter(|(_, text)| text.contains(&secret)).map(|(path, _)| path).collect();
            assert!(seen.is_empty(), "{secret} is in {seen:?}");
        }
        assert!(texts.iter().any(|(path, _)| path.ends_with(format!("out/{FIRST}"))), "every file was looked through");
    }
}
