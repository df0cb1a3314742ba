//! Node-API bindings of Stowage's memory maps and batch kernels.
//!
//! A binding converts arguments, calls one kernel, and maps its error. JavaScript opens the files, so that the
//! permissions of its runtime hold. Every binding catches panics: they become exceptions.

#[cfg(not(target_pointer_width = "64"))]
compile_error!("maps need 64-bit addresses");

pub mod atp_reader;
mod guard;
mod heap;
pub mod kernels;
pub mod lmdb;
mod mapping;
pub mod xyz;

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use napi::bindgen_prelude::*;
use napi_derive::napi;

use atp_reader::CommitNumbers;
use kernels::atp::{Field, Layout, Plan, Target};
use kernels::codec::{Codec, Job};
use kernels::gather::byte_offset;
use kernels::output::{Output, are_disjoint};
use kernels::{atp, codec, gather};
use mapping::{Mode, Region};

/// What the TypeScript side asks for before it trusts an addon: changes with every change of a signature.
#[napi]
pub const ABI: u32 = 6;

/// A batch was read.
const DONE: i32 = -1;
/// The file lost bytes while, or before, the batch was read.
const TRUNCATED: i32 = -2;

/// When the addon is loaded.
#[napi_derive::module_init]
fn loaded() {
    heap::keep_freed_memory();
}

static MAPPED: AtomicU32 = AtomicU32::new(0);

/// Maps that are not undone yet, for tests: buffers keep theirs until they are collected.
#[napi]
pub fn live_maps() -> u32 {
    MAPPED.load(Relaxed)
}

/// Threads that kernels use.
#[napi(catch_unwind)]
pub fn threads() -> u32 {
    kernels::parallel::threads() as u32
}

/// One byte a map, at its slot: 1 once it met a fault. A view of memory that lives as long as the addon.
#[napi(catch_unwind)]
pub fn fault_flags(env: &Env) -> Result<ArrayBuffer<'_>> {
    let flags = guard::FAULTS.as_ptr() as *mut u8;
    // SAFETY: a static of this length; JavaScript only reads it, and torn reads of a byte do not exist.
    let buffer = unsafe { ArrayBuffer::from_external(env, flags, guard::SLOTS, (), |_, ()| ()) }?;
    external(buffer, flags)
}

/// A panic, for the test that it becomes an exception.
#[napi(catch_unwind)]
pub fn panic_for_test() -> Result<()> {
    panic!("as asked")
}

/// A counted region.
struct Owned(Region);

impl Drop for Owned {
    fn drop(&mut self) {
        MAPPED.fetch_sub(1, Relaxed);
    }
}

/// One mapped range of a file.
#[napi]
pub struct Mapping {
    region: Option<Arc<Owned>>,
    slot: u32,
}

#[napi]
impl Mapping {
    /// Maps a range of an open file. The descriptor stays JavaScript's.
    ///
    /// `shared`: stores go to the file; else they stay in memory.
    #[napi(factory, catch_unwind)]
    pub fn open(descriptor: i32, shared: bool, byte_offset: f64, byte_length: f64) -> Result<Mapping> {
        let (byte_offset, byte_length) = (whole(byte_offset)?, whole(byte_length)?);
        let file = mapping::duplicate(descriptor).map_err(failed)?;
        let mode = if shared { Mode::Shared } else { Mode::Private };
        Ok(Mapping::over(Region::map(file, mode, byte_offset as u64, byte_length).map_err(failed)?))
    }

    /// Another map of the same file from the same place on, of another length.
    #[napi(catch_unwind)]
    pub fn resized(&self, byte_length: f64) -> Result<Mapping> {
        Ok(Mapping::over(self.region()?.0.resized(whole(byte_length)?).map_err(failed)?))
    }

    /// Its place among the fault flags.
    #[napi(getter)]
    pub fn slot(&self) -> u32 {
        self.slot
    }

