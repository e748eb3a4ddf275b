//! An administrator's files and scripts in a region (contract ADOPTION, §2 and §3; recorded: "files API", "scripts API").

use base64::Engine as _;
use reqwest::Url;
use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use serde_json::Value;

use super::enlist::read;
use super::exchange::{Accepts, not_the_region, whole};
use super::{Client, Error};

/// Most bytes that are read of a file, or of the list of scripts with their contents.
const LARGEST: usize = 64 << 20;
/// Most bytes of a file that fit in one request with its envelope: the region's web server refuses more than 10 MB.
pub const LARGEST_FILE: usize = (10 << 20) - (64 << 10);

/// A file in a region.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StoredFile {
    /// The file's name.
    #[serde(rename = "filename")]
    pub name: String,
    /// The path on the region where the file can be fetched without credentials. Stays the same when the content is replaced.
    #[serde(rename = "anon_resource_uri")]
    pub address: String,
}

/// A script in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredScript {
    /// The script's name.
    pub name: String,
    /// The region's name of the script's type, for example `Testing script`.
    pub type_name: String,
    /// The script's tags.
    pub tags: Vec<String>,
    /// True if the script came with the region, which neither changes nor deletes it.
    pub is_built_in: bool,
    /// The content of the newest version; empty if the region does not show it.
    pub content: Vec<u8>,
    /// The content of the version before it; empty if there is none.
    pub previous: Vec<u8>,
    /// The comment with which the newest version was uploaded; empty if there is none.
    pub comment: String,
    /// The number of versions.
    pub versions: usize,
}

impl StoredScript {
    fn read(value: &Value) -> Option<StoredScript> {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let history = value["history"].as_array().map(Vec::as_slice).unwrap_or_default();
        let newest = history.first();
        let content = |index: usize| {
            let data = history.get(index).and_then(|version| version["data"].as_str()).unwrap_or_default();
            base64::engine::general_purpose::STANDARD.decode(data).unwrap_or_default()
        };
        Some(StoredScript {
            name: value["name"].as_str()?.to_owned(),
            type_name: text("type_name"),
            tags: value["tags"].as_array()?.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect(),
            is_built_in: value["default"].as_bool().unwrap_or_default(),
            content: content(0),
            previous: content(1),
            comment: newest.and_then(|version| version["comment"].as_str()).unwrap_or_default().to_owned(),
            versions: history.len(),
        })
    }
}

impl Client {
    /// The files whose names begin with `prefix`.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn files(&self, prefix: &str) -> Result<Vec<StoredFile>, Error> {
        let mut url = self.resource("api/2.0/files/")?;
        url.query_pairs_mut().append_pair("prefix", prefix);
        let value = self.document(&url, |url| self.http.get(url)).await?;
        serde_json::from_value(value)
            .map_err(|error| not_the_region(&self.shown(&url), format!("no list of files: {error}")))
    }

    /// The content of a file, fetched by its address without credentials.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn file_content(&self, file: &StoredFile) -> Result<Vec<u8>, Error> {
        let url = self
            .options
            .metadata_url
            .join(&file.address)
            .map_err(|error| Error::Setup(format!("{}: {error}", file.address)))?;
        let limit = self.options.request_timeout;
        let response = self.send(&url, Accepts::Document, |url| Ok(self.http.get(url).timeout(limit))).await?;
        whole(&self.shown(&url), response, LARGEST).await
    }

    /// Uploads a file; replaces the content of a file of the same name.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn upload_file(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        let url = self.resource("api/2.0/files/")?;
        let form = || {
            let part = Part::bytes(content.to_vec()).file_name(name.to_owned());
            Form::new().text("filename", name.to_owned()).part("file", part)
        };
        let limit = self.options.request_timeout;
        let request = |url: Url| Ok(self.http.post(url).timeout(limit).multipart(form()));
        self.send(&url, Accepts::Made, request).await.map(drop)
    }

    /// Deletes a file.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn delete_file(&self, name: &str) -> Result<(), Error> {
        self.delete(&self.resource(&format!("api/2.0/files/{name}/"))?).await
    }

    /// All scripts with their newest content.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn scripts(&self) -> Result<Vec<StoredScript>, Error> {
        let mut url = self.resource("api/2.0/scripts/")?;
        url.query_pairs_mut().append_pair("include_script", "true");
        let value = self.document(&url, |url| self.http.get(url)).await?;
        let scripts = value.as_array().and_then(|all| all.iter().map(StoredScript::read).collect());
        scripts.ok_or_else(|| not_the_region(&self.shown(&url), "no list of scripts".to_owned()))
    }

    /// Creates a script, whose name must be new.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn create_script(&self, content: &[u8], comment: &str) -> Result<(), Error> {
        let url = self.resource("api/2.0/scripts/")?;
        self.document(&url, |url| self.http.post(url).multipart(script(content, comment))).await.map(drop)
    }

    /// Uploads a new version of a script. Its tags and its time limit stay as they are.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn replace_script(&self, name: &str, content: &[u8], comment: &str) -> Result<(), Error> {
        let url = self.script(name)?;
        self.document(&url, |url| self.http.put(url).multipart(script(content, comment))).await.map(drop)
    }

    /// Deletes a script with all its versions.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn delete_script(&self, name: &str) -> Result<(), Error> {
        self.delete(&self.script(name)?).await
    }

    /// Scripts alone have addresses without a slash at their end.
    fn script(&self, name: &str) -> Result<Url, Error> {
        self.resource(&format!("api/2.0/scripts/{name}"))
    }

    async fn delete(&self, url: &Url) -> Result<(), Error> {
        let limit = self.options.request_timeout;
        self.send(url, Accepts::Queued, |url| Ok(self.http.delete(url).timeout(limit))).await.map(drop)
    }

    async fn document(&self, url: &Url, request: impl Fn(Url) -> reqwest::RequestBuilder) -> Result<Value, Error> {
        let limit = self.options.request_timeout;
        let response = self.send(url, Accepts::Document, |url| Ok(request(url).timeout(limit))).await?;
        read(&self.shown(url), &whole(&self.shown(url), response, LARGEST).await?)
    }
}

fn script(content: &[u8], comment: &str) -> Form {
    let part = Part::bytes(content.to_vec()).file_name("script");
    Form::new().part("script", part).text("comment", comment.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_of_a_script_is_the_first() {
        let value = serde_json::json!({
            "name": "x", "type_name": "Testing script", "tags": ["a", "node"], "default": false,
            "history": [{"id": 2, "comment": "second", "data": "Yg=="}, {"id": 1, "comment": null, "data": "YQ=="}],
        });
        let script = StoredScript::read(&value).expect("a script");
        assert_eq!((script.content.as_slice(), script.comment.as_str(), script.versions), (&b"b"[..], "second", 2));
        assert_eq!(script.previous, b"a");
        assert_eq!(StoredScript::read(&serde_json::json!({"detail": "no"})), None);
    }
}
