//! Keeps the process alive when a file shrinks under its map.
//!
//! Reading a page past the end of a mapped file raises SIGBUS, which ends the process. The handler here lays zero pages
//! over what the file has lost, notes the fault, and lets the read go on; TypeScript finds the note and throws. Faults
//! outside our maps go to the handler that was there before.

use std::sync::Once;
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicU64, AtomicUsize, Ordering::*};

/// Maps that can be open at once. One more is refused, since it would not be guarded.
pub const SLOTS: usize = 16_384;

struct Slot {
    /// 0 free, 1 being filled, else the address of the first page.
    start: AtomicUsize,
    end: AtomicUsize,
    /// Where in the file `start` is.
    file_offset: AtomicU64,
    /// To ask the file for its length.
    fd: AtomicI32,
}

static TABLE: [Slot; SLOTS] = [const {
    Slot {
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        file_offset: AtomicU64::new(0),
        fd: AtomicI32::new(-1),
    }
}; SLOTS];
/// One past the highest slot that was ever used: the handler looks no further.
static HIGH: AtomicUsize = AtomicUsize::new(0);
/// Where the search for a free slot begins.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// For each slot, 1 once its map met a fault. JavaScript reads it as an array, at the cost of a load.
pub static FAULTS: [AtomicU8; SLOTS] = [const { AtomicU8::new(0) }; SLOTS];

/// Takes a slot for a map. `start` and `end` are page bounds.
pub fn register(start: usize, end: usize, file_offset: u64, fd: i32) -> Option<usize> {
    install();
    let first = NEXT.load(Relaxed);
    for step in 0..SLOTS {
        let slot = (first + step) % SLOTS;
        let entry = &TABLE[slot];
        if entry.start.compare_exchange(0, 1, AcqRel, Relaxed).is_err() {
            continue;
        }
        FAULTS[slot].store(0, Release);
        entry.fd.store(fd, Release);
        entry.file_offset.store(file_offset, Release);
        entry.end.store(end, Release);
        entry.start.store(start, Release);
        HIGH.fetch_max(slot + 1, AcqRel);
        NEXT.store(slot + 1, Relaxed);
        return Some(slot);
    }
    None
}

/// Gives a slot back. The pages must be unmapped, or anonymous, by then.
pub fn unregister(slot: usize) {
    let entry = &TABLE[slot];
    entry.end.store(0, Release);
    entry.start.store(0, Release);
    NEXT.fetch_min(slot, Relaxed);
}

pub fn faulted(slot: usize) -> bool {
    FAULTS[slot].load(Acquire) != 0
}

#[cfg(unix)]
use unix::install;
#[cfg(unix)]
pub use unix::page_size;

/// A mapped file cannot be cut on Windows: the system refuses it.
#[cfg(not(unix))]
fn install() {}
#[cfg(not(unix))]
pub fn page_size() -> usize {
    4096
}

#[cfg(unix)]
mod unix {
    use super::*;
    use libc::{MAP_ANON, MAP_FIXED, MAP_NORESERVE, MAP_PRIVATE, PROT_READ, PROT_WRITE};

    static PAGE_SIZE: AtomicUsize = AtomicUsize::new(4096);
    static ONCE: Once = Once::new();
    // SAFETY: all-zero bytes are a valid sigaction: the default action.
    static mut PREVIOUS: libc::sigaction = unsafe { std::mem::zeroed() };

    pub fn page_size() -> usize {
        install();
        PAGE_SIZE.load(Relaxed)
    }

    pub fn install() {
        // SAFETY: `sysconf` and `sigaction` get valid arguments; PREVIOUS is written here only, before any fault of
        // ours can happen, since every map is made after this returns.
        ONCE.call_once(|| unsafe {
            PAGE_SIZE.store(libc::sysconf(libc::_SC_PAGESIZE) as usize, Relaxed);
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_sigbus as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
            libc::sigemptyset(&mut action.sa_mask);
            libc::sigaction(libc::SIGBUS, &action, &raw mut PREVIOUS);
        });
    }

