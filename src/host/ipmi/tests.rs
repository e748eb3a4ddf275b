use super::*;

/// A BMC with a connection on channel 1 and nothing else; it answers in the bytes of the specification.
fn answer(question: Question) -> Vec<u8> {
    use LanParameter as P;
    let ok = |bytes: &[u8]| [&[0, 0x11][..], bytes].concat();
    match question {
        Question::Device => vec![0, 0x20, 0x81, 0x02, 0x45, 0x02, 0xbf, 0x57, 0x01, 0x00, 0x34, 0x12, 0, 0, 0, 0],
        Question::LogInfo => vec![0, 0x51, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x82],
        Question::LogEntry(0) => [&[0, 7, 0][..], &[1; 16]].concat(),
        Question::LogEntry(7) => [&[0, 0xff, 0xff][..], &[2; 16]].concat(),
        Question::LogEntry(_) => vec![0xcb],
        Question::Channel(1) => vec![0, 1, 4, 1, 0x80, 0xf2, 0x1b, 0, 0, 0],
        Question::Channel(2) => vec![0, 2, 6, 1, 0x80, 0xf2, 0x1b, 0, 0, 0],
        Question::Channel(_) => vec![0xcc],
        Question::Lan { channel: 1, parameter, place } => match (parameter, place) {
            (P::Address, _) => ok(&[10, 0, 0, 9]),
            (P::Source, _) => ok(&[0xf2]),
            (P::Mac, _) => ok(&[0x52, 0x54, 0, 0x12, 0x34, 0x56]),
            (P::Mask, _) => ok(&[255, 255, 254, 0]),
            (P::Gateway, _) => ok(&[0, 0, 0, 0]),
            (P::Vlan, _) => ok(&[0x64, 0x80]),
            (P::CipherCount, _) => ok(&[3]),
            (P::Ciphers, _) => ok(&[0, 1, 3, 17, 0, 0, 0]),
            (P::Ipv6Enabled, _) => ok(&[2]),
            (P::Ipv6Static, 0) => ok(&[&[0, 0x80], &[0xfd; 16][..], &[64, 0]].concat()),
            (P::Ipv6Static, _) => ok(&[&[1, 0], &[0; 16][..], &[0, 1]].concat()),
            (P::Ipv6Dynamic, _) => vec![0x80],
        },
        Question::Lan { .. } => panic!("a channel that is none is asked"),
    }
}

#[test]
fn an_event_log_is_read_to_its_end_and_only_read() {
    let told = log(&mut |question| Ok(answer(question))).expect("answers").expect("it has a log");
    assert_eq!(told, BmcLog { records: vec![vec![1; 16], vec![2; 16]], is_full: true, is_cut: false });
    assert_eq!(Question::LogEntry(0x0107).wire(), (0x0a, 0x43, vec![0, 0, 0x07, 0x01, 0, 0xff]));
    assert_eq!(Question::LogInfo.wire(), (0x0a, 0x40, vec![]));
}

#[test]
fn an_event_log_that_goes_in_a_circle_is_left() {
    let circle = |question| match question {
        Question::LogEntry(_) => Ok([&[0, 5, 0][..], &[3; 16]].concat()),
        other => Ok(answer(other)),
    };
    let told = log(&mut { circle }).expect("answers").expect("it has a log");
    assert_eq!((told.records.len(), told.is_cut), (2, true));
}

#[test]
fn a_bmc_is_told_by_its_own_words() {
    let told = device(&mut |question| Ok(answer(question))).expect("answers").expect("it knows the question");
    let expected = ("2.45", "2.0", "0x000157", "0x1234", 0x20, 1);
    let BmcDevice { firmware, ipmi_version, manufacturer, product, id, revision } = &told;
    assert_eq!(
        (firmware.as_str(), ipmi_version.as_str(), manufacturer.as_str(), product.as_str(), *id, *revision),
        expected
    );
    let lan = lans(&mut |question| Ok(answer(question))).expect("answers");
    let expected = BmcLan {
        channel: 1,
        address: "10.0.0.9".into(),
        prefix: Some(23),
        source: "dhcp".into(),
        gateway: String::new(),
        mac_address: "52:54:00:12:34:56".into(),
        vlan: Some(100),
        cipher_suites: vec![1, 3, 17],
        ipv6: vec!["fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd/64".into()],
    };
    assert_eq!(lan, [expected]);
}

#[test]
fn a_bmc_that_knows_nothing_says_nothing_and_one_that_is_busy_is_an_error() {
    assert_eq!(device(&mut |_| Ok(vec![0xc1])).expect("an answer"), None);
    assert_eq!(lans(&mut |_| Ok(vec![0xc1])).expect("answers"), []);
    for code in [0xc0, 0xc3, 0xd4] {
        assert!(lans(&mut |_| Ok(vec![code])).is_err(), "{code:#x}");
    }
    assert!(device(&mut |_| Ok(Vec::new())).is_err());
    // Whatever is cut off is not known.
    for length in 0..24 {
        let mut cut = |question| Ok(answer(question).into_iter().take(length.max(1)).collect());
        assert!(device(&mut cut).is_ok() && lans(&mut cut).is_ok(), "{length}");
    }
}

#[test]
fn every_question_only_reads() {
    let all =
        [Question::Device, Question::Channel(1), Question::Lan { channel: 1, parameter: LanParameter::Mac, place: 0 }];
    let read_only = [(0x06, 0x01), (0x06, 0x42), (0x0c, 0x02)];
    for question in all {
        let (function, command, _) = question.wire();
        assert!(read_only.contains(&(function, command)), "{question:?}");
    }
}

#[test]
fn no_device_node_is_absence() {
    let error = Host::live().bmc_device("ipmi-that-is-not-there").expect_err("no such node");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(Host::at("/tmp").bmc_lan("ipmi0").is_err(), "a copied tree has no kernel");
}
