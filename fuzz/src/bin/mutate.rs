//! `mutate TARGET SECONDS CORPUS ARTIFACTS`: calls a target with its seeds and with changes of them, for Rust without a fuzzer. It does not
//! see what an input reaches; it is there for overflows, panics and hangs of what is near to real inputs.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher as _, Hasher as _};
use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use shakedown_fuzz::TARGETS;

/// One call that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer inputs are cut.
const LONGEST: usize = 1 << 16;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap_or(0) % limit.max(1)
    }
}

fn changed(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    const INTERESTING: [&[u8]; 12] = [
        b"\0",
        b"\xff",
        b"\x7f",
        b"\x80",
        b"\xff\xff\xff\xff",
        b"-1",
        b"18446744073709551615",
        b"-9223372036854775808",
        b"1e999",
        b"\n",
        b"\xc3\xa9",
        b"9999999999999999999999",
    ];
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len() + 1);
        let end = (at + 1 + random.below(32)).min(bytes.len());
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = u8::try_from(random.below(256)).unwrap_or(0),
            2 if at < end => drop(bytes.drain(at..end)),
            3 if at < end => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            4 => drop(bytes.splice(at..at, INTERESTING[random.below(INTERESTING.len())].iter().copied())),
            5 => bytes.truncate(at),
            _ => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let [_, name, seconds, corpus, artifacts] = words.as_slice() else {
        eprintln!("usage: mutate TARGET SECONDS CORPUS ARTIFACTS");
        return ExitCode::from(2);
    };
    let Some((_, target)) = TARGETS.iter().find(|(known, _)| known == name) else {
        eprintln!("no target {name}: there are {}", TARGETS.map(|(name, _)| name).join(", "));
        return ExitCode::from(2);
    };
    let entries = fs::read_dir(corpus).into_iter().flatten().flatten();
    let mut seeds: Vec<Vec<u8>> = entries.filter_map(|entry| fs::read(entry.path()).ok()).collect();
    seeds.push(Vec::new());
    let end = Instant::now() + Duration::from_secs(seconds.parse().unwrap_or(10));
    let mut random = Random(RandomState::new().build_hasher().finish() | 1);
    let (mut calls, mut found) = (0u64, 0u32);
    while Instant::now() < end && found < 10 {
        let index = usize::try_from(calls).unwrap_or(usize::MAX);
        let input = if index < seeds.len() { seeds[index].clone() } else { changed(&mut random, &seeds) };
        let begun = Instant::now();
        let is_whole = catch_unwind(|| target(&input)).is_ok();
        calls += 1;
        if !is_whole || begun.elapsed() > PATIENCE {
            found += 1;
            let place = Path::new(artifacts).join(format!("{name}-{found}"));
            let _ = fs::create_dir_all(artifacts).and_then(|()| fs::write(&place, &input));
            eprintln!("{name}: {} with {}", if is_whole { "took too long" } else { "panicked" }, place.display());
        }
    }
    println!("{name}: {calls} inputs from {} seeds, {found} findings", seeds.len());
    if found == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
