//! What a transaction shall do, as JavaScript packs it: records of kind, key length, value length (`u32` each, little
//! endian), key, value.

use crate::environment::Failure;

/// Bytes before a record's key.
const HEAD: usize = 12;

#[derive(Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// 0: sets the value of a key.
    Put { key: &'a [u8], value: &'a [u8] },
    /// 1: removes a key, if it is there.
    Delete { key: &'a [u8] },
    /// 2: removes all keys.
    Clear,
}

/// The operations in some bytes; `EINVAL` where they are none.
pub struct Operations<'a> {
    rest: &'a [u8],
}

impl<'a> Operations<'a> {
    pub fn new(bytes: &'a [u8]) -> Operations<'a> {
        Operations { rest: bytes }
    }

    fn take(&mut self) -> Option<Operation<'a>> {
        let head = self.rest.get(..HEAD)?;
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let key_end = HEAD.checked_add(number(4) as usize)?;
        let end = key_end.checked_add(number(8) as usize)?;
        let (key, value) = (self.rest.get(HEAD..key_end)?, self.rest.get(key_end..end)?);
        self.rest = &self.rest[end..];
        match number(0) {
            0 => Some(Operation::Put { key, value }),
            1 => Some(Operation::Delete { key }),
            2 => Some(Operation::Clear),
            _ => None,
        }
    }
}

impl<'a> Iterator for Operations<'a> {
    type Item = Result<Operation<'a>, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let operation = self.take().ok_or(Failure(libc::EINVAL));
        if operation.is_err() {
            self.rest = &[];
        }
        Some(operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u32, key: &[u8], value: &[u8]) -> Vec<u8> {
        let numbers = [kind, key.len() as u32, value.len() as u32];
        [&numbers.map(u32::to_le_bytes).concat()[..], key, value].concat()
    }

    #[test]
    fn reads_what_was_packed() {
        let bytes = [record(0, b"a", b"12"), record(1, b"bc", b""), record(2, b"", b"")].concat();
        let found: Vec<_> = Operations::new(&bytes).collect();
        let expected = [
            Ok(Operation::Put { key: b"a", value: b"12" }),
            Ok(Operation::Delete { key: b"bc" }),
            Ok(Operation::Clear),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn refuses_what_is_cut_or_unknown() {
        let whole = record(0, b"key", b"value");
        for end in 1..whole.len() {
            assert_eq!(Operations::new(&whole[..end]).collect::<Vec<_>>(), [Err(Failure(libc::EINVAL))]);
        }
        let bytes = [record(0, b"a", b""), record(3, b"", b""), record(0, b"a", b"")].concat();
        assert_eq!(Operations::new(&bytes).last(), Some(Err(Failure(libc::EINVAL))));
        let mut long = whole;
        long[4..12].fill(0xff);
        assert_eq!(Operations::new(&long).collect::<Vec<_>>(), [Err(Failure(libc::EINVAL))]);
    }
}
