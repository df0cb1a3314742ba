//! Binding of the kernel for rows in LMDB.

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::kernels::lmdb::{Fields, Found, MAX_DEPTH, Tree, read_rows};
use crate::kernels::output::are_disjoint;
use crate::{Mapping, failed, span, whole};

/// A row needs a closer look.
const UNSOUND: i32 = -1;

/// Reads rows of a commit until one does not fit into `values`.
///
/// `commit` has the page size, the last page, and the depth and root of the tree, and 1 if the names are all there are,
/// sorted; `sort_keys` two numbers for each row, the low half first. `names` has the fields' names one after the other,
/// of which `ends` says where each ends. `places` takes for each row 1 if it has any field, and then two numbers for each
/// field: where its value begins in `values`, or `0xffffffff` if there is none, and its length.
///
/// Returns how many rows were read, or -1 if one needs a closer look. Whether the file was cut is for the caller to see.
#[napi(catch_unwind)]
pub fn lmdb_rows(
    map: &Mapping,
    commit: &[f64],
    sort_keys: &[u32],
    names: &[u8],
    ends: &[u32],
    mut values: Uint8ArraySlice,
    mut places: Uint32ArraySlice,
) -> Result<i32> {
    let region = &map.region()?.0;
    let &[page_size, last_page, depth, root, all] = commit else {
        return Err(failed("a commit takes five numbers"));
    };
    let (page_size, last_page) = (whole(page_size)?, whole(last_page)?);
    let (depth, root) = (whole(depth)?, whole(root)?);
    if page_size < 256 || depth > MAX_DEPTH {
        return Err(failed("there is no such environment"));
    }
    // SAFETY: looked at for their addresses alone until all are found to be apart; JavaScript waits for this call.
    let (values, places) = unsafe { (values.as_mut(), places.as_mut()) };
    let mut memory = [
        span(region.bytes()),
        span(commit),
        span(sort_keys),
        span(names),
        span(ends),
        span(values),
        span(places),
    ];
    if !are_disjoint(&mut memory) {
        return Err(failed("two arguments share memory"));
    }
    let sort_keys: Vec<u64> =
        sort_keys.chunks_exact(2).map(|half| u64::from(half[0]) | u64::from(half[1]) << 32).collect();
    let tree = Tree { file: region.bytes(), page_size, last_page, depth, root };
    let fields = Fields { names, ends, all: all == 1.0 };
    let mut found = Found { values, places };
    let read = read_rows(tree, &sort_keys, &fields, &mut found);
    Ok(read.map_or(UNSOUND, |rows| rows as i32))
}
