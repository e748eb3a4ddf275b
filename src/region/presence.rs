//! Whether the region is there at all: what has to be known after the network was changed.

use std::time::Duration;

use super::exchange::not_the_region;
use super::{Client, Error};

impl Client {
    /// Asks whether the region is there, once and for at most `limit`. One that refuses the credentials is.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn answers(&self, limit: Duration) -> Result<(), Error> {
        let url = self.metadata("")?;
        let asked = tokio::time::timeout(limit, self.fetch_small(&url)).await;
        match asked {
            // A captive portal's.
            Ok(Ok(page)) if page.trim_ascii_start().starts_with(b"<") => {
                Err(not_the_region(&self.shown(&url), "a web page in place of the metadata service".to_owned()))
            }
            Ok(Ok(_) | Err(Error::Unauthorized { .. } | Error::ClockSkew { .. } | Error::SignAgain)) => Ok(()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::BrokenOff {
                url: self.shown(&url).0,
                reason: format!("no answer within {} s", limit.as_secs()),
            }),
        }
    }
}
