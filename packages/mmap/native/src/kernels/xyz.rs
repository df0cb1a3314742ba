//! The atom lines of extended XYZ as columns.
//!
//! Usual text is all that this kernel knows; see [`super::xyz_frames`].

use std::sync::LazyLock;

use memchr::{memchr, memchr_iter, memchr2};

use super::decimal::{MARGIN, read_integer, read_real};
use super::output::Output;
use super::parallel::{share_map, threads};

/// Text for which a second thread is worth waking.
const PART_BYTES: usize = 128 << 10;
/// A line that ends closer to the end of the file than [`MARGIN`] is no longer than this, or it is left alone.
const MAX_TAIL: usize = 1 << 20;

const SYMBOLS: &str = "X H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se \
    Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf \
    Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds \
    Rg Cn Nh Fl Mc Lv Ts Og";
const NO_SYMBOL: u8 = 255;

/// Atomic numbers by the one or two bytes of a symbol, in any case.
static NUMBERS: LazyLock<Box<[u8]>> = LazyLock::new(|| {
    let mut numbers = vec![NO_SYMBOL; 1 << 16].into_boxed_slice();
    for (number, symbol) in SYMBOLS.split_ascii_whitespace().enumerate() {
        let mut bytes = symbol.bytes();
        let first = bytes.next().unwrap_or(0);
        let second = bytes.next().unwrap_or(0);
        for first in [first, first.to_ascii_lowercase()] {
            for second in [second, second.to_ascii_uppercase()] {
                numbers[usize::from(u16::from_le_bytes([first, second]))] = number as u8;
            }
        }
    }
    numbers
});

/// One property of the atom lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An element symbol, kept as one byte.
    Symbol,
    Real,
    /// 32 bits.
    Integer,
    /// Text that nobody asked for.
    Skip,
}

#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub kind: Kind,
    /// Words of each line.
    pub count: usize,
}

impl Column {
    /// Bytes that each row takes.
    pub fn row_bytes(&self) -> usize {
        match self.kind {
            Kind::Symbol => 1,
            Kind::Real => 8 * self.count,
            Kind::Integer => 4 * self.count,
            Kind::Skip => 0,
        }
    }
}

/// The atom lines of a frame, and where their values go.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    pub start: usize,
    pub end: usize,
    pub n_atoms: usize,
    /// Which outputs, and the row in them that the first atom has.
    pub group: usize,
    pub first_row: usize,
}

/// Reads the rows of frames. `outputs` has one for each group and column, in this order; `read` takes 1 for each frame
/// that was read, and 0 for one that needs a closer look, of which the outputs hold zeros.
///
/// Returns false, and reads nothing, if the places of the frames overlap or do not fit.
pub fn read_frames(
    text: &[u8],
    columns: &[Column],
    frames: &[Rows],
    outputs: &[Output],
    read: &mut [u8],
) -> bool {
    if !fit(columns, frames, outputs) || read.len() != frames.len() {
        return false;
    }
    let job = Job { text, columns, outputs };
    let bytes: usize = frames.iter().map(|frame| frame.end.saturating_sub(frame.start)).sum();
    if bytes < PART_BYTES || threads() == 1 {
        for (frame, read) in frames.iter().zip(read) {
            *read = u8::from(job.read_frame(frame));
        }
        return true;
    }
    // Small frames share a task, large ones become several.
    let mut tasks = Vec::new();
    let mut rest = frames;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |frame: &&Rows| {
            let is_first = bytes == 0;
            bytes += frame.end.saturating_sub(frame.start).max(1);
            is_first || bytes <= PART_BYTES
        };
        let (task, more) = rest.split_at(rest.iter().take_while(fits).count());
        tasks.push(task);
        rest = more;
    }
    let done = share_map(tasks.len(), |i| {
        tasks[i].iter().map(|frame| u8::from(job.read_frame_in_parts(frame))).collect::<Vec<_>>()
    });
    for (read, done) in read.iter_mut().zip(done.into_iter().flatten()) {
        *read = done;
    }
    true
}

/// Whether the frames of each group have places one after the other, which the outputs hold.
fn fit(columns: &[Column], frames: &[Rows], outputs: &[Output]) -> bool {
    let mut next = (0, 0);
    for frame in frames {
        if frame.group != next.0 {
            next = (next.0 + 1, 0);
        }
        if (frame.group, frame.first_row) != next {
            return false;
        }
        let Some(rows) = next.1.checked_add(frame.n_atoms) else { return false };
        next.1 = rows;
        for (column, output) in columns.iter().zip(outputs.iter().skip(frame.group * columns.len())) {
            if next.1.checked_mul(column.row_bytes()).is_none_or(|bytes| bytes > output.len()) {
                return false;
            }
        }
    }
    (next.0 + 1) * columns.len() <= outputs.len()
}

