//! The other end of a test of the network, and the secret that both know.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::hwtest::network::peer::{Address, Pair, Side, Token};
use crate::hwtest::{Inject, Kind};
use crate::private;

/// Holds the token where no file does.
const VARIABLE: &str = "SHAKEDOWN_TOKEN";
/// Seconds that a listener waits for its peer, beyond the time of the test.
const WAIT: u64 = 600;
/// More than any token has.
const MOST: u64 = 8192;

#[derive(Debug, clap::Args)]
pub(super) struct Partner {
    /// Network: wait here for the other end, serve it once, and end; by default at 127.0.0.1, port 7878 (TCP and UDP)
    #[arg(long, value_name = "ADDRESS[:PORT]", num_args = 0..=1, default_missing_value = "127.0.0.1", conflicts_with = "peer")]
    listen: Option<Address>,
    /// Network: measure throughput, loss and round trips with the listener there
    #[arg(long, value_name = "HOST[:PORT]")]
    peer: Option<Address>,
    /// File with the secret that both ends of a network test know, at least 16 characters in one line; else `SHAKEDOWN_TOKEN` has it
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Partner {
    fn side(&self) -> Option<Side> {
        let listen = self.listen.clone().map(Side::Listen);
        listen.or_else(|| self.peer.clone().map(Side::Connect))
    }

    /// Checks that the options fit each other, the kind of hardware, its devices and the injected fault.
    pub(super) fn check(&self, kind: Kind, devices: &[String], inject: Option<Inject>) -> anyhow::Result<()> {
        if self.side().is_none() {
            anyhow::ensure!(self.token_file.is_none(), "--token-file is for --listen or --peer");
            anyhow::ensure!(
                inject != Some(Inject::NetworkLoss),
                "nothing is sent that could be lost: add --listen or --peer"
            );
            return Ok(());
        }
        anyhow::ensure!(kind == Kind::Network, "--listen and --peer are for the test of the network, not of {kind}");
        anyhow::ensure!(devices.len() <= 1, "a test with a peer goes over one interface: give --device once");
        let is_held = devices.iter().any(|device| device != "all" && device != "lo");
        let is_loopback = self.listen.as_ref().is_some_and(Address::is_loopback);
        anyhow::ensure!(
            !(is_held && is_loopback),
            "nobody reaches 127.0.0.1 over --device: give --listen the address of that port"
        );
        Ok(())
    }

    /// Seconds that this end waits for the other one.
    pub(super) fn waits(&self) -> u64 {
        if self.listen.is_some() { WAIT } else { 0 }
    }

    /// The words for the test process. The token is in its environment or in the file, never among them.
    pub(super) fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(address) = &self.listen {
            words.extend(["--listen".into(), address.to_string().into()]);
        }
        if let Some(address) = &self.peer {
            words.extend(["--peer".into(), address.to_string().into()]);
        }
        if let Some(file) = &self.token_file {
            words.extend(["--token-file".into(), file.into()]);
        }
        words
    }

    /// Both ends; `None` for a test without a peer.
    ///
    /// # Errors
    /// There is no token, or it cannot be read.
    pub(super) fn pair(&self, devices: &[String]) -> anyhow::Result<Option<Pair>> {
        let Some(side) = self.side() else { return Ok(None) };
        let device = devices.first().filter(|device| *device != "all").cloned();
        Ok(Some(Pair { side, token: self.token()?, device }))
    }

    fn token(&self) -> anyhow::Result<Token> {
        let Some(path) = &self.token_file else {
            let text = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
            let text = text.context("both ends need a token: give --token-file, or set SHAKEDOWN_TOKEN")?;
            return Token::new(&text).context("SHAKEDOWN_TOKEN has no token");
        };
        let text = read(path).with_context(|| format!("cannot read the token in {}", path.display()))?;
        Token::new(&text).with_context(|| format!("{} has no token", path.display()))
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    private::regular(path)?.take(MOST).read_to_string(&mut text)?;
    Ok(text)
}
