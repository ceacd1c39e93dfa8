//! SHAKE-128 (FIPS 202), for names that LocalStack derives from a hash.

/// Bytes absorbed by one permutation: 1600 bits less twice the security strength.
const RATE: usize = 168;

const ROUND_CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// For each step of ρ and π: the lane it goes to, and by how many bits it turns.
const STEPS: [(usize, u32); 24] = [
    (10, 1),
    (7, 3),
    (11, 6),
    (17, 10),
    (18, 15),
    (3, 21),
    (5, 28),
    (16, 36),
    (8, 45),
    (21, 55),
    (24, 2),
    (4, 14),
    (15, 27),
    (23, 41),
    (19, 56),
    (13, 8),
    (12, 25),
    (2, 43),
    (20, 62),
    (14, 18),
    (22, 39),
    (9, 61),
    (6, 20),
    (1, 44),
];

/// Returns the first four bytes of the SHAKE-128 of the texts, one after the other.
pub(super) fn shake128_prefix(texts: &[&str]) -> [u8; 4] {
    let mut state = [0_u64; 25];
    let mut at = 0;
    for byte in texts.iter().flat_map(|text| text.bytes()) {
        absorb(&mut state, at, byte);
        at += 1;
        if at == RATE {
            permute(&mut state);
            at = 0;
        }
    }
    // The suffix 1111 of SHAKE and the padding 10*1 (FIPS 202, 6.2 and 5.1).
    absorb(&mut state, at, 0x1f);
    absorb(&mut state, RATE - 1, 0x80);
    permute(&mut state);
    let [a, b, c, d, ..] = state[0].to_le_bytes();
    [a, b, c, d]
}

fn absorb(state: &mut [u64; 25], at: usize, byte: u8) {
    state[at / 8] ^= u64::from(byte) << (8 * (at % 8));
}

/// Keccak-f[1600] (FIPS 202, 3.3).
fn permute(state: &mut [u64; 25]) {
    for constant in ROUND_CONSTANTS {
        // θ
        let mut columns = [0_u64; 5];
        for (n, lane) in state.iter().enumerate() {
            columns[n % 5] ^= lane;
        }
        for (n, lane) in state.iter_mut().enumerate() {
            *lane ^= columns[(n + 4) % 5] ^ columns[(n + 1) % 5].rotate_left(1);
        }
        // ρ and π
        let mut moving = state[1];
        for (to, turn) in STEPS {
            moving = std::mem::replace(&mut state[to], moving.rotate_left(turn));
        }
        // χ
        for row in state.chunks_exact_mut(5) {
            let before = [row[0], row[1], row[2], row[3], row[4]];
            for (n, lane) in row.iter_mut().enumerate() {
                *lane ^= !before[(n + 1) % 5] & before[(n + 2) % 5];
            }
        }
        // ι
        state[0] ^= constant;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(texts: &[&str], expected: [u8; 4]) {
        assert_eq!(shake128_prefix(texts), expected, "{texts:?}");
    }

    #[test]
    fn digests_agree_with_other_implementations() {
        // NIST's example for the empty message, then values of Python's hashlib.
        check(&[], [0x7f, 0x9c, 0x2b, 0xa4]);
        check(&["api.example.com"], [0x34, 0xe1, 0x5f, 0xd5]);
        check(&["api.example.com", "us-east-1"], [0xf5, 0x23, 0x3d, 0x07]);
        check(&[&"a".repeat(167)], LONG[0]);
        check(&[&"a".repeat(168)], LONG[1]);
        check(&[&"a".repeat(1000)], LONG[2]);
    }

    const LONG: [[u8; 4]; 3] = [
        [0x4f, 0x5c, 0x6c, 0x53],
        [0xc2, 0x2e, 0x11, 0x58],
        [0xc3, 0x40, 0xa5, 0xd4],
    ];
}
