//! Decimal numbers straight from bytes to float64, each rounded to the nearest double, as Python's `float()` does.
//!
//! Digits are read eight at a time. What does not fit the short ways is left to `str::parse`, which is exact.

const ZEROS: u64 = 0x3030_3030_3030_3030;
/// What must follow the start of a number, so that nothing has to ask for the end of the text.
pub const MARGIN: usize = 64;
/// What u64 holds of any digits.
const MAX_DIGITS: u32 = 19;
/// Below this an integer is the lower part of the double that has it added to 2^52.
const EXACT: u64 = 1 << 52;

/// 10^k is an exact double up to here, so that one division of exact doubles rounds correctly (Clinger 1990).
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

const WHOLE_POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// 5^54 still leaves a bit of u128 free, which the division below needs.
const MAX_SCALE: usize = 54;

/// `2^n / 5^k`, cut to 128 bits whose first is set, and n.
const INVERSES: [(u128, u32); MAX_SCALE + 1] = inverses();

const fn inverses() -> [(u128, u32); MAX_SCALE + 1] {
    let mut table = [(0, 0); MAX_SCALE + 1];
    let mut divisor: u128 = 1;
    let mut k = 0;
    while k <= MAX_SCALE {
        // Long division of 2^n, one bit after the other, until the quotient is full.
        let mut quotient: u128 = 0;
        let mut rest: u128 = 1;
        let mut n = 0;
        loop {
            quotient <<= 1;
            if rest >= divisor {
                rest -= divisor;
                quotient |= 1;
            }
            if quotient >> 127 == 1 {
                break;
            }
            rest <<= 1;
            n += 1;
        }
        table[k] = (quotient, n);
        divisor *= 5;
        k += 1;
    }
    table
}

/// Reads the next number of a line: blanks, then `-1.5e-3`, then a blank or a line end.
///
/// Returns the place behind it; `None` for anything else, and where fewer than [`MARGIN`] bytes follow. The number goes
/// to `out`, since a pair of results would travel through memory, and the place with it.
///
/// Where the next number begins depends on where this one ends, so that finding the end is what takes the time: one
/// look for the point, and a guess that the fraction is as long as others were. All else is done meanwhile.
#[inline(always)]
pub fn read_real(text: &[u8], start: usize, out: &mut [u8; 8]) -> Option<usize> {
    let window: &[u8; 16] = text.get(start..)?.first_chunk()?;
    let to_point = (places_of(b'.', window) | 1 << 16).trailing_zeros() as usize;
    let point = start + to_point;
    if to_point == 16 || point < 8 {
        return read_any(text, start, out);
    }
    let n_spaces = places_of(b' ', window).trailing_ones() as usize;
    let negative = text[start + n_spaces] == b'-';
    // The digits before the point are the last ones of this word, and nothing else may be behind blanks and sign.
    let whole = digits_at(text, point - 8)?;
    let n_digits = (other_digits(whole).leading_zeros() >> 3) as usize;
    if n_digits == 0 || n_digits == 8 || n_digits + usize::from(negative) + n_spaces != to_point {
        return read_any(text, start, out);
    }
    let unused = 64 - 8 * n_digits;
    let mut mantissa = eight_digits(whole >> unused << unused);
    let mut at = point + 1;
    let fraction = digits_at(text, at)?;
    if other_digits(fraction) == 0 {
        at += 8;
        mantissa = mantissa * 100_000_000 + eight_digits(fraction);
        if text.get(at)?.is_ascii_digit() {
            let mut word = digits_at(text, at)?;
            if other_digits(word) == 0 {
                at += 8;
                if n_digits > 3 {
                    return read_any(text, start, out);
                }
                mantissa = mantissa * 100_000_000 + eight_digits(word);
                word = digits_at(text, at)?;
            }
            let count = leading_digits(word);
            at += count as usize;
            if n_digits + at - point > 1 + MAX_DIGITS as usize {
                return read_any(text, start, out);
            }
            mantissa = mantissa * WHOLE_POWERS[count as usize] + value_of(word, count);
        }
    } else {
        let count = leading_digits(fraction);
        at += count as usize;
        mantissa = mantissa * WHOLE_POWERS[count as usize] + value_of(fraction, count);
    }
    let mut scale = at - point - 1;
    let byte = *text.get(at)?;
    if !ends_number(byte) {
        if byte | 0x20 != b'e' {
            return None;
        }
        let (exponent, end) = read_exponent(text, at + 1)?;
        let Ok(power) = usize::try_from(scale as i32 - exponent) else { return read_any(text, start, out) };
        if !ends_number(*text.get(end)?) {
            return None;
        }
        (scale, at) = (power, end);
    }
    let value = match POWERS.get(scale) {
        Some(power) if mantissa < EXACT => small_integer(mantissa) / power,
        _ if scale <= MAX_SCALE => match divide(mantissa, scale) {
            Some(value) => value,
            None => return read_any(text, start, out),
        },
        _ => return read_any(text, start, out),
    };
    *out = (value.to_bits() | u64::from(negative) << 63).to_ne_bytes();
    Some(at)
}

