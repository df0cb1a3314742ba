//! Ranges of a map, copied into one block.

use super::output::Output;
use super::parallel::{part_size, share};

/// Below this a second thread costs more than it copies.
pub const PARALLEL_BYTES: usize = 256 << 10;

/// Copies `source[offsets[i] .. offsets[i] + lengths[i]]` one after the other, in the order of the ranges.
///
/// Returns the bytes written, or the number of the first range that lies outside the source or finds no room.
pub fn gather(source: &[u8], offsets: &[f64], lengths: &[u32], target: &mut [u8]) -> Result<usize, usize> {
    let mut places = Vec::with_capacity(lengths.len());
    let mut total = 0usize;
    for (i, (&offset, &length)) in offsets.iter().zip(lengths).enumerate() {
        let length = length as usize;
        let start = byte_offset(offset).ok_or(i)?;
        if start.checked_add(length).is_none_or(|end| end > source.len()) {
            return Err(i);
        }
        places.push((start, length, total));
        total = total.checked_add(length).filter(|&total| total <= target.len()).ok_or(i)?;
    }
    let output = Output::new(target);
    let copy = |&(start, length, at): &(usize, usize, usize)| {
        // SAFETY: each range has its own place in the target, which the caller holds exclusively.
        let written = unsafe { output.write(at, &source[start..start + length]) };
        debug_assert!(written);
    };
    if total < PARALLEL_BYTES {
        places.iter().for_each(copy);
    } else {
        let parts: Vec<_> = places.chunks(part_size(places.len())).collect();
        share(parts.len(), &|part| parts[part].iter().for_each(copy));
    }
    Ok(total)
}

/// A whole number from JavaScript.
pub fn byte_offset(value: f64) -> Option<usize> {
    ((0.0..=9_007_199_254_740_991.0).contains(&value) && value.fract() == 0.0).then_some(value as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn copies_what_a_loop_copies(
            source in proptest::collection::vec(any::<u8>(), 0..5000),
            ranges in proptest::collection::vec((0usize..5200, 0u32..300), 0..600),
        ) {
            let offsets: Vec<f64> = ranges.iter().map(|range| range.0 as f64).collect();
            let lengths: Vec<u32> = ranges.iter().map(|range| range.1).collect();
            let mut expected = Ok(Vec::new());
            for (i, &(start, length)) in ranges.iter().enumerate() {
                match source.get(start..start + length as usize) {
                    Some(bytes) => expected.as_mut().unwrap().extend_from_slice(bytes),
                    None => { expected = Err(i); break; }
                }
            }
            let mut target = vec![0; 600 * 300];
            let found = gather(&source, &offsets, &lengths, &mut target).map(|total| target[..total].to_vec());
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_target_that_is_too_small_is_refused() {
        assert_eq!(gather(&[1, 2, 3], &[0.0, 1.0], &[2, 2], &mut [0; 3]), Err(1));
    }

    #[test]
    fn offsets_that_are_no_whole_numbers_are_refused() {
        for offset in [-1.0, 0.5, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(gather(&[1, 2, 3], &[offset], &[1], &mut [0; 3]), Err(0));
        }
    }

    #[test]
    fn many_ranges_are_copied_by_several_threads() {
        let source: Vec<u8> = (0..1 << 20).map(|i: u32| (i * 31) as u8).collect();
        let offsets: Vec<f64> = (0..1024).map(|i| f64::from((i * 997) % 1023 * 1024)).collect();
        let mut target = vec![0; 1 << 20];
        assert_eq!(gather(&source, &offsets, &[1024; 1024], &mut target), Ok(1 << 20));
        for (i, &offset) in offsets.iter().enumerate() {
            assert_eq!(target[i * 1024..][..1024], source[offset as usize..][..1024]);
        }
    }
}
