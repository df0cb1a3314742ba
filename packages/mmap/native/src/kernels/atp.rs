//! Records of an .atp file, straight into one array a field.
//!
//! These kernels know the way of sound records only. At anything else (a field of another shape, damage, a field that
//! the plan does not know) they stop and name the record: the TypeScript twin then reads the batch again, and gives the
//! value or says what is wrong. So there is one place for every rule about what is refused, and why.

use std::cell::RefCell;

use super::codec::{self, Codec};
use super::gather::byte_offset;
use super::output::Output;
use super::parallel::{expect_job, part_size, share_map};

const ENTRY_BYTES: usize = 20;
/// A record holds 4 + 2 bytes and at least 13 an atom.
const MIN_RECORD_BYTES: usize = 6;
const MIN_ATOM_BYTES: usize = 13;
const MAX_COMPRESSED_RECORD_BYTES: usize = 1 << 30;
/// Below this a second thread costs more than it copies.
const PARALLEL_BYTES: usize = 96 << 10;

/// What a commit of a file says, and the bytes it is about.
#[derive(Clone, Copy)]
pub struct Commit<'a> {
    pub file: &'a [u8],
    pub codec: Codec,
    /// Where the first index entry is.
    pub index_at: usize,
    pub n_molecules: usize,
    pub data_start: usize,
    pub data_end: usize,
    /// No stored byte stands for more bytes than this.
    pub max_expansion: usize,
}

/// Where a record is, and how many atoms it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    offset: usize,
    stored_size: usize,
    record_size: usize,
    n_atoms: u32,
}

impl Commit<'_> {
    fn prefetch_entry(&self, index: f64) {
        let at =
            byte_offset(index).and_then(|index| index.checked_mul(ENTRY_BYTES)?.checked_add(self.index_at));
        if let Some(at) = at {
            prefetch(self.file, at, 1);
        }
    }

    /// The entry of a molecule, checked against the file.
    fn entry(&self, index: f64) -> Option<Entry> {
        let index = byte_offset(index).filter(|&index| index < self.n_molecules)?;
        let at = index.checked_mul(ENTRY_BYTES)?.checked_add(self.index_at)?;
        let bytes = self.file.get(at..at.checked_add(ENTRY_BYTES)?)?;
        let offset = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().ok()?)).ok()?;
        let entry = Entry {
            offset,
            stored_size: u32_at(bytes, 8)? as usize,
            record_size: u32_at(bytes, 12)? as usize,
            n_atoms: u32_at(bytes, 16)?,
        };
        let end = offset.checked_add(entry.stored_size)?;
        let in_data = offset >= self.data_start && end <= self.data_end && end <= self.file.len();
        let most = (entry.stored_size.saturating_mul(self.max_expansion)).min(MAX_COMPRESSED_RECORD_BYTES);
        let sized = match self.codec {
            Codec::None => entry.record_size == entry.stored_size,
            _ => entry.record_size <= most,
        };
        let holds = entry.record_size >= MIN_RECORD_BYTES + MIN_ATOM_BYTES * entry.n_atoms as usize;
        (in_data && sized && holds).then_some(entry)
    }
}

/// So far ahead of its use memory is asked for: as long as it takes to come.
const AHEAD_ENTRIES: usize = 16;
const AHEAD_RECORDS: usize = 4;
/// Batches of fewer records are read before a helper that sleeps would have come.
const LARGE_BATCH: usize = 128;
/// Of a long record the processor itself fetches the rest.
const MAX_PREFETCH_BYTES: usize = 1024;

/// Finds the records of a batch, and fills `n_atoms` with what the index says.
///
/// Returns them, or the place in the batch of the first molecule that is not there or whose entry cannot be true.
pub fn find(commit: &Commit, indices: &[f64], n_atoms: &mut [u32]) -> Result<Vec<Entry>, usize> {
    if indices.len() >= LARGE_BATCH {
        expect_job();
    }
    let mut entries = Vec::with_capacity(indices.len());
    let mut stored = 0usize;
    for (slot, &index) in indices.iter().enumerate() {
        if let Some(&later) = indices.get(slot + AHEAD_ENTRIES) {
            commit.prefetch_entry(later);
        }
        let entry = commit.entry(index).ok_or(slot)?;
        *n_atoms.get_mut(slot).ok_or(slot)? = entry.n_atoms;
        stored += entry.stored_size;
        entries.push(entry);
    }
    // Records do not overlap: an index that says so may make a small file ask for much memory.
    let room = commit.data_end.saturating_sub(commit.data_start);
    if stored > room && stored_once(indices, &entries) > room { Err(0) } else { Ok(entries) }
}

