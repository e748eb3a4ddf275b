//! Addresses in a text: Internet addresses, and the names of iSCSI and NVMe targets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// Internet addresses, with or without a port. Eight pairs of digits are a world-wide name.
pub(super) fn internet(text: &str) -> Vec<(Range<usize>, IpAddr)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == ':' || c == '.';
    let mut found = Vec::new();
    let mut start = 0;
    for run in text.split_inclusive(|c: char| !is_part(c)) {
        let token = run.trim_end_matches(|c: char| !is_part(c) || c == '.');
        found.extend(address(token).map(|(at, ip)| (start + at.start..start + at.end, ip)));
        start += run.len();
    }
    found
}

/// The address in a token such as `10.0.0.1:3260`, `target:fe80::1`.
fn address(token: &str) -> Option<(Range<usize>, IpAddr)> {
    let is_name = token.split(':').count() == 8 && token.split(':').all(|part| part.len() == 2);
    if !token.contains([':', '.']) || is_name {
        return None;
    }
    let starts = || std::iter::once(0).chain(token.match_indices(':').map(|(at, _)| at + 1));
    let six = starts().find_map(|start| {
        let text = token[start..].trim_end_matches(':');
        let text = if token[start..].ends_with("::") { &token[start..] } else { text };
        let ip: Ipv6Addr = text.parse().ok()?;
        Some((start..start + text.len(), IpAddr::V6(ip)))
    });
    six.or_else(|| {
        starts().find_map(|start| {
            let part = token[start..].split(':').next()?;
            let ip: Ipv4Addr = part.parse().ok()?;
            Some((start..start + part.len(), IpAddr::V4(ip)))
        })
    })
}

/// Names of targets (`iqn.…`, `nqn.…`), to the end of the word.
pub(super) fn targets(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let mut found: Vec<Range<usize>> = Vec::new();
    for (start, _) in lower.match_indices("qn.") {
        let is_name = start > 0
            && matches!(lower.as_bytes()[start - 1], b'i' | b'n')
            && !lower[..start - 1].ends_with(|c: char| c.is_ascii_alphanumeric());
        if is_name && found.last().is_none_or(|last| last.end <= start) {
            let rest = &text[start..];
            let length =
                rest.find(|c: char| c.is_whitespace() || c == '"' || c == ',' || c == '/').unwrap_or(rest.len());
            found.push(start - 1..start + length);
        }
    }
    found
}

/// True if an address is the same on every machine: loopback, none, a netmask.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let bits = u32::from(v4);
            v4.is_loopback() || v4.octets()[0] == 0 || bits.leading_ones() + bits.trailing_zeros() >= 32
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internet_addresses_are_found_in_every_context() {
        let found = |text: &str| internet(text).into_iter().map(|(at, _)| text[at].to_owned()).collect::<Vec<_>>();
        assert_eq!(found("traddr=10.99.88.77,trsvcid=4420"), ["10.99.88.77"]);
        assert_eq!(found("ip-10.77.66.55:3260-iscsi"), ["10.77.66.55"]);
        assert_eq!(found("[2001:db8::7]:80 fe80::1%eth0, ::1."), ["2001:db8::7", "fe80::1", "::1"]);
        assert_eq!(
            found("0000:00:1f.2 0:0:0:0 12:34:56 52:54:00:12:34:56 00:11:22:33:44:55:66:77 1.2.3 90.02.17.00"),
            [""; 0]
        );
    }

    #[test]
    fn names_of_targets_end_with_their_word() {
        let text = "ip-iqn.2001-05.com.acme:storage.db-lun-0 \"NQN.2014-08.org.x:y\", inqn.z";
        let found: Vec<&str> = targets(text).into_iter().map(|at| &text[at]).collect();
        assert_eq!(found, ["iqn.2001-05.com.acme:storage.db-lun-0", "NQN.2014-08.org.x:y"]);
    }
}
