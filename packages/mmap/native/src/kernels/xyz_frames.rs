//! Where the frames of an extended XYZ text are.
//!
//! Usual text is all that the kernels for XYZ know. Whatever else they meet they report, and the TypeScript reader, which
//! knows all the rules, reads the same bytes again: so a kernel may refuse what is right, but never read it otherwise.

use memchr::{memchr, memchr_iter, memchr2};

use super::alike::are_alike;
use super::parallel::share_map;

/// More atoms are left to the reader that knows the limit.
const MAX_ATOMS: usize = 1 << 28;
/// Longer comments are left to the reader that knows the limit.
const MAX_COMMENT: usize = 1 << 26;
/// Comments for which a second thread is worth waking.
const PART_COMMENTS: usize = 256;

/// A frame that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub start: usize,
    pub comment_start: usize,
    pub comment_end: usize,
    /// Where the atom lines begin.
    pub rows: usize,
    pub end: usize,
    pub n_atoms: usize,
    /// Whether the comment is like that of the frame found before it: see [`are_alike`].
    pub alike: bool,
}

/// Finds the frames that follow each other from `start` on, until `limit` of them are found, or one ends at or behind
/// `stop`.
///
/// A frame counts only if the text ends behind it or another plain atom count follows: what else may follow has a
/// meaning.
pub fn scan(text: &[u8], start: usize, stop: usize, limit: usize) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = start;
    let mut count = read_count(text, at);
    while let Some((n_atoms, comment_start)) = count {
        let Some((comment_end, rows)) = end_of_line(text, comment_start) else { break };
        if comment_end - comment_start > MAX_COMMENT {
            break;
        }
        let Some(end) = skip_lines(text, rows, n_atoms) else { break };
        count = read_count(text, end);
        if count.is_none() && end < text.len() {
            break;
        }
        found.push(Found { start: at, comment_start, comment_end, rows, end, n_atoms, alike: false });
        at = end;
        if found.len() == limit || at >= stop {
            break;
        }
    }
    let comment = |frame: &Found| &text[frame.comment_start..frame.comment_end];
    let alike = |i: usize| i > 0 && are_alike(comment(&found[i - 1]), comment(&found[i]));
    let alike = share_map(found.len().div_ceil(PART_COMMENTS), |part| {
        let last = found.len().min((part + 1) * PART_COMMENTS);
        (part * PART_COMMENTS..last).map(alike).collect::<Vec<_>>()
    });
    for (frame, alike) in found.iter_mut().zip(alike.into_iter().flatten()) {
        frame.alike = alike;
    }
    found
}

/// The atom count in the line at `start`, and where the next line begins.
fn read_count(text: &[u8], start: usize) -> Option<(usize, usize)> {
    let blanks = |from: usize| {
        text.get(from..).map_or(0, |rest| rest.iter().take_while(|&&b| b == b' ' || b == b'\t').count())
    };
    let first = start + blanks(start);
    let mut at = first;
    let mut count = 0usize;
    while let Some(byte @ b'0'..=b'9') = text.get(at) {
        count = count * 10 + usize::from(byte - b'0');
        at += 1;
        if count > MAX_ATOMS {
            return None;
        }
    }
    if at == first {
        return None;
    }
    at += blanks(at);
    match (text.get(at)?, text.get(at + 1)) {
        (b'\n', _) => Some((count, at + 1)),
        (b'\r', Some(b'\n')) => Some((count, at + 2)),
        _ => None,
    }
}

/// Where the line ends, and where the next one begins. `None` if it does not end, or with a return alone.
fn end_of_line(text: &[u8], start: usize) -> Option<(usize, usize)> {
    let end = start + memchr2(b'\n', b'\r', text.get(start..)?)?;
    match (text[end], text.get(end + 1)) {
        (b'\n', _) => Some((end, end + 1)),
        (_, Some(b'\n')) => Some((end, end + 2)),
        _ => None,
    }
}

/// Where the line begins that stands `n_lines` further on. The last line of the text needs no end.
fn skip_lines(text: &[u8], start: usize, n_lines: usize) -> Option<usize> {
    const BLOCK: usize = 128;
    let mut at = start;
    let mut left = n_lines;
    let mut has_returns = false;
    for block in text.get(start..)?.chunks_exact(BLOCK) {
        let mut ends = 0u8;
        let mut returns = false;
        for &byte in block {
            ends += u8::from(byte == b'\n');
            returns |= byte == b'\r';
        }
        if usize::from(ends) >= left {
            break;
        }
        has_returns |= returns;
        left -= usize::from(ends);
        at += BLOCK;
    }
    if left > 0 {
        let rest = &text[at..];
        let end = match memchr_iter(b'\n', rest).nth(left - 1) {
            Some(end) => end + 1,
            None if left == 1 + memchr_iter(b'\n', rest).count() && text.last() != Some(&b'\n') => rest.len(),
            None => return None,
        };
        has_returns |= memchr(b'\r', &rest[..end]).is_some();
        at += end;
    }
    // Returns that end a line alone were not counted.
    if has_returns && memchr_iter(b'\r', &text[start..at]).any(|i| text.get(start + i + 1) != Some(&b'\n')) {
        return None;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_are_found_as_lines_are_counted(
            frames in proptest::collection::vec((0usize..9, "[ -~]{0,300}", "(\n|\r\n)"), 0..8),
            tail in "(|\n|VEC1 1 0 0\n|x|1|1\n| 2 \na)",
            line in "[ -~]{0,70}",
        ) {
            let mut text = String::new();
            let mut expected = Vec::new();
            for (n_atoms, comment, end) in &frames {
                let start = text.len();
                text += &format!("{n_atoms}{end}");
                let comment_start = text.len();
                text += &format!("{comment}{end}");
                let rows = text.len();
                for _ in 0..*n_atoms {
                    text += &format!("{line}{end}");
                }
                let comment_end = comment_start + comment.len();
                expected.push((start, comment_start, comment_end, rows, text.len(), *n_atoms));
            }
            text += &tail;
            // A frame counts only if what follows is the end or a count.
            if !matches!(&*tail, "" | "1\n" | " 2 \na") {
                expected.pop();
            }
            let found: Vec<_> = scan(text.as_bytes(), 0, usize::MAX, 100)
                .iter()
                .map(|frame| {
                    (frame.start, frame.comment_start, frame.comment_end, frame.rows, frame.end, frame.n_atoms)
                })
                .collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn any_bytes_are_scanned(text in proptest::collection::vec(any::<u8>(), 0..400), start in 0usize..500) {
            scan(&text, start, usize::MAX, 3);
        }
    }
}