    /// A range of the map as a buffer, which keeps the map alive.
    #[napi(catch_unwind)]
    pub fn window<'env>(
        &self,
        env: &'env Env,
        byte_offset: f64,
        byte_length: f64,
    ) -> Result<ArrayBuffer<'env>> {
        let owner = self.region()?.clone();
        let (byte_offset, byte_length) = (whole(byte_offset)?, whole(byte_length)?);
        owner.0.check(byte_offset, byte_length).map_err(|_| failed("the range is outside the map"))?;
        // SAFETY: the range is within the map.
        let start = unsafe { owner.0.as_mut_ptr().add(byte_offset) };
        // SAFETY: the range lives as long as the owner, which the finalizer drops; the guard keeps it readable.
        let buffer =
            unsafe { ArrayBuffer::from_external(env, start, byte_length, owner, |_, owner| drop(owner)) }?;
        external(buffer, start)
    }

    /// Detaches the buffers and lets the file go. A buffer's alias, which some runtimes can make, shows zeros.
    #[napi(catch_unwind)]
    pub fn close(&mut self, buffers: Vec<ArrayBuffer>) -> Result<()> {
        for buffer in buffers {
            if !buffer.is_detached()? {
                buffer.detach()?;
            }
        }
        match self.region.take() {
            Some(owner) => owner.0.release().map_err(failed),
            None => Ok(()),
        }
    }

    /// Length of the file now.
    #[napi(catch_unwind)]
    pub fn file_length(&self) -> Result<f64> {
        match self.region()?.0.file_length() {
            Some(length) => Ok(length.map_err(failed)? as f64),
            None => Err(failed("the map is closed")),
        }
    }

    /// Whether bytes before `end` may have been read as zeros, because the file was cut.
    #[napi(catch_unwind)]
    pub fn was_cut(&self, end: f64) -> Result<bool> {
        Ok(self.region()?.0.was_cut(whole(end)?))
    }

    /// 0 normal, 1 sequential, 2 random, 3 will need, 4 huge pages.
    #[napi(catch_unwind)]
    pub fn advise(&self, advice: u32, byte_offset: f64, byte_length: f64) -> Result<()> {
        let (region, byte_offset, byte_length) = self.range(byte_offset, byte_length)?;
        region.advise(advice, byte_offset, byte_length).map_err(failed)
    }

    /// Brings a range into memory and into this process's page table.
    #[napi(catch_unwind)]
    pub fn populate(&self, byte_offset: f64, byte_length: f64) -> Result<()> {
        let (region, byte_offset, byte_length) = self.range(byte_offset, byte_length)?;
        region.populate(byte_offset, byte_length);
        Ok(())
    }

    /// Writes a range to the disk.
    #[napi(catch_unwind)]
    pub fn flush(&self, byte_offset: f64, byte_length: f64) -> Result<()> {
        let (region, byte_offset, byte_length) = self.range(byte_offset, byte_length)?;
        region.flush(byte_offset, byte_length).map_err(failed)
    }

    /// Copies ranges one after the other into `target`. Returns the bytes written; -2 if the file was cut, -3 - i if
    /// range i is outside the map or finds no room.
    #[napi(catch_unwind)]
    pub fn gather(&self, offsets: &[f64], lengths: &[u32], mut target: Uint8ArraySlice) -> Result<f64> {
        let region = &self.region()?.0;
        let target = exclusive(region, &mut target)?;
        let gathered = gather::gather(region.bytes(), offsets, lengths, target);
        let end = offsets
            .iter()
            .zip(lengths)
            .map(|(offset, &length)| offset + f64::from(length))
            .fold(0.0, f64::max);
        Ok(match gathered {
            _ if region.was_cut(end as usize) => f64::from(TRUNCATED),
            Ok(written) => written as f64,
            Err(range) => -3.0 - range as f64,
        })
    }

    /// Decompresses records into `target`. `jobs` holds four numbers each: stored at, stored size, place in the target,
    /// record size. Returns -1; -2 if the file was cut; or the number of a record that is damaged or out of bounds.
    #[napi(catch_unwind)]
    pub fn decompress(&self, codec: u32, jobs: &[f64], mut target: Uint8ArraySlice) -> Result<i32> {
        let region = &self.region()?.0;
        let target = exclusive(region, &mut target)?;
        let jobs: Vec<Job> = jobs
            .chunks_exact(4)
            .map(|job| {
                Ok(Job {
                    stored_at: whole(job[0])?,
                    stored_size: whole(job[1])?,
                    target_at: whole(job[2])?,
                    record_size: whole(job[3])?,
                })
            })
            .collect::<Result<_>>()?;
        let end = jobs.iter().map(|job| job.stored_at.saturating_add(job.stored_size)).max().unwrap_or(0);
        Ok(match codec::decompress_many(codec_of(codec)?, region.bytes(), &jobs, target) {
            _ if region.was_cut(end) => TRUNCATED,
            Ok(()) => DONE,
            Err(record) => record as i32,
        })
    }

    /// Decompresses one record that fills `target`. Returns -1, or 0 if it is damaged.
    #[napi(catch_unwind)]
    pub fn decompress_one(
        &self,
        codec: u32,
        stored_at: f64,
        stored_size: u32,
        mut target: Uint8ArraySlice,
    ) -> Result<i32> {
        let region = &self.region()?.0;
        let target = exclusive(region, &mut target)?;
        let (stored_at, stored_size) = (whole(stored_at)?, stored_size as usize);
        let stored = region.bytes().get(stored_at..stored_at.saturating_add(stored_size));
        let done = match stored {
            Some(stored) => codec::decompress(codec_of(codec)?, stored, target),
            None => false,
        };
        // The caller looks whether the file had lost these bytes: asking the system for each record would cost more.
        Ok(if done { DONE } else { 0 })
    }

    fn over(region: Region) -> Mapping {
        MAPPED.fetch_add(1, Relaxed);
        let slot = region.slot() as u32;
        Mapping { region: Some(Arc::new(Owned(region))), slot }
    }

    fn region(&self) -> Result<&Arc<Owned>> {
        self.region.as_ref().ok_or_else(|| failed("the map is closed"))
    }

    fn range(&self, byte_offset: f64, byte_length: f64) -> Result<(&Region, usize, usize)> {
        let region = &self.region()?.0;
        let (byte_offset, byte_length) = (whole(byte_offset)?, whole(byte_length)?);
        region.check(byte_offset, byte_length).map_err(|_| failed("the range is outside the map"))?;
        Ok((region, byte_offset, byte_length))
    }
}

