//! Archives: unpacked by what they are, or refused as a whole.

use std::io::{Cursor, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::EntryType;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::server::Server;
use super::support::archive::Tar;
use super::support::plain;
use super::{HASTY, left_behind, needs_urls, not_installed, passed, ran};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(0);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).expect("memory");
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

/// A zip of some files, by name and content.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let options = SimpleFileOptions::default().unix_permissions(0o755);
        writer.start_file(*name, options).expect("memory");
        writer.write_all(content).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

/// A zip with something that is no file.
fn zip_link(name: &str, target: &str) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink(name, target, SimpleFileOptions::default()).expect("memory");
    writer.finish().expect("memory").into_inner()
}

/// The whole of a string, somewhere in the bytes, replaced by another of the same length.
fn replaced(mut bytes: Vec<u8>, old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let places: Vec<usize> = (0..bytes.len() - old.len()).filter(|&at| &bytes[at..at + old.len()] == old).collect();
    assert!(!places.is_empty(), "there is nothing to replace");
    for at in places {
        bytes[at..at + new.len()].copy_from_slice(new);
    }
    bytes
}

fn tool() -> Tar {
    Tar::new().file("tool/run", 0o755, "#!/bin/sh\necho works").file("tool/data", 0o600, "x")
}

/// A tool, and a link besides.
fn linked(link: &str, target: &str) -> Tar {
    tool().special(link, EntryType::Symlink, target)
}

/// A comment for the archive as a whole comes first.
fn of_git() -> Vec<u8> {
    let comment = b"52 comment=0123456789012345678901234567890123456789\n";
    let start = Tar::new().claimed("pax_global_header", EntryType::XGlobalHeader, comment.len() as u64, &comment[..]);
    start.file("tool/run", 0o755, "#!/bin/sh\necho works").file("tool/data", 0o600, "x").bytes()
}

