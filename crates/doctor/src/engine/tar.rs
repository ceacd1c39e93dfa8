//! Archives of one file, in the form of POSIX.1-1988 (`ustar`).

/// The size of a block.
const BLOCK: usize = 512;
/// What an archive has besides the file: its header, one of a link or of long names, the padding.
pub(super) const OVERHEAD: usize = 8 * BLOCK;

/// Returns the contents of the first regular file, at most `limit` bytes of it.
pub(super) fn first_file(archive: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut at = 0;
    loop {
        let head = archive.get(at..at + BLOCK)?;
        let size = octal(head.get(124..136)?)?;
        let body = at + BLOCK;
        if matches!(head[156], b'0' | 0) {
            let end = body.saturating_add(size.min(limit)).min(archive.len());
            return Some(archive.get(body..end)?.to_vec());
        }
        at = body.checked_add(size.checked_next_multiple_of(BLOCK)?)?;
    }
}

fn octal(field: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(field).ok()?;
    usize::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}

/// Returns the header of an executable file.
pub(super) fn header(name: &str, size: u64) -> [u8; BLOCK] {
    let mut head = [0; BLOCK];
    let mut put =
        |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, &name[..name.len().min(99)]);
    put(100, "0000555\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    put(136, "00000000000\0");
    // The checksum counts its own field as spaces.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = head.iter().map(|&b| u32::from(b)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    head
}

/// Returns what follows a file of `size` bytes: its padding and the end of the archive.
pub(super) fn trailer(size: u64) -> Vec<u8> {
    let padding = size.next_multiple_of(BLOCK as u64) - size;
    vec![0; padding as usize + 2 * BLOCK]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(bytes: &[u8]) -> Vec<u8> {
        let size = bytes.len() as u64;
        [&header("x", size)[..], bytes, &trailer(size)].concat()
    }

    #[test]
    fn a_file_comes_out_as_it_went_in() {
        for size in [0, 1, 511, 512, 513] {
            let bytes = vec![7; size];
            assert_eq!(first_file(&archive(&bytes), 4096).unwrap(), bytes);
        }
        assert_eq!(first_file(&archive(&[7; 100]), 10).unwrap(), [7; 10]);
    }

    #[test]
    fn hostile_archives_give_nothing() {
        let mut link = archive(b"");
        link[156] = b'2';
        let mut endless = link.clone();
        endless[124..136].copy_from_slice(b"77777777777\0");
        let mut bad = archive(b"");
        bad[124] = b'x';
        for bytes in [&link[..], &endless, &bad, &[], &[0; 100]] {
            assert_eq!(first_file(bytes, 10), None);
        }
    }
}