struct Job<'a> {
    text: &'a [u8],
    columns: &'a [Column],
    outputs: &'a [Output],
}

impl Job<'_> {
    fn read_frame_in_parts(&self, frame: &Rows) -> bool {
        let Some(text) = self.text.get(frame.start..frame.end) else { return self.read_frame(frame) };
        if text.len() < 2 * PART_BYTES {
            return self.read_frame(frame);
        }
        let mut ends = Vec::new();
        let mut at = 0;
        while let Some(end) = text.get(at + PART_BYTES..).and_then(|rest| memchr(b'\n', rest)) {
            at += PART_BYTES + end + 1;
            ends.push(at);
        }
        if at < text.len() {
            ends.push(text.len());
        }
        let mut parts: Vec<Rows> = Vec::with_capacity(ends.len());
        let counts =
            share_map(ends.len(), |i| count_lines(&text[if i == 0 { 0 } else { ends[i - 1] }..ends[i]]));
        let mut start = 0;
        let mut first_row = frame.first_row;
        for (&end, n_atoms) in ends.iter().zip(counts) {
            parts.push(Rows {
                start: frame.start + start,
                end: frame.start + end,
                n_atoms,
                first_row,
                ..*frame
            });
            start = end;
            first_row += n_atoms;
        }
        if first_row != frame.first_row + frame.n_atoms {
            return self.read_frame(frame);
        }
        let done = share_map(parts.len(), |i| self.read_frame(&parts[i])).into_iter().all(|done| done);
        if !done {
            self.clear(frame);
        }
        done
    }

    fn read_frame(&self, frame: &Rows) -> bool {
        let done = self.try_frame(frame).is_some();
        if !done {
            self.clear(frame);
        }
        done
    }

    fn try_frame(&self, frame: &Rows) -> Option<()> {
        let &Rows { start, end, n_atoms, .. } = frame;
        let mut targets = self.targets(frame)?;
        let text = self.text.get(..end.checked_add(MARGIN)?.min(self.text.len()))?;
        let (row, at) = read_rows(text, start, end, n_atoms, self.columns, 0, &mut targets);
        if row == n_atoms {
            return (at == end).then_some(());
        }
        // The last lines of a file have nothing behind them: they are read from a copy that has.
        if text.len().checked_sub(end)? >= MARGIN || end.checked_sub(at)? > MAX_TAIL {
            return None;
        }
        let mut tail = text.get(at..end)?.to_vec();
        let length = tail.len() + usize::from(!matches!(tail.last(), Some(b'\n' | b'\r')));
        tail.resize(tail.len() + MARGIN + 1, b'\n');
        let (row, at) = read_rows(&tail, 0, length, n_atoms, self.columns, row, &mut targets);
        (row == n_atoms && at == length).then_some(())
    }

    #[expect(
        clippy::mut_from_ref,
        reason = "they are views of the outputs' memory, of which each frame has its own part"
    )]
    fn targets(&self, frame: &Rows) -> Option<Vec<&mut [u8]>> {
        let outputs = &self.outputs[frame.group * self.columns.len()..];
        self.columns
            .iter()
            .zip(outputs)
            .map(|(column, output)| {
                let bytes = column.row_bytes();
                // SAFETY: `fit` saw that rows of a group are apart, and each frame, or part of one, is read by one thread.
                unsafe { output.part(frame.first_row * bytes, frame.n_atoms * bytes) }
            })
            .collect()
    }

    /// Zeros, since memory may come as the allocator left it.
    fn clear(&self, frame: &Rows) {
        for target in self.targets(frame).into_iter().flatten() {
            target.fill(0);
        }
    }
}

/// Line ends; a last line without one counts too.
fn count_lines(text: &[u8]) -> usize {
    memchr_iter(b'\n', text).count() + usize::from(text.last().is_some_and(|&byte| byte != b'\n'))
}

/// Reads lines from row number `first` on. Returns the rows that are complete by then, and where the next line begins.
fn read_rows(
    text: &[u8],
    start: usize,
    end: usize,
    n_rows: usize,
    columns: &[Column],
    first: usize,
    targets: &mut [&mut [u8]],
) -> (usize, usize) {
    let numbers = &**NUMBERS;
    let mut at = start;
    for row in first..n_rows {
        if at >= end {
            return (row, at);
        }
        match read_row(text, at, columns, row, targets, numbers) {
            Some(next) => at = next,
            None => return (row, at),
        }
    }
    (n_rows, at)
}

