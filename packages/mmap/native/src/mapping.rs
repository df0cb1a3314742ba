//! One mapped range of a file, shared by all the buffers that show it.

use std::io;
use std::sync::Mutex;

use memmap2::{Advice, MmapOptions, MmapRaw};

use crate::guard;

#[cfg(unix)]
type Handle = std::os::fd::OwnedFd;
#[cfg(windows)]
type Handle = std::os::windows::io::OwnedHandle;

/// How a map meets the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Stores stay in memory. Also for reading: a store into a read-only page would end the process.
    Private,
    /// Stores go to the file.
    Shared,
}

/// A map. It ends with its last owner; `release` lets the file go before that.
pub struct Region {
    raw: MmapRaw,
    file_offset: u64,
    slot: usize,
    file: Mutex<Option<Handle>>,
}

/// Where in a map a request does not fit.
#[derive(Debug, PartialEq, Eq)]
pub struct OutOfBounds;

impl Region {
    /// Maps `byte_length` bytes from `byte_offset` on. The range must lie in the file; it may be empty.
    pub fn map(file: Handle, mode: Mode, byte_offset: u64, byte_length: usize) -> io::Result<Region> {
        let needed = byte_offset.checked_add(byte_length as u64);
        if needed.is_none_or(|needed| file_length(&file).is_ok_and(|length| length < needed)) {
            return Err(io::Error::other("the range is outside the file"));
        }
        let mut options = MmapOptions::new();
        options.offset(byte_offset).len(byte_length);
        let raw = match mode {
            // SAFETY: the pages may change while they are mapped; nothing here relies on reading one value twice, and
            // the guard keeps them readable when the file shrinks.
            Mode::Private => MmapRaw::from(unsafe { options.no_reserve_swap().map_copy(&file) }?),
            Mode::Shared => options.map_raw(&file)?,
        };
        let page = guard::page_size();
        let start = raw.as_ptr() as usize & !(page - 1);
        let end = page_up(raw.as_ptr() as usize + raw.len().max(1), page);
        let offset = byte_offset - (raw.as_ptr() as usize - start) as u64;
        let Some(slot) = guard::register(start, end, offset, raw_descriptor(&file)) else {
            return Err(io::Error::other(format!("{} maps are open, which is the most", guard::SLOTS)));
        };
        Ok(Region { raw, file_offset: byte_offset, slot, file: Mutex::new(Some(file)) })
    }

    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// Its place in [`guard::FAULTS`].
    pub fn slot(&self) -> usize {
        self.slot
    }

    pub fn as_mut_ptr(&self) -> *mut u8 {
        self.raw.as_mut_ptr()
    }

    /// The mapped bytes. Others may change them: read each value once.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the map lives as long as `self`, and the guard keeps every page readable.
        unsafe { std::slice::from_raw_parts(self.raw.as_ptr(), self.raw.len()) }
    }

    /// A range within the map.
    pub fn check(&self, byte_offset: usize, byte_length: usize) -> Result<(), OutOfBounds> {
        match byte_offset.checked_add(byte_length) {
            Some(end) if end <= self.len() => Ok(()),
            _ => Err(OutOfBounds),
        }
    }

    /// Length of the file now; `None` once it was let go.
    pub fn file_length(&self) -> Option<io::Result<u64>> {
        let file = self.file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        file.as_ref().map(file_length)
    }

    /// Whether what lies before `end` of the map may have been read as zeros: the file lost it, now or for a while.
    pub fn was_cut(&self, end: usize) -> bool {
        let needed = self.file_offset.saturating_add(end as u64);
        guard::faulted(self.slot) || !matches!(self.file_length(), Some(Ok(length)) if length >= needed)
    }

    pub fn advise(&self, advice: Advice, byte_offset: usize, byte_length: usize) -> io::Result<()> {
        self.raw.advise_range(advice, byte_offset, byte_length)
    }

    /// Writes a range of a shared map to the disk.
    pub fn flush(&self, byte_offset: usize, byte_length: usize) -> io::Result<()> {
        self.raw.flush_range(byte_offset, byte_length)
    }

    /// Lets the file go now, though buffers may still show the range: they show zeros from here on.
    pub fn release(&self) -> io::Result<()> {
        let file = self.file.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if file.is_none() {
            return Ok(());
        }
        #[cfg(unix)]
        {
            let page = guard::page_size();
            let start = self.raw.as_ptr() as usize & !(page - 1);
            let end = page_up(self.raw.as_ptr() as usize + self.len().max(1), page);
            if !guard::lay_zero_pages(start, end - start) {
                return Err(io::Error::last_os_error());
            }
            guard::unregister(self.slot);
        }
        // Only now: until here a fault asked the file for its length.
        drop(file);
        Ok(())
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        let file = self.file.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        // A released region has given its slot back. The map itself is undone after this; no one can read it any more.
        if file.is_some() || cfg!(not(unix)) {
            guard::unregister(self.slot);
        }
    }
}

