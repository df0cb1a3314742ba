//! Rows of an LMDB environment (data format v1), read from its B+tree.
//!
//! What is not as LMDB writes it makes a function return `None`, and the caller looks at it more closely. No page is
//! trusted: every number is checked before it is used. `packages/lmdb/src/tree-page.ts` describes the pages.

use std::ops::Range;

const PAGE_HEADER: usize = 16;
const NODE_HEADER: usize = 8;
const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
const OVERFLOW: u16 = 0x04;
/// Notes of a writer to itself.
const IN_MEMORY: u16 = 0x8010;
const BIG_DATA: u16 = 0x01;
/// LMDB's limit.
pub const MAX_DEPTH: usize = 32;
/// In a place: there is no such field.
const ABSENT: u32 = u32::MAX;

/// One commit: where its main database is.
#[derive(Clone, Copy)]
pub struct Tree<'a> {
    pub file: &'a [u8],
    pub page_size: usize,
    pub last_page: usize,
    /// Levels, at most [`MAX_DEPTH`]; 0 if it is empty.
    pub depth: usize,
    pub root: usize,
}

/// Which fields of rows are wanted.
pub struct Fields<'a> {
    /// All names together.
    pub names: &'a [u8],
    /// Where each of them ends.
    pub ends: &'a [u32],
    /// Whether these are all fields there are, sorted; else only these are wanted, in any order.
    pub all: bool,
}

/// Where values went.
pub struct Found<'t> {
    /// The bytes of the values.
    pub values: &'t mut [u8],
    /// For each row, 1 if it has any field, and then for each field where its value begins in `values` and how long it is.
    pub places: &'t mut [u32],
}

/// Reads rows until one does not fit. Returns how many there are.
pub fn read_rows(
    tree: Tree<'_>,
    sort_keys: &[u64],
    fields: &Fields<'_>,
    found: &mut Found<'_>,
) -> Option<usize> {
    let names = fields.names()?;
    let stride = 1 + 2 * names.len();
    if found.places.len() < stride.checked_mul(sort_keys.len())? {
        return None;
    }
    let mut used = 0;
    let mut key = Vec::with_capacity(64);
    for (row, (sort_key, places)) in sort_keys.iter().zip(found.places.chunks_exact_mut(stride)).enumerate() {
        key.clear();
        push_decimal(&mut key, *sort_key);
        key.push(b'-');
        let (present, places) = places.split_first_mut()?;
        places.fill(ABSENT);
        let mut reader = Reader { tree, values: found.values, used, places };
        let read = if fields.all { reader.whole(&key, &names)? } else { reader.some(&mut key, &names)? };
        let Some(any) = read else { return Some(row) };
        used = reader.used;
        *present = u32::from(any);
    }
    Some(sort_keys.len())
}

impl<'a> Fields<'a> {
    fn names(&self) -> Option<Vec<&'a [u8]>> {
        let mut start = 0;
        let mut names = Vec::with_capacity(self.ends.len());
        for &end in self.ends {
            names.push(self.names.get(start..end as usize)?);
            start = end as usize;
        }
        Some(names)
    }
}

/// Reads one row.
struct Reader<'a, 't> {
    tree: Tree<'a>,
    values: &'t mut [u8],
    used: usize,
    places: &'t mut [u32],
}

impl Reader<'_, '_> {
    /// All fields. The inner `None` means that there is no room; else whether there were any.
    fn whole(&mut self, prefix: &[u8], names: &[&[u8]]) -> Option<Option<bool>> {
        let mut names = names.iter().enumerate();
        let mut cursor = Cursor::seek(self.tree, prefix)?;
        let mut any = false;
        while let Some(leaf) = cursor.here() {
            let key = leaf.page.key(leaf.index)?;
            let Some(name) = key.strip_prefix(prefix) else { break };
            // Both ascend: a name that is passed over stands before this one.
            let (field, _) = names.find(|(_, known)| **known == name)?;
            any = true;
            if !self.take(leaf.page.value(leaf.index)?, field)? {
                return Some(None);
            }
            cursor.next()?;
        }
        Some(Some(any))
    }

