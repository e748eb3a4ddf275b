//! Every set of instructions writes the same, finds the same, and finds what was changed behind its back.

use shakedown_kernels::memory::{
    Block, Direction, Element, Generator, Misses, Run, Store, Word, chain, check, copy_block, fill, follow, random,
    read, run, sum_of,
};
use shakedown_kernels::{Isa, Piece};

fn piece() -> Option<Piece> {
    // A user without rights may lock eight MiB at most, and tests run side by side.
    Piece::get(1).inspect_err(|refusal| eprintln!("LEFT OUT: {refusal}")).ok()
}

#[test]
fn random_words_are_those_of_the_published_generator() {
    // The first outputs of SplitMix64 with the state 0 (Java's SplittableRandom, and the test vectors of many libraries).
    let known = [0xe220_a839_7b1d_cdaf_u64, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f, 0xf88b_b8a8_724c_81ec];
    assert_eq!(std::array::from_fn(|at| random(at as u64)), known);
}

#[test]
fn what_one_set_of_instructions_writes_every_other_finds_right() {
    let Some(mut piece) = piece() else { return };
    for generator in [Generator::OwnAddress { seed: 9 }, Generator::Random { seed: 9 }] {
        for (writer, store) in Isa::available().iter().flat_map(|isa| [(isa, Store::Cached), (isa, Store::Streaming)]) {
            fill(&mut piece, generator, store, *writer);
            for reader in Isa::available() {
                for downwards in [false, true] {
                    let mut misses = Misses::default();
                    check(&mut piece, generator, downwards, *reader, &mut misses);
                    assert_eq!(misses.total, 0, "{generator:?} {writer} {store:?} {reader} {downwards}");
                }
            }
        }
    }
}

#[test]
fn a_changed_bit_is_found_with_its_place_its_value_and_its_direction() {
    let Some(mut piece) = piece() else { return };
    let generator = Generator::Random { seed: 1 };
    for isa in Isa::available() {
        for offset in [0, 8, 64 * 31 + 56, piece.bytes() - 8] {
            fill(&mut piece, generator, Store::Streaming, *isa);
            let expected = random((offset / 8) as u64 ^ 1);
            let rose = u64::from(expected & Piece::SPOILT == 0);
            piece.spoil(offset);
            let mut misses = Misses::default();
            check(&mut piece, generator, true, *isa, &mut misses);
            assert_eq!((misses.total, misses.rose, misses.fell, misses.right_again), (1, rose, 1 - rose, 0), "{isa}");
            let miss = misses.kept[0];
            assert_eq!((miss.address, miss.expected), (piece.address() + offset, expected));
            let wrong = expected ^ Piece::SPOILT;
            assert_eq!((miss.first, miss.again, miss.bits()), (wrong, wrong, Piece::SPOILT));
        }
    }
}

#[test]
fn an_element_reads_what_the_one_before_wrote() {
    let Some(mut piece) = piece() else { return };
    for isa in Isa::available() {
        for direction in [Direction::Up, Direction::Down] {
            let mut misses = Misses::default();
            let background = 0x00ff_00ff_00ff_00ff;
            let mut pass = |read, write| {
                let element = Element { direction, read, write };
                run(&mut piece, Run { element, background }, *isa, &mut misses);
                (misses.total, misses.kept.len())
            };
            assert_eq!(pass(None, Some(Word::Background)), (0, 0), "{isa}");
            assert_eq!(pass(Some(Word::Background), Some(Word::Inverted)), (0, 0), "{isa}");
            assert_eq!(pass(Some(Word::Inverted), None), (0, 0), "{isa}");
            // Every word is wrong now, and the count says so though only a hundred are kept.
            assert_eq!(pass(Some(Word::Background), None), ((2 << 20) / 8, 100), "{isa}");
        }
    }
}

#[test]
fn a_copy_has_the_checksum_that_its_numbers_have() {
    let Some(piece) = piece() else { return };
    let mut pieces = [piece];
    let blocks = Block::all(&pieces);
    assert_eq!(blocks.len(), 2);
    for isa in Isa::available() {
        for store in [Store::Cached, Store::Streaming] {
            fill(&mut pieces[0], Generator::Random { seed: 5 }, Store::Cached, *isa);
            assert_eq!(copy_block(&mut pieces, blocks[0], blocks[1], store, *isa), sum_of(5, 0), "{isa}");
            assert_eq!(copy_block(&mut pieces, blocks[1], blocks[0], store, *isa), sum_of(5, 0), "{isa}");
            pieces[0].spoil(8 * 77);
            assert_ne!(copy_block(&mut pieces, blocks[0], blocks[1], store, *isa), sum_of(5, 0), "{isa}");
        }
    }
}

#[test]
fn figures_are_of_work_that_was_done() {
    let Some(mut piece) = piece() else { return };
    fill(&mut piece, Generator::Random { seed: 0 }, Store::Cached, Isa::Plain);
    let words = (piece.bytes() / 8) as u64;
    let sum = (0..words).fold(0_u64, |all, at| all.wrapping_add(random(at)));
    for isa in Isa::available() {
        assert_eq!(read(&mut piece, *isa), sum, "{isa}");
    }
    chain(&mut piece);
    assert!(follow(&mut piece, 7, 1000) > 0.1);
}