/// Makes a file so long, and takes the room for it on the disk.
#[napi(catch_unwind)]
pub fn allocate(descriptor: i32, byte_length: f64) -> Result<()> {
    mapping::allocate(descriptor, whole(byte_length)? as u64).map_err(failed)
}

/// Compresses records, which lie one after the other and each end at the next of `ends`, one after the other into
/// `target`, and their sizes into `sizes`. Returns the total, or -3 - i if record i could not be stored.
#[napi(catch_unwind)]
pub fn compress(
    codec: u32,
    level: i32,
    records: &[u8],
    ends: &[u32],
    mut target: Uint8ArraySlice,
    mut sizes: Uint32ArraySlice,
) -> Result<f64> {
    // SAFETY: looked at for their addresses alone, before anything is written.
    let (out, out_sizes) = unsafe { (target.as_mut(), sizes.as_mut()) };
    let mut memory = [span(records), span(ends), span(out), span(out_sizes)];
    if !are_disjoint(&mut memory) {
        return Err(failed("two arguments share memory"));
    }
    Ok(match codec::compress_many(codec_of(codec)?, level, records, ends, out, out_sizes) {
        Ok(total) => total as f64,
        Err(record) => -3.0 - record as f64,
    })
}

/// A field of a plan, as TypeScript describes it.
#[napi(object)]
pub struct AtpField {
    pub kind: u32,
    pub tag: u32,
    pub key: Uint8Array,
    /// "perAtom", "perMolecule", "tensor", "atomTensor", "bool3", "text" or "nothing".
    pub layout: String,
    /// Bytes for each atom, or for the molecule.
    pub bytes: u32,
    /// Of tensors: rank and extents as stored; of those of atoms without the first extent.
    pub tensor_head: Uint8Array,
}

/// Text that a flat read met: for each piece its field, its molecule's place in the batch, and where it ends.
#[napi(object)]
pub struct AtpTexts {
    pub fields: Uint32Array,
    pub slots: Uint32Array,
    pub ends: Uint32Array,
    pub bytes: Uint8Array,
    /// Whether the bytes are ASCII alone, so that places in them are places in the text.
    pub ascii: bool,
}

/// How batches of one commit of an .atp file are read.
#[napi]
pub struct AtpPlan {
    commit: CommitNumbers,
    plan: Plan,
    found: Vec<atp::Entry>,
}