    /// These fields.
    fn some(&mut self, key: &mut Vec<u8>, names: &[&[u8]]) -> Option<Option<bool>> {
        let prefix = key.len();
        let mut any = false;
        for (field, name) in names.iter().enumerate() {
            key.truncate(prefix);
            key.extend_from_slice(name);
            let Some(value) = self.tree.find(key)? else { continue };
            any = true;
            if !self.take(value, field)? {
                return Some(None);
            }
        }
        key.truncate(prefix);
        if !any && let Some(leaf) = Cursor::seek(self.tree, key)?.here() {
            leaf.page.value(leaf.index)?;
            any = leaf.page.key(leaf.index)?.starts_with(key);
        }
        Some(Some(any))
    }

    /// Copies a value; false if there is no room.
    fn take(&mut self, value: Value<'_>, field: usize) -> Option<bool> {
        let bytes = match value {
            Value::Here(bytes) => bytes,
            Value::Overflow { page, len } => self.tree.overflow(page, len)?,
        };
        let Some(target) = self.values.get_mut(self.used..).and_then(|rest| rest.get_mut(..bytes.len()))
        else {
            return Some(false);
        };
        target.copy_from_slice(bytes);
        self.places[2 * field] = u32::try_from(self.used).ok()?;
        self.places[2 * field + 1] = u32::try_from(bytes.len()).ok()?;
        self.used += bytes.len();
        Some(true)
    }
}

impl<'a> Tree<'a> {
    fn find(&self, key: &[u8]) -> Option<Option<Value<'a>>> {
        if self.depth == 0 {
            return Some(None);
        }
        let mut number = self.root;
        for _ in 1..self.depth {
            let page = self.page(number, BRANCH)?;
            number = page.child(page.child_index(key)?)?;
        }
        let leaf = self.page(number, LEAF)?;
        let index = leaf.lower_bound(key)?;
        if index < leaf.count && leaf.key(index)? == key { leaf.value(index).map(Some) } else { Some(None) }
    }

    fn page(&self, number: usize, kind: u16) -> Option<Page<'a>> {
        let bytes = self.pages(number, 1)?;
        let page = Page { bytes, count: 0 };
        let (lower, upper) = (usize::from(page.u16(12)?), usize::from(page.u16(14)?));
        let sound = page.u64(0)? == number as u64
            && page.u16(10)? & !IN_MEMORY == kind
            && lower > PAGE_HEADER
            && lower % 2 == 0
            && upper >= lower
            && upper <= bytes.len();
        sound.then_some(Page { bytes, count: (lower - PAGE_HEADER) / 2 })
    }

    fn overflow(&self, number: usize, len: usize) -> Option<&'a [u8]> {
        let count = (PAGE_HEADER + len).div_ceil(self.page_size);
        let bytes = self.pages(number, count)?;
        let head = Page { bytes, count: 0 };
        let sound = head.u64(0)? == number as u64
            && head.u16(10)? & !IN_MEMORY == OVERFLOW
            && head.u32(12)? as usize >= count;
        if sound { bytes.get(PAGE_HEADER..PAGE_HEADER + len) } else { None }
    }

    fn pages(&self, number: usize, count: usize) -> Option<&'a [u8]> {
        let end = number.checked_add(count)?;
        // Pages 0 and 1 are metas.
        if number < 2 || end - 1 > self.last_page {
            return None;
        }
        self.file.get(number.checked_mul(self.page_size)?..end.checked_mul(self.page_size)?)
    }
}

/// A branch or leaf page.
#[derive(Clone, Copy)]
struct Page<'a> {
    bytes: &'a [u8],
    count: usize,
}

enum Value<'a> {
    Here(&'a [u8]),
    Overflow { page: usize, len: usize },
}

