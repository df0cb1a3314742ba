//! One record of an .atp file at a time, for random access.
//!
//! Half a microsecond a record: what a call costs counts.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use napi::bindgen_prelude::*;
use napi::{JsError, check_status, sys};
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

/// What a reading function reads.
struct Reader {
    map: Arc<Owned>,
    commit: CommitNumbers,
}

/// A function `(index, target, at)` that reads one record of a commit into a buffer from `at` on.
///
/// It returns the record's size; -1 if it needs a closer look; -2 - n if it takes n bytes, for which there is no room.
#[napi(catch_unwind)]
pub fn atp_reader<'env>(env: &'env Env, map: &Mapping, numbers: &[f64]) -> Result<Unknown<'env>> {
    let reader = Reader { map: map.region()?.clone(), commit: CommitNumbers::from_js(numbers)? };
    let reader = Box::into_raw(Box::new(reader)).cast::<c_void>();
    let env = env.raw();
    let mut function = ptr::null_mut();
    // SAFETY: the environment is that of this call, and the function gets what it takes for a reader.
    let made = check_status!(unsafe {
        sys::napi_create_function(env, ptr::null(), 0, Some(read_record), reader, &mut function)
    })
    .and_then(|()| {
        // SAFETY: as above; the function's end is the reader's.
        check_status!(unsafe {
            sys::napi_add_finalizer(
                env,
                function,
                reader,
                Some(free_reader),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        })
    });
    if let Err(error) = made {
        // SAFETY: without a finalizer nobody else frees it, and the function, if there is one, reaches nobody.
        drop(unsafe { Box::from_raw(reader.cast::<Reader>()) });
        return Err(error);
    }
    // SAFETY: a value of this environment.
    Ok(unsafe { Unknown::from_raw_unchecked(env, function) })
}

unsafe extern "C" fn free_reader(_: sys::napi_env, reader: *mut c_void, _: *mut c_void) {
    // SAFETY: made by `Box::into_raw`, and no call can come any more.
    drop(unsafe { Box::from_raw(reader.cast::<Reader>()) });
}

/// What napi-rs would generate for a method, without its bookkeeping of borrowed arguments, which costs more than the
/// work itself here: this call has but one buffer, and lets it go before it returns.
unsafe extern "C" fn read_record(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let read = || {
        let mut values = [ptr::null_mut(); 3];
        let mut count = values.len();
        let mut reader = ptr::null_mut();
        // SAFETY: as many values as there is room for; what the caller left out is undefined, which is no number.
        check_status!(unsafe {
            sys::napi_get_cb_info(env, info, &mut count, values.as_mut_ptr(), ptr::null_mut(), &mut reader)
        })?;
        let [index, target, at] = values;
        // SAFETY: the function's data, which lives as long as the function.
        let reader = unsafe { &*reader.cast::<Reader>() };
        // SAFETY: values of this call.
        let (index, mut target, at) = unsafe {
            (
                f64::from_napi_value(env, index)?,
                ArrayBuffer::from_napi_value(env, target)?,
                f64::from_napi_value(env, at)?,
            )
        };
        let size = reader.read(index, &mut target, whole(at)?)?;
        // SAFETY: the environment is that of this call.
        unsafe { f64::to_napi_value(env, size) }
    };
    let read = catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(failed("the kernel panicked")));
    read.unwrap_or_else(|error| {
        // SAFETY: the environment is that of this call.
        unsafe { JsError::from(error).throw_into(env) };
        ptr::null_mut()
    })
}

impl Reader {
    fn read(&self, index: f64, target: &mut ArrayBuffer, at: usize) -> Result<f64> {
        // SAFETY: JavaScript waits for this call, so that nobody else uses the memory; that it is apart is checked next.
        let target = unsafe { target.as_mut() };
        let file = self.map.0.bytes();
        if !are_disjoint(&mut [span(file), span(target)]) {
            return Err(failed("the target is part of the map"));
        }
        let Some(room) = target.get_mut(at..) else {
            return Err(failed("the place is outside the target"));
        };
        Ok(match atp::record(&self.commit.of(file), index, room) {
            Ok(size) => size as f64,
            Err(Miss::LookCloser) => -1.0,
            Err(Miss::NoRoom(size)) => -2.0 - size as f64,
        })
    }
}
