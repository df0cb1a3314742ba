//! LZ4 blocks and zstd frames, many records at a time.

use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_void};

use zstd_safe::{CCtx, DCtx};

use super::output::Output;
use super::parallel::{part_size, share_map};

/// How a record is stored. The numbers are those of the .atp header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Codec {
    None,
    Lz4,
    Zstd,
}

impl Codec {
    pub fn from_id(id: u32) -> Option<Codec> {
        [Codec::None, Codec::Lz4, Codec::Zstd].get(id as usize).copied()
    }
}

/// A zstd frame that does not tell its size is believed to hold no more.
const MAX_UNTOLD_BYTES: usize = 16 << 20;
/// So much decompressed data is worth another thread.
const PARALLEL_BYTES: usize = 64 << 10;
/// The slowest codec makes fewer records worth another thread.
const PARALLEL_COMPRESS_BYTES: usize = 8 << 10;

unsafe extern "C" {
    fn LZ4_sizeofStateHC() -> c_int;
    fn LZ4_initStreamHC(state: *mut c_void, size: usize) -> *mut c_void;
    fn LZ4_compress_HC_extStateHC_fastReset(
        state: *mut c_void,
        source: *const c_char,
        target: *mut c_char,
        source_size: c_int,
        capacity: c_int,
        level: c_int,
    ) -> c_int;
}

/// The working memory of LZ4's high compression, 256 KiB, kept from record to record.
struct Lz4State(Vec<u64>);

impl Lz4State {
    fn new() -> Lz4State {
        // SAFETY: a plain query.
        let bytes = unsafe { LZ4_sizeofStateHC() } as usize;
        let mut state = Lz4State(vec![0; bytes.div_ceil(8)]);
        // SAFETY: the memory is aligned to 8 bytes and as large as was asked for.
        let made = unsafe { LZ4_initStreamHC(state.0.as_mut_ptr().cast(), state.0.len() * 8) };
        assert!(!made.is_null());
        state
    }

    fn compress(&mut self, source: &[u8], target: &mut [u8], level: i32) -> Option<usize> {
        let (source_size, capacity) =
            (c_int::try_from(source.len()).ok()?, target.len().min(c_int::MAX as usize));
        // SAFETY: the state was initialised, and the pointers go with their lengths.
        let written = unsafe {
            LZ4_compress_HC_extStateHC_fastReset(
                self.0.as_mut_ptr().cast(),
                source.as_ptr().cast(),
                target.as_mut_ptr().cast(),
                source_size,
                capacity as c_int,
                level,
            )
        };
        (written > 0).then_some(written as usize)
    }
}

thread_local! {
    static LZ4: RefCell<Lz4State> = RefCell::new(Lz4State::new());
    static ZSTD_IN: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
    static ZSTD_OUT: RefCell<CCtx<'static>> = RefCell::new(CCtx::create());
}

/// Fills `target` exactly; false if the stored bytes are no such record.
#[must_use]
pub fn decompress(codec: Codec, stored: &[u8], target: &mut [u8]) -> bool {
    match codec {
        Codec::None => {
            let fits = stored.len() == target.len();
            if fits {
                target.copy_from_slice(stored);
            }
            fits
        }
        Codec::Lz4 => {
            let (Ok(size), Ok(capacity)) = (c_int::try_from(stored.len()), c_int::try_from(target.len()))
            else {
                return false;
            };
            // SAFETY: the pointers go with their lengths; "safe" reads and writes nothing beyond, whatever the bytes.
            let written = unsafe {
                lz4_sys::LZ4_decompress_safe(
                    stored.as_ptr().cast(),
                    target.as_mut_ptr().cast(),
                    size,
                    capacity,
                )
            };
            written >= 0 && written as usize == target.len() && !has_empty_distance(stored)
        }
        Codec::Zstd => ZSTD_IN
            .with_borrow_mut(|context| context.decompress(target, stored))
            .is_ok_and(|written| written == target.len()),
    }
}

/// Whether a sound LZ4 block has a match that begins where it is written: the library reads it as zeros, though the
/// format has no such match.
fn has_empty_distance(block: &[u8]) -> bool {
    let mut at = 0;
    let length = |at: &mut usize, nibble: u8| {
        let mut length = usize::from(nibble);
        let mut byte = if nibble == 15 { 255 } else { 0 };
        while byte == 255 && *at < block.len() {
            byte = block[*at];
            *at += 1;
            length += usize::from(byte);
        }
        length
    };
    while let Some(&token) = block.get(at) {
        at += 1;
        at += length(&mut at, token >> 4);
        match block.get(at..at + 2) {
            Some(&[0, 0]) => return true,
            Some(_) => at += 2,
            None => return false,
        }
        length(&mut at, token & 15);
    }
    false
}

