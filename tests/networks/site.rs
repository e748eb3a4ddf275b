//! A site's own certificates. `openssl` makes them, since that is what sites make theirs with; a TLS server in front of the sandbox bears them.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use shakedown::sandbox::Sandbox;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;
use tokio_rustls::TlsAcceptor;

pub(crate) const SAN: &str = "subjectAltName=IP:127.0.0.1";

/// Files of a site's own certificates.
pub(crate) struct Site {
    home: tempfile::TempDir,
}

impl Site {
    pub(crate) fn new() -> Site {
        Site { home: tempfile::tempdir().expect("a temporary directory") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn openssl(&self, words: &str) {
        let words: Vec<&str> = words.split(' ').collect();
        let made = Command::new("openssl").args(&words).current_dir(self.home.path()).output().expect("openssl starts");
        assert!(made.status.success(), "openssl {words:?}: {}", String::from_utf8_lossy(&made.stderr));
    }

    /// A server's certificate that is its own authority, as `openssl req -x509` makes it.
    pub(crate) fn signed_by_itself(days: &str, name: &str) -> Site {
        let site = Site::new();
        site.openssl(&format!(
            "req -x509 -newkey rsa:2048 -nodes -keyout server.key -out server.pem {days} -subj /CN=region -addext {name}"
        ));
        std::fs::copy(site.path("server.pem"), site.path("ca.pem")).expect("a copy");
        site
    }

    /// The same, as it was some years ago.
    pub(crate) fn expired() -> Site {
        let site = Site::new();
        site.openssl("req -newkey rsa:2048 -nodes -keyout server.key -out request -subj /CN=region");
        let config = "[ca]\ndefault_ca=own\n[own]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\n\
                      [any]\ncommonName=supplied\n[extensions]\nbasicConstraints=CA:TRUE\nsubjectAltName=IP:127.0.0.1\n";
        for (name, text) in [("config", config), ("index", ""), ("serial", "01\n")] {
            std::fs::write(site.path(name), text).expect("a small file");
        }
        site.openssl(
            "ca -config config -selfsign -batch -notext -keyfile server.key -in request -out server.pem -extensions extensions -startdate \
             20200101000000Z -enddate 20210101000000Z",
        );
        std::fs::copy(site.path("server.pem"), site.path("ca.pem")).expect("a copy");
        site
    }

    /// A server's certificate that the site's authority signed.
    pub(crate) fn signed(authority: &str, signing: &str) -> Site {
        Site::signed_for(authority, signing, "-newkey rsa:2048")
    }

    /// The same for a server's key of a kind.
    pub(crate) fn signed_for(authority: &str, signing: &str, key: &str) -> Site {
        let site = Site::new();
        site.openssl(&format!("req -x509 {authority} -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=Site"));
        site.openssl(&format!("req {key} -nodes -keyout server.key -out request -subj /CN=region"));
        std::fs::write(site.path("extensions"), format!("{SAN}\n")).expect("a small file");
        let sign = "x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile extensions";
        site.openssl(&format!("{sign}{signing} -out server.pem"));
        site
    }

    /// The same through another authority, which the server shows, and which the extensions say what it may do.
    pub(crate) fn signed_through(extensions: &str) -> Site {
        let site = Site::new();
        let request = "req -newkey rsa:2048 -nodes -keyout";
        site.openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=Site");
        site.openssl(&format!("{request} between.key -out between.request -subj /CN=Between"));
        site.openssl(&format!("{request} server.key -out request -subj /CN=region"));
        for (name, text) in [("between", extensions), ("extensions", SAN)] {
            std::fs::write(site.path(name), format!("{text}\n")).expect("a small file");
        }
        let sign = "x509 -req -CAcreateserial -days 30";
        site.openssl(&format!("{sign} -in between.request -CA ca.pem -CAkey ca.key -extfile between -out between.pem"));
        site.openssl(&format!(
            "{sign} -in request -CA between.pem -CAkey between.key -extfile extensions -out own.pem"
        ));
        let chain =
            ["own.pem", "between.pem"].map(|name| std::fs::read_to_string(site.path(name)).expect("a certificate"));
        std::fs::write(site.path("server.pem"), chain.concat()).expect("a chain");
        site
    }

    /// A server of `OpenSSL` with this certificate, which takes keys that this program's library does not. Nothing stands behind it.
    pub(crate) async fn openssl_server(&self) -> (Child, String) {
        let mut server = tokio::process::Command::new("openssl")
            .args("s_server -accept 127.0.0.1:0 -cert server.pem -key server.key -cipher DEFAULT@SECLEVEL=0".split(' '))
            .current_dir(self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("openssl starts");
        let mut lines = BufReader::new(server.stdout.take().expect("a pipe was asked for")).lines();
        while let Some(line) = lines.next_line().await.expect("a pipe can be read") {
            if let Some(address) = line.strip_prefix("ACCEPT ") {
                let url = format!("https://{address}/MAAS/");
                // What it says later is read, or it would wait for a reader.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return (server, url);
            }
        }
        panic!("openssl s_server says where it listens");
    }

    /// Puts a server with this certificate in front of a region; its address.
    pub(crate) async fn front(&self, region: &Sandbox) -> String {
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_file_iter(self.path("server.pem")).expect("a certificate").collect();
        let key = PrivateKeyDer::from_pem_file(self.path("server.key")).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(chain.expect("a certificate"), key)
            .expect("key and certificate belong together");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let upstream = host(&region.url());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
                tokio::spawn(async move {
                    let Ok(mut near) = acceptor.accept(near).await else { return };
                    let Ok(mut far) = TcpStream::connect(upstream).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        format!("https://{address}/MAAS/")
    }
}

pub(crate) fn host(url: &str) -> String {
    url.split("://").nth(1).and_then(|rest| rest.split('/').next()).expect("a URL has a host").to_owned()
}
