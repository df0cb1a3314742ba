//! One LMDB environment of this process, and its write transactions.
//!
//! LMDB allows a process to open an environment once: closing a second one would let go the locks of the first. So
//! all handles to the same file, in whatever thread, share one. Reading takes no part in this: it goes on in
//! TypeScript, which needs no lock and trusts no byte.

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_int, c_uint};
use std::path::Path;
use std::ptr;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};

use crate::ffi::{self, MdbDbi, MdbEnv, MdbTxn, MdbVal};
use crate::operations::{Operation, Operations};

/// Permissions of new files, before the umask.
const FILE_MODE: ffi::Mode = 0o644;
/// Where growth ends: no file system holds more.
const MAX_MAP: usize = 1 << 46;

/// What went wrong, by LMDB's or the system's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure(pub c_int);

impl Failure {
    /// Such as "MDB_CORRUPTED: Located page was wrong type".
    pub fn text(self) -> String {
        // SAFETY: LMDB's texts and the system's are static, or belong to the thread.
        unsafe { CStr::from_ptr(ffi::mdb_strerror(self.0)) }.to_string_lossy().into_owned()
    }
}

/// How a commit ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Nothing was written: the map was too small, and is larger now. Another writer may have been faster since.
    Grown,
}

/// A handle to an environment.
pub struct Environment {
    shared: Arc<Shared>,
    /// The handle's own transaction.
    txn: Option<Transaction>,
}

impl Environment {
    /// Opens or makes an environment in a folder that exists.
    ///
    /// `map_size` is how large a new one may grow before it has to be remapped.
    pub fn open(folder: &Path, map_size: usize) -> Result<Environment, Failure> {
        Ok(Environment { shared: Shared::open(folder, map_size)?, txn: None })
    }

    /// Begins the one write transaction there can be, when all others have ended.
    ///
    /// Fails with `EBUSY` if this thread has one: it would wait for itself.
    pub fn begin(&mut self) -> Result<(), Failure> {
        if self.txn.is_some() {
            return Err(Failure(libc::EBUSY));
        }
        self.txn = Some(Transaction::begin(&self.shared)?);
        Ok(())
    }

    /// Does what the bytes say, and commits. The transaction ends in any case.
    pub fn commit(&mut self, operations: &[u8]) -> Result<Outcome, Failure> {
        let Some(mut txn) = self.txn.take() else { return Err(Failure(libc::EINVAL)) };
        let result = Operations::new(operations).try_for_each(|operation| txn.apply(operation?));
        match result.and_then(|()| txn.commit()) {
            Ok(()) => Ok(Outcome::Done),
            Err(Failure(ffi::MAP_FULL)) => {
                self.shared.grow(operations.len())?;
                Ok(Outcome::Grown)
            }
            Err(failure) => Err(failure),
        }
    }

    pub fn abort(&mut self) {
        self.txn = None;
    }

    /// Makes durable what was committed.
    pub fn sync(&self) -> Result<(), Failure> {
        // SAFETY: the environment is open as long as it is shared.
        check(unsafe { ffi::mdb_env_sync(self.shared.env, 1) })
    }

    pub fn map_size(&self) -> usize {
        self.shared.map_size()
    }
}

/// The environments that this process has open, by file.
static OPEN: LazyLock<Mutex<HashMap<FileId, Weak<Shared>>>> = LazyLock::new(Mutex::default);

/// What all handles to one file share.
struct Shared {
    env: *mut MdbEnv,
    id: FileId,
    writer: Mutex<Option<ThreadId>>,
    writer_left: Condvar,
}

// SAFETY: LMDB's environments may be used from any thread; transactions stay with theirs.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    fn open(folder: &Path, map_size: usize) -> Result<Arc<Shared>, Failure> {
        let mut open = loop {
            let open = lock(&OPEN);
            match file_id(folder).and_then(|id| open.get(&id)).map(Weak::upgrade) {
                Some(Some(shared)) => return Ok(shared),
                // Its last handle is gone, and it is about to be closed.
                Some(None) => drop(open),
                None => break open,
            }
            thread::yield_now();
        };
        let env = open_env(folder, map_size)?;
        let Some(id) = file_id(folder) else {
            // SAFETY: nobody else has it.
            unsafe { ffi::mdb_env_close(env) };
            return Err(Failure(libc::ENOENT));
        };
        let (writer, writer_left) = (Mutex::new(None), Condvar::new());
        let shared = Arc::new(Shared { env, id: id.clone(), writer, writer_left });
        open.insert(id, Arc::downgrade(&shared));
        Ok(shared)
    }

    /// Waits until no thread of this process writes. LMDB itself waits for other processes.
    fn enter(&self) -> Result<(), Failure> {
        let mut writer = lock(&self.writer);
        if *writer == Some(thread::current().id()) {
            return Err(Failure(libc::EBUSY));
        }
        while writer.is_some() {
            writer = self.writer_left.wait(writer).unwrap_or_else(PoisonError::into_inner);
        }
        *writer = Some(thread::current().id());
        Ok(())
    }

    fn leave(&self) {
        *lock(&self.writer) = None;
        self.writer_left.notify_one();
    }

    /// Makes room for at least so many bytes more.
    fn grow(&self, bytes: usize) -> Result<(), Failure> {
        self.enter()?;
        let size = self.map_size();
        // What another thread has added in the meantime counts, too; a page more or less does not.
        let wanted = (2 * size).max(size + 4 * bytes).next_multiple_of(1 << 20).min(MAX_MAP);
        let result = if wanted > size { self.set_map_size(wanted) } else { Err(Failure(ffi::MAP_FULL)) };
        self.leave();
        result
    }

    fn map_size(&self) -> usize {
        // SAFETY: all-zero is a value of this type.
        let mut info = unsafe { std::mem::zeroed() };
        // SAFETY: the environment is open as long as it is shared.
        unsafe { ffi::mdb_env_info(self.env, &mut info) };
        info.map_size
    }

    /// Only between transactions. Zero takes over what another process has set.
    fn set_map_size(&self, size: usize) -> Result<(), Failure> {
        // SAFETY: as above; only the writer of this process is here, and it has no transaction.
        check(unsafe { ffi::mdb_env_set_mapsize(self.env, size) })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Nobody may open the file before it is closed.
        let mut open = lock(&OPEN);
        // SAFETY: this was the last handle, and transactions hold one.
        unsafe { ffi::mdb_env_close(self.env) };
        open.remove(&self.id);
    }
}