    /// # Safety
    /// Called by the system alone. Uses only what may be used in a signal handler: atomics, fstat, mmap, sigaction.
    unsafe extern "C" fn on_sigbus(
        signal: libc::c_int,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        // SAFETY: the system passes a valid `info`; a positive code says that the fault has an address.
        let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
        if code > 0 && patch(address) {
            return;
        }
        // SAFETY: the arguments are those that the system gave us.
        unsafe { pass_on(signal, code, info, context) }
    }

    /// Lays zero pages where the file has none any more. False if the address is in no map of ours.
    fn patch(address: usize) -> bool {
        let Some(slot) = (0..HIGH.load(Acquire)).find(|&slot| {
            let start = TABLE[slot].start.load(Acquire);
            start > 1 && address >= start && address < TABLE[slot].end.load(Acquire)
        }) else {
            return false;
        };
        let entry = &TABLE[slot];
        let (start, end) = (entry.start.load(Acquire), entry.end.load(Acquire));
        let page = page_bytes();
        let fault = address & !(page - 1);
        let in_file = file_length(entry.fd.load(Acquire))
            .map(|length| length.saturating_sub(entry.file_offset.load(Acquire)));
        let lost = match in_file {
            Some(bytes) => start.saturating_add((bytes as usize).saturating_add(page - 1) & !(page - 1)),
            None => end,
        };
        // The file did shrink: all it lost, at once. Else a hole found no room on the disk, or the disk failed: one page.
        let (from, to) = if fault >= lost { (lost, end) } else { (fault, fault + page) };
        if !lay_zero_pages(from, to - from) {
            return false;
        }
        FAULTS[slot].store(1, Release);
        true
    }

    fn page_bytes() -> usize {
        PAGE_SIZE.load(Relaxed)
    }

    fn file_length(fd: i32) -> Option<u64> {
        // SAFETY: all-zero bytes are a valid stat; fstat is given memory for one, and refuses a bad descriptor.
        unsafe {
            let errno = errno();
            let before = *errno;
            let mut stat: libc::stat = std::mem::zeroed();
            let found = libc::fstat(fd, &mut stat);
            *errno = before;
            (found == 0).then_some(stat.st_size as u64)
        }
    }

    /// Replaces pages of a map by anonymous zero pages, in one step.
    pub fn lay_zero_pages(address: usize, byte_length: usize) -> bool {
        // SAFETY: callers pass page bounds within a map that we own.
        unsafe {
            let errno = errno();
            let before = *errno;
            let flags = MAP_PRIVATE | MAP_ANON | MAP_FIXED | MAP_NORESERVE;
            let at = libc::mmap(address as *mut _, byte_length, PROT_READ | PROT_WRITE, flags, -1, 0);
            *errno = before;
            at != libc::MAP_FAILED
        }
    }

    /// # Safety
    /// For the signal handler only, with the arguments it was given.
    unsafe fn pass_on(
        signal: libc::c_int,
        code: i32,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        let previous = &raw const PREVIOUS;
        // SAFETY: PREVIOUS is no longer written. The handler found there was installed for this signature.
        unsafe {
            let handler = (*previous).sa_sigaction;
            if handler == libc::SIG_IGN && code <= 0 {
                return;
            }
            if handler == libc::SIG_DFL || handler == libc::SIG_IGN {
                // The faulting instruction runs again, and then the default action ends the process.
                libc::sigaction(signal, previous, std::ptr::null_mut());
                if code <= 0 {
                    libc::raise(signal);
                }
            } else if (*previous).sa_flags & libc::SA_SIGINFO != 0 {
                let call: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                    std::mem::transmute(handler);
                call(signal, info, context);
            } else {
                let call: extern "C" fn(libc::c_int) = std::mem::transmute(handler);
                call(signal);
            }
        }
    }

    /// # Safety
    /// The pointer is this thread's own: not to be kept.
    unsafe fn errno() -> *mut libc::c_int {
        // SAFETY: always returns a valid pointer.
        #[cfg(target_os = "linux")]
        unsafe {
            libc::__errno_location()
        }
        // SAFETY: as above.
        #[cfg(target_os = "macos")]
        unsafe {
            libc::__error()
        }
    }
}

#[cfg(unix)]
pub use unix::lay_zero_pages;