/// Stored bytes of the records, each counted once however often it is asked for.
fn stored_once(indices: &[f64], entries: &[Entry]) -> usize {
    let mut sizes: Vec<(u64, usize)> =
        indices.iter().zip(entries).map(|(&index, entry)| (index as u64, entry.stored_size)).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes.iter().map(|&(_, size)| size).sum()
}

/// Why a record was not read.
#[derive(Debug, PartialEq, Eq)]
pub enum Miss {
    LookCloser,
    /// The target has no room for so many bytes.
    NoRoom(usize),
}

/// Reads the bytes of one record into the start of `target`, and returns their number.
pub fn record(commit: &Commit, index: f64, target: &mut [u8]) -> Result<usize, Miss> {
    let Entry { offset, stored_size, record_size, n_atoms } = commit.entry(index).ok_or(Miss::LookCloser)?;
    prefetch(commit.file, offset, stored_size.min(MAX_PREFETCH_BYTES));
    let stored = &commit.file[offset..offset + stored_size];
    if !codec::may_hold(commit.codec, stored, record_size) {
        return Err(Miss::LookCloser);
    }
    let record = target.get_mut(..record_size).ok_or(Miss::NoRoom(record_size))?;
    let sound = codec::decompress(commit.codec, stored, record) && u32_at(record, 0) == Some(n_atoms);
    if sound { Ok(record_size) } else { Err(Miss::LookCloser) }
}

/// How the payload of a field is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// `bytes` for each atom.
    PerAtom {
        bytes: usize,
    },
    /// `bytes` for the molecule.
    PerMolecule {
        bytes: usize,
    },
    /// Rank, extents, then `bytes` for the molecule; the head is compared.
    Tensor {
        bytes: usize,
    },
    /// Rank, number of atoms, the other extents, then `bytes` for each atom.
    AtomTensor {
        bytes: usize,
    },
    /// Three bytes, stored as 0 or 1.
    Bool3,
    Text,
    /// No payload.
    Nothing,
}

pub struct Field {
    pub kind: u8,
    pub tag: u8,
    pub key: Box<[u8]>,
    pub layout: Layout,
    /// Of tensors: rank and extents as they are stored, those of an atom tensor without the first.
    pub tensor_head: Box<[u8]>,
}

/// What to read of each record.
pub struct Plan {
    pub fields: Vec<Field>,
    /// 12 or 24.
    pub position_bytes: usize,
    /// Whether the fields are all that the file knows, so that another one is damage.
    pub complete: bool,
}

impl Plan {
    /// Fields of text.
    fn texts(&self) -> usize {
        self.fields.iter().filter(|field| field.layout == Layout::Text).count()
    }
}

/// Where the values go. What a record has not reads zero.
pub struct Target {
    pub positions: Output,
    pub atomic_numbers: Output,
    /// One for each field; of no length for text.
    pub fields: Vec<Output>,
    /// (fields, molecules), zeroed: 1 where a molecule has the field.
    pub present: Output,
}

/// Text that a batch met, piece by piece.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// For each piece its field, and its molecule's place in the batch.
    pub fields: Vec<u32>,
    pub slots: Vec<u32>,
    /// Where it ends.
    pub ends: Vec<u32>,
    pub bytes: Vec<u8>,
}

impl Texts {
    fn reserve(&mut self, pieces: usize) {
        self.fields.reserve(pieces);
        self.slots.reserve(pieces);
        self.ends.reserve(pieces);
        self.bytes.reserve(pieces * USUAL_TEXT_BYTES);
    }

    fn push(&mut self, field: usize, slot: usize, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.fields.push(field as u32);
        self.slots.push(slot as u32);
        self.ends.push(self.bytes.len() as u32);
    }

    fn append(&mut self, mut other: Texts) {
        let start = self.bytes.len() as u32;
        self.bytes.append(&mut other.bytes);
        self.fields.append(&mut other.fields);
        self.slots.append(&mut other.slots);
        self.ends.extend(other.ends.iter().map(|end| start + end));
    }
}

/// A thread keeps no more memory than this from record to record.
const MAX_SCRATCH_BYTES: usize = 4 << 20;
/// Names and formulas mostly take less.
const USUAL_TEXT_BYTES: usize = 16;
/// Texts of one batch are handed over as one block, whose places are 32-bit numbers.
const MAX_TEXT_BYTES: usize = 1 << 30;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A batch that was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Read {
    pub texts: Texts,
    /// Whether a record ends in a zero byte: so does one of which the file has lost the end.
    pub may_be_cut: bool,
}