/// Whether stored bytes can be a record of this size, as far as their head tells: asked before so much memory is taken.
#[must_use]
pub fn may_hold(codec: Codec, stored: &[u8], record_size: usize) -> bool {
    match codec {
        Codec::None => stored.len() == record_size,
        Codec::Lz4 => record_size <= stored.len().saturating_mul(255),
        Codec::Zstd => match zstd_safe::get_frame_content_size(stored) {
            Ok(Some(size)) => usize::try_from(size) == Ok(record_size),
            Ok(None) => record_size <= MAX_UNTOLD_BYTES,
            Err(_) => false,
        },
    }
}

/// Room that a compressed record may take.
pub fn bound(codec: Codec, record_size: usize) -> usize {
    match codec {
        Codec::None => record_size,
        Codec::Lz4 => record_size + record_size / 255 + 16,
        Codec::Zstd => zstd_safe::compress_bound(record_size),
    }
}

fn compress_into(codec: Codec, level: i32, record: &[u8], target: &mut [u8]) -> Option<usize> {
    match codec {
        Codec::None => {
            target.get_mut(..record.len())?.copy_from_slice(record);
            Some(record.len())
        }
        Codec::Lz4 => LZ4.with_borrow_mut(|state| state.compress(record, target, level)),
        Codec::Zstd => ZSTD_OUT.with_borrow_mut(|context| context.compress(target, record, level)).ok(),
    }
}

/// Compresses records that lie one after the other in `records`, each up to the next of `ends`.
///
/// The compressed records come one after the other into `target`, their sizes into `sizes`. Returns their total, or the
/// number of the first record that could not be stored. The target must hold the sum of [`bound`].
pub fn compress_many(
    codec: Codec,
    level: i32,
    records: &[u8],
    ends: &[u32],
    target: &mut [u8],
    sizes: &mut [u32],
) -> Result<usize, usize> {
    if sizes.len() < ends.len() {
        return Err(0);
    }
    let mut places = Vec::with_capacity(ends.len());
    let (mut start, mut at) = (0usize, 0usize);
    for (i, &end) in ends.iter().enumerate() {
        let end = end as usize;
        let record = records.get(start..end).ok_or(i)?;
        let room = bound(codec, record.len());
        places.push((i, record, at, room));
        at = at.checked_add(room).filter(|&total| total <= target.len()).ok_or(i)?;
        start = end;
    }
    let output = Output::new(target);
    let compress = |&(i, record, at, room): &(usize, &[u8], usize, usize)| -> Result<u32, usize> {
        // SAFETY: each record has its own room in the target, which the caller holds exclusively.
        let target = unsafe { output.part(at, room) }.ok_or(i)?;
        compress_into(codec, level, record, target).map(|written| written as u32).ok_or(i)
    };
    let written: Result<Vec<u32>, usize> = if start < PARALLEL_COMPRESS_BYTES {
        places.iter().map(compress).collect()
    } else {
        let parts: Vec<_> = places.chunks(part_size(places.len())).collect();
        let done =
            share_map(parts.len(), |part| parts[part].iter().map(compress).collect::<Result<Vec<_>, _>>());
        done.into_iter().collect::<Result<Vec<_>, _>>().map(|parts| parts.concat())
    };
    let written = written?;
    let mut end = 0;
    for (&size, &(_, _, at, _)) in written.iter().zip(&places) {
        target.copy_within(at..at + size as usize, end);
        end += size as usize;
    }
    sizes[..written.len()].copy_from_slice(&written);
    Ok(end)
}

/// One record to be decompressed: where it is stored, and where it goes.
#[derive(Clone, Copy)]
pub struct Job {
    pub stored_at: usize,
    pub stored_size: usize,
    pub target_at: usize,
    pub record_size: usize,
}

