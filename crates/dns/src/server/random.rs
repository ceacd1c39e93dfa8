//! Ids that nobody guesses.

/// Random numbers of the system, fetched by the hundred.
pub(crate) struct Random {
    bytes: [u8; 512],
    used: usize,
}

impl Default for Random {
    fn default() -> Self {
        Self {
            bytes: [0; 512],
            used: 512,
        }
    }
}

impl Random {
    pub(crate) fn next_u16(&mut self) -> u16 {
        if self.used + 2 > self.bytes.len() {
            // Failing means that there is no entropy source at all; ids must not be guessable, so
            // the bytes stay as they are only if even the hash seeds of the process are.
            if getrandom::fill(&mut self.bytes).is_err() {
                use std::hash::{BuildHasher, RandomState};
                let seed = RandomState::new().hash_one(self.used);
                for (byte, mask) in self.bytes.iter_mut().zip(seed.to_ne_bytes().iter().cycle()) {
                    *byte ^= mask;
                }
            }
            self.used = 0;
        }
        let pair = [self.bytes[self.used], self.bytes[self.used + 1]];
        self.used += 2;
        u16::from_ne_bytes(pair)
    }
}
