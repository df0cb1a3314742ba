//! One mapped range of a file, shared by all the buffers that show it.

use std::io;
use std::sync::{Mutex, MutexGuard};

use memmap2::{MmapOptions, MmapRaw};

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
    byte_length: usize,
    mode: Mode,
    file_offset: u64,
    slot: usize,
    /// The file, as long as the slot is ours.
    file: Mutex<Option<Handle>>,
}

/// Where in a map a request does not fit.
#[derive(Debug, PartialEq, Eq)]
pub struct OutOfBounds;

impl Region {
    /// Maps `byte_length` bytes from `byte_offset` on. The range must lie in the file; it may be empty.
    pub fn map(file: Handle, mode: Mode, byte_offset: u64, byte_length: usize) -> io::Result<Region> {
        let needed = byte_offset.checked_add(byte_length as u64);
        let length = file_length(&file)?;
        if needed.is_none_or(|needed| length < needed) {
            return Err(io::Error::other(format!("the range is outside the file, which has {length} bytes")));
        }
        let mut options = MmapOptions::new();
        options.offset(byte_offset).len(byte_length);
        let raw = match mode {
            // Nothing of the file: some, such as those of /proc, cannot be mapped, and Windows maps no empty one.
            _ if byte_length == 0 => MmapOptions::new().len(1).map_anon()?.into(),
            // SAFETY: the pages may change while they are mapped; nothing here relies on reading one value twice, and
            // the guard keeps them readable when the file shrinks.
            Mode::Private => unsafe { options.no_reserve_swap().map_copy(&file) }?.into(),
            Mode::Shared => options.map_raw(&file)?,
        };
        let (start, end) = pages(&raw);
        // What `raw` leaves out of its first page the file has before the offset.
        let file_offset = byte_offset.saturating_sub((raw.as_ptr() as usize - start) as u64);
        let Some(slot) = guard::register(start, end, file_offset, raw_descriptor(&file)) else {
            return Err(io::Error::other(format!("{} maps are open, which is the most", guard::SLOTS)));
        };
        Ok(Region { raw, byte_length, mode, file_offset: byte_offset, slot, file: Mutex::new(Some(file)) })
    }

    /// A second map of the same file from the same place on, of another length. It takes the file as it is now.
    pub fn resized(&self, byte_length: usize) -> io::Result<Region> {
        let file = self.file().as_ref().map(Handle::try_clone);
        let file = file.ok_or_else(|| io::Error::other("the map is closed"))??;
        Region::map(file, self.mode, self.file_offset, byte_length)
    }

    pub fn len(&self) -> usize {
        self.byte_length
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
        unsafe { std::slice::from_raw_parts(self.raw.as_ptr(), self.byte_length) }
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
        self.file().as_ref().map(file_length)
    }

    /// Whether a page of the map could not be read, at any time.
    pub fn met_fault(&self) -> bool {
        guard::faulted(self.slot)
    }

    /// Whether what lies before `end` of the map may have been read as zeros: the file has lost some of it by now, or
    /// had when it was looked at.
    pub fn was_cut(&self, end: usize) -> bool {
        let needed = self.file_offset.saturating_add(end as u64);
        let sound = (self.raw.as_ptr() as usize).saturating_add(end) <= guard::sound_end(self.slot);
        !(sound && matches!(self.file_length(), Some(Ok(length)) if length >= needed))
    }

