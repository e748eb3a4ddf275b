//! Regions as real networks have them: behind certificates that sites make themselves, and behind proxies.
//!
//! `openssl` makes the certificates, since that is what sites make theirs with; a TLS server in front of the sandbox bears them.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use shakedown::sandbox::Sandbox;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use support::program::Finished;
use support::{Node, left_out, plain, region};

const SAN: &str = "subjectAltName=IP:127.0.0.1";

/// Files of a site's own certificates.
struct Site {
    home: tempfile::TempDir,
}

impl Site {
    fn new() -> Site {
        Site { home: tempfile::tempdir().expect("a temporary directory") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn openssl(&self, words: &str) {
        let words: Vec<&str> = words.split(' ').collect();
        let made = Command::new("openssl").args(&words).current_dir(self.home.path()).output().expect("openssl starts");
        assert!(made.status.success(), "openssl {words:?}: {}", String::from_utf8_lossy(&made.stderr));
    }

    /// A server's certificate that is its own authority, as `openssl req -x509` makes it.
    fn signed_by_itself(days: &str, name: &str) -> Site {
        let site = Site::new();
        site.openssl(&format!(
            "req -x509 -newkey rsa:2048 -nodes -keyout server.key -out server.pem {days} -subj /CN=region -addext {name}"
        ));
        std::fs::copy(site.path("server.pem"), site.path("ca.pem")).expect("a copy");
        site
    }

    /// The same, as it was some years ago.
    fn expired() -> Site {
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
    fn signed(authority: &str, signing: &str) -> Site {
        let site = Site::new();
        site.openssl(&format!("req -x509 {authority} -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=Site"));
        site.openssl("req -newkey rsa:2048 -nodes -keyout server.key -out request -subj /CN=region");
        std::fs::write(site.path("extensions"), format!("{SAN}\n")).expect("a small file");
        let sign = "x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile extensions";
        site.openssl(&format!("{sign}{signing} -out server.pem"));
        site
    }

    /// Puts a server with this certificate in front of a region; its address.
    async fn front(&self, region: &Sandbox) -> String {
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

fn host(url: &str) -> String {
    url.split("://").nth(1).and_then(|rest| rest.split('/').next()).expect("a URL has a host").to_owned()
}

fn has_openssl() -> bool {
    let has = Command::new("openssl").arg("version").output().is_ok();
    if !has {
        left_out::say("certificates of sites: there is no openssl");
    }
    has
}

async fn hello() -> Sandbox {
    region(&[("testing/hello", plain("echo hello"))], |options| {
        options.status = shakedown::sandbox::NodeStatus::Testing;
    })
    .await
}

/// A run of a machine that trusts a bundle, against a region behind TLS.
async fn run(region: &Sandbox, url: &str, bundle: &Path) -> Finished {
    let node = Node::behind(region, url);
    node.run().args(["--exit-when-done", "--farewell", "1"]).env("SSL_CERT_FILE", bundle).finish().await
}

async fn passes(site: &Site) {
    let region = hello().await;
    let url = site.front(&region).await;
    let end = run(&region, &url, &site.path("ca.pem")).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert_eq!(support::row(&region, "hello").status, shakedown::script::Status::Passed);
}

async fn is_refused(site: &Site, bundle: &Path, says: &str) {
    let region = hello().await;
    let url = site.front(&region).await;
    let end = run(&region, &url, bundle).await;
    assert_ne!(end.code, Some(0), "{end:?}");
    assert!(end.stderr.contains(says), "{says:?} in {}", end.stderr);
    assert!(region.requests().is_empty(), "no secret goes to a server that is not trusted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_itself_trusted_is_accepted_while_its_name_and_dates_hold() {
    if !has_openssl() {
        return;
    }
    passes(&Site::signed_by_itself("-days 30", SAN)).await;
    let of_another = Site::signed_by_itself("-days 30", "subjectAltName=DNS:elsewhere.example");
    is_refused(&of_another, &of_another.path("ca.pem"), "it is not for 127.0.0.1").await;
    let old = Site::expired();
    is_refused(&old, &old.path("ca.pem"), "it has expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_of_every_usual_kind_are_checked() {
    if !has_openssl() {
        return;
    }
    for (authority, signing) in [
        ("-newkey rsa:2048", ""),
        ("-newkey rsa:4096 -sha512", " -sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha512", " -sha512"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-384 -sha512", " -sha512"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-521", ""),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-521 -sha384", " -sha384"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-521 -sha512", " -sha512"),
        ("-newkey ed25519", ""),
    ] {
        eprintln!("{authority}{signing}");
        passes(&Site::signed(authority, signing)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_not_trusted_is_named_with_the_next_step() {
    if !has_openssl() {
        return;
    }
    let (site, another) = (Site::signed("-newkey rsa:2048", ""), Site::signed("-newkey rsa:2048", ""));
    is_refused(&site, &another.path("ca.pem"), "--cacert FILE").await;
    // A signature that does not fit, by an authority of the same name.
    let p521 = "-newkey ec -pkeyopt ec_paramgen_curve:P-521";
    let (site, another) = (Site::signed(p521, ""), Site::signed(p521, ""));
    is_refused(&site, &another.path("ca.pem"), "the server's certificate is not accepted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_broken_certificate_of_the_bundle_is_passed_over() {
    if !has_openssl() {
        return;
    }
    let site = Site::signed("-newkey rsa:2048", "");
    let mut bundle = std::fs::read_to_string(site.path("ca.pem")).expect("a bundle");
    bundle.insert_str(0, "\u{feff}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    std::fs::write(site.path("ca.pem"), bundle).expect("a bundle");
    passes(&site).await;
    // What OpenSSL adds to a certificate is no reason not to trust it.
    site.openssl("x509 -in ca.pem -addtrust serverAuth -trustout -out trusted.pem");
    std::fs::rename(site.path("trusted.pem"), site.path("ca.pem")).expect("a bundle");
    passes(&site).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_named_as_such() {
    let region = hello().await;
    let url = region.url().replace("http://", "https://");
    let end = run(&region, &url, Path::new("/nonexistent")).await;
    assert_ne!(end.code, Some(0), "{end:?}");
    assert!(end.stderr.contains("try http://"), "{}", end.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_is_excepted_is_reached_past_the_proxy() {
    let region = hello().await;
    let node = Node::of(&region);
    let program = node.run().args(["--exit-when-done", "--farewell", "1"]);
    // Nobody listens there.
    let program = program.env("http_proxy", "http://127.0.0.9:1").env("no_proxy", "*");
    let end = program.finish().await;
    assert_eq!(end.code, Some(0), "{end:?}");
}