#[napi]
impl AtpPlan {
    /// `numbers`: of the commit, as [`CommitNumbers::from_js`] takes them.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        numbers: &[f64],
        position_bytes: u32,
        complete: bool,
        fields: Vec<AtpField>,
    ) -> Result<AtpPlan> {
        let fields = fields.into_iter().map(field_of).collect::<Result<_>>()?;
        Ok(AtpPlan {
            commit: CommitNumbers::from_js(numbers)?,
            plan: Plan { fields, position_bytes: position_bytes as usize, complete },
            found: Vec::new(),
        })
    }

    /// Finds the molecules of the next batch and fills `n_atoms`. Returns their sum, or -3 - i if molecule i of the batch
    /// is out of range or its entry cannot be true.
    #[napi(catch_unwind)]
    pub fn find(&mut self, map: &Mapping, indices: &[f64], mut n_atoms: Uint32ArraySlice) -> Result<f64> {
        let region = &map.region()?.0;
        // SAFETY: looked at for its address alone until it is found to be apart.
        let n_atoms = unsafe { n_atoms.as_mut() };
        if !are_disjoint(&mut [span(region.bytes()), span(indices), span(n_atoms)]) {
            return Err(failed("two arguments share memory"));
        }
        self.found.clear();
        Ok(match atp::find(&self.commit.of(region.bytes()), indices, n_atoms) {
            Ok(entries) => {
                self.found = entries;
                n_atoms.iter().map(|&n| f64::from(n)).sum()
            }
            Err(slot) => -3.0 - slot as f64,
        })
    }

    /// Reads the batch that was found. `outputs`: positions, atomic numbers, which molecules have which field (fields ×
    /// molecules), then one array a field (empty for text). Only the third has to be zeroed.
    ///
    /// Returns the texts if there are any; else -1, -2 if the file was cut, or the place in the batch of a molecule that
    /// needs a closer look.
    #[napi(catch_unwind)]
    pub fn flat(&self, map: &Mapping, mut outputs: Vec<Uint8ArraySlice>) -> Result<Either<i32, AtpTexts>> {
        let region = &map.region()?.0;
        let targets = disjoint_outputs(&mut outputs, vec![span(region.bytes())])?;
        let &[positions, atomic_numbers, present, ref fields @ ..] = &targets[..] else {
            return Err(failed("a batch takes at least three outputs"));
        };
        let target = Target { positions, atomic_numbers, present, fields: fields.to_vec() };
        let read = atp::flat(&self.commit.of(region.bytes()), &self.plan, &self.found, &target);
        let may_be_cut = read.as_ref().map_or(true, |read| read.may_be_cut) || region.met_fault();
        Ok(match read {
            _ if may_be_cut && region.was_cut(self.commit.data_end) => Either::A(TRUNCATED),
            Ok(read) if read.texts.ends.is_empty() => Either::A(DONE),
            Ok(read) => Either::B(texts_to_js(read.texts)),
            Err(slot) => Either::A(slot as i32),
        })
    }
}

fn field_of(field: AtpField) -> Result<Field> {
    let bytes = field.bytes as usize;
    let layout = match &*field.layout {
        "perAtom" => Layout::PerAtom { bytes },
        "perMolecule" => Layout::PerMolecule { bytes },
        "tensor" => Layout::Tensor { bytes },
        "atomTensor" => Layout::AtomTensor { bytes },
        "bool3" => Layout::Bool3,
        "text" => Layout::Text,
        "nothing" => Layout::Nothing,
        other => return Err(failed(format!("there is no layout {other}"))),
    };
    let (Ok(kind), Ok(tag)) = (u8::try_from(field.kind), u8::try_from(field.tag)) else {
        return Err(failed("kinds and tags are bytes"));
    };
    Ok(Field { kind, tag, key: field.key[..].into(), layout, tensor_head: field.tensor_head[..].into() })
}

fn texts_to_js(texts: atp::Texts) -> AtpTexts {
    AtpTexts {
        fields: texts.fields.into(),
        slots: texts.slots.into(),
        ends: texts.ends.into(),
        ascii: texts.bytes.is_ascii(),
        bytes: texts.bytes.into(),
    }
}

/// The outputs, if they are apart from each other and from the other memory that the call is about.
fn disjoint_outputs(outputs: &mut [Uint8ArraySlice], mut memory: Vec<(usize, usize)>) -> Result<Vec<Output>> {
    let mut targets = Vec::with_capacity(outputs.len());
    for output in outputs {
        // SAFETY: looked at for its address alone until all are found to be apart.
        let bytes = unsafe { output.as_mut() };
        memory.push(span(bytes));
        targets.push(Output::new(bytes));
    }
    if are_disjoint(&mut memory) { Ok(targets) } else { Err(failed("two arguments share memory")) }
}

/// The target's bytes, if they are no part of the map.
fn exclusive<'a>(region: &Region, target: &'a mut Uint8ArraySlice) -> Result<&'a mut [u8]> {
    // SAFETY: JavaScript waits for this call, so that nobody else uses the memory; that it is apart is checked next.
    let target = unsafe { target.as_mut() };
    if are_disjoint(&mut [span(region.bytes()), span(target)]) {
        Ok(target)
    } else {
        Err(failed("the target is part of the map"))
    }
}

fn span<T>(values: &[T]) -> (usize, usize) {
    (values.as_ptr() as usize, size_of_val(values))
}

/// A buffer that shows the memory itself. Some runtimes (Electron) give a copy instead, which would be no map.
fn external(buffer: ArrayBuffer<'_>, start: *mut u8) -> Result<ArrayBuffer<'_>> {
    if buffer.is_empty() || buffer.as_ptr() == start.cast_const() {
        return Ok(buffer);
    }
    Err(failed("this runtime allows no external buffers"))
}

fn codec_of(id: u32) -> Result<Codec> {
    Codec::from_id(id).ok_or_else(|| failed("there is no such codec"))
}

fn whole(value: f64) -> Result<usize> {
    byte_offset(value).ok_or_else(|| failed(format!("{value} is no place in a file")))
}

fn failed(reason: impl Display) -> Error {
    Error::from_reason(reason.to_string())
}
