//! What a machine says that the region does not know yet (contract REGION, "Enlistment and registration").

use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use super::exchange::{Shown, not_the_region};
use super::registration::is_system_id;
use super::signal::scrubbed;
use super::{Client, ClientOptions, Credentials, Error};
use crate::script::BmcConfig;

/// A machine that the region has made, or had already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownMachine {
    /// What the region calls it.
    pub system_id: String,
    /// Its status in the region's words, for example `Commissioning`; empty if the region does not tell.
    pub status: String,
}

impl KnownMachine {
    /// Whether it may go on as one that enlists: what another does for a living must not be signalled about.
    #[must_use]
    pub fn is_enlisting(&self) -> bool {
        matches!(self.status.as_str(), "" | "New" | "Commissioning")
    }
}

/// A machine that wants to be known.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMachine {
    /// In Debian's word, for example `amd64`.
    pub architecture: String,
    /// The addresses of its network interfaces.
    pub mac_addresses: Vec<String>,
}

impl Client {
    /// The same region, for a node that it knows now.
    ///
    /// # Errors
    /// As for [`Client::new`].
    pub fn as_node(&self, credentials: Credentials, system_id: String) -> Result<Self, Error> {
        let (credentials, system_id) = (Some(credentials), Some(system_id));
        Client::new(ClientOptions { credentials, system_id, ..self.options.clone() })
    }

    /// How it reaches the region, and as whom.
    #[must_use]
    pub fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// Whether the region has a machine with this address already.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn is_registered(&self, mac_address: &str) -> Result<bool, Error> {
        let mut url = self.resource("api/2.0/machines/")?;
        url.query_pairs_mut().append_pair("op", "is_registered").append_pair("mac_address", mac_address);
        let bytes = self.fetch_small(&url).await?;
        match read(&self.shown(&url), &bytes)? {
            Value::Bool(is_registered) => Ok(is_registered),
            _ => Err(not_the_region(
                &self.shown(&url),
                "neither true nor false to the question whether it has this machine".to_owned(),
            )),
        }
    }

    /// Makes the machine, which begins to be commissioned. The same addresses again are the same machine.
    ///
    /// # Errors
    /// By class of answer. A text that quotes the access to the BMC comes without its secrets.
    pub async fn create_machine(&self, machine: &NewMachine, bmc: Option<&BmcConfig>) -> Result<KnownMachine, Error> {
        let url = self.resource("api/2.0/machines/")?;
        let body = form(&url, machine, bmc);
        let request = |url: Url| {
            let request = self.http.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            Ok(request.body(body.clone()))
        };
        let answered = self.small(&url, request).await;
        let bytes = answered.map_err(|error| scrubbed(bmc, error))?;
        let created = read(&self.shown(&url), &bytes)?;
        let field = |key: &str| created.get(key).and_then(Value::as_str);
        let status = field("status_name").unwrap_or_default().to_owned();
        match field("system_id") {
            Some(id) if is_system_id(id) => Ok(KnownMachine { system_id: id.to_owned(), status }),
            _ => Err(not_the_region(&self.shown(&url), "a machine without a system_id".to_owned())),
        }
    }

    /// The configuration of a machine that was just made, with its credentials: to be kept from every log.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn preseed(&self, system_id: &str) -> Result<Vec<u8>, Error> {
        let mut url = self.resource(&format!("metadata/latest/by-id/{system_id}/"))?;
        url.query_pairs_mut().append_pair("op", "get_preseed");
        let bytes = self.fetch_small(&url).await?;
        unless_page(&self.shown(&url), &bytes).map(|()| bytes)
    }

    /// A page beside the metadata service.
    pub(super) fn resource(&self, path: &str) -> Result<Url, Error> {
        let url = &self.options.metadata_url;
        url.join(&format!("../{path}")).map_err(|error| Error::Setup(format!("{url}: {error}")))
    }
}

/// The form of a new machine. Each address is a field of its own: joined by commas they are a 500.
fn form(url: &Url, machine: &NewMachine, bmc: Option<&BmcConfig>) -> String {
    let addresses = machine.mac_addresses.iter().map(|mac| ("mac_addresses", mac.clone()));
    let power =
        bmc.map(|bmc| [("power_type", bmc.power_type().to_owned()), ("power_parameters", bmc.parameters_json())]);
    let mut form = url.clone();
    form.query_pairs_mut()
        .append_pair("architecture", &machine.architecture)
        .append_pair("commission", "true")
        .extend_pairs(addresses)
        .extend_pairs(power.into_iter().flatten());
    form.query().unwrap_or_default().to_owned()
}

/// JSON, unless a captive portal answered with its page.
pub(super) fn read(at: &Shown, bytes: &[u8]) -> Result<Value, Error> {
    unless_page(at, bytes)?;
    serde_json::from_slice(bytes).map_err(|error| not_the_region(at, format!("no JSON: {error}")))
}

/// A web page with a 200 is not the region's answer: that is still to come.
fn unless_page(at: &Shown, bytes: &[u8]) -> Result<(), Error> {
    let is_page = bytes.trim_ascii_start().starts_with(b"<");
    if is_page { Err(not_the_region(at, "a web page".to_owned())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_a_field_of_its_own() {
        let url = Url::parse("http://r/MAAS/api/2.0/machines/").expect("an address");
        let machine = NewMachine {
            architecture: "amd64".into(),
            mac_addresses: vec!["52:54:00:00:00:01".into(), "52:54:00:00:00:02".into()],
        };
        let expected = "architecture=amd64&commission=true&mac_addresses=52%3A54%3A00%3A00%3A00%3A01&\
                        mac_addresses=52%3A54%3A00%3A00%3A00%3A02";
        assert_eq!(form(&url, &machine, None), expected);
        let bmc = BmcConfig::parse(b"power_type: ipmi\npower_pass: a&b\n").expect("a BMC");
        let power = form(&url, &machine, Some(&bmc)).split_off(expected.len());
        assert_eq!(power, "&power_type=ipmi&power_parameters=%7B%22power_pass%22%3A%22a%26b%22%7D");
    }
}
