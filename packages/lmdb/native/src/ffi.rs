//! What is used of LMDB's `lmdb.h`.

use std::ffi::{c_char, c_int, c_uint, c_void};

#[repr(C)]
pub struct MdbEnv {
    _opaque: [u8; 0],
}

#[repr(C)]
pub struct MdbTxn {
    _opaque: [u8; 0],
}

pub type MdbDbi = c_uint;

#[repr(C)]
pub struct MdbVal {
    pub size: usize,
    pub data: *mut c_void,
}

#[repr(C)]
pub struct MdbEnvInfo {
    pub map_address: *mut c_void,
    pub map_size: usize,
    pub last_page: usize,
    pub last_txn_id: usize,
    pub max_readers: c_uint,
    pub readers: c_uint,
}

pub const NO_META_SYNC: c_uint = 0x40000;
pub const MAP_FULL: c_int = -30792;
pub const MAP_RESIZED: c_int = -30785;
pub const NOT_FOUND: c_int = -30798;

/// `mdb_mode_t`.
#[cfg(unix)]
pub type Mode = libc::mode_t;
#[cfg(windows)]
pub type Mode = c_int;

unsafe extern "C" {
    pub fn mdb_env_create(env: *mut *mut MdbEnv) -> c_int;
    pub fn mdb_env_open(env: *mut MdbEnv, path: *const c_char, flags: c_uint, mode: Mode) -> c_int;
    pub fn mdb_env_close(env: *mut MdbEnv);
    pub fn mdb_env_set_mapsize(env: *mut MdbEnv, size: usize) -> c_int;
    pub fn mdb_env_info(env: *mut MdbEnv, info: *mut MdbEnvInfo) -> c_int;
    pub fn mdb_env_sync(env: *mut MdbEnv, force: c_int) -> c_int;
    pub fn mdb_txn_begin(
        env: *mut MdbEnv,
        parent: *mut MdbTxn,
        flags: c_uint,
        txn: *mut *mut MdbTxn,
    ) -> c_int;
    pub fn mdb_txn_abort(txn: *mut MdbTxn);
    pub fn mdb_dbi_open(txn: *mut MdbTxn, name: *const c_char, flags: c_uint, dbi: *mut MdbDbi) -> c_int;
    pub fn mdb_strerror(code: c_int) -> *const c_char;
    pub fn mdb_env_set_assert(
        env: *mut MdbEnv,
        function: unsafe extern "C" fn(*mut MdbEnv, *const c_char),
    ) -> c_int;
}

// `lmdb/guarded.c`: where an assertion of LMDB fails, these return `MDB_CORRUPTED`.
unsafe extern "C" {
    pub fn stowage_assertion_failed(env: *mut MdbEnv, text: *const c_char);
    pub fn stowage_put(txn: *mut MdbTxn, dbi: MdbDbi, key: *mut MdbVal, data: *mut MdbVal) -> c_int;
    pub fn stowage_del(txn: *mut MdbTxn, dbi: MdbDbi, key: *mut MdbVal) -> c_int;
    pub fn stowage_clear(txn: *mut MdbTxn, dbi: MdbDbi) -> c_int;
    pub fn stowage_commit(txn: *mut MdbTxn) -> c_int;
}