/// The write transaction. Stays on the thread that began it; aborts when it is dropped.
struct Transaction {
    shared: Arc<Shared>,
    txn: *mut MdbTxn,
    dbi: MdbDbi,
}

impl Transaction {
    fn begin(shared: &Arc<Shared>) -> Result<Transaction, Failure> {
        shared.enter()?;
        let mut begun = begin_txn(shared.env);
        if matches!(begun, Err(Failure(ffi::MAP_RESIZED))) {
            begun = shared.set_map_size(0).and_then(|()| begin_txn(shared.env));
        }
        let txn = begun.inspect_err(|_| shared.leave())?;
        let mut transaction = Transaction { shared: shared.clone(), txn, dbi: 0 };
        // SAFETY: the transaction is alive; no name means the main database.
        check(unsafe { ffi::mdb_dbi_open(transaction.txn, ptr::null(), 0, &mut transaction.dbi) })?;
        Ok(transaction)
    }

    fn apply(&mut self, operation: Operation<'_>) -> Result<(), Failure> {
        match operation {
            Operation::Put { key, value } => {
                let (mut key, mut value) = (as_value(key), as_value(value));
                // SAFETY: LMDB reads both and keeps neither.
                check(unsafe { ffi::stowage_put(self.txn, self.dbi, &mut key, &mut value) })
            }
            Operation::Delete { key } => {
                let mut key = as_value(key);
                // SAFETY: as above.
                match check(unsafe { ffi::stowage_del(self.txn, self.dbi, &mut key) }) {
                    Err(Failure(ffi::NOT_FOUND)) => Ok(()),
                    result => result,
                }
            }
            // SAFETY: the transaction is alive.
            Operation::Clear => check(unsafe { ffi::stowage_clear(self.txn, self.dbi) }),
        }
    }

    fn commit(mut self) -> Result<(), Failure> {
        let txn = std::mem::replace(&mut self.txn, ptr::null_mut());
        // SAFETY: it is alive; LMDB frees it whatever happens.
        check(unsafe { ffi::stowage_commit(txn) })
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.txn.is_null() {
            // SAFETY: it is alive.
            unsafe { ffi::mdb_txn_abort(self.txn) };
        }
        self.shared.leave();
    }
}

fn open_env(folder: &Path, map_size: usize) -> Result<*mut MdbEnv, Failure> {
    let path = CString::new(folder.as_os_str().as_encoded_bytes()).map_err(|_| Failure(libc::EINVAL))?;
    let mut env = ptr::null_mut();
    // SAFETY: LMDB writes the pointer.
    check(unsafe { ffi::mdb_env_create(&mut env) })?;
    let open = || {
        // SAFETY: the environment was just made and is not open yet.
        check(unsafe { ffi::mdb_env_set_mapsize(env, map_size) })?;
        // SAFETY: as above.
        check(unsafe { ffi::mdb_env_set_assert(env, ffi::stowage_assertion_failed) })?;
        // Each commit is whole on disk before the next begins; `sync` makes the last one durable, too.
        let flags: c_uint = ffi::NO_META_SYNC;
        // SAFETY: as above, and the path ends with a zero.
        check(unsafe { ffi::mdb_env_open(env, path.as_ptr(), flags, FILE_MODE) })
    };
    // SAFETY: LMDB wants it closed whether or not it opened, and nobody else has it.
    open().inspect_err(|_| unsafe { ffi::mdb_env_close(env) })?;
    Ok(env)
}

fn begin_txn(env: *mut MdbEnv) -> Result<*mut MdbTxn, Failure> {
    let mut txn = ptr::null_mut();
    // SAFETY: the environment is open, and this thread has no transaction.
    check(unsafe { ffi::mdb_txn_begin(env, ptr::null_mut(), 0, &mut txn) })?;
    Ok(txn)
}

