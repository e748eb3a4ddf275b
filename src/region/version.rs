//! Which version of MAAS a region is.

use std::time::Duration;

use reqwest::redirect::Policy;

use super::Client;
use crate::http;
use crate::script::RegionVersion;

/// Redirects that are followed.
const MOST_HOPS: usize = 3;
/// An answer is not longer than this.
const LONGEST: usize = 64 << 10;

impl Client {
    /// Asks for the version, once and for at most `limit`; `None` where that is not to be learnt. The question carries no credentials. A
    /// redirect to another host is not followed: a rack answers so for a region with TLS, and names itself (contract VERSIONS, §7).
    pub async fn version(&self, limit: Duration) -> Option<RegionVersion> {
        match tokio::time::timeout(limit, self.ask_version()).await {
            Ok(Ok(version)) => Some(version),
            Ok(Err(reason)) => {
                tracing::info!(reason, "the region does not tell its version: it counts as the newest");
                None
            }
            Err(_) => None,
        }
    }

    async fn ask_version(&self) -> Result<RegionVersion, String> {
        let url = self.options.metadata_url.join("../api/2.0/version/").map_err(|error| error.to_string())?;
        let home = url.host_str().map(str::to_owned);
        let stay = Policy::custom(move |attempt| {
            let is_home = attempt.url().host_str() == home.as_deref();
            if is_home && attempt.previous().len() <= MOST_HOPS { attempt.follow() } else { attempt.stop() }
        });
        let builder = http::builder(self.options.ca_file.as_deref()).map_err(|error| error.to_string())?;
        let builder = if self.options.direct { builder.no_proxy() } else { builder };
        let client = builder.redirect(stay).build().map_err(|error| http::innermost(&error))?;
        let mut answer = client.get(url).send().await.map_err(|error| http::innermost(&error))?;
        if !answer.status().is_success() {
            return Err(format!("HTTP {}", answer.status().as_u16()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| http::innermost(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LONGEST {
                return Err("its answer is too long".to_owned());
            }
        }
        let document: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        let text = document["version"].as_str().ok_or("its answer has no version")?;
        text.parse().map_err(|error: crate::script::NoVersion| error.to_string())
    }
}
