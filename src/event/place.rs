//! The part of a query for events that is about where a node is (contract REGION, corrections 14).

/// Where a node is in its region, and how it is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Name of its zone.
    pub zone: String,
    /// Name of its resource pool.
    pub pool: String,
    /// Name of its domain.
    pub domain: String,
    /// Who asked for it, in their own word.
    pub agent_name: String,
    /// Addresses of its interfaces, in lower case with colons.
    pub macs: Vec<String>,
}

/// What a query wants of a node's place; what is `None` or empty is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlaceFilter {
    zone: Option<String>,
    pool: Option<String>,
    domain: Option<String>,
    agent_name: Option<String>,
    macs: Vec<String>,
}

impl PlaceFilter {
    /// Of what a query says of each of its parameters, and the addresses in it.
    pub(super) fn new(one: impl Fn(&str) -> Option<String>, macs: &[String]) -> Self {
        PlaceFilter {
            zone: one("zone"),
            pool: one("pool"),
            domain: one("domain"),
            agent_name: one("agent_name"),
            macs: macs.iter().filter_map(|mac| normal_mac(mac)).collect(),
        }
    }

    /// The first of the parameters that are given, of those that only a region can answer.
    #[must_use]
    pub fn given(&self) -> Option<&'static str> {
        let named = [
            ("zone", self.zone.is_some()),
            ("pool", self.pool.is_some()),
            ("domain", self.domain.is_some()),
            ("agent_name", self.agent_name.is_some()),
            ("mac_address", !self.macs.is_empty()),
        ];
        named.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name)
    }

    /// True if a node at that place is meant. A name that no place has fits none, and so does an empty one.
    #[must_use]
    pub fn fits(&self, place: &Place) -> bool {
        let is =
            |wanted: &Option<String>, own: &str| wanted.as_ref().is_none_or(|name| !name.is_empty() && name == own);
        is(&self.zone, &place.zone)
            && is(&self.pool, &place.pool)
            && is(&self.domain, &place.domain)
            && is(&self.agent_name, &place.agent_name)
            && (self.macs.is_empty() || self.macs.iter().any(|mac| place.macs.contains(mac)))
    }
}

/// An address in lower case with colons; `None` if it is none.
pub(super) fn normal_mac(text: &str) -> Option<String> {
    let mac = text.to_ascii_lowercase().replace('-', ":");
    let parts: Vec<&str> = mac.split(':').collect();
    let is_byte = |part: &&str| part.len() == 2 && part.chars().all(|c| c.is_ascii_hexdigit());
    (parts.len() == 6 && parts.iter().all(is_byte)).then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_fits_by_its_names_and_an_empty_name_fits_none() {
        let place = Place { zone: "default".into(), macs: vec!["52:54:00:aa:00:01".into()], ..Place::default() };
        let fits = |query: &str| {
            let pairs: Vec<(String, String)> =
                query.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect();
            crate::event::EventQuery::parse(&pairs).expect("valid").place.fits(&place)
        };
        assert!(fits("zone=default") && fits("mac_address=52-54-00-AA-00-01") && fits(""));
        assert!(!fits("zone=") && !fits("zone=default&zone=nowhere") && !fits("agent_name="));
    }
}
