//! Machines that are in use already, by an administrator's hand (contract REGION, "Enlistment and registration").

use reqwest::multipart::Form;

use super::enlist::read;
use super::{Client, Error, Secret};

/// The credentials of a deployed machine.
#[derive(Clone, Debug)]
pub struct MachineToken {
    /// Consumer key.
    pub consumer_key: String,
    /// Token key.
    pub token_key: Secret,
    /// Token secret.
    pub token_secret: Secret,
}

impl Client {
    /// Adds a machine that is deployed already, once: a second time its name is taken. What the region calls it.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn register_deployed(&self, hostname: &str) -> Result<String, Error> {
        let url = self.resource("api/2.0/machines/")?;
        let form = || Form::new().text("hostname", hostname.to_owned()).text("deployed", "true");
        let body = self.small(&url, |url| Ok(self.http.post(url).multipart(form()))).await?;
        let machine = read(&self.shown(&url), &body)?;
        let id = machine["system_id"].as_str().filter(|id| is_system_id(id));
        id.map(str::to_owned).ok_or_else(|| Error::Unusable("it does not say what the machine is called".to_owned()))
    }

    /// The credentials of a machine; `None` when it has none.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn machine_token(&self, system_id: &str) -> Result<Option<MachineToken>, Error> {
        if !is_system_id(system_id) {
            return Err(Error::Setup(format!("{system_id:?} is no system id: those are short words, such as s8wyar")));
        }
        let answer = self.api(&format!("machines/{system_id}/"), &[("op".to_owned(), "get_token".to_owned())]).await?;
        if answer.is_null() {
            return Ok(None);
        }
        let part = |key: &str| {
            let text = answer[key].as_str().filter(|text| !text.is_empty());
            text.map(str::to_owned).ok_or_else(|| Error::Unusable(format!("it has no {key}")))
        };
        Ok(Some(MachineToken {
            consumer_key: part("consumer_key")?,
            token_key: Secret::new(part("token_key")?),
            token_secret: Secret::new(part("token_secret")?),
        }))
    }

    /// Where a machine reports to; a deployed machine's configuration names it.
    ///
    /// # Errors
    /// When there is no such address.
    pub fn status_endpoint(&self, system_id: &str) -> Result<String, Error> {
        let metadata = &self.options.metadata_url;
        let url = metadata.join(&format!("status/{system_id}"));
        url.map(String::from).map_err(|error| Error::Setup(format!("{metadata}: {error}")))
    }
}

/// What may stand in an address.
pub(super) fn is_system_id(text: &str) -> bool {
    (1..=41).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
