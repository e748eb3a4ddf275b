//! The inventory as a region keeps it (`machine-resources`), brought into the form of the deep inventory. What it does not tell stays
//! unknown: modules, links, power supplies, settings of the firmware.

use serde_json::{Map, Value, json};

use super::fact::plain;

/// The deep form of a document if it is one of a region; `None` for all other documents.
pub(super) fn deep(document: &Value) -> Option<Value> {
    let resources = &document["resources"];
    (resources["cpu"].is_object() && resources["storage"].is_object()).then(|| {
        let gap =
            |topic: &str| json!({"topic": topic, "path": "/", "reason": "the region's inventory does not tell it"});
        // A list that the region's form does not have is left out, so that its devices are unknown and not absent.
        json!({
            "form": 1,
            "hostname": document["environment"]["server_name"],
            "machine_resources": {"resources": resources},
            "processors": processors(&resources["cpu"]),
            "memory": {"total": resources["memory"]["total"]},
            "disks": list(&resources["storage"]["disks"]).map(disk).collect::<Vec<_>>(),
            "interfaces": list(&resources["network"]["cards"]).flat_map(ports).collect::<Vec<_>>(),
            "gpus": list(&resources["gpu"]["cards"]).map(card).collect::<Vec<_>>(),
            "pci": list(&resources["pci"]["devices"]).map(function).collect::<Vec<_>>(),
            "gaps": [gap("bmc"), gap("iommu")],
        })
    })
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A device with some fields of another; those that it does not have are left out.
fn fields(from: &Value, pairs: &[(&str, &str)]) -> Map<String, Value> {
    let known = pairs.iter().filter(|(_, old)| !from[old].is_null());
    known.map(|(new, old)| ((*new).to_owned(), from[old].clone())).collect()
}

fn processors(cpu: &Value) -> Value {
    let is_online = |thread: &&Value| thread["online"].as_bool() != Some(false);
    let threads = |socket: &Value| -> Vec<Value> {
        list(&socket["cores"]).flat_map(|core| list(&core["threads"])).cloned().collect()
    };
    let package = |socket: &Value| {
        let mut package = fields(socket, &[("socket", "socket"), ("model", "name"), ("vendor", "vendor")]);
        let in_use = |core: &&Value| list(&core["threads"]).any(|thread| is_online(&thread));
        package.insert("cores".to_owned(), list(&socket["cores"]).filter(in_use).count().into());
        package.insert("threads".to_owned(), threads(socket).iter().filter(is_online).count().into());
        Value::Object(package)
    };
    let all = || list(&cpu["sockets"]).flat_map(threads);
    let offline: Vec<Value> = all().filter(|thread| !is_online(&thread)).map(|thread| thread["id"].clone()).collect();
    json!({"packages": list(&cpu["sockets"]).map(package).collect::<Vec<_>>(), "offline": offline})
}

fn disk(disk: &Value) -> Value {
    let mut new = fields(
        disk,
        &[
            ("name", "id"),
            ("model", "model"),
            ("size", "size"),
            ("firmware", "firmware_version"),
            ("numa_node", "numa_node"),
            ("removable", "removable"),
            ("place", "device_path"),
            ("controller", "pci_address"),
        ],
    );
    let kind = disk["type"].as_str().unwrap_or_default();
    new.insert("kind".to_owned(), if kind == "nvme-subsystem" { "nvme" } else { kind }.into());
    if let Some(rpm) = disk["rpm"].as_u64() {
        new.insert("rotational".to_owned(), (rpm > 0).into());
    }
    Value::Object(new)
}

fn model(card: &Value) -> String {
    let word = |key: &str, id: &str| card[key].as_str().or(card[id].as_str()).unwrap_or_default().to_owned();
    plain(&format!("{} {}", word("vendor", "vendor_id"), word("product", "product_id")))
}

fn ports(card: &Value) -> Vec<Value> {
    let port = |port: &Value| {
        let mut new = fields(port, &[("name", "id"), ("kind", "protocol"), ("speed", "link_speed"), ("port", "port")]);
        new.extend(fields(
            card,
            &[
                ("firmware", "firmware_version"),
                ("pci_address", "pci_address"),
                ("numa_node", "numa_node"),
                ("usb_address", "usb_address"),
            ],
        ));
        new.insert("model".to_owned(), model(card).into());
        if let Some(has_link) = port["link_detected"].as_bool() {
            new.insert("state".to_owned(), if has_link { "up" } else { "down" }.into());
        }
        if let Some(functions) = card["sriov"]["maximum_vfs"].as_u64() {
            new.insert("virtual_functions".to_owned(), json!({"possible": functions}));
        }
        Value::Object(new)
    };
    list(&card["ports"]).map(port).collect()
}

fn card(card: &Value) -> Value {
    let mut new = fields(
        card,
        &[
            ("driver", "driver"),
            ("driver_version", "driver_version"),
            ("pci_address", "pci_address"),
            ("numa_node", "numa_node"),
        ],
    );
    new.extend(names(card));
    Value::Object(new)
}

/// Vendor and product by name, or by number where the region does not know the name.
fn names(device: &Value) -> Map<String, Value> {
    let mut names = fields(device, &[("vendor", "vendor_id"), ("product", "product_id")]);
    names.extend(fields(device, &[("vendor", "vendor"), ("product", "product")]));
    names
}

fn function(device: &Value) -> Value {
    let mut new = fields(device, &[("address", "pci_address"), ("driver", "driver"), ("numa_node", "numa_node")]);
    new.extend(names(device));
    if let (Some(vendor), Some(product)) = (device["vendor_id"].as_str(), device["product_id"].as_str()) {
        new.insert("ids".to_owned(), format!("{vendor}:{product}").into());
    }
    Value::Object(new)
}

#[cfg(test)]
mod tests {
    use super::super::{Figures, Machine, Siblings};
    use super::*;

    fn region() -> Value {
        json!({"resources": {
            "system": {"vendor": "Acme", "product": "R1", "firmware": {"version": "2.4"}},
            "cpu": {"architecture": "x86_64", "sockets": [{"socket": 0, "name": "Fast", "cores": [
                {"core": 0, "threads": [{"id": 0, "numa_node": 0, "online": true}, {"id": 1, "numa_node": 0, "online": false}]}]}]},
            "memory": {"total": 274_877_906_944_u64, "nodes": []},
            "storage": {"disks": [{"id": "nvme0n1", "type": "nvme-subsystem", "model": "X", "size": 7_681_501_126_656_u64, "rpm": 0, "firmware_version": "1"}]},
            "network": {"cards": [{"vendor": "Maker", "product": "Card", "pci_address": "0000:01:00.0", "firmware_version": "22.1", "sriov": {"maximum_vfs": 8},
                "ports": [{"id": "eth0", "port": 0, "protocol": "ethernet", "link_detected": true, "link_speed": 25000}]}]},
            "gpu": {"cards": []}, "pci": {"devices": []},
        }, "environment": {"server_name": "node-7"}})
    }

    #[test]
    fn what_a_region_knows_is_judged_and_what_it_does_not_tell_is_unknown() {
        let machine = Machine::of(&region()).expect("an inventory");
        assert_eq!(machine.name, "node-7");
        let judge = |text: &str| {
            let profile =
                super::super::Profile::parse(&format!("schema = 1\nname = \"x\"\n{text}")).expect("a profile");
            let judged = super::super::judge(&profile, &machine, &Figures::new(), &Siblings::new());
            judged.verdict().word()
        };
        for text in [
            "[cpu]\ncount = 1\ncores = 1\nthreads = 1\noffline = 1\n",
            "[[disk]]\nkind = \"nvme\"\nsize = \"7.68 TB\"\nfirmware = \"1\"\n",
            "[[nic]]\nspeed = \"25 Gbit/s\"\nstate = \"up\"\nmodel = \"Maker Card\"\nvirtual_functions = 8\n",
            "[firmware]\nbios = \">=2.3\"\n",
        ] {
            assert_eq!(judge(text), "accepted", "{text}");
        }
        for text in [
            "[[memory]]\ncount = 1\n",
            "[[psu]]\ncount = 2\n",
            "[settings]\nbmc = false\n",
            "[settings]\niommu = false\n",
            "[settings]\ntpm = \"none\"\n",
            "[[controller]]\ncount = 0\n",
        ] {
            assert_eq!(judge(text), "incomplete", "{text}");
        }
        assert!(Machine::of(&json!({"resources": {}})).is_err());
    }
}
