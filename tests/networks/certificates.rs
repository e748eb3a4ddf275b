//! Whose certificates are accepted, and what is said of the others.

use std::path::Path;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::site::{SAN, Site};
use crate::support::Node;
use crate::{has_openssl, hello, is_refused, passes, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_itself_trusted_is_accepted_while_its_name_and_dates_hold() {
    if !has_openssl() {
        return;
    }
    passes(&Site::signed_by_itself("-days 30", SAN)).await;
    // One that an authority signed, and of which the machine knows the server's own alone.
    let signed = Site::signed("-newkey rsa:2048", "");
    std::fs::copy(signed.path("server.pem"), signed.path("ca.pem")).expect("a copy");
    passes(&signed).await;
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
async fn a_certificate_that_breaks_a_rule_is_refused_in_words() {
    if !has_openssl() {
        return;
    }
    let no_authority = Site::signed_through("basicConstraints=CA:FALSE");
    is_refused(&no_authority, &no_authority.path("ca.pem"), "its signer is no authority").await;
    let elsewhere = Site::signed_through(
        "basicConstraints=critical,CA:TRUE\nnameConstraints=critical,excluded;IP:127.0.0.0/255.0.0.0",
    );
    is_refused(&elsewhere, &elsewhere.path("ca.pem"), "may not sign for this name").await;
    let named = Site::signed_by_itself("-days 30", "subjectAltName=DNS:a.example,IP:10.0.0.1");
    is_refused(&named, &named.path("ca.pem"), "it is not for 127.0.0.1 but for a.example, 10.0.0.1.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_too_weak_is_named_as_the_reason() {
    if !has_openssl() {
        return;
    }
    let site = Site::signed("-newkey rsa:1024", "");
    is_refused(&site, &site.path("ca.pem"), "the key of an authority that signed it has 1024 bits and is too weak")
        .await;
    let site = Site::signed_for("-newkey rsa:2048", "", "-newkey rsa:1024");
    let region = hello().await;
    let (_server, url) = site.openssl_server().await;
    let end = run(&region, &url, &site.path("ca.pem")).await;
    assert_ne!(end.code, Some(0), "{end:?}");
    assert!(end.stderr.contains("its key of 1024 bits is too weak"), "{}", end.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_openssl_adds_to_a_certificate_is_heeded() {
    if !has_openssl() {
        return;
    }
    let site = Site::signed("-newkey rsa:2048", "");
    std::fs::copy(site.path("ca.pem"), site.path("plain.pem")).expect("a copy");
    for (settings, vouches) in [
        ("-addreject clientAuth", true),
        ("-addtrust serverAuth -addtrust clientAuth", true),
        ("-addtrust anyExtendedKeyUsage", true),
        ("-setalias name", true),
        ("-addreject serverAuth", false),
        ("-addtrust serverAuth -addreject serverAuth", false),
        ("-addtrust clientAuth", false),
        ("-addreject anyExtendedKeyUsage", false),
    ] {
        eprintln!("{settings}");
        site.openssl(&format!("x509 -in plain.pem -trustout {settings} -out ca.pem"));
        if vouches {
            passes(&site).await;
        } else {
            is_refused(&site, &site.path("ca.pem"), "an authority that this machine does not trust").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_has_expired_is_told() {
    if !has_openssl() {
        return;
    }
    let old = Site::expired();
    let region = hello().await;
    let url = old.front(&region).await;
    let end = Node::behind(&region, &url).run().arg("--cacert").arg(old.path("ca.pem")).finish().await;
    assert_ne!(end.code, Some(0), "{end:?}");
    assert!(end.stderr.contains("have expired") && end.stderr.contains("2021-01-01"), "{}", end.stderr);
}

/// Answers every connection with a fatal alert (RFC 8446, 6), as a server that has nothing in common with its client.
async fn alerts(number: u8) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback can be listened on");
    let address = listener.local_addr().expect("a listener has an address");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            // A whole hello is read, or closing would reset the connection before the alert is.
            let mut hello = [0; 4096];
            let _ = client.read(&mut hello).await;
            let _ = client.write_all(&[21, 3, 3, 0, 2, 2, number]).await;
            let _ = client.shutdown().await;
        }
    });
    format!("https://{address}/MAAS/")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_nothing_in_common_is_refused_at_once_with_the_next_step() {
    for (alert, says, next) in [
        (70, "neither TLS 1.2 nor TLS 1.3", "Enable one of them on the server"),
        (40, "no encryption in common", "Enable one of these on the server"),
    ] {
        let region = hello().await;
        let end = run(&region, &alerts(alert).await, Path::new("/nonexistent")).await;
        assert_ne!(end.code, Some(0), "{end:?}");
        assert!(end.stderr.contains(says) && end.stderr.contains(next), "{}", end.stderr);
        assert!(!end.stderr.contains("will be repeated"), "{}", end.stderr);
    }
}