impl<'a> Page<'a> {
    fn key(&self, index: usize) -> Option<&'a [u8]> {
        let Range { start, end } = self.node(index)?;
        Some(&self.bytes[start + NODE_HEADER..end])
    }

    fn child(&self, index: usize) -> Option<usize> {
        let at = self.node(index)?.start;
        usize::try_from(u64::from(self.u32(at)?) | u64::from(self.u16(at + 4)?) << 32).ok()
    }

    fn value(&self, index: usize) -> Option<Value<'a>> {
        let Range { start: at, end } = self.node(index)?;
        let len = self.u32(at)? as usize;
        match self.u16(at + 4)? {
            0 => self.bytes.get(end..end.checked_add(len)?).map(Value::Here),
            BIG_DATA => Some(Value::Overflow { page: usize::try_from(self.u64(end)?).ok()?, len }),
            _ => None,
        }
    }

    /// Number of keys before `key`.
    fn lower_bound(&self, key: &[u8]) -> Option<usize> {
        self.search(0, |other| other < key)
    }

    /// Position of the child that holds `key`. The first key stands for less than all.
    fn child_index(&self, key: &[u8]) -> Option<usize> {
        Some(self.search(1, |other| other <= key)? - 1)
    }

    fn search(&self, first: usize, is_before: impl Fn(&[u8]) -> bool) -> Option<usize> {
        let (mut low, mut high) = (first, self.count.max(first));
        while low < high {
            let middle = (low + high) / 2;
            if is_before(self.key(middle)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Some(low)
    }

    /// From a node's head to the end of its key.
    fn node(&self, index: usize) -> Option<Range<usize>> {
        let at = usize::from(self.u16(PAGE_HEADER + 2 * index)?);
        let end = at + NODE_HEADER + usize::from(self.u16(at + 6)?);
        (index < self.count && at >= PAGE_HEADER + 2 * self.count && end <= self.bytes.len())
            .then_some(at..end)
    }

    fn u16(&self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes(*self.bytes.get(at..)?.first_chunk()?))
    }

    fn u32(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(*self.bytes.get(at..)?.first_chunk()?))
    }

    fn u64(&self, at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(*self.bytes.get(at..)?.first_chunk()?))
    }
}

#[derive(Clone, Copy)]
struct Level<'a> {
    page: Page<'a>,
    index: usize,
}

/// A place in the order of keys. Keys must ascend, so that no file keeps it going in circles.
struct Cursor<'a> {
    tree: Tree<'a>,
    /// From the root to the leaf; empty past the end.
    levels: Vec<Level<'a>>,
}

impl<'a> Cursor<'a> {
    /// The first key that is not before `key`.
    fn seek(tree: Tree<'a>, key: &[u8]) -> Option<Cursor<'a>> {
        let mut cursor = Cursor { tree, levels: Vec::with_capacity(tree.depth) };
        if tree.depth == 0 {
            return Some(cursor);
        }
        cursor.descend(
            tree.root,
            |page, is_leaf| {
                if is_leaf { page.lower_bound(key) } else { page.child_index(key) }
            },
        )?;
        let Level { page, index } = cursor.here()?;
        if index == page.count {
            cursor.climb()?;
        }
        match cursor.here() {
            Some(leaf) if leaf.page.key(leaf.index)? < key => None,
            _ => Some(cursor),
        }
    }

    fn here(&self) -> Option<Level<'a>> {
        self.levels.last().copied()
    }

    /// Goes to the next key.
    fn next(&mut self) -> Option<()> {
        let Level { page, index } = self.here()?;
        let last = page.key(index)?;
        if index + 1 < page.count {
            self.levels.last_mut()?.index += 1;
        } else {
            self.climb()?;
        }
        match self.here() {
            Some(leaf) if leaf.page.key(leaf.index)? <= last => None,
            _ => Some(()),
        }
    }

    /// Goes to the first key behind this leaf.
    fn climb(&mut self) -> Option<()> {
        self.levels.pop();
        while let Some(level) = self.levels.last_mut() {
            if level.index + 1 < level.page.count {
                level.index += 1;
                let child = level.page.child(level.index)?;
                return self.descend(child, |_, _| Some(0));
            }
            self.levels.pop();
        }
        Some(())
    }

    fn descend(&mut self, from: usize, choose: impl Fn(&Page<'a>, bool) -> Option<usize>) -> Option<()> {
        let mut number = from;
        loop {
            let is_leaf = self.levels.len() + 1 == self.tree.depth;
            let page = self.tree.page(number, if is_leaf { LEAF } else { BRANCH })?;
            let index = choose(&page, is_leaf)?;
            self.levels.push(Level { page, index });
            if is_leaf {
                return Some(());
            }
            number = page.child(index)?;
        }
    }
}

fn push_decimal(text: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[at..]);
}