/// Reads the records that [`find`] found. Returns the place in the batch of one that is not as the plan says.
pub fn flat(commit: &Commit, plan: &Plan, entries: &[Entry], target: &Target) -> Result<Read, usize> {
    if target.fields.len() != plan.fields.len() {
        return Err(0);
    }
    let mut first_atom = 0usize;
    let mut bytes = 0usize;
    let mut records = Vec::with_capacity(entries.len());
    for (slot, &entry) in entries.iter().enumerate() {
        records.push(Record { entry, slot, first_atom });
        first_atom += entry.n_atoms as usize;
        bytes += entry.record_size;
    }
    if bytes > MAX_TEXT_BYTES && plan.texts() > 0 {
        return Err(0);
    }
    let batch = Batch { commit, plan, target, size: entries.len() };
    if bytes < PARALLEL_BYTES {
        return batch.read(&records);
    }
    let parts: Vec<_> = records.chunks(part_size(records.len())).collect();
    let mut all = Read::default();
    for part in share_map(parts.len(), |part| batch.read(parts[part])) {
        let part = part?;
        all.texts.append(part.texts);
        all.may_be_cut |= part.may_be_cut;
    }
    Ok(all)
}

struct Record {
    entry: Entry,
    slot: usize,
    first_atom: usize,
}

struct Batch<'a> {
    commit: &'a Commit<'a>,
    plan: &'a Plan,
    target: &'a Target,
    size: usize,
}

