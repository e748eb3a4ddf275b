//! Snaps of the store.

use std::path::Path;

use serde_json::Value;

use super::apt::words;
use super::{Failure, Job, State, cache};

/// A snap as a script asks for it.
#[derive(Debug, PartialEq, Eq)]
struct Wanted<'a> {
    name: &'a str,
    options: Vec<String>,
}

impl<'a> Wanted<'a> {
    /// A name, or an object with `name`, `channel` and `mode`.
    fn parse(package: &'a Value) -> Result<Self, String> {
        let field = |key: &str| package.get(key).and_then(Value::as_str).filter(|word| !word.is_empty());
        let name =
            package.as_str().or_else(|| field("name")).ok_or_else(|| format!("the snap {package} has no name"))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(plain) {
            return Err(format!("{name:?} is no name of a snap; correct the script's packages"));
        }
        let mut options = Vec::new();
        match field("channel") {
            None => {}
            Some(channel @ ("stable" | "edge" | "beta" | "candidate")) => options.push(format!("--{channel}")),
            Some(other) => return Err(format!("the snap {name} has an unknown channel {other:?}")),
        }
        match field("mode") {
            None => {}
            Some("classic") => options.push("--classic".to_owned()),
            Some("dev" | "devmode") => options.push("--devmode".to_owned()),
            Some("jail" | "jailmode") => options.push("--jailmode".to_owned()),
            Some(other) => return Err(format!("the snap {name} has an unknown mode {other:?}")),
        }
        Ok(Wanted { name, options })
    }
}

impl Job<'_> {
    /// Installs a snap that is not there: from the cache directory if that has it, else from the store.
    pub(super) async fn snap(&self, state: &mut State, package: &Value) -> Result<(), Failure> {
        let Wanted { name, options } = Wanted::parse(package).map_err(Failure::new)?;
        if !state.snaps.insert(name.to_owned()) {
            return Ok(());
        }
        if self.ask("snap", &["list", name]).await.is_some_and(|answer| answer.status.success()) {
            self.say(&format!("[the snap {name} is installed already]"));
            return Ok(());
        }
        let cached = self.runner.options.packages.cache.as_deref().and_then(|cache| cache::snap(cache, name));
        let installed = if let Some(file) = cached {
            self.snap_file(&file, options).await
        } else {
            let mut command = words("snap install");
            command.push(name.to_owned());
            command.extend(options);
            self.step(&command).await.map_err(Failure::from)
        };
        if installed.is_err() {
            state.snaps.remove(name);
        }
        installed
    }

    /// Installs a snap from a file. Where its assertions lie beside it, snapd checks who made it.
    pub(super) async fn snap_file(&self, file: &Path, options: Vec<String>) -> Result<(), Failure> {
        let assertions = file.with_extension("assert");
        let mut command = words("snap install");
        if assertions.is_file() {
            self.step(&["snap".to_owned(), "ack".to_owned(), assertions.display().to_string()]).await?;
        } else {
            command.push("--dangerous".to_owned());
        }
        // A channel is the store's.
        command.extend(options.into_iter().filter(|option| option.ends_with("mode") || option == "--classic"));
        command.push(file.display().to_string());
        Ok(self.step(&command).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_snap_has_a_name_a_channel_and_a_mode() {
        let options = |package: Value| Wanted::parse(&package).map(|wanted| wanted.options.join(" "));
        assert_eq!(options(json!("x")), Ok(String::new()));
        assert_eq!(options(json!({"name": "x", "channel": "edge", "mode": "dev"})), Ok("--edge --devmode".into()));
        assert_eq!(options(json!({"name": "x", "mode": "classic"})), Ok("--classic".into()));
        for bad in [
            json!({"channel": "edge"}),
            json!({"name": "x", "mode": "wild"}),
            json!({"name": "x", "channel": "latest"}),
            json!("--dangerous"),
            json!("../x.snap"),
            json!(7),
        ] {
            assert!(options(bad.clone()).is_err(), "{bad}");
        }
    }
}