    /// Tells the system how a range will be used: 0 as usual, 1 from front to back, 2 here and there, 3 soon, 4 in huge
    /// pages. A hint that the system does not know is passed over.
    #[cfg(unix)]
    pub fn advise(&self, advice: u32, byte_offset: usize, byte_length: usize) -> io::Result<()> {
        use memmap2::Advice;
        let advice = match advice {
            1 => Advice::Sequential,
            2 => Advice::Random,
            3 => Advice::WillNeed,
            #[cfg(target_os = "linux")]
            4 => Advice::HugePage,
            _ => Advice::Normal,
        };
        match self.raw.advise_range(advice, byte_offset, byte_length) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
            done => done,
        }
    }

    #[cfg(not(unix))]
    pub fn advise(&self, _: u32, _: usize, _: usize) -> io::Result<()> {
        Ok(())
    }

    /// Brings a range into memory and into this process's page table.
    pub fn populate(&self, byte_offset: usize, byte_length: usize) {
        #[cfg(target_os = "linux")]
        if self.raw.advise_range(memmap2::Advice::PopulateRead, byte_offset, byte_length).is_ok() {
            return;
        }
        // One read a page does the same, where the system is older or another one.
        let bytes = &self.bytes()[byte_offset..byte_offset + byte_length];
        let sum = bytes.iter().step_by(4096).fold(0u8, |sum, &byte| sum.wrapping_add(byte));
        std::hint::black_box(sum);
    }

    /// Writes a range of a shared map to the disk.
    pub fn flush(&self, byte_offset: usize, byte_length: usize) -> io::Result<()> {
        self.raw.flush_range(byte_offset, byte_length)
    }

    /// Lets the file go now, though buffers may still show the range: on Unix they show zeros from here on, elsewhere
    /// the map ends with them.
    pub fn release(&self) -> io::Result<()> {
        let mut file = self.file();
        if file.is_none() {
            return Ok(());
        }
        #[cfg(unix)]
        {
            let (start, end) = pages(&self.raw);
            // SAFETY: all pages of our own map.
            unsafe { guard::lay_zero_pages(start, end - start) }.map_err(io::Error::from_raw_os_error)?;
        }
        // Only now, since until here a read could fault; and before the file, which the handler asks for its length.
        guard::unregister(self.slot);
        *file = None;
        Ok(())
    }

    fn file(&self) -> MutexGuard<'_, Option<Handle>> {
        self.file.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // A released region has given its slot back. No one can read the map any more; it is undone after this, and
        // then the file is closed.
        if self.file().is_some() {
            guard::unregister(self.slot);
        }
    }
}

/// Addresses of the first page and past the last one.
fn pages(raw: &MmapRaw) -> (usize, usize) {
    let (page, address) = (guard::page_size(), raw.as_ptr() as usize);
    (address & !(page - 1), (address + raw.len().max(1) + page - 1) & !(page - 1))
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
        loop {
            // SAFETY: the descriptor is open.
            match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, byte_length as i64) } {
                0 => return Ok(()),
                libc::EINTR => {}
                libc::EOPNOTSUPP | libc::EINVAL => break,
                error => return Err(io::Error::from_raw_os_error(error)),
            }
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

#[cfg(all(test, unix))]
mod tests {
    use std::fs::File;
    use std::io::{Seek, Write};
    use std::sync::atomic::Ordering::Relaxed;

    use super::*;

