//! `/proc/cpuinfo` of six real machines: the names of their processors are found and nothing in them is odd.

use crate::shared;
use crate::tree::Tree;

#[test]
fn cpuinfo_of_real_machines_names_their_processors() {
    // On arm64 and s390x the kernel gives a processor no name there.
    let rows = [
        ("amd64_intel_core_i7_1370p", "GenuineIntel", "13th Gen Intel(R) Core(TM) i7-1370P"),
        ("amd64_intel_xeon_e5_2683_v4", "GenuineIntel", "Intel(R) Xeon(R) CPU E5-2683 v4 @ 2.10GHz"),
        ("amd64_ryzen_ai9_hx_pro_370", "AuthenticAMD", "AMD Ryzen AI 9 HX PRO 370 w/ Radeon 890M"),
        ("arm64_rpi5", "", ""),
        ("s390x_z13", "", ""),
        ("s390x_z16", "", ""),
    ];
    let Some(shared) = shared::folder() else { return };
    for (file, vendor, name) in rows {
        let path = shared.join(format!("fixtures/lxd-cpuinfo/cpuinfo_{file}.txt"));
        let tree = Tree::new();
        tree.file("proc/cpuinfo", std::fs::read(path).expect("a cpuinfo")).thread(0, "0", "0", "0");
        let (document, gaps) = tree.told();
        let socket = &document["resources"]["cpu"]["sockets"][0];
        let text = |key: &str| socket.get(key).and_then(|text| text.as_str()).unwrap_or_default().to_owned();
        assert_eq!((text("vendor").as_str(), text("name").as_str()), (vendor, name), "{file}");
        let odd: Vec<&String> = gaps.iter().filter(|gap| gap.starts_with("cpu")).collect();
        assert!(odd.is_empty(), "{file}: {odd:?}");
    }
}