/// An integer below [`EXACT`]. The processor's own conversion would wait for the division before it: it keeps the upper
/// half of its register.
#[inline(always)]
fn small_integer(value: u64) -> f64 {
    const SHIFT: f64 = EXACT as f64;
    f64::from_bits(SHIFT.to_bits() | value) - SHIFT
}

/// Reads an integer of 32 bits, before a blank or a line end.
pub fn read_integer(text: &[u8], start: usize) -> Option<(i32, usize)> {
    let sign = *text.get(start)?;
    let first = start + usize::from(sign == b'-' || sign == b'+');
    let mut at = first;
    let mut value = 0i64;
    while let Some(byte @ b'0'..=b'9') = text.get(at) {
        value = value * 10 + i64::from(byte - b'0');
        at += 1;
        if at - first > 15 {
            return None;
        }
    }
    if at == first || !ends_number(*text.get(at)?) {
        return None;
    }
    Some((i32::try_from(if sign == b'-' { -value } else { value }).ok()?, at))
}

fn read_exponent(text: &[u8], start: usize) -> Option<(i32, usize)> {
    let sign = *text.get(start)?;
    let first = start + usize::from(sign == b'-' || sign == b'+');
    let mut at = first;
    let mut exponent = 0i32;
    while let Some(byte @ b'0'..=b'9') = text.get(at) {
        exponent = exponent.saturating_mul(10).saturating_add(i32::from(byte - b'0'));
        at += 1;
    }
    // Large ones are all alike: no table has them.
    let exponent = exponent.min(1 << 20);
    (at > first).then_some((if sign == b'-' { -exponent } else { exponent }, at))
}

/// `mantissa / 10^scale`, if the digits of the quotient at hand decide how it is rounded.
fn divide(mantissa: u64, scale: usize) -> Option<f64> {
    if mantissa == 0 {
        return Some(0.0);
    }
    let (inverse, n) = INVERSES[scale];
    let zeros = mantissa.leading_zeros();
    let mantissa = u128::from(mantissa << zeros);
    // The upper 128 of 192 bits. The inverse was cut and so is this: the quotient is up to two units larger.
    let low = (mantissa * (inverse & u128::from(u64::MAX))) >> 64;
    let product = mantissa * (inverse >> 64) + low;
    let shift = 128 - 53 - product.leading_zeros();
    let rest = product & ((1 << shift) - 1);
    let half = 1 << (shift - 1);
    if (half - 2..=half).contains(&rest) {
        return None;
    }
    let upper = (product >> shift) as u64 + u64::from(rest > half);
    // upper · 2^shift is the product, which is the mantissa · 2^zeros · 2^n / 5^k / 2^64: no subnormal by far.
    let power = shift as i32 + 64 - n as i32 - zeros as i32 - scale as i32;
    Some(upper as f64 * f64::from_bits(((power + 1023) as u64) << 52))
}

/// Reads any number of this form.
#[inline(never)]
fn read_any(text: &[u8], start: usize, out: &mut [u8; 8]) -> Option<usize> {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let start = start + text.get(start..)?.iter().take_while(|&&byte| byte == b' ' || byte == b'\t').count();
    let sign = *text.get(start)?;
    let mut at = start + usize::from(sign == b'-' || sign == b'+');
    let mut n_digits = digits(at);
    at += n_digits;
    if *text.get(at)? == b'.' {
        let count = digits(at + 1);
        n_digits += count;
        at += 1 + count;
    }
    if *text.get(at)? | 0x20 == b'e' {
        (_, at) = read_exponent(text, at + 1)?;
    }
    if n_digits == 0 || !ends_number(*text.get(at)?) {
        return None;
    }
    let value: f64 = std::str::from_utf8(&text[start..at]).ok()?.parse().ok()?;
    *out = value.to_ne_bytes();
    Some(at)
}

fn ends_number(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | b'\r')
}

#[inline(always)]
fn digits_at(text: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*text.get(at..)?.first_chunk()?) ^ ZEROS)
}

/// The upper bit of each byte that was no digit before "0" was taken off; not exact above the first of them, except
/// that bytes below "0" and up to "~" never carry.
#[inline(always)]
fn other_digits(word: u64) -> u64 {
    (word.wrapping_add(0x7676_7676_7676_7676) | word) & 0x8080_8080_8080_8080
}

/// How many of eight bytes, from the lowest on, were digits.
#[inline(always)]
fn leading_digits(word: u64) -> u32 {
    other_digits(word).trailing_zeros() >> 3
}

/// The number that the first `count` digits stand for.
#[inline(always)]
fn value_of(word: u64, count: u32) -> u64 {
    eight_digits((word << (32 - 4 * count)) << (32 - 4 * count)) // twice: a shift by 64 is none
}

#[inline(always)]
fn eight_digits(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let even = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let odd = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    even.wrapping_add(odd) >> 32
}

