//! Servers as their inventories tell of them: one for each profile in `docs/profiles`, which accepts it as it is.

use serde_json::{Value, json};

/// A thread of each core, so that nodes are told.
fn sockets(count: u64, nodes_per_socket: u64) -> Value {
    let core = |socket: u64, node: u64| json!({"core": node, "threads": [{"id": socket * 8 + node, "numa_node": socket * nodes_per_socket + node, "online": true}]});
    let socket = |socket: u64| json!({"socket": socket, "cores": (0..nodes_per_socket).map(|node| core(socket, node)).collect::<Vec<_>>()});
    (0..count).map(socket).collect()
}

fn server(vendor: &str, product: &str, (count, model, cores): (u64, &str, u64)) -> Value {
    let package = |socket: u64| {
        json!({"identity": format!("cpu:{socket}"), "socket": socket, "model": model, "vendor": "GenuineIntel", "cores": cores,
            "threads": cores * 2})
    };
    json!({
        "form": 1,
        "hostname": "node-1",
        "machine_resources": {"resources": {
            "cpu": {"architecture": "x86_64", "sockets": sockets(count, 1)},
            "system": {"vendor": vendor, "product": product, "sku": "", "firmware": {"version": "2.4.4", "vendor": "x", "date": ""}},
        }},
        "processors": {"packages": (0..count).map(package).collect::<Vec<_>>(), "microcode": ["0x2b000571"], "offline": []},
        "memory": {"total": 274_877_906_944_u64, "boards": [{"error_correction": "multi-bit ECC", "slots": 32}], "dimms": []},
        "disks": [], "storage_controllers": [], "arrays": [], "interfaces": [], "pci": [], "gpus": [], "power_supplies": [],
        "trust": {"uefi": true, "secure_boot": true, "tpms": [{"name": "tpm0", "version": 2}]},
        "bmc": {"firmware": "7.10"},
        "firmware": [], "gaps": [],
    })
}

fn push(server: &mut Value, list: &str, device: Value) {
    server.pointer_mut(list).and_then(Value::as_array_mut).expect("a list").push(device);
}

/// A PCI function with a link.
fn function(server: &mut Value, address: &str, (width, speed): (u64, &str), slot: &str) {
    let link = json!({"speed": speed, "maximum_speed": speed, "width": width, "maximum_width": width});
    push(
        server,
        "/pci",
        json!({"address": address, "vendor": "Maker", "product": "Card", "ids": "1:2", "class": "020000", "slot": slot,
        "numa_node": 0, "iommu_group": 7, "link": link}),
    );
}

fn module(slot: &str, gib: u64) -> Value {
    json!({"slot": slot, "bank": "", "size": gib << 30, "kind": "DDR5", "speed": 4800, "configured_speed": 4400, "ranks": 2, "ecc": true,
        "part": "M321R8GA0BB0", "manufacturer": "Samsung", "serial": format!("S{slot}")})
}

/// A compute server.
pub(crate) fn compute() -> Value {
    let mut server = server("Dell Inc.", "PowerEdge R760", (2, "Intel(R) Xeon(R) Gold 6430", 32));
    for bank in ["A", "B"] {
        for number in 1..=16 {
            // Sixteen slots of each are there, and half of them hold a module.
            let slot = format!("{bank}{number}");
            push(
                &mut server,
                "/memory/dimms",
                if number <= 8 { module(&slot, 64) } else { json!({"slot": slot, "size": 0}) },
            );
        }
    }
    for bay in 0..8 {
        let address = format!("0000:{:02x}:00.0", 0x41 + bay);
        function(&mut server, &address, (4, "16.0 GT/s PCIe"), "");
        let (model, firmware) = if bay < 5 { ("KCD8XPUG7T68", "0107") } else { ("MZQL27T6HBLA-00A07", "GDC5702Q") };
        push(
            &mut server,
            "/disks",
            json!({"name": format!("nvme{bay}n1"), "kind": "nvme", "model": model, "firmware": firmware,
            "size": 7_681_501_126_656_u64, "rotational": false, "numa_node": 0, "place": format!("pci-{address}-nvme-1"),
            "bay": bay.to_string(), "controller": address, "removable": false, "state": "live"}),
        );
    }
    for number in 1..=2 {
        push(
            &mut server,
            "/disks",
            json!({"name": format!("sd{number}"), "kind": "sata", "model": "DELLBOSS-N1 480", "firmware": "1.0",
            "size": 480_103_981_056_u64, "rotational": false, "numa_node": 0, "place": format!("pci-0000:01:00.0-ata-{number}.0"),
            "removable": false}),
        );
    }
    for (address, slot, node) in [("0000:51:00.0", "3", 0), ("0000:a1:00.0", "6", 1)] {
        function(&mut server, address, (16, "16.0 GT/s PCIe"), slot);
        push(
            &mut server,
            "/interfaces",
            json!({"name": format!("ens{slot}"), "kind": "ethernet", "model": "Mellanox MT2892 Family [ConnectX-6 Dx]",
            "firmware": "22.41.1000 (MT_0000000437)", "speed": 100_000, "maximum_speed": 100_000, "link": true, "state": "up", "port": 0,
            "pci_address": address, "slot": slot, "numa_node": node, "virtual_functions": {"enabled": 0, "possible": 8}}),
        );
    }
    for port in 0..2 {
        let address = format!("0000:04:00.{port}");
        function(&mut server, &address, (1, "5.0 GT/s PCIe"), "");
        push(
            &mut server,
            "/interfaces",
            json!({"name": format!("eno{port}"), "kind": "ethernet", "model": "Broadcom NetXtreme BCM5720",
            "firmware": "21.80", "maximum_speed": 1000, "link": false, "state": "down", "port": 0, "pci_address": address, "numa_node": 0}),
        );
    }
    for number in 1..=2 {
        push(
            &mut server,
            "/power_supplies",
            json!({"name": format!("PSU.{number}"), "kind": "supply", "location": format!("bay {number}"),
            "watts": 1400, "state": "ok", "model": "PWR SPLY,1400W"}),
        );
    }
    server
}

