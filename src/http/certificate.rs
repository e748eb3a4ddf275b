//! What of a certificate is looked at beside the check itself: whose it is, how long it lasts, how long its key is (RFC 5280, 4.1), and what
//! `OpenSSL` adds to one that is trusted.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const SEQUENCE: u8 = 0x30;
const FIRST_OPTION: u8 = 0xa0;

/// 1.2.840.113549.1.1.1
const RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
/// 1.3.6.1.5.5.7.3.1, serverAuth
const FOR_SERVERS: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x03\x01";
/// 2.5.29.37.0, anyExtendedKeyUsage
const FOR_ANYTHING: &[u8] = b"\x55\x1d\x25\x00";

/// An element of DER: its tag, its content, and what follows it (ITU-T X.690, 8.1).
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Element<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let (tag, short) = (*der.first()?, usize::from(*der.get(1)?));
        let (start, length) = if short < 0x80 {
            (2, short)
        } else {
            let count = short & 0x7f;
            let bytes = der.get(2..2 + count).filter(|_| count <= 4)?;
            (2 + count, bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
        };
        let end = start.checked_add(length)?;
        Some(Element { tag, content: der.get(start..end)?, rest: &der[end..] })
    }

    fn of(der: &'a [u8], tag: u8) -> Option<Self> {
        Element::read(der).filter(|element| element.tag == tag)
    }
}

/// The first DER element and what follows it.
pub(super) fn first_element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = Element::read(der)?.rest;
    Some(der.split_at(der.len() - rest.len()))
}

/// The parts of a certificate that are looked at.
pub(super) struct Certificate<'a> {
    /// Who signed it, in DER.
    pub(super) issuer: &'a [u8],
    /// Whose it is, in DER.
    pub(super) subject: &'a [u8],
    /// Its last second, since 1970.
    pub(super) not_after: Option<i64>,
    key: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// `None` of what has not the form of a certificate.
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let content = Element::of(Element::of(der, SEQUENCE)?.content, SEQUENCE)?.content;
        let version = Element::of(content, FIRST_OPTION).map_or(content, |version| version.rest);
        let serial = Element::of(version, INTEGER)?;
        let algorithm = Element::of(serial.rest, SEQUENCE)?;
        let issuer = Element::of(algorithm.rest, SEQUENCE)?;
        let validity = Element::of(issuer.rest, SEQUENCE)?;
        let subject = Element::of(validity.rest, SEQUENCE)?;
        let key = Element::of(subject.rest, SEQUENCE)?;
        let not_after = Element::read(validity.content).and_then(|from| seconds(&Element::read(from.rest)?));
        Some(Certificate { issuer: issuer.content, subject: subject.content, not_after, key: key.content })
    }

    /// The length of an RSA key; `None` of another kind of key.
    pub(super) fn rsa_bits(&self) -> Option<usize> {
        let algorithm = Element::of(self.key, SEQUENCE)?;
        if Element::of(algorithm.content, OBJECT)?.content != RSA {
            return None;
        }
        let bits = Element::of(algorithm.rest, BIT_STRING)?.content;
        let modulus = Element::of(Element::of(bits.get(1..)?, SEQUENCE)?.content, INTEGER)?.content;
        let first = modulus.iter().position(|byte| *byte != 0)?;
        Some((modulus.len() - first) * 8 - modulus[first].leading_zeros() as usize)
    }
}

/// A time of a certificate (RFC 5280, 4.1.2.5).
fn seconds(time: &Element<'_>) -> Option<i64> {
    let text = std::str::from_utf8(time.content).ok()?.strip_suffix('Z').filter(|text| text.is_ascii())?;
    let (year, rest) = text.split_at_checked(if time.tag == UTC_TIME { 2 } else { 4 })?;
    let year: i16 = year.parse().ok()?;
    let year = match time.tag {
        UTC_TIME if year < 50 => year + 2000,
        UTC_TIME => year + 1900,
        _ => year,
    };
    let number = |index: usize| rest.get(index * 2..index * 2 + 2)?.parse::<i8>().ok();
    let time = DateTime::new(year, number(0)?, number(1)?, number(2)?, number(3)?, number(4)?, 0).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

/// True if what `OpenSSL` adds to a certificate lets it vouch for servers: it names no purposes, or that one (`X509_CERT_AUX`, openssl-x509(1),
/// `-addtrust` and `-addreject`).
pub(super) fn vouches_for_servers(added: &[u8]) -> bool {
    let Some(added) = Element::of(added, SEQUENCE) else { return true };
    let trusted = Element::of(added.content, SEQUENCE);
    let behind = trusted.as_ref().map_or(added.content, |trusted| trusted.rest);
    let is_rejected = Element::of(behind, FIRST_OPTION).is_some_and(|rejected| names_servers(rejected.content));
    !is_rejected && trusted.is_none_or(|trusted| trusted.content.is_empty() || names_servers(trusted.content))
}

fn names_servers(mut purposes: &[u8]) -> bool {
    while let Some(purpose) = Element::read(purposes) {
        if [FOR_SERVERS, FOR_ANYTHING].contains(&purpose.content) {
            return true;
        }
        purposes = purpose.rest;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_that_is_longer_than_the_data_is_none() {
        assert_eq!(first_element(&[0x30, 0x82, 0xff, 0xff, 0]), None);
        assert_eq!(first_element(&[0x30]), None);
        assert_eq!(first_element(&[0x30, 0x85, 1, 1, 1, 1, 1]), None);
        assert_eq!(first_element(&[0x30, 1, 5, 9]), Some((&[0x30, 1, 5][..], &[9][..])));
    }

    #[test]
    fn times_of_certificates_are_read_in_both_forms() {
        let of = |tag, text: &str| seconds(&Element { tag, content: text.as_bytes(), rest: &[] });
        assert_eq!(of(UTC_TIME, "700101000001Z"), Some(1));
        assert_eq!(of(UTC_TIME, "491231235959Z"), of(0x18, "20491231235959Z"));
        assert_eq!(of(UTC_TIME, "500101000000Z"), Some(-631_152_000), "RFC 5280, 4.1.2.5.1: 1950");
        assert_eq!(of(0x18, "20210101000000Z"), Some(1_609_459_200));
        assert_eq!(of(UTC_TIME, "991301000000Z"), None);
        assert_eq!(of(UTC_TIME, "9901010000"), None);
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        for der in [&b""[..], b"\x30\x00", b"\x30\x02\x30\x00", b"\x30\x05\x30\x03\x02\x01\x05"] {
            assert!(Certificate::read(der).is_none());
        }
    }
}
