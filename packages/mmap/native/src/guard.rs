//! Keeps the process alive when a file shrinks under its map.
//!
//! Reading a page past the end of a mapped file raises SIGBUS, which ends the process. The handler here lays zero pages
//! over what the file has lost, notes the fault, and lets the read go on; TypeScript finds the note and throws. Faults
//! outside our maps, and signals that somebody sent, go to the handler that was there before.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::*};

/// Maps that can be open at once. One more is refused, since it would not be guarded.
pub const SLOTS: usize = 16_384;

/// What the handler knows of a map. All zero at the start, so that the table takes no room in the addon's file.
struct Slot {
    taken: AtomicBool,
    /// Odd while the fields below change. Another map's slot may change while the handler looks for its own.
    version: AtomicU32,
    /// Address of the first page.
    start: AtomicUsize,
    /// Address past the last page.
    end: AtomicUsize,
    /// Where in the file `start` is.
    file_offset: AtomicU64,
    /// To ask the file for its length. Open as long as the slot is taken.
    fd: AtomicI32,
    /// Pages below this address were never replaced by zeros.
    sound_end: AtomicUsize,
}

static TABLE: [Slot; SLOTS] = [const {
    Slot {
        taken: AtomicBool::new(false),
        version: AtomicU32::new(0),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        file_offset: AtomicU64::new(0),
        fd: AtomicI32::new(0),
        sound_end: AtomicUsize::new(0),
    }
}; SLOTS];
/// One past the highest slot that was ever used: the handler looks no further.
static HIGH: AtomicUsize = AtomicUsize::new(0);
/// Where the search for a free slot begins.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// For each slot, 1 once its map met a fault. JavaScript reads it as an array, at the cost of a load.
pub static FAULTS: [AtomicU8; SLOTS] = [const { AtomicU8::new(0) }; SLOTS];

impl Slot {
    fn set(&self, start: usize, end: usize, file_offset: u64, fd: i32) {
        self.version.fetch_add(1, AcqRel);
        self.start.store(start, Release);
        self.end.store(end, Release);
        self.file_offset.store(file_offset, Release);
        self.fd.store(fd, Release);
        self.sound_end.store(end, Release);
        self.version.fetch_add(1, AcqRel);
    }

    /// Whether the map has this address. False while the slot changes: the map of a thread that faults is in use, and
    /// its slot at rest.
    fn holds(&self, address: usize) -> bool {
        let version = self.version.load(Acquire);
        let held = (self.start.load(Acquire)..self.end.load(Acquire)).contains(&address);
        held && version.is_multiple_of(2) && self.version.load(Acquire) == version
    }
}

/// Takes a slot for a map. `start` and `end` are page bounds; `fd` stays open until `unregister`.
pub fn register(start: usize, end: usize, file_offset: u64, fd: i32) -> Option<usize> {
    install();
    let first = NEXT.load(Relaxed);
    for step in 0..SLOTS {
        let slot = (first + step) % SLOTS;
        let entry = &TABLE[slot];
        if entry.taken.load(Relaxed) || entry.taken.swap(true, AcqRel) {
            continue;
        }
        FAULTS[slot].store(0, Release);
        entry.set(start, end, file_offset, fd);
        HIGH.fetch_max(slot + 1, AcqRel);
        NEXT.store(slot + 1, Relaxed);
        return Some(slot);
    }
    None
}

/// Gives a slot back: before the pages are unmapped, since another map may get their addresses then, and after the
/// last read of the file's pages, since that may still fault.
pub fn unregister(slot: usize) {
    let entry = &TABLE[slot];
    entry.set(0, 0, 0, 0);
    entry.taken.store(false, Release);
    NEXT.fetch_min(slot, Relaxed);
}

/// Whether a page of the map was ever replaced by zeros.
pub fn faulted(slot: usize) -> bool {
    FAULTS[slot].load(Acquire) != 0
}

/// Pages of the map below this address were never replaced by zeros.
pub fn sound_end(slot: usize) -> usize {
    TABLE[slot].sound_end.load(Acquire)
}

#[cfg(unix)]
use unix::install;
#[cfg(unix)]
pub use unix::{lay_zero_pages, page_size};

/// A mapped file cannot be cut on Windows: the system refuses it.
#[cfg(not(unix))]
fn install() {}
/// At least a page: maps begin at multiples of 64 KiB there.
#[cfg(not(unix))]
pub fn page_size() -> usize {
    4096
}

#[cfg(unix)]
mod unix {
    use super::*;
    use libc::{MAP_ANON, MAP_FIXED, MAP_NORESERVE, MAP_PRIVATE, PROT_READ, PROT_WRITE};
    use std::sync::Once;

    static PAGE_SIZE: AtomicUsize = AtomicUsize::new(4096);
    static ONCE: Once = Once::new();
    // SAFETY: all-zero bytes are a valid sigaction: the default action.
    static mut PREVIOUS: libc::sigaction = unsafe { std::mem::zeroed() };

    pub fn page_size() -> usize {
        install();
        PAGE_SIZE.load(Relaxed)
    }

    pub fn install() {
        // SAFETY: `sysconf` and `sigaction` get valid arguments. PREVIOUS is written here only, and before the handler
        // that reads it is there.
        ONCE.call_once(|| unsafe {
            PAGE_SIZE.store(libc::sysconf(libc::_SC_PAGESIZE) as usize, Relaxed);
            libc::sigaction(libc::SIGBUS, std::ptr::null(), &raw mut PREVIOUS);
            take_signal();
        });
        // SAFETY: all-zero bytes are a valid sigaction, which the system fills.
        let handler = unsafe {
            let mut current: libc::sigaction = std::mem::zeroed();
            libc::sigaction(libc::SIGBUS, std::ptr::null(), &mut current);
            current.sa_sigaction
        };
        // A program that listened to the signal for a while leaves the default action behind.
        if handler == libc::SIG_DFL {
            take_signal();
        }
    }

