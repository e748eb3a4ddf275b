//! Bytes compared with bytes, as quickly as they can be read: the C library of static programs compares one by one.

/// Bytes that are compared before anybody looks.
const BLOCK: usize = 64;

/// True if both slices hold equal bytes.
#[must_use]
pub fn same(one: &[u8], other: &[u8]) -> bool {
    let ((ones, rest), (others, other_rest)) = (one.as_chunks::<64>(), other.as_chunks::<64>());
    one.len() == other.len()
        && rest == other_rest
        && ones.chunks(BLOCK).zip(others.chunks(BLOCK)).all(|(ones, others)| {
            let mut differ = [0_u8; 64];
            for (one, other) in ones.iter().zip(others) {
                for ((bits, one), other) in differ.iter_mut().zip(one).zip(other) {
                    *bits |= one ^ other;
                }
            }
            differ == [0; 64]
        })
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn one_bit_anywhere_makes_a_difference() {
        for length in [0, 1, 63, 64, 65, 4096, 4097, 9000] {
            let bytes: Vec<u8> = (0..length).map(|n: usize| u8::try_from(n % 251).unwrap_or(0)).collect();
            assert!(same(&bytes, &bytes.clone()));
            assert!(length == 0 || !same(&bytes, &bytes[1..]));
            for place in [0, 1, 62, 63, 64, 4095, 4096, 8999].into_iter().filter(|place| *place < length) {
                let mut other = bytes.clone();
                other[place] ^= 0x80;
                assert!(!same(&bytes, &other), "{place} of {length}");
            }
        }
    }
}
