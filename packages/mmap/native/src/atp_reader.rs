//! One record of an .atp file at a time, for random access.
//!
//! A method of a class costs JavaScript more than the work itself here: the reader is known by a number, and reading is
//! a plain function of numbers and one buffer.

use std::cell::RefCell;
use std::sync::Arc;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::{Mapping, Owned, codec_of, failed, span, whole};
use crate::kernels::atp::{self, Commit, Miss};
use crate::kernels::codec::Codec;
use crate::kernels::output::are_disjoint;

/// What [`Commit`] says, without the bytes it is about.
#[derive(Clone, Copy)]
pub(crate) struct CommitNumbers {
    codec: Codec,
    index_at: usize,
    n_molecules: usize,
    data_start: usize,
    pub(crate) data_end: usize,
    max_expansion: usize,
}

impl CommitNumbers {
    /// Codec, where the first index entry is, molecules, where the data starts and ends, and how many bytes one stored
    /// byte can stand for at most.
    pub(crate) fn from_js(numbers: &[f64]) -> Result<CommitNumbers> {
        let &[codec, index_at, n_molecules, data_start, data_end, max_expansion] = numbers else {
            return Err(failed("a commit takes six numbers"));
        };
        Ok(CommitNumbers {
            codec: codec_of(whole(codec)? as u32)?,
            index_at: whole(index_at)?,
            n_molecules: whole(n_molecules)?,
            data_start: whole(data_start)?,
            data_end: whole(data_end)?,
            max_expansion: whole(max_expansion)?,
        })
    }

    pub(crate) fn of<'a>(&self, file: &'a [u8]) -> Commit<'a> {
        let &CommitNumbers { codec, index_at, n_molecules, data_start, data_end, max_expansion } = self;
        Commit { file, codec, index_at, n_molecules, data_start, data_end, max_expansion }
    }
}

struct Reader {
    map: Arc<Owned>,
    commit: CommitNumbers,
}

thread_local! {
    /// The readers of this thread, by their numbers. Each ends with its `AtpReader`.
    static READERS: RefCell<Vec<Option<Reader>>> = const { RefCell::new(Vec::new()) };
}

/// Reads single records of one commit.
#[napi]
pub struct AtpReader {
    id: u32,
}

#[napi]
impl AtpReader {
    #[napi(constructor, catch_unwind)]
    pub fn new(map: &Mapping, numbers: &[f64]) -> Result<AtpReader> {
        let reader = Reader { map: map.region()?.clone(), commit: CommitNumbers::from_js(numbers)? };
        let id = READERS.with_borrow_mut(|readers| {
            let id = readers.iter().position(Option::is_none).unwrap_or(readers.len());
            if id == readers.len() {
                readers.push(None);
            }
            readers[id] = Some(reader);
            id
        });
        Ok(AtpReader { id: id as u32 })
    }

    /// What `readAtpRecord` knows it by.
    #[napi(getter)]
    pub fn id(&self) -> u32 {
        self.id
    }
}

impl Drop for AtpReader {
    fn drop(&mut self) {
        // The thread may be ending, and its readers with it.
        let _ = READERS.try_with(|readers| readers.borrow_mut()[self.id as usize].take());
    }
}

/// Reads one record into a buffer from `at` on. Returns its size; -1 if it needs a closer look; -2 - n if it takes n
/// bytes, for which there is no room.
#[napi(catch_unwind)]
pub fn read_atp_record(reader: u32, index: f64, mut target: ArrayBuffer, at: u32) -> Result<f64> {
    READERS.with_borrow(|readers| {
        let Some(Some(reader)) = readers.get(reader as usize) else {
            return Err(failed("the reader is closed"));
        };
        // SAFETY: JavaScript waits for this call, so that nobody else uses the memory; that it is apart is checked next.
        let target = unsafe { target.as_mut() };
        let file = reader.map.0.bytes();
        if !are_disjoint(&mut [span(file), span(target)]) {
            return Err(failed("the target is part of the map"));
        }
        let Some(room) = target.get_mut(at as usize..) else {
            return Err(failed("the place is outside the target"));
        };
        Ok(match atp::record(&reader.commit.of(file), index, room) {
            Ok(size) => size as f64,
            Err(Miss::LookCloser) => -1.0,
            Err(Miss::NoRoom(size)) => -2.0 - size as f64,
        })
    })
}