impl Batch<'_> {
    fn read(&self, records: &[Record]) -> Result<Read, usize> {
        let mut read = Read::default();
        read.texts.reserve(records.len() * self.plan.texts());
        for (i, record) in records.iter().enumerate() {
            if let Some(later) = records.get(i + AHEAD_RECORDS) {
                let Entry { offset, stored_size, .. } = later.entry;
                prefetch(self.commit.file, offset, stored_size.min(MAX_PREFETCH_BYTES));
            }
            let Entry { offset, stored_size, record_size, .. } = record.entry;
            let stored = &self.commit.file[offset..offset + stored_size];
            let done = if self.commit.codec == Codec::None {
                self.take(record, stored, &mut read.texts)
            } else if !codec::may_hold(self.commit.codec, stored, record_size) {
                None
            } else {
                SCRATCH.with_borrow_mut(|scratch| {
                    if scratch.len() < record_size {
                        scratch.resize(record_size, 0);
                    }
                    let bytes = &mut scratch[..record_size];
                    let done = codec::decompress(self.commit.codec, stored, bytes)
                        .then(|| self.take(record, bytes, &mut read.texts))
                        .flatten();
                    if scratch.len() > MAX_SCRATCH_BYTES {
                        *scratch = Vec::new();
                    }
                    done
                })
            };
            // Looked at after the record: somebody may cut the file while it is read.
            // SAFETY: a reference to a byte, which may change under it in the file.
            read.may_be_cut |=
                stored.last().is_some_and(|last| unsafe { std::ptr::read_volatile(last) } == 0);
            done.ok_or(record.slot)?;
        }
        Ok(read)
    }

    fn take(&self, record: &Record, bytes: &[u8], texts: &mut Texts) -> Option<()> {
        let Record { entry, slot, first_atom } = record;
        let n_atoms = entry.n_atoms as usize;
        if u32_at(bytes, 0)? != entry.n_atoms {
            return None;
        }
        let numbers_at = 4 + n_atoms * self.plan.position_bytes;
        let sections_at = numbers_at + n_atoms;
        let positions = bytes.get(4..numbers_at)?;
        let numbers = bytes.get(numbers_at..sections_at)?;
        let count = u16_at(bytes, sections_at)?;
        // SAFETY: each record has its own atoms in the target, which the caller holds exclusively.
        let written = unsafe {
            self.target.positions.write(first_atom * self.plan.position_bytes, positions)
                && self.target.atomic_numbers.write(*first_atom, numbers)
        };
        if !written {
            return None;
        }
        let mut rest = bytes.get(sections_at + 2..)?;
        // Records of one file mostly have the same sections in the same order: try the next field first.
        let mut expected = 0;
        for _ in 0..count {
            let (&[kind, key_length], after) = rest.split_first_chunk::<2>()?;
            let (key, after) = after.split_at_checked(key_length as usize)?;
            let (&[tag, a, b, c, d], after) = after.split_first_chunk::<5>()?;
            let (payload, after) = after.split_at_checked(u32::from_le_bytes([a, b, c, d]) as usize)?;
            rest = after;
            match self.find(kind, key, expected) {
                Some(found) => {
                    let field = &self.plan.fields[found];
                    if field.tag != tag {
                        return None;
                    }
                    self.place(found, field, *slot, *first_atom, n_atoms, payload, texts)?;
                    expected = found + 1;
                }
                None if self.plan.complete => return None,
                None => {}
            }
        }
        self.clear_absent(*slot, *first_atom, n_atoms)
    }

    /// Zeros in place of what this record has not: the target comes as the allocator left it.
    fn clear_absent(&self, slot: usize, first_atom: usize, n_atoms: usize) -> Option<()> {
        for (index, field) in self.plan.fields.iter().enumerate() {
            // SAFETY: this record's own byte.
            if unsafe { self.target.present.part(index * self.size + slot, 1) }?[0] != 0 {
                continue;
            }
            let (at, length) = match field.layout {
                Layout::PerAtom { bytes } | Layout::AtomTensor { bytes } => {
                    (first_atom * bytes, n_atoms * bytes)
                }
                Layout::PerMolecule { bytes } | Layout::Tensor { bytes } => (slot * bytes, bytes),
                Layout::Bool3 => (3 * slot, 3),
                Layout::Text | Layout::Nothing => continue,
            };
            // SAFETY: this record's own bytes.
            unsafe { self.target.fields[index].part(at, length) }?.fill(0);
        }
        Some(())
    }

    fn find(&self, kind: u8, key: &[u8], expected: usize) -> Option<usize> {
        let fields = &self.plan.fields;
        let is_it = |field: &Field| field.kind == kind && *field.key == *key;
        if fields.get(expected).is_some_and(is_it) {
            return Some(expected);
        }
        fields.iter().position(is_it)
    }

    #[expect(clippy::too_many_arguments)]
    fn place(
        &self,
        index: usize,
        field: &Field,
        slot: usize,
        first_atom: usize,
        n_atoms: usize,
        payload: &[u8],
        texts: &mut Texts,
    ) -> Option<()> {
        let target = &self.target.fields[index];
        // SAFETY: this record's own byte; no other thread has this slot.
        let seen = unsafe { self.target.present.part(index * self.size + slot, 1) }?;
        if seen[0] != 0 {
            return None; // the field stands twice
        }
        seen[0] = 1;
        let (at, value) = match field.layout {
            Layout::PerAtom { bytes } if payload.len() == n_atoms * bytes => (first_atom * bytes, payload),
            Layout::PerMolecule { bytes } if payload.len() == bytes => (slot * bytes, payload),
            Layout::Tensor { bytes } if payload.len() == field.tensor_head.len() + bytes => {
                (slot * bytes, payload.strip_prefix(&*field.tensor_head)?)
            }
            Layout::AtomTensor { bytes } => {
                let (&rank, extents) = field.tensor_head.split_first()?;
                let (&found, after) = payload.split_first()?;
                let (first, after) = after.split_first_chunk::<4>()?;
                let value = after.strip_prefix(extents)?;
                let fits = rank == found
                    && u32::from_le_bytes(*first) as usize == n_atoms
                    && value.len() == n_atoms * bytes;
                if !fits {
                    return None;
                }
                (first_atom * bytes, value)
            }
            Layout::Bool3 if payload.len() == 3 => {
                let value = [payload[0], payload[1], payload[2]].map(|byte| u8::from(byte != 0));
                // SAFETY: this record's own bytes.
                return unsafe { target.write(3 * slot, &value) }.then_some(());
            }
            Layout::Text => {
                std::str::from_utf8(payload).ok()?;
                texts.push(index, slot, payload);
                return Some(());
            }
            Layout::Nothing if payload.is_empty() => return Some(()),
            _ => return None,
        };
        // SAFETY: this record's own bytes.
        unsafe { target.write(at, value) }.then_some(())
    }
}

/// Asks for memory that is read soon: in random order each read would wait for it.
fn prefetch(file: &[u8], start: usize, byte_length: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        const LINE: usize = 64;
        let stop = start.saturating_add(byte_length).min(file.len());
        for at in (start..stop).step_by(LINE) {
            // SAFETY: a hint, which never faults; the address is within the file.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(file.as_ptr().add(at).cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (file, start, byte_length);
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