#[inline(always)]
fn read_row(
    text: &[u8],
    start: usize,
    columns: &[Column],
    row: usize,
    targets: &mut [&mut [u8]],
    numbers: &[u8],
) -> Option<usize> {
    let mut at = start;
    for (column, target) in columns.iter().zip(targets) {
        let bytes = column.row_bytes();
        let target = target.get_mut(row * bytes..(row + 1) * bytes)?;
        match column.kind {
            Kind::Real => {
                for value in target.as_chunks_mut::<8>().0 {
                    at = read_real(text, at, value)?;
                }
            }
            Kind::Symbol => {
                let start = skip_blanks(text, at)?;
                let &[first, second, third] = text.get(start..)?.first_chunk()?;
                let is_long = !is_blank(second);
                if is_long && !is_blank(third) {
                    return None;
                }
                let number =
                    numbers[usize::from(u16::from_le_bytes([first, if is_long { second } else { 0 }]))];
                if number == NO_SYMBOL {
                    return None;
                }
                target[0] = number;
                at = start + 1 + usize::from(is_long);
            }
            Kind::Integer => {
                for value in target.as_chunks_mut::<4>().0 {
                    let (number, end) = read_integer(text, skip_blanks(text, at)?)?;
                    *value = number.to_ne_bytes();
                    at = end;
                }
            }
            Kind::Skip => {
                for _ in 0..column.count {
                    let start = skip_blanks(text, at)?;
                    let length = text.get(start..)?.iter().position(|byte| !(33..127).contains(byte))?;
                    if length == 0 || !is_blank(text[start + length]) {
                        return None;
                    }
                    at = start + length;
                }
            }
        }
    }
    if *text.get(at)? == b'\n' {
        return Some(at + 1);
    }
    let end = at + memchr2(b'\n', b'\r', text.get(at..)?)?;
    Some(if text[end] == b'\r' && text.get(end + 1) == Some(&b'\n') { end + 2 } else { end + 1 })
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | b'\r')
}

