//! Processor packages: what the kernel says of a socket, and what SMBIOS (type 4) says of what sits in it.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::Socket;
use super::super::cpu::names_by_processor;
use super::super::smbios::{self, Structure};
use super::super::survey::Survey;
use super::identity::is_placeholder;

/// A processor package.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct Package {
    /// The serial number where the maker gives one, else model and socket.
    pub identity: String,
    /// The kernel's number of the socket.
    pub socket: u64,
    /// Name of the socket on the board.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub slot: String,
    /// Model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Maker.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vendor: String,
    /// Cores in use.
    pub cores: u64,
    /// Threads in use.
    pub threads: u64,
    /// Cores that the package has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cores_fitted: Option<u64>,
    /// The most MHz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_speed: Option<u64>,
    /// Serial number; few makers give one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// Part number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub part: String,
}

/// The packages, and how many the firmware says are fitted.
pub(super) fn collect(survey: &Survey<'_>, sockets: &[Socket], some_are_off: bool) -> (Vec<Package>, Option<u64>) {
    let mut sockets = named(survey, sockets);
    let table = smbios::table(survey);
    let structures = smbios::structures(&table);
    // Central processors in sockets that are not empty (SMBIOS 3.4, table 21 and 24), in the board's order.
    let is_fitted = |structure: &&Structure<'_>| {
        structure.kind == 4
            && structure.byte(0x05) == Some(3)
            && structure.byte(0x18).is_some_and(|status| status & 0x40 != 0)
    };
    let described: Vec<&Structure<'_>> = structures.iter().filter(is_fitted).collect();
    // Whose is which is only sure when there are as many of each.
    let fitted = (!described.is_empty()).then_some(described.len() as u64);
    if some_are_off && described.iter().all(|structure| is_enabled(structure)) {
        with_sockets_that_are_off(&mut sockets, described.len());
    }
    let described = if described.len() == sockets.len() { described } else { Vec::new() };
    let packages = sockets.iter().enumerate().map(|(place, socket)| package(socket, described.get(place).copied()));
    (packages.collect(), fitted)
}

/// SMBIOS 3.4, table 21: the processor is there, and the firmware has not switched it off.
fn is_enabled(structure: &Structure<'_>) -> bool {
    structure.byte(0x18).is_some_and(|status| status & 0x07 == 1)
}

/// Adds the sockets of which all threads are switched off: those that the firmware describes beside the ones that are in use. Boards
/// take processors of one model only. Sockets that are not counted from 0 tell nothing of those that are missing.
fn with_sockets_that_are_off(sockets: &mut Vec<Socket>, described: usize) {
    let is_counted = sockets.iter().all(|socket| socket.socket < described as u64);
    let Some(like) = sockets.first().cloned().filter(|_| is_counted && sockets.len() < described) else { return };
    for number in 0..described as u64 {
        if sockets.iter().all(|socket| socket.socket != number) {
            sockets.push(Socket { socket: number, cores: Vec::new(), ..like.clone() });
        }
    }
    sockets.sort_by_key(|socket| socket.socket);
}

/// The sockets with the names of any of their own threads that is in use: the document for a region takes those of the processor with
/// the number of the socket, which may be switched off or another socket's.
fn named(survey: &Survey<'_>, sockets: &[Socket]) -> Vec<Socket> {
    let known = names_by_processor(survey);
    let named = |socket: &Socket| {
        let threads = socket.cores.iter().flat_map(|core| &core.threads);
        let first = threads.filter_map(|thread| known.get(&thread.id)).find(|(_, model)| !model.is_empty());
        let mut socket = socket.clone();
        if let Some((vendor, model)) = first {
            (socket.vendor, socket.name) = (vendor.clone(), model.clone());
        }
        socket
    };
    sockets.iter().map(named).collect()
}

fn package(socket: &Socket, described: Option<&Structure<'_>>) -> Package {
    let text = |offset| described.map(|structure| structure.text(offset)).unwrap_or_default();
    let serial = Some(text(0x20)).filter(|serial| !is_placeholder(serial)).unwrap_or_default();
    let cores_fitted = described.and_then(|structure| match structure.byte(0x23)? {
        0 => None,
        0xff => structure.word(0x2a).map(u64::from),
        cores => Some(cores.into()),
    });
    Package {
        identity: if serial.is_empty() {
            format!("cpu:{}:socket {}", socket.name, socket.socket)
        } else {
            format!("cpu:{}:{serial}", socket.name)
        },
        socket: socket.socket,
        slot: text(0x04),
        model: socket.name.clone(),
        vendor: socket.vendor.clone(),
        cores: socket.cores.len() as u64,
        threads: socket.cores.iter().map(|core| core.threads.len() as u64).sum(),
        cores_fitted,
        maximum_speed: described.and_then(|structure| structure.word(0x14)).filter(|speed| *speed > 0).map(u64::from),
        serial,
        part: text(0x22),
    }
}
