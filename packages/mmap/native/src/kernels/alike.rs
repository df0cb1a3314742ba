//! Comments of extended XYZ that differ only in the values of numbers, as nearly all of one file do.

/// How a value reads.
#[derive(PartialEq, Eq)]
enum Number {
    /// Up to 15 digits: whatever they are, an integer that float64 holds.
    Integer,
    Float,
}

/// Whether two comments have the same keys with values of the same types, in the same form.
///
/// Numbers may differ from numbers of the same kind; all else is the same, byte by byte, and plain: no escapes, no single
/// quotes, no brackets, no other scripts. So whatever the one comment is split into, so is the other.
pub fn are_alike(a: &[u8], b: &[u8]) -> bool {
    let (mut i, mut j) = (0, 0);
    let mut quoted = false;
    let mut before = b' ';
    loop {
        let may_be_number = before == b'=' || (quoted && matches!(before, b'"' | b' ' | b'\t' | b','));
        if may_be_number
            && let (Some((end, kind)), Some((other_end, other))) =
                (number(a, i, quoted), number(b, j, quoted))
        {
            if kind != other {
                return false;
            }
            (i, j, before) = (end, other_end, b'0');
        }
        match (a.get(i), b.get(j)) {
            (None, None) => return !quoted,
            (Some(&byte), Some(other)) if byte == *other && is_plain(byte) => {
                if byte == b'"' {
                    if !quoted && before != b'=' {
                        return false;
                    }
                    quoted = !quoted;
                }
                before = byte;
                i += 1;
                j += 1;
            }
            _ => return false,
        }
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~') && !matches!(byte, b'\\' | b'\'' | b'{' | b'[')
}

/// Where the number at `start` ends, and its kind; `None` if there is no plain one.
fn number(text: &[u8], start: usize, quoted: bool) -> Option<(usize, Number)> {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = start + usize::from(matches!(text.get(start)?, b'-' | b'+'));
    let mut n_digits = digits(at);
    at += n_digits;
    let mut kind = if n_digits <= 15 { Some(Number::Integer) } else { None };
    if text.get(at) == Some(&b'.') {
        kind = Some(Number::Float);
        let count = digits(at + 1);
        n_digits += count;
        at += 1 + count;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        kind = Some(Number::Float);
        at += 1 + usize::from(matches!(text.get(at + 1), Some(b'-' | b'+')));
        let count = digits(at);
        if count == 0 {
            return None;
        }
        at += count;
    }
    let ends = match text.get(at) {
        None | Some(b' ' | b'\t') => true,
        Some(b'"' | b',') => quoted,
        _ => false,
    };
    if n_digits > 0 && ends { Some((at, kind?)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: &str, b: &str, expected: bool) {
        assert_eq!(are_alike(a.as_bytes(), b.as_bytes()), expected, "{a} | {b}");
        assert_eq!(are_alike(b.as_bytes(), a.as_bytes()), expected, "{b} | {a}");
    }

    #[test]
    fn numbers_of_one_kind_may_differ() {
        check("", "", true);
        check("energy=-1.5 a=1", "energy=2e-5 a=-70", true);
        check("Lattice=\"1.0 0.0 2.5\" pbc=\"T T F\"", "Lattice=\"10.25 -0.0 .5\" pbc=\"T T F\"", true);
        check("a=\"1,2, 3\" b", "a=\"4,5, 66\" b", true);
        check("a=1.5  ", "a=2.5  ", true);
    }

    #[test]
    fn all_else_must_be_the_same() {
        check("a=1.5", "a=1", false);
        check("a=1.5", "b=1.5", false);
        check("a=1.5", "a=1.5 b=2", false);
        check("a=1.5 ", "a=1.5", false);
        check("1.5", "2.5", false); // a key
        check("a=x1 b=2", "a=x2 b=2", false);
        check("Properties=pos:R:3", "Properties=pos:R:4", false);
        check("a=1.5x", "a=2.5x", false);
        check("a=1.5\"", "a=2.5\"", false);
        check("a=\"1 2\"", "a=\"1 2 3\"", false);
        check("a=\"1", "a=\"2", false);
        check("a=nan", "a=inf", false);
        check("a=1234567890123456", "a=1234567890123457", false);
        check("a=1e", "a=2e", false);
        check("a=-", "a=+", false);
        check("a=T", "a=F", false);
        check("a=1,5", "a=2,5", false);
    }

    #[test]
    fn what_is_not_plain_is_like_nothing() {
        for comment in ["a='b'", "a={1}", "a=[1]", "a=\"\\n\"", "a=é", "a=\u{b}", "x\"a\""] {
            check(comment, comment, false);
        }
    }
}