#[inline(always)]
fn skip_blanks(text: &[u8], start: usize) -> Option<usize> {
    const SPACES: u64 = 0x2020_2020_2020_2020;
    let mut at = start;
    loop {
        // Columns of fixed width have many spaces.
        let others = u64::from_le_bytes(*text.get(at..)?.first_chunk()?) ^ SPACES;
        at += (others.trailing_zeros() >> 3) as usize;
        if others == 0 {
            continue;
        }
        if text[at] != b'\t' {
            return Some(at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COLUMNS: [Column; 4] = [
        Column { kind: Kind::Symbol, count: 1 },
        Column { kind: Kind::Real, count: 2 },
        Column { kind: Kind::Skip, count: 1 },
        Column { kind: Kind::Integer, count: 1 },
    ];

    /// The rows as the standard library reads them.
    fn naive(text: &str, n_atoms: usize) -> Option<Vec<u8>> {
        let (mut symbols, mut reals, mut integers) = (Vec::new(), Vec::new(), Vec::new());
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() != n_atoms {
            return None;
        }
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            let &[symbol, a, b, _, integer, ..] = &*words else { return None };
            symbols
                .push(SYMBOLS.split_whitespace().position(|known| known.eq_ignore_ascii_case(symbol))? as u8);
            for word in [a, b] {
                let is_plain = word.bytes().all(|byte| b"0123456789+-.eE".contains(&byte));
                reals.extend(word.parse::<f64>().ok().filter(|_| is_plain)?.to_ne_bytes());
            }
            integers.extend(integer.parse::<i32>().ok()?.to_ne_bytes());
        }
        Some([symbols, reals, integers].concat())
    }

    fn read(text: &[u8], frames: &[Rows]) -> (Vec<u8>, Vec<Vec<u8>>) {
        let groups = frames.last().map_or(1, |frame| frame.group + 1);
        let rows = |group: usize| {
            frames.iter().filter(|frame| frame.group == group).map(|frame| frame.n_atoms).sum::<usize>()
        };
        let mut memory: Vec<Vec<u8>> = (0..groups)
            .flat_map(|group| COLUMNS.map(|column| vec![77; rows(group) * column.row_bytes()]))
            .collect();
        let outputs: Vec<Output> = memory.iter_mut().map(|bytes| Output::new(bytes)).collect();
        let mut done = vec![7; frames.len()];
        assert!(read_frames(text, &COLUMNS, frames, &outputs, &mut done));
        (done, memory)
    }

    fn frame(start: usize, end: usize, n_atoms: usize) -> Rows {
        Rows { start, end, n_atoms, group: 0, first_row: 0 }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn rows_are_those_of_the_standard_library(
            lines in proptest::collection::vec((
                "(H|Cu|og|CL|He|X|Cu|Cu|Cu|Cu)", "[ \\t]{1,12}",
                "([+-]?[0-9]{0,12}\\.[0-9]{1,20}|[0-9]{1,3}e-?[0-9]{1,3})", "[ \\t]{1,20}",
                "-?[0-9]{1,3}\\.[0-9]{8}", "[ ]{1,3}[a-z0-9]{1,5}[ ]{1,3}", "-?[0-9]{1,9}", "( more)?",
            ), 0..12),
            odd in proptest::option::of((0usize..12, "(nan|Xx 1 2 3 4|H 1|| H 1\\.5 2\\.5 x 4|1_0|H 1x 2 x 4|H 1 2 x 4\\.0)")),
            before in "[ -~\\n]{0,20}",
            after in "([ -~\\n]{0,90})?",
            ends_open in any::<bool>(),
        ) {
            let mut rows: Vec<String> = lines
                .iter()
                .map(|line| format!("{}{}{}{}{}{}{}{}\n", line.0, line.1, line.2, line.3, line.4, line.5, line.6, line.7))
                .collect();
            if let Some((at, line)) = odd && at < rows.len() {
                rows[at] = format!("{line}\n");
            }
            let mut rows = rows.concat();
            let mut after = after;
            if ends_open {
                rows.pop();
                after.clear();
            }
            let text = format!("{before}{rows}{after}");
            let whole = frame(before.len(), before.len() + rows.len(), lines.len());
            let (done, memory) = read(text.as_bytes(), &[whole]);
            match naive(&rows, lines.len()) {
                Some(expected) => {
                    prop_assert_eq!(done, [1]);
                    prop_assert_eq!(memory.concat(), expected);
                }
                None => {
                    prop_assert_eq!(done, [0]);
                    prop_assert!(memory.concat().iter().all(|&byte| byte == 0));
                }
            }
        }

        #[test]
        fn any_bytes_are_read(
            text in proptest::collection::vec(any::<u8>(), 0..400),
            n in 0usize..9,
            start in 0usize..500,
            end in 0usize..500,
        ) {
            let (done, _) = read(&text, &[frame(start, end, n)]);
            prop_assert!(done[0] < 2);
        }
    }

    #[test]
    fn a_large_frame_is_read_in_parts() {
        let line = |i: usize| format!("Cu {:.6} {}.5 word {i}\n", i as f64 / 7.0, i);
        let text: String = (0..30_000).map(line).collect();
        let frames: Vec<Rows> = (0..3)
            .map(|i| Rows { group: i, ..frame(i * text.len(), (i + 1) * text.len(), 30_000) })
            .collect();
        let (done, memory) = read(text.repeat(3).as_bytes(), &frames);
        assert_eq!(done, [1; 3]);
        assert!(memory.concat() == naive(&text, 30_000).unwrap().repeat(3));
        for (line, is_sound) in
            [("12345 \r", true), ("12345x\n", false), ("12345\nH\n", false), ("12345 ", false)]
        {
            let changed = text.replacen("12345\n", line, 1);
            let (done, memory) = read(changed.as_bytes(), &[frame(0, changed.len(), 30_000)]);
            assert_eq!(done, [u8::from(is_sound)], "{line:?}");
            assert!(is_sound || memory.concat().iter().all(|&byte| byte == 0));
        }
    }

    #[test]
    fn places_that_overlap_or_do_not_fit_are_refused() {
        let mut memory = COLUMNS.map(|column| vec![0; 2 * column.row_bytes()]);
        let outputs = memory.each_mut().map(|bytes| Output::new(bytes));
        let refused =
            |frames: &[Rows]| !read_frames(b"", &COLUMNS, frames, &outputs, &mut vec![0; frames.len()]);
        let one = frame(0, 0, 1);
        assert!(!refused(&[one, Rows { first_row: 1, ..one }]));
        assert!(refused(&[one, one]));
        assert!(refused(&[frame(0, 0, 3)]));
        assert!(refused(&[frame(0, 0, usize::MAX / 4)]));
        assert!(refused(&[Rows { group: 1, ..one }]));
        assert!(refused(&[one, Rows { group: 1, ..one }]));
        assert!(!read_frames(b"", &COLUMNS, &[one], &outputs, &mut []));
    }
}