    /// A file of `byte_length` bytes, each 7.
    fn file_of(byte_length: usize) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; byte_length]).unwrap();
        file
    }

    fn map(file: &File, mode: Mode, byte_offset: u64, byte_length: usize) -> io::Result<Region> {
        Region::map(file.try_clone().unwrap().into(), mode, byte_offset, byte_length)
    }

    fn has_faulted(region: &Region) -> bool {
        guard::FAULTS[region.slot()].load(Relaxed) == 1
    }

    #[test]
    fn a_cut_file_reads_as_zeros_and_leaves_a_note() {
        let page = guard::page_size();
        for mode in [Mode::Private, Mode::Shared] {
            let file = file_of(4 * page);
            let region = map(&file, mode, 0, 4 * page).unwrap();
            assert_eq!(region.bytes()[4 * page - 1], 7);
            file.set_len(page as u64 + 1).unwrap();
            assert!(!has_faulted(&region));
            assert_eq!(region.bytes()[page], 7);
            assert_eq!(region.bytes()[2 * page - 1], 0); // the rest of the last page: the system's zeros, no fault
            assert!(!has_faulted(&region));
            assert!(region.was_cut(2 * page) && !region.was_cut(page + 1));
            assert_eq!(region.bytes()[3 * page], 0);
            assert!(has_faulted(&region));
            // All that was lost was laid over at once, and nothing else.
            file.set_len(4 * page as u64).unwrap();
            assert_eq!((region.bytes()[page], region.bytes()[2 * page]), (7, 0));
            assert!(region.was_cut(2 * page + 1) && !region.was_cut(2 * page));
        }
    }

    #[test]
    fn a_map_that_begins_inside_a_page_knows_where_the_file_ends() {
        let page = guard::page_size();
        let file = file_of(3 * page);
        let region = map(&file, Mode::Private, page as u64 + 100, 2 * page - 100).unwrap();
        file.set_len(2 * page as u64).unwrap();
        assert_eq!(region.bytes()[page - 101], 7);
        assert_eq!(region.bytes()[page - 100], 0);
        assert!(region.was_cut(page - 99) && !region.was_cut(page - 100));
    }

    #[test]
    fn many_threads_can_fault_at_once() {
        let page = guard::page_size();
        let file = file_of(64 * page);
        let region = map(&file, Mode::Private, 0, 64 * page).unwrap();
        file.set_len(0).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert!(region.bytes().iter().all(|&byte| byte == 0)));
            }
        });
        assert!(region.was_cut(1));
    }

    #[test]
    fn stores_stay_in_memory_or_go_to_the_file() {
        for (mode, expected) in [(Mode::Private, 7), (Mode::Shared, 9)] {
            let mut file = file_of(10);
            let region = map(&file, mode, 0, 10).unwrap();
            // SAFETY: within the map.
            unsafe { *region.as_mut_ptr() = 9 };
            region.flush(0, 10).unwrap();
            assert_eq!(region.bytes()[0], 9);
            file.rewind().unwrap();
            assert_eq!(io::read_to_string(&file).unwrap().as_bytes()[0], expected);
        }
    }

    #[test]
    fn a_released_map_shows_zeros_and_gives_its_slot_back() {
        let file = file_of(100);
        let region = map(&file, Mode::Shared, 0, 100).unwrap();
        region.release().unwrap();
        region.release().unwrap();
        assert!(region.bytes().iter().all(|&byte| byte == 0));
        assert!(region.file_length().is_none() && region.was_cut(1));
        assert!(region.resized(10).is_err());
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let address = format!("{:x}-", region.as_mut_ptr() as usize);
        assert!(!maps.lines().any(|line| line.starts_with(&address) && line.contains("tmp")));
    }

    #[test]
    fn a_map_can_be_made_anew_in_another_length() {
        let file = file_of(100);
        let region = map(&file, Mode::Private, 10, 90).unwrap();
        file.set_len(200).unwrap();
        let longer = region.resized(190).unwrap();
        drop(region);
        assert_eq!((longer.bytes()[89], longer.bytes()[90], longer.len()), (7, 0, 190));
        assert!(longer.resized(191).is_err());
    }

    #[test]
    fn ranges_outside_the_file_or_the_map_are_refused() {
        let file = file_of(100);
        assert!(map(&file, Mode::Private, 0, 101).is_err());
        assert!(map(&file, Mode::Private, 101, 0).is_err());
        assert!(map(&file, Mode::Private, u64::MAX, 1).is_err());
        assert!(map(&file, Mode::Private, 1, usize::MAX).is_err());
        let region = map(&file, Mode::Private, 100, 0).unwrap();
        assert_eq!((region.len(), region.bytes().len()), (0, 0));
        assert_eq!(region.check(0, 1), Err(OutOfBounds));
        assert_eq!(region.check(usize::MAX, 2), Err(OutOfBounds));
        assert_eq!(region.check(0, 0), Ok(()));
        region.populate(0, 0);
        region.advise(3, 0, 0).unwrap();
        region.flush(0, 0).unwrap();
    }
}