    fn take_signal() {
        // SAFETY: all-zero bytes are a valid sigaction; the handler has the signature that SA_SIGINFO asks for.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_sigbus as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
            libc::sigemptyset(&mut action.sa_mask);
            libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut());
        }
    }

    /// # Safety
    /// Called by the system alone. Uses only what may be used in a signal handler: atomics, fstat, mmap, sigaction.
    unsafe extern "C" fn on_sigbus(
        signal: libc::c_int,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        // SAFETY: the system passes a valid `info`. Where it is no fault, the address is a number without a meaning.
        let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
        if is_fault(code) && patch(address) {
            return;
        }
        // SAFETY: the arguments are those that the system gave us.
        unsafe { pass_on(signal, code, info, context) }
    }

    /// Whether the processor raised the signal, and not some `kill`: Linux marks those by 0 and below, macOS by 0 or
    /// from 0x10001 on.
    fn is_fault(code: libc::c_int) -> bool {
        (1..0x1_0000).contains(&code)
    }

    /// Lays zero pages where the file has none any more. False if the address is in no map of ours.
    fn patch(address: usize) -> bool {
        let Some(slot) = (0..HIGH.load(Acquire)).find(|&slot| TABLE[slot].holds(address)) else {
            return false;
        };
        // The map is in use by this thread, so the slot stays as it is.
        let entry = &TABLE[slot];
        let (start, end) = (entry.start.load(Acquire), entry.end.load(Acquire));
        let page = PAGE_SIZE.load(Relaxed);
        let fault = address & !(page - 1);
        let in_file = file_length(entry.fd.load(Acquire))
            .map(|length| length.saturating_sub(entry.file_offset.load(Acquire)) as usize);
        // The file did shrink: all it lost, at once. Else a hole found no room on the disk, or the disk failed: one page.
        let (from, to) =
            match in_file.map(|bytes| start.saturating_add(bytes.saturating_add(page - 1) & !(page - 1))) {
                Some(lost) if fault >= lost => (lost, end),
                _ => (fault, fault + page),
            };
        // Noted before the zeros can be read.
        entry.sound_end.fetch_min(from, AcqRel);
        FAULTS[slot].store(1, Release);
        // SAFETY: page bounds within the map, which is in use.
        unsafe { lay_zero_pages(from, to - from) }.is_ok()
    }

    fn file_length(fd: i32) -> Option<u64> {
        // SAFETY: all-zero bytes are a valid stat; fstat is given memory for one, and refuses a bad descriptor. The
        // code that the signal interrupted finds its errno as it was.
        unsafe {
            let errno = errno();
            let before = *errno;
            let mut stat: libc::stat = std::mem::zeroed();
            let found = libc::fstat(fd, &mut stat);
            *errno = before;
            (found == 0).then_some(stat.st_size as u64)
        }
    }

    /// Replaces pages of a map by anonymous zero pages, in one step. What failed is a number of the system's.
    ///
    /// # Safety
    /// The range has page bounds, and lies in a map that the caller owns.
    pub unsafe fn lay_zero_pages(address: usize, byte_length: usize) -> Result<(), i32> {
        // SAFETY: nothing but the caller's own pages is replaced. May run in the handler: errno stays as it was.
        unsafe {
            let errno = errno();
            let before = *errno;
            let flags = MAP_PRIVATE | MAP_ANON | MAP_FIXED | MAP_NORESERVE;
            let at = libc::mmap(address as *mut _, byte_length, PROT_READ | PROT_WRITE, flags, -1, 0);
            let problem = *errno;
            *errno = before;
            if at == libc::MAP_FAILED { Err(problem) } else { Ok(()) }
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
            if handler == libc::SIG_IGN && !is_fault(code) {
                return;
            }
            if handler == libc::SIG_DFL || handler == libc::SIG_IGN {
                // The signal is blocked until the handler returns. Then the faulting instruction runs again, or what
                // somebody sent arrives again, and the default action ends the process.
                libc::sigaction(signal, previous, std::ptr::null_mut());
                if !is_fault(code) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_found_by_address_given_back_and_used_again() {
        let slot = register(0x1000, 0x3000, 0, 0).unwrap();
        assert!(TABLE[slot].holds(0x1000) && TABLE[slot].holds(0x2fff));
        assert!(!TABLE[slot].holds(0xfff) && !TABLE[slot].holds(0x3000));
        assert_eq!(sound_end(slot), 0x3000);
        unregister(slot);
        assert!(!TABLE[slot].holds(0x1000) && !TABLE[slot].holds(0));
    }

    #[test]
    fn a_slot_that_changes_holds_nothing() {
        let slot = register(0x1000, 0x3000, 0, 0).unwrap();
        TABLE[slot].version.fetch_add(1, AcqRel);
        assert!(!TABLE[slot].holds(0x1000));
        TABLE[slot].version.fetch_add(1, AcqRel);
        assert!(TABLE[slot].holds(0x1000));
        unregister(slot);
    }

    #[test]
    fn threads_never_share_a_slot() {
        let taken: Vec<AtomicBool> = (0..SLOTS).map(|_| AtomicBool::new(false)).collect();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        let slot = register(0x1000, 0x2000, 0, 0).unwrap();
                        assert!(!taken[slot].swap(true, AcqRel));
                        taken[slot].store(false, Release);
                        unregister(slot);
                    }
                });
            }
        });
    }
}
