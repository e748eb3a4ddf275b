//! The network itself: links down, the configuration applied, its manager awaited. Everything by the programs that administrators use.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Error;
use crate::host::Host;
use crate::process::{Answer, Tool, ToolError};

/// For the manager of the network to be at work (contract REGION, "Custom networking").
pub(super) const MANAGER_WAIT: Duration = Duration::from_secs(5);
/// For `netplan apply`, which starts services and waits for them.
const APPLY_LIMIT: Duration = Duration::from_secs(180);
/// For everything else.
const LIMIT: Duration = Duration::from_secs(60);
/// The service behind netplan, where it is not that of a desktop.
const MANAGER: &str = "systemd-networkd";

/// Calls programs and keeps what they said, for the output of the script that it is done for.
#[derive(Debug)]
pub(super) struct Network<'a> {
    pub(super) host: &'a Host,
    /// What was done and what came of it.
    pub(super) said: String,
    /// Ends what is under way.
    pub(super) stop: CancellationToken,
}

impl<'a> Network<'a> {
    pub(super) fn of(host: &'a Host, stop: &CancellationToken) -> Self {
        Network { host, said: String::new(), stop: stop.clone() }
    }

    /// Whether the programs are there and netplan understands a configuration. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Refused`].
    pub(super) async fn check(&mut self, given: &[u8]) -> Result<(), Error> {
        let failed = |source| Error::File { path: std::env::temp_dir(), source };
        let root = tempfile::tempdir().map_err(failed)?;
        let file = root.path().join("etc/netplan/configured.yaml");
        let folder = file.parent().unwrap_or(root.path());
        std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&file, given)).map_err(failed)?;
        // Netplan warns of configuration that others can read.
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(failed)?;
        self.call("ip", &["-V"], LIMIT).await?;
        let root = root.path().to_string_lossy().into_owned();
        let answer = self.call("netplan", &["generate", "--root-dir", &root], LIMIT).await?;
        if answer.status.success() { Ok(()) } else { Err(Error::Refused("netplan generate")) }
    }

    /// Takes virtual links down and deletes them, and sets physical ones down. What cannot be is left, and told in what was said: the
    /// kernel's own tunnels cannot be deleted, and what hangs on a link goes with it.
    ///
    /// # Errors
    /// [`Error::Stopped`], or when `ip` is not there any more.
    pub(super) async fn clear(&mut self) -> Result<(), Error> {
        let (physical, virtual_links): (Vec<_>, Vec<_>) =
            self.host.interfaces().into_iter().partition(|interface| interface.physical);
        for link in virtual_links {
            self.call("ip", &["link", "set", "dev", &link.name, "down"], LIMIT).await?;
            self.call("ip", &["link", "delete", "dev", &link.name], LIMIT).await?;
        }
        for link in physical {
            self.call("ip", &["link", "set", "dev", &link.name, "down"], LIMIT).await?;
        }
        Ok(())
    }

    /// Sets links up, as far as there are such.
    ///
    /// # Errors
    /// As [`Network::clear`].
    pub(super) async fn raise(&mut self, links: &[String]) -> Result<(), Error> {
        for link in links {
            if self.host.exists(Path::new("/sys/class/net").join(link)) {
                self.call("ip", &["link", "set", "dev", link, "up"], LIMIT).await?;
            }
        }
        Ok(())
    }

    /// `netplan apply`, and its manager at work.
    ///
    /// # Errors
    /// [`Error::Refused`] when netplan says so, [`Error::Stopped`], [`Error::Missing`].
    pub(super) async fn apply(&mut self) -> Result<(), Error> {
        let answer = self.call("netplan", &["apply"], APPLY_LIMIT).await?;
        let applied = if answer.status.success() { Ok(()) } else { Err(Error::Refused("netplan apply")) };
        self.await_manager().await?;
        applied
    }

    /// Waits until the manager is at work; one that failed – it does when it was started too often in a short time – is started again.
    async fn await_manager(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + MANAGER_WAIT;
        let mut may_restart = true;
        loop {
            let asked = self.quietly("systemctl", &["is-active", MANAGER], LIMIT).await;
            let answer = match asked {
                // Without the program it cannot be known; whether the region answers decides.
                Err(Error::Missing(_)) => return Ok(()),
                other => other?,
            };
            let state = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
            match state.as_str() {
                "failed" if may_restart => {
                    may_restart = false;
                    self.note(&format!("{MANAGER} failed and is started again"));
                    self.call("systemctl", &["reset-failed", MANAGER], LIMIT).await?;
                    self.call("systemctl", &["restart", MANAGER], LIMIT).await?;
                }
                "activating" | "reloading" | "deactivating" | "failed" if Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                // "inactive" where NetworkManager does the work.
                other => {
                    self.note(&format!("{MANAGER} is {other}"));
                    return Ok(());
                }
            }
        }
    }

    /// The interfaces as they are, with their addresses.
    pub(super) fn describe(&mut self) {
        let addresses = self.host.interface_addresses().unwrap_or_default();
        for interface in self.host.interfaces() {
            let own = addresses.iter().filter(|address| address.name == interface.name);
            let own: String =
                own.filter_map(|address| address.ip).map(|(ip, prefix)| format!(" {ip}/{prefix}")).collect();
            self.note(&format!("{} {} is {}{own}", interface.name, interface.mac_address, interface.operstate));
        }
    }

    pub(super) fn note(&mut self, text: &str) {
        self.said.push_str(text);
        self.said.push('\n');
    }

    /// Runs a program; what it was and what it printed is kept.
    async fn call(&mut self, program: &'static str, words: &[&str], limit: Duration) -> Result<Answer, Error> {
        self.note(&format!("$ {program} {}", words.join(" ")));
        let answer = self.quietly(program, words, limit).await?;
        for printed in [&answer.stdout, &answer.stderr] {
            let text = String::from_utf8_lossy(printed);
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                self.note(line);
            }
        }
        if !answer.status.success() {
            self.note(&format!("[{program} failed: {}]", answer.status));
        }
        Ok(answer)
    }

    async fn quietly(&self, program: &'static str, words: &[&str], limit: Duration) -> Result<Answer, Error> {
        let tool = Tool {
            program: program.into(),
            arguments: words.iter().map(Into::into).collect(),
            environment: vec![("LC_ALL".into(), "C".into())],
            limit,
            grace: Duration::from_secs(2),
            most: 1 << 20,
        };
        tool.call(&self.stop).await.map_err(|error| match error {
            ToolError::Start { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Error::Missing(program),
            ToolError::Cancelled { .. } => Error::Stopped,
            other => Error::Tool(other),
        })
    }
}
