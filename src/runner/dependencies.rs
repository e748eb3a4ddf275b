//! Software that a script needs before it runs.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::execution::{exit_status, output_files};
use super::{Ending, Finished, Report, Runner, append};
use crate::process::{Cause, Command};
use crate::script::{Outputs, Script};

/// Longer than this no package manager is waited for.
const LIMIT: Duration = Duration::from_secs(60 * 60);

impl Runner {
    /// Installs what a script needs, its output going to the script's own files.
    ///
    /// # Errors
    /// The script's end, when something cannot be installed.
    pub(super) async fn install(&self, script: &Arc<Script>, outputs: &Outputs) -> Result<(), Finished> {
        let packages = &script.packages;
        if packages.is_empty() {
            return Ok(());
        }
        let _turn = self.installing.lock().await;
        let kinds = [("apt", packages.apt.len()), ("snap", packages.snap.len()), ("URL", packages.url.len())];
        for (kind, _) in kinds.iter().filter(|(_, count)| *count > 0) {
            self.report(Report::Installing(Arc::clone(script), format!("Installing {kind} packages"))).await;
            let steps = match *kind {
                "apt" => Ok(apt(&packages.apt, self.host.exists("/var/cache/apt/pkgcache.bin"))),
                "snap" => packages.snap.iter().map(snap).collect(),
                _ => Err("this version cannot install packages from a URL".to_owned()),
            };
            let steps = steps.map_err(|problem| self.not_installed(script, 1, &format!("{script}: {problem}\n")))?;
            for step in steps {
                self.install_step(script, outputs, &step).await?;
            }
        }
        Ok(())
    }

    async fn install_step(&self, script: &Arc<Script>, outputs: &Outputs, step: &[String]) -> Result<(), Finished> {
        let mut words = step.to_vec();
        if !nix::unistd::geteuid().is_root() {
            words.splice(0..0, ["sudo".to_owned(), "-n".to_owned()]);
        }
        let line = words.join(" ");
        let _ = append(&outputs.combined, &format!("$ {line}\n"));
        let command = Command {
            program: words.remove(0).into(),
            arguments: words.into_iter().map(Into::into).collect(),
            environment: vec![("DEBIAN_FRONTEND".into(), "noninteractive".into())],
            directory: "/".into(),
            nice: 0,
            output: output_files(outputs),
        };
        let limits = self.options.limits(Some(LIMIT));
        match self.execute(script, command, &limits).await {
            Ok(ended) if ended.cause == Cause::Exited && exit_status(&ended) == 0 => Ok(()),
            Ok(ended) => {
                let exit = match ended.cause {
                    Cause::Exited => exit_status(&ended),
                    Cause::TimedOut => 124,
                    Cause::Cancelled => 143,
                };
                Err(self.not_installed(script, exit, &format!("{line} failed with exit status {exit}\n")))
            }
            Err((exit, text)) => Err(self.not_installed(script, exit, &text)),
        }
    }

    fn not_installed(&self, script: &Script, exit: i32, text: &str) -> Finished {
        Finished { ending: Ending::NotInstalled(exit), ..self.not_executed(script, exit, text) }
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// The index is refreshed only where there is none, as in a fresh ephemeral image.
fn apt(packages: &[String], has_cache: bool) -> Vec<Vec<String>> {
    let mut install = words("apt-get -qy -o DPkg::Lock::Timeout=600 --no-install-recommends install --");
    install.extend_from_slice(packages);
    let update = words("apt-get -qy update");
    if has_cache { vec![install] } else { vec![update, install] }
}

fn snap(package: &Value) -> Result<Vec<String>, String> {
    let field = |key: &str| package.get(key).and_then(Value::as_str).filter(|word| !word.is_empty());
    let name = package.as_str().or_else(|| field("name")).ok_or_else(|| format!("the snap {package} has no name"))?;
    let mut command = words("snap install");
    command.push(name.to_owned());
    match field("channel") {
        None => {}
        Some(channel @ ("stable" | "edge" | "beta" | "candidate")) => command.push(format!("--{channel}")),
        Some(other) => return Err(format!("the snap {name} has an unknown channel {other:?}")),
    }
    match field("mode") {
        None => {}
        Some("classic") => command.push("--classic".to_owned()),
        Some("dev" | "devmode") => command.push("--devmode".to_owned()),
        Some("jail" | "jailmode") => command.push("--jailmode".to_owned()),
        Some(other) => return Err(format!("the snap {name} has an unknown mode {other:?}")),
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn commands_are_the_contracts() {
        let lines = |steps: Vec<Vec<String>>| steps.iter().map(|step| step.join(" ")).collect::<Vec<_>>();
        let install = "apt-get -qy -o DPkg::Lock::Timeout=600 --no-install-recommends install -- fio";
        assert_eq!(lines(apt(&["fio".into()], true)), [install]);
        assert_eq!(lines(apt(&["fio".into()], false)), ["apt-get -qy update", install]);
        let line = |package: Value| snap(&package).map(|words| words.join(" "));
        assert_eq!(line(json!("x")), Ok("snap install x".into()));
        assert_eq!(
            line(json!({"name": "x", "channel": "edge", "mode": "dev"})),
            Ok("snap install x --edge --devmode".into())
        );
        assert!(line(json!({"channel": "edge"})).is_err());
        assert!(line(json!({"name": "x", "mode": "wild"})).is_err());
    }
}
