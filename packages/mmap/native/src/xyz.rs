//! Bindings of the kernels for extended XYZ.

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::kernels::output::are_disjoint;
use crate::kernels::xyz::{Column, Kind, Rows, read_frames};
use crate::kernels::xyz_frames::{Found, scan};
use crate::{DONE, Mapping, TRUNCATED, disjoint_outputs, failed, span, whole};

/// Numbers that describe a frame that was found.
const FOUND_NUMBERS: usize = 7;

/// Finds frames from `start` on, until `found` is full or one ends at or behind `stop`. `found` takes seven numbers
/// each: where the frame, its comment, the comment's line end, its atom lines and the next frame begin, its atoms, and 1
/// if its comment is like the one before.
///
/// Returns how many there are, 0 if the first one needs a closer look, or -2 if the file was cut.
#[napi(catch_unwind)]
pub fn xyz_scan(map: &Mapping, start: f64, stop: f64, mut found: Float64ArraySlice) -> Result<i32> {
    let region = &map.region()?.0;
    // SAFETY: JavaScript waits for this call; that the memory is apart from the map is checked next.
    let target = unsafe { found.as_mut() };
    if !are_disjoint(&mut [span(region.bytes()), span(target)]) {
        return Err(failed("the target is part of the map"));
    }
    let frames = scan(region.bytes(), whole(start)?, whole(stop)?, target.len() / FOUND_NUMBERS);
    for (numbers, frame) in target.chunks_exact_mut(FOUND_NUMBERS).zip(&frames) {
        let &Found { start, comment_start, comment_end, rows, end, n_atoms, alike } = frame;
        let places = [start, comment_start, comment_end, rows, end, n_atoms, usize::from(alike)];
        numbers.copy_from_slice(&places.map(|place| place as f64));
    }
    let end = frames.last().map_or(region.len(), |frame| frame.end);
    Ok(if region.was_cut(end) { TRUNCATED } else { frames.len() as i32 })
}

/// Reads the atom lines of frames.
///
/// `columns` holds two numbers each: the kind (0 symbol, 1 real, 2 integer, 3 nothing to keep) and words. `frames` holds
/// three each: where the atom lines begin and end, and the atoms. The frames belong to groups of so many as `groups`
/// says; `outputs` has the bytes for each group and column. `read` takes 1 for each frame that was read.
///
/// Returns -1, or -2 if the file was cut.
#[napi(catch_unwind)]
pub fn xyz_rows(
    map: &Mapping,
    columns: &[u32],
    frames: &[f64],
    groups: &[u32],
    mut outputs: Vec<Uint8ArraySlice>,
    mut read: Uint8ArraySlice,
) -> Result<i32> {
    let region = &map.region()?.0;
    // SAFETY: looked at for its address alone until all are found to be apart.
    let read = unsafe { read.as_mut() };
    let memory = vec![span(region.bytes()), span(columns), span(frames), span(groups), span(read)];
    let targets = disjoint_outputs(&mut outputs, memory)?;
    let columns: Vec<Column> = columns.chunks_exact(2).map(column_of).collect::<Result<_>>()?;
    let frames = frames_of(frames, groups)?;
    if !read_frames(region.bytes(), &columns, &frames, &targets, read) {
        return Err(failed("the outputs do not fit the frames"));
    }
    let end = frames.iter().map(|frame| frame.end).max().unwrap_or(0);
    Ok(if region.was_cut(end) { TRUNCATED } else { DONE })
}

fn column_of(numbers: &[u32]) -> Result<Column> {
    let kind = match numbers[0] {
        0 => Kind::Symbol,
        1 => Kind::Real,
        2 => Kind::Integer,
        3 => Kind::Skip,
        other => return Err(failed(format!("there is no column of kind {other}"))),
    };
    Ok(Column { kind, count: numbers[1] as usize })
}

fn frames_of(numbers: &[f64], groups: &[u32]) -> Result<Vec<Rows>> {
    let mut frames = Vec::with_capacity(numbers.len() / 3);
    let mut rest = numbers.chunks_exact(3);
    for (group, &size) in groups.iter().enumerate() {
        let mut first_row = 0usize;
        for frame in rest.by_ref().take(size as usize) {
            let (start, end, n_atoms) = (whole(frame[0])?, whole(frame[1])?, whole(frame[2])?);
            frames.push(Rows { start, end, n_atoms, group, first_row });
            first_row = first_row.checked_add(n_atoms).ok_or_else(|| failed("there are too many atoms"))?;
        }
    }
    Ok(frames)
}