fn as_value(bytes: &[u8]) -> MdbVal {
    MdbVal { size: bytes.len(), data: bytes.as_ptr().cast_mut().cast() }
}

fn check(code: c_int) -> Result<(), Failure> {
    if code == 0 { Ok(()) } else { Err(Failure(code)) }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells two data files apart, whatever paths lead to them.
#[derive(Clone, PartialEq, Eq, Hash)]
struct FileId(FileNumbers);

/// Device and file.
#[cfg(unix)]
type FileNumbers = (u64, u64);
#[cfg(not(unix))]
type FileNumbers = std::path::PathBuf;

/// `None` if there is no data file yet.
fn file_id(folder: &Path) -> Option<FileId> {
    let file = folder.join("data.mdb");
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(file).ok()?;
        Some(FileId((metadata.dev(), metadata.ino())))
    }
    #[cfg(not(unix))]
    std::fs::canonicalize(file).ok().map(FileId)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &[u8], value: &[u8]) -> Vec<u8> {
        let numbers = [0, key.len() as u32, value.len() as u32];
        [&numbers.map(u32::to_le_bytes).concat()[..], key, value].concat()
    }

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    #[test]
    fn handles_to_one_file_share_it() {
        let folder = folder();
        let open = || Environment::open(folder.path(), 1 << 20).expect("opens");
        let (mut first, second) = (open(), open());
        assert!(Arc::ptr_eq(&first.shared, &second.shared));
        drop(second);
        first.begin().expect("begins");
        assert_eq!(first.begin(), Err(Failure(libc::EBUSY)));
        assert_eq!(open().begin(), Err(Failure(libc::EBUSY)));
        assert_eq!(first.commit(&put(b"a", b"1")), Ok(Outcome::Done));
        assert_eq!(first.commit(&[]), Err(Failure(libc::EINVAL)));
        drop(first);
        assert!(lock(&OPEN).keys().all(|id| Some(id) != file_id(folder.path()).as_ref()));
    }

    #[test]
    fn a_map_grows_until_all_fits() {
        let folder = folder();
        let mut env = Environment::open(folder.path(), 1 << 20).expect("opens");
        let value = vec![7; 10 << 20];
        let mut attempts = 0;
        loop {
            env.begin().expect("begins");
            attempts += 1;
            match env.commit(&put(b"big", &value)).expect("no failure") {
                Outcome::Done => break,
                Outcome::Grown => assert!(attempts < 5),
            }
        }
        assert!(attempts > 1 && env.map_size() > value.len());
    }

    #[test]
    fn threads_write_one_after_the_other() {
        let folder = folder();
        thread::scope(|scope| {
            for thread in 0..4_u8 {
                let folder = &folder;
                scope.spawn(move || {
                    for i in 0..50_u8 {
                        let mut env = Environment::open(folder.path(), 1 << 20).expect("opens");
                        env.begin().expect("begins");
                        assert_eq!(env.commit(&put(&[thread, i], b"x")), Ok(Outcome::Done));
                    }
                });
            }
        });
    }

    #[test]
    fn a_key_that_lmdb_refuses_leaves_no_transaction_behind() {
        let folder = folder();
        let mut env = Environment::open(folder.path(), 1 << 20).expect("opens");
        for key in [&b""[..], &[1; 512]] {
            env.begin().expect("begins");
            assert_eq!(env.commit(&put(key, b"1")), Err(Failure(-30781)));
        }
        env.begin().expect("begins");
        env.abort();
        env.begin().expect("begins");
    }

    #[test]
    fn a_damaged_page_is_an_error_and_leaves_no_transaction_behind() {
        let folder = folder();
        let key = |i: u32| format!("key {i:04}").into_bytes();
        {
            let mut env = Environment::open(folder.path(), 1 << 20).expect("opens");
            env.begin().expect("begins");
            let all: Vec<u8> = (0..500).flat_map(|i| put(&key(i), &[1; 100])).collect();
            assert_eq!(env.commit(&all), Ok(Outcome::Done));
        }
        let file = folder.path().join("data.mdb");
        let sound = std::fs::read(&file).expect("reads");
        let leaf = sound
            .chunks(4096)
            .position(|page| page[10] == 2 && page.windows(8).any(|at| at == b"key 0000"))
            .expect("a leaf");
        // Page number, type, end of the pointers, begin of the nodes, a pointer, a node's lengths.
        let first_node = u16::from_le_bytes([sound[leaf * 4096 + 16], sound[leaf * 4096 + 17]]) as usize;
        for at in [0, 10, 12, 14, 16, first_node, first_node + 4, first_node + 6] {
            let mut damaged = sound.clone();
            damaged[leaf * 4096 + at] ^= 0x6;
            std::fs::write(&file, &damaged).expect("writes");
            let mut env = Environment::open(folder.path(), 1 << 20).expect("opens");
            for operations in [put(&key(0), b"2"), vec![2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]] {
                env.begin().expect("begins");
                assert_eq!(env.commit(&operations), Err(Failure(-30796)), "byte {at}");
            }
        }
    }
}