/// Decompresses records of `source` into their places in `target`, which must not overlap.
///
/// Returns the number of the first record that is outside the source or the target, or is damaged.
pub fn decompress_many(codec: Codec, source: &[u8], jobs: &[Job], target: &mut [u8]) -> Result<(), usize> {
    let mut places: Vec<_> = jobs.iter().map(|job| (job.target_at, job.record_size)).collect();
    if !super::output::are_disjoint(&mut places) {
        return Err(0);
    }
    let output = Output::new(target);
    let total: usize = jobs.iter().map(|job| job.record_size).sum();
    let run = |(i, job): (usize, &Job)| -> Result<(), usize> {
        let end = job.stored_at.checked_add(job.stored_size).ok_or(i)?;
        let stored = source.get(job.stored_at..end).ok_or(i)?;
        // SAFETY: the places are apart, and the caller holds the target exclusively.
        let target = unsafe { output.part(job.target_at, job.record_size) }.ok_or(i)?;
        if decompress(codec, stored, target) { Ok(()) } else { Err(i) }
    };
    if total < PARALLEL_BYTES {
        return jobs.iter().enumerate().try_for_each(run);
    }
    let size = part_size(jobs.len());
    let parts: Vec<_> = jobs.chunks(size).collect();
    let done = share_map(parts.len(), |part| {
        parts[part].iter().enumerate().try_for_each(|(i, job)| run((part * size + i, job)))
    });
    done.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CODECS: [Codec; 3] = [Codec::None, Codec::Lz4, Codec::Zstd];

    fn level_of(codec: Codec) -> i32 {
        if codec == Codec::Lz4 { 12 } else { 3 }
    }

    fn round_trip(codec: Codec, records: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let joined = records.concat();
        let mut end = 0;
        let ends: Vec<u32> = records
            .iter()
            .map(|record| {
                end += record.len() as u32;
                end
            })
            .collect();
        let mut packed = vec![0; records.iter().map(|record| bound(codec, record.len())).sum()];
        let mut sizes = vec![0; records.len()];
        let total = compress_many(codec, level_of(codec), &joined, &ends, &mut packed, &mut sizes).unwrap();
        assert_eq!(total, sizes.iter().map(|&size| size as usize).sum::<usize>());
        let (mut stored_at, mut target_at) = (0, 0);
        let jobs: Vec<Job> = records
            .iter()
            .zip(&sizes)
            .map(|(record, &size)| {
                let job = Job { stored_at, stored_size: size as usize, target_at, record_size: record.len() };
                stored_at += size as usize;
                target_at += record.len();
                job
            })
            .collect();
        let mut target = vec![0; joined.len()];
        decompress_many(codec, &packed[..total], &jobs, &mut target).unwrap();
        jobs.iter().map(|job| target[job.target_at..][..job.record_size].to_vec()).collect()
    }

    proptest! {
        #[test]
        fn records_come_back(records in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 1..2000),
                (any::<u8>(), 1usize..3000).prop_map(|(byte, length)| vec![byte; length]),
                (1usize..700).prop_map(|length| (0..length).map(|i| (i / 7) as u8).collect()),
            ],
            1..40,
        )) {
            for codec in CODECS {
                prop_assert_eq!(&round_trip(codec, &records), &records);
            }
        }

        #[test]
        fn any_bytes_are_a_record_or_refused(stored in proptest::collection::vec(any::<u8>(), 0..400), size in 0usize..2000) {
            for codec in CODECS {
                let mut target = vec![7; size + 16];
                let _ = decompress(codec, &stored, &mut target[..size]);
                prop_assert_eq!(&target[size..], &[7; 16]);
            }
        }
    }

    #[test]
    fn a_match_of_no_distance_is_refused() {
        let literals = *b"some literals";
        let tail = *b"12345678901234";
        for (distance, works) in [([1, 0], true), ([0, 0], false)] {
            let block = [&[0xd0 | 4][..], &literals, &distance, &[0xe0], &tail].concat();
            assert_eq!(decompress(Codec::Lz4, &block, &mut [0; 13 + 8 + 14]), works);
        }
        let zeros_in_literals = [&[0x80][..], &[0; 8]].concat();
        assert!(decompress(Codec::Lz4, &zeros_in_literals, &mut [0; 8]));
    }

    #[test]
    fn many_records_are_compressed_by_several_threads() {
        let records: Vec<Vec<u8>> =
            (0..2000u32).map(|i| (0..700u32).map(|j| ((i * j) / 5) as u8).collect()).collect();
        for codec in CODECS {
            assert_eq!(round_trip(codec, &records), records);
        }
    }

    #[test]
    fn places_that_overlap_are_refused() {
        let job = Job { stored_at: 0, stored_size: 4, target_at: 0, record_size: 4 };
        let jobs = [job, Job { target_at: 3, ..job }];
        assert_eq!(decompress_many(Codec::None, &[1, 2, 3, 4], &jobs, &mut [0; 8]), Err(0));
    }

    #[test]
    fn a_record_outside_the_source_is_named() {
        let job = Job { stored_at: 0, stored_size: 4, target_at: 0, record_size: 4 };
        let jobs = [job, Job { stored_at: usize::MAX - 1, target_at: 4, ..job }];
        assert_eq!(decompress_many(Codec::None, &[1, 2, 3, 4], &jobs, &mut [0; 8]), Err(1));
    }
}