/// A storage server.
pub(crate) fn storage() -> Value {
    let mut server = server("Supermicro", "SSG-640SP-E1CR60", (1, "Intel(R) Xeon(R) Gold 5318Y", 24));
    (1..=8).for_each(|number| push(&mut server, "/memory/dimms", module(&format!("P1-DIMM{number}"), 32)));
    function(&mut server, "0000:31:00.0", (8, "16.0 GT/s PCIe"), "2");
    push(
        &mut server,
        "/storage_controllers",
        json!({"name": "host0", "kind": "raid", "driver": "mpt3sas", "model": "Broadcom SAS3816 / SAS38xx",
        "firmware": "24.00.00.00", "pci_address": "0000:31:00.0", "state": "running"}),
    );
    for bay in 0..60 {
        push(
            &mut server,
            "/disks",
            json!({"name": format!("sd{bay}"), "kind": "scsi", "model": "ST20000NM007D-3DJ103", "vendor": "SEAGATE",
            "firmware": if bay % 2 == 0 { "SN01" } else { "SN03" }, "size": 20_000_588_955_648_u64, "rotational": true, "numa_node": 0,
            "place": format!("pci-0000:31:00.0-sas-phy{bay}-lun-0"), "enclosure": "0", "bay": bay.to_string(), "controller": "0000:31:00.0",
            "removable": false, "state": "running"}),
        );
    }
    for port in 1..=2 {
        push(
            &mut server,
            "/disks",
            json!({"name": format!("boot{port}"), "kind": "sata", "model": "SAMSUNG MZ7L3480", "firmware": "JXTC304Q",
            "size": 480_103_981_056_u64, "rotational": false, "numa_node": 0, "place": format!("pci-0000:00:17.0-ata-{port}.0"),
            "removable": false, "state": "running"}),
        );
    }
    server
}

/// A GPU server.
pub(crate) fn gpu() -> Value {
    let mut server = server("NVIDIA", "DGX HGX H100", (2, "Intel(R) Xeon(R) Platinum 8468", 48));
    (1..=32).for_each(|number| push(&mut server, "/memory/dimms", module(&format!("D{number}"), 64)));
    for number in 0..8_u64 {
        let (card, port) = (format!("0000:{:02x}:00.0", 0x60 + number), format!("0000:{:02x}:00.0", 0x70 + number));
        function(&mut server, &card, (16, "32.0 GT/s PCIe"), &format!("G{number}"));
        function(&mut server, &port, (16, "32.0 GT/s PCIe"), "");
        push(
            &mut server,
            "/gpus",
            json!({"name": format!("card{number}"), "vendor": "NVIDIA Corporation", "product": "GH100 [H100 SXM5 80GB]",
            "memory": 85_520_809_984_u64, "driver": "nvidia", "driver_version": "550.90.07", "pci_address": card, "slot": format!("G{number}"),
            "numa_node": number / 4}),
        );
        push(
            &mut server,
            "/interfaces",
            json!({"name": format!("ib{number}"), "kind": "infiniband", "model": "Mellanox MT2910 Family [ConnectX-7]",
            "firmware": "28.39", "speed": 400_000, "maximum_speed": 400_000, "link": true, "state": "up", "port": 0, "pci_address": port,
            "numa_node": number / 4}),
        );
    }
    server
}
