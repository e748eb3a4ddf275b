use super::*;

#[test]
fn names_of_interfaces_that_people_chose_are_told_from_others() {
    for usual in
        ["eth0", "enp130s0d1", "eno1", "enx0242ac990011", "lo", "bond0", "bond0.100", "veth12ab", "wlp2s0", "br0"]
    {
        assert!(is_usual_interface(usual), "{usual}");
    }
    for chosen in ["acme0", "bobslan", "uplink", "enterprise", "bondage", "eth-acme"] {
        assert!(!is_usual_interface(chosen), "{chosen}");
    }
}

#[test]
fn what_is_on_no_list_does_not_stay() {
    let allowed = Allowed::new(BTreeSet::from(["ultra".to_owned()]), BTreeSet::new());
    for (word, content, stays) in [
        ("raid10", Content::Kernel, true),
        ("16384000", Content::Kernel, true),
        ("30720K", Content::Kernel, true),
        ("0x020000", Content::Kernel, true),
        ("acmebank", Content::Kernel, false),
        ("Ultra", Content::Listed, true),
        ("778812", Content::Listed, false),
        ("iPhone", Content::Listed, false),
        ("S1", Content::One, false),
        ("778812", Content::One, false),
        ("data", Content::One, true),
    ] {
        assert_eq!(allowed.may_stay(word, content), stays, "{word} {content:?}");
    }
    let of = |place: &str| content(Path::new(place));
    assert_eq!(of("/sys/class/dmi/id/product_sku"), Content::One);
    assert_eq!(of("/sys/class/dmi/id/of_a_later_kernel"), Content::One);
    assert_eq!(of("/sys/devices/x/of_a_later_kernel"), Content::Listed);
    assert_eq!(of("/sys/devices/virtual/block/dm-0/dm/name"), Content::One);
    assert_eq!(of("/sys/class/hwmon/hwmon0/name"), Content::Maker);
    assert_eq!((property("DM_VG_NAME"), property("OF_A_LATER_UDEV")), (None, None));
}
