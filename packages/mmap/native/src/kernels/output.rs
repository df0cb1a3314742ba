//! Memory that several threads fill, each its own part.

/// A range of bytes to be written. Parts that two threads take must not overlap: kernels see to that by giving each
/// record a place of its own.
#[derive(Clone, Copy)]
pub struct Output {
    start: *mut u8,
    len: usize,
}

// SAFETY: writing is unsafe, and its condition is that no two threads write one byte.
unsafe impl Send for Output {}
// SAFETY: as above.
unsafe impl Sync for Output {}

impl Output {
    pub fn new(bytes: &mut [u8]) -> Output {
        Output { start: bytes.as_mut_ptr(), len: bytes.len() }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies `source` to `at`; false, and nothing written, if it does not fit.
    ///
    /// # Safety
    /// The memory must be alive, apart from `source`, and no other thread may use these bytes now.
    #[must_use]
    pub unsafe fn write(&self, at: usize, source: &[u8]) -> bool {
        match at.checked_add(source.len()) {
            Some(end) if end <= self.len => {
                // SAFETY: the range was checked; the rest is the caller's promise.
                unsafe { std::ptr::copy_nonoverlapping(source.as_ptr(), self.start.add(at), source.len()) };
                true
            }
            _ => false,
        }
    }

    /// A part to be filled.
    ///
    /// # Safety
    /// As for [`Output::write`], for as long as the part is used.
    #[expect(clippy::mut_from_ref, reason = "it is a view of the memory behind `start`, not of this struct")]
    pub unsafe fn part(&self, at: usize, len: usize) -> Option<&mut [u8]> {
        match at.checked_add(len) {
            Some(end) if end <= self.len => {
                // SAFETY: the range was checked; the rest is the caller's promise.
                Some(unsafe { std::slice::from_raw_parts_mut(self.start.add(at), len) })
            }
            _ => None,
        }
    }
}

/// Whether ranges of memory are apart: JavaScript can pass the same memory twice.
pub fn are_disjoint(ranges: &mut [(usize, usize)]) -> bool {
    ranges.sort_unstable();
    ranges.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0 || pair[1].1 == 0 || pair[0].1 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_disjoint_and_those_that_share_a_byte_are_not() {
        assert!(are_disjoint(&mut [(8, 4), (0, 8), (12, 0)]));
        assert!(!are_disjoint(&mut [(8, 4), (0, 9)]));
        assert!(!are_disjoint(&mut [(5, 5), (5, 5)]));
    }
}