/// An archive whose header asks for a dictionary of 4 GiB.
fn xz_of_a_large_dictionary() -> Vec<u8> {
    let mut bytes = xz(&tool().bytes());
    // Behind the stream header: size, flags, LZMA2, one byte of properties, padding, checksum.
    let block = &mut bytes[12..24];
    assert_eq!(block[2..4], [0x21, 1], "the first filter is LZMA2");
    block[4] = 40;
    let mut sum = flate2::Crc::new();
    sum.update(&block[..8]);
    let sum = sum.sum().to_le_bytes();
    block[8..].copy_from_slice(&sum);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_known_by_its_content_and_unpacked() {
    let plain = tool().bytes();
    let mut files: Vec<(&str, Vec<u8>)> = vec![
        ("/plain", plain.clone()),
        ("/gzip.zip", gzip(&plain)),
        ("/bzip2.txt", bzip2(&plain)),
        ("/xz.deb", xz(&plain)),
        ("/zip.tar.gz", zip(&[("tool/run", b"#!/bin/sh\necho works"), ("tool/data", b"x")])),
        // As `git archive` makes them, and so every source archive of a forge.
        ("/git.tgz", gzip(&of_git())),
    ];
    files.push(("/no-archive.tar", b"#!/bin/sh\necho works\n".to_vec()));
    let server = Server::of(files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.clone())).collect()).await;
    let scripts: Vec<_> = files
        .iter()
        .map(|(path, _)| {
            let run = if *path == "/no-archive.tar" { "sh no-archive.tar" } else { "./tool/run && test -s tool/data" };
            let name = path[1..].replace('.', "-");
            needs_urls(&name, &[server.url(path)], &format!("cd \"$DOWNLOAD_PATH\" && {run}"))
        })
        .collect();
    let (region, _, finished) = ran(&scripts, HASTY).await;
    for (path, _) in scripts {
        assert_eq!(passed(&region, path.trim_start_matches("testing/")), "works\n", "{finished:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_stay_in_the_archive_are_made() {
    let library = Tar::new()
        .special("bin/run", EntryType::Symlink, "../tool/run")
        .special("lib", EntryType::Symlink, "tool/lib.d")
        .file("tool/lib.d/libx.so.1", 0o644, "library")
        .special("tool/lib.d/libx.so", EntryType::Symlink, "libx.so.1")
        .special("round", EntryType::Symlink, "about")
        .special("about", EntryType::Symlink, "round")
        .special("nowhere", EntryType::Symlink, "tool/nothing")
        .file("tool/run", 0o755, "#!/bin/sh\necho works");
    let server = Server::of(vec![("/library".to_owned(), gzip(&library.bytes()))]).await;
    let look = "cd \"$DOWNLOAD_PATH\" && bin/run && cat lib/libx.so && readlink tool/lib.d/libx.so round nowhere";
    // Twice, since the second instance gets what the first was given.
    let scripts: Vec<_> = ["first", "second"].map(|name| needs_urls(name, &[server.url("/library")], look)).into();
    let (region, node, finished) = ran(&scripts, HASTY).await;
    for name in ["first", "second"] {
        let expected = "works\nlibrarylibx.so.1\nabout\ntool/nothing\n";
        assert_eq!(passed(&region, name), expected, "{finished:?}");
    }
    assert!(!node.storage().join("downloads/.packages").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_archive_is_refused_and_nothing_of_it_stays() {
    let outside = "/tmp/shakedown-packages-outside";
    let through =
        || tool().special("link", EntryType::Symlink, "/tmp").file("link/shakedown-packages-outside", 0o755, "x");
    let half = gzip(&tool().file("more", 0o644, super::text(&[b'x'; 5000])).bytes());
    let bomb = gzip(&Tar::new().claimed("zeros", EntryType::Regular, 64 << 20, &*vec![0; 64 << 20]).bytes());
    let stored =
        zip(&[("tool/run", b"stored content that is found in the file, since it is long enough to be, is it not")]);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("up", tool().file("../x", 0o644, "x").bytes(), "leaves the archive's directory"),
        ("absolute", tool().file(outside, 0o644, "x").bytes(), "has an absolute path"),
        ("through", through().bytes(), "member \"link\" is a link that may lead out of the archive's directory"),
        ("link-up", linked("tool/x", "../../y").bytes(), "member \"tool/x\" is a link that may lead out"),
        ("link-by-a-name", linked("tool/x", "y/../../../z").bytes(), "is a link that may lead out"),
        ("link-to-the-top", linked("tool/d", "..").bytes(), "is a link that may lead out"),
        ("link-outside", linked("../x", "tool/run").bytes(), "leaves the archive's directory"),
        ("link-then-file", linked("l", "tool").file("l/x", 0o644, "x").bytes(), "cannot write"),
        (
            "file-then-link",
            tool().file("l/x", 0o644, "x").special("l", EntryType::Symlink, "tool").bytes(),
            "cannot write",
        ),
        ("link-over-file", linked("tool/data", "run").bytes(), "cannot write"),
        ("file-over-link", linked("l", "tool/run").file("l", 0o644, "x").bytes(), "cannot write"),
        // What the second would lead to, if it stood where the first leads: two levels above the archive.
        (
            "link-through-link",
            linked("a/b/c/up", "../../../tool").special("a/b/c/up/x", EntryType::Symlink, "../../../../y").bytes(),
            "cannot write",
        ),
        (
            "hardlink-to-link",
            linked("l", "tool/run").special("x", EntryType::Link, "l").bytes(),
            "member \"x\" is neither a file nor a directory",
        ),
        ("hardlink", tool().special("x", EntryType::Link, "/etc/shadow").bytes(), "is neither a file nor a directory"),
        ("device", tool().special("x", EntryType::Block, "").bytes(), "is neither a file nor a directory"),
        ("fifo", tool().special("x", EntryType::Fifo, "").bytes(), "is neither a file nor a directory"),
        ("half", half[..half.len() / 2].to_vec(), "damaged"),
        ("bomb", bomb, "it unpacks to more than 4,000,000 bytes"),
        ("memory", xz_of_a_large_dictionary(), "needed memory too big"),
        ("zip-up", zip(&[("tool/run", b"x"), ("../x", b"x")]), "leaves the archive's directory"),
        ("zip-absolute", zip(&[(outside, b"x")]), "has an absolute path"),
        ("zip-link", zip_link("link", "tool"), "is neither a file nor a directory"),
        ("zip-bomb", zip(&[("zeros", &vec![0; 64 << 20])]), "it unpacks to more than 4,000,000 bytes"),
        ("zip-half", zip(&[("tool/run", b"x")])[..40].to_vec(), "damaged"),
        (
            "zip-changed",
            {
                let at = stored.len() / 4;
                let mut bytes = stored;
                bytes[at] ^= 0xff;
                bytes
            },
            "damaged",
        ),
        ("zip-colliding", zip(&[("a", b"x"), ("a/b", b"x")]), "cannot write"),
    ];
    let files = cases.iter().map(|(name, bytes, _)| (format!("/{name}"), bytes.clone())).collect();
    let server = Server::of(files).await;
    let scripts: Vec<_> = cases
        .iter()
        .map(|(name, _, _)| needs_urls(name, &[server.url(&format!("/{name}"))], "echo SCRIPT RAN"))
        .collect();
    // The last to run: what it sees is what those before it left while the run goes on.
    let look = plain("find \"$DOWNLOAD_PATH/..\" -mindepth 2");
    let scripts = [scripts, vec![("testing/zz-look".to_owned(), look)]].concat();
    let (region, node, _) = ran(&scripts, HASTY).await;
    assert_eq!(passed(&region, "zz-look"), "");
    for (name, _, says) in &cases {
        not_installed(&region, name, says);
    }
    assert_eq!(left_behind(&node), [""; 0].map(std::path::PathBuf::from));
    assert!(!Path::new(outside).exists() && !node.storage().join("downloads/.packages/x").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zip_that_lies_about_its_size_is_measured() {
    let honest = zip(&[("zeros", &vec![0; 8 << 20])]);
    let size = (8u32 << 20).to_le_bytes();
    let server = Server::of(vec![("/lies".to_owned(), replaced(honest, &size, &1000u32.to_le_bytes()))]).await;
    let (region, node, _) = ran(&[needs_urls("lies", &[server.url("/lies")], "echo SCRIPT RAN")], HASTY).await;
    not_installed(&region, "lies", "nothing of it was kept");
    assert_eq!(left_behind(&node).len(), 0);
}