fn page_up(address: usize, page: usize) -> usize {
    (address + page - 1) & !(page - 1)
}

#[cfg(unix)]
fn raw_descriptor(file: &Handle) -> i32 {
    use std::os::fd::AsRawFd;
    file.as_raw_fd()
}

#[cfg(windows)]
fn raw_descriptor(_: &Handle) -> i32 {
    -1
}

#[cfg(unix)]
fn file_length(file: &Handle) -> io::Result<u64> {
    use std::os::fd::AsRawFd;
    // SAFETY: all-zero bytes are a valid stat, which fstat fills for an open descriptor.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        if libc::fstat(file.as_raw_fd(), &mut stat) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(stat.st_size as u64)
    }
}

#[cfg(windows)]
fn file_length(file: &Handle) -> io::Result<u64> {
    Ok(std::fs::File::from(file.try_clone()?).metadata()?.len())
}

/// Makes a file so long, and takes the room for it where the system can: a full disk is met here, not at a store.
pub fn allocate(descriptor: i32, byte_length: u64) -> io::Result<()> {
    let file = std::fs::File::from(duplicate(descriptor)?);
    #[cfg(target_os = "linux")]
    if byte_length > 0 {
        use std::os::fd::AsRawFd;
        // SAFETY: the descriptor is open.
        match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, byte_length as i64) } {
            0 => return Ok(()),
            libc::EOPNOTSUPP | libc::EINVAL => {}
            error => return Err(io::Error::from_raw_os_error(error)),
        }
    }
    file.set_len(byte_length)
}

/// A handle of our own on a file that JavaScript has opened. JavaScript may close its descriptor afterwards.
#[cfg(unix)]
pub fn duplicate(descriptor: i32) -> io::Result<Handle> {
    use std::os::fd::BorrowedFd;
    if descriptor < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: the descriptor is not negative; duplicating one that is not open fails with EBADF.
    unsafe { BorrowedFd::borrow_raw(descriptor) }.try_clone_to_owned()
}

/// The number JavaScript has is one of the runtime's C library, which alone can tell its handle.
#[cfg(windows)]
pub fn duplicate(descriptor: i32) -> io::Result<Handle> {
    use std::os::windows::io::{BorrowedHandle, RawHandle};
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetModuleHandleW(name: *const u16) -> *mut std::ffi::c_void;
        fn GetProcAddress(module: *mut std::ffi::c_void, name: *const u8) -> *mut std::ffi::c_void;
    }
    // SAFETY: the names are null-terminated; libuv's function has this signature; it returns -1 for a bad descriptor.
    unsafe {
        let get = GetProcAddress(GetModuleHandleW(std::ptr::null()), c"uv_get_osfhandle".as_ptr().cast());
        if get.is_null() {
            return Err(io::Error::other("this runtime does not tell the handle of a file"));
        }
        let get: extern "C" fn(i32) -> RawHandle = std::mem::transmute(get);
        let handle = get(descriptor);
        if handle as isize == -1 {
            return Err(io::Error::other("the descriptor is not open"));
        }
        BorrowedHandle::borrow_raw(handle).try_clone_to_owned()
    }
}