/// A bit for each of sixteen bytes, from the lowest on: whether it is `byte`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn places_of(byte: u8, bytes: &[u8; 16]) -> u32 {
    use std::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set1_epi8};
    // SAFETY: both are sixteen bytes, of any value.
    let vector = unsafe { std::mem::transmute::<[u8; 16], __m128i>(*bytes) };
    // SAFETY: every processor of this kind has SSE2.
    unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(vector, _mm_set1_epi8(byte as i8))) as u32 }
}

/// As above.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn places_of(byte: u8, bytes: &[u8; 16]) -> u32 {
    bytes.iter().enumerate().fold(0, |places, (i, &other)| places | u32::from(other == byte) << i)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn padded(token: &str, end: &str) -> Vec<u8> {
        format!("Cu       {token}{end}{:64}", "").into_bytes()
    }

    fn read(text: &[u8], start: usize) -> Option<(f64, usize)> {
        let mut out = [0; 8];
        read_real(text, start, &mut out).map(|at| (f64::from_ne_bytes(out), at))
    }

    fn bits(token: &str) -> u64 {
        token.parse::<f64>().unwrap().to_bits()
    }

    fn check(token: &str) {
        for start in [2, 8] {
            let found = read(&padded(token, "\n"), start).map(|(value, at)| (value.to_bits(), at));
            assert_eq!(found, Some((bits(token), 9 + token.len())), "{token}");
        }
    }

    #[test]
    fn forms_that_are_rare_are_read_as_well() {
        for token in [
            "0",
            "-0",
            "+0.0",
            "-0.0",
            "5.",
            ".5",
            "-.5e3",
            "1e5",
            "1E+5",
            "1.e-5",
            "0.1",
            "123456789012",
            "1e-7",
            "9007199254740993.0",
            "9007199254740992.5",
            "0.30000000000000004",
            "1e22",
            "1e23",
            "1e-22",
            "1e400",
            "-1e-400",
            "5e-324",
            "2.2250738585072011e-308",
            "1.7976931348623157e308",
            "18446744073709551616",
            "0.000000000000000000000000000001",
            "1234567.12345678",
            "12345678.12345678",
            "0.12345678901234567",
            "1.2345678901234567e-05",
            "1e99999999999999999999",
            "0e-99999999999999999999",
            "1.5000000000000000",
            "4503599627370496.5",
            "4503599627370497.5",
            "0.50000000000000005551115123125782702118158340454101562",
            "0000000000000000000000000001.5",
        ] {
            check(token);
        }
    }

    #[test]
    fn what_is_no_number_of_this_form_is_none() {
        for token in [
            "",
            ".",
            "-",
            "+-1",
            "--1",
            "nan",
            "inf",
            "-inf",
            "1_0",
            "1d5",
            "0x10",
            "1.5e",
            "1.5e+",
            "1.2.3",
            "1,5",
            "1.5\"",
            "e5",
            "1.5f",
            "1.5\u{b}",
            "१",
            "12345678a",
        ] {
            assert_eq!(read(&padded(token, "\n"), 8), None, "{token}");
            assert_eq!(read_integer(&padded(token, " "), 9), None, "{token}");
        }
        assert_eq!(read(b"1.5 ", 0), None);
        assert_eq!(read(b"1.5", 9), None);
    }

    #[test]
    fn integers_have_32_bits() {
        for (token, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("+7", Some(7)),
            ("2147483647", Some(i32::MAX)),
            ("2147483648", None),
            ("-2147483648", Some(i32::MIN)),
            ("1.0", None),
            ("99999999999999999999", None),
            ("00012", Some(12)),
        ] {
            let expected = expected.map(|value| (value, 9 + token.len()));
            assert_eq!(read_integer(&padded(token, " "), 9), expected, "{token}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn every_double_comes_back(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
            check(&format!("{value:?}"));
            check(&format!("{value:e}"));
        }

        #[test]
        fn usual_numbers_come_back(value in -1e3f64..1e3, places in 0usize..19) {
            check(&format!("{value:?}"));
            check(&format!("{value:.places$}"));
            check(&format!("{value:.places$e}"));
        }

        #[test]
        fn digits_round_as_they_should(token in "[+-]?[0-9]{0,21}\\.[0-9]{1,25}(e[+-]?[0-9]{1,2})?") {
            check(&token);
        }

        /// Half-way between two doubles, exactly or nearly.
        #[test]
        fn ties_round_to_even(mantissa in 1u64 << 52..1 << 53, shift in 1u32..10, digit in 0u32..2) {
            let doubled = u128::from(2 * mantissa + 1) * 5u128.pow(shift);
            let text = format!("{:0>40}", doubled.to_string());
            let (whole, fraction) = text.split_at(40 - shift as usize);
            check(&format!("{}.{fraction}", whole.trim_start_matches('0')).replacen("", if digit == 0 { "" } else { "-" }, 1));
        }
    }
}
