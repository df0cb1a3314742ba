//! Work shared by all cores.
//!
//! A batch takes some tens of microseconds, which is about what it takes to wake a thread. So the calling thread begins
//! at once and does what nobody else has taken; helpers look out for the next job for a moment before they sleep; and
//! nobody waits for a helper that came too late.

use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock};
use std::thread;

/// More threads than this wait for memory rather than compute.
const MAX_THREADS: usize = 16;
/// How long a helper looks out for the next job: some 200 µs, which is what JavaScript does between two batches.
const LOOKOUTS: usize = 8000;
/// How long the caller looks out for the last helper before it lets others have the core.
const PATIENCE: usize = 1000;

type Panic = Box<dyn std::any::Any + Send>;

/// Parts of one job, which lies on the stack of the thread that shares it.
struct Job<'a> {
    run: &'a (dyn Fn(usize) + Sync),
    parts: usize,
    /// The next part to be taken.
    next: AtomicUsize,
    /// Helpers that are looking at this job.
    helpers: AtomicUsize,
    panic: Mutex<Option<Panic>>,
}

impl Job<'_> {
    fn work(&self) {
        loop {
            let part = self.next.fetch_add(1, Relaxed);
            if part >= self.parts {
                return;
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.run)(part))) {
                *lock(&self.panic) = Some(panic);
            }
        }
    }
}

#[derive(Clone, Copy)]
struct JobPointer(*const Job<'static>);

// SAFETY: a job is shared by reference; it lives until its pointer is withdrawn and its helpers are done.
unsafe impl Send for JobPointer {}

#[derive(Default)]
struct Board {
    job: Option<JobPointer>,
    sleeping: usize,
    /// Where the thread that called last runs.
    core: Option<usize>,
}

struct Pool {
    board: Mutex<Board>,
    called: Condvar,
    /// Jobs posted so far.
    posted: AtomicUsize,
    helpers: usize,
}

static POOL: OnceLock<Pool> = OnceLock::new();

fn pool() -> &'static Pool {
    static START: std::sync::Once = std::sync::Once::new();
    let pool = POOL.get_or_init(|| Pool {
        board: Mutex::default(),
        called: Condvar::new(),
        posted: AtomicUsize::new(0),
        helpers: thread::available_parallelism().map_or(1, |cores| cores.get()).min(MAX_THREADS) - 1,
    });
    START.call_once(|| {
        for _ in 0..pool.helpers {
            // A system that gives no thread leaves the work to the callers.
            let _ = thread::Builder::new().name("stowage".into()).spawn(|| help(pool));
        }
    });
    pool
}

/// Threads that share a job, the caller's included.
pub fn threads() -> usize {
    pool().helpers + 1
}

/// Runs `run` for each part from 0 to `parts` - 1, in any order, by the caller and by who else is free.
pub fn share(parts: usize, run: &(dyn Fn(usize) + Sync)) {
    let job =
        Job { run, parts, next: AtomicUsize::new(0), helpers: AtomicUsize::new(0), panic: Mutex::new(None) };
    let pool = pool();
    let posted = parts > 1 && pool.helpers > 0 && pool.post(&job);
    job.work();
    if posted {
        pool.withdraw(&job);
    }
    if let Some(panic) = job.panic.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
        resume_unwind(panic);
    }
}

/// As [`share`], with a result for each part, in their order.
pub fn share_map<T: Send>(parts: usize, run: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let results: Vec<Mutex<Option<T>>> = (0..parts).map(|_| Mutex::new(None)).collect();
    share(parts, &|part| *lock(&results[part]) = Some(run(part)));
    results
        .into_iter()
        .filter_map(|result| result.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()))
        .collect()
}

/// Wakes helpers for a job that comes in a moment: waking a thread takes longer than most jobs.
pub fn expect_job() {
    let pool = pool();
    let mut board = lock(&pool.board);
    board.core = core::current();
    pool.wake(&board);
}

/// Into how many parts to cut `items`: several a thread, so that one which ends early takes over from the others.
pub fn part_size(items: usize) -> usize {
    items.div_ceil(4 * threads()).max(1)
}

impl Pool {
    /// Shows a job to the helpers; false if another thread's is there, and they have enough to do.
    fn post(&self, job: &Job) -> bool {
        let mut board = lock(&self.board);
        if board.job.is_some() {
            return false;
        }
        // The lifetime ends here: `withdraw` sees to it that no helper has the pointer any more.
        board.job = Some(JobPointer(std::ptr::from_ref(job).cast()));
        board.core = core::current();
        self.posted.fetch_add(1, Release);
        self.wake(&board);
        true
    }

    fn wake(&self, board: &Board) {
        if board.sleeping > 0 {
            self.called.notify_all();
        }
    }

    /// Takes a job back, and waits for the helpers that have it.
    fn withdraw(&self, job: &Job) {
        lock(&self.board).job = None;
        let mut looks = 0;
        while job.helpers.load(Acquire) != 0 {
            looks += 1;
            if looks < PATIENCE { spin_loop() } else { thread::yield_now() }
        }
    }

    /// Looks out for a job other than the one seen last, for a moment.
    fn look_out(&self, seen: &mut usize, cores: &core::Cores) -> Option<JobPointer> {
        for _ in 0..LOOKOUTS {
            if self.posted.load(Acquire) != *seen
                && let Some(job) = self.enter(seen, cores)
            {
                return Some(job);
            }
            spin_loop();
        }
        None
    }

    fn enter(&self, seen: &mut usize, cores: &core::Cores) -> Option<JobPointer> {
        // Before the job is entered: from then on its caller waits.
        let caller = lock(&self.board).core;
        cores.leave(caller);
        let board = lock(&self.board);
        *seen = self.posted.load(Acquire);
        let job = board.job?;
        // SAFETY: a job on the board is alive; its owner waits for those who entered it.
        unsafe { (*job.0).helpers.fetch_add(1, AcqRel) };
        Some(job)
    }

    /// Sleeps until somebody calls, unless a job came meanwhile.
    fn sleep(&self, seen: usize, cores: &core::Cores) {
        let mut board = lock(&self.board);
        if self.posted.load(Acquire) != seen {
            return;
        }
        board.sleeping += 1;
        board = self.called.wait(board).unwrap_or_else(|poisoned| poisoned.into_inner());
        board.sleeping -= 1;
        let caller = board.core;
        drop(board);
        cores.leave(caller);
    }
}

fn help(pool: &Pool) {
    let mut seen = 0;
    let cores = core::Cores::of_this_thread();
    loop {
        let Some(JobPointer(job)) = pool.look_out(&mut seen, &cores) else {
            pool.sleep(seen, &cores);
            continue;
        };
        // SAFETY: entered, so that its owner waits.
        let job = unsafe { &*job };
        job.work();
        job.helpers.fetch_sub(1, AcqRel);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A system that wakes a thread mostly puts it on the core of who woke it. There it would wait for the caller, or take
/// turns with it, until the system looks for balance, which is later than the job is done.
#[cfg(target_os = "linux")]
mod core {
    pub fn current() -> Option<usize> {
        // SAFETY: takes nothing.
        usize::try_from(unsafe { libc::sched_getcpu() }).ok()
    }

    /// The cores that a helper may use.
    pub struct Cores(Option<libc::cpu_set_t>);

    impl Cores {
        pub fn of_this_thread() -> Cores {
            // SAFETY: the set is of the size that is told, and all zeros are an empty one.
            unsafe {
                let mut allowed: libc::cpu_set_t = std::mem::zeroed();
                let known = libc::sched_getaffinity(0, size_of_val(&allowed), &mut allowed) == 0;
                Cores((known && libc::CPU_COUNT(&allowed) > 1).then_some(allowed))
            }
        }

        /// Keeps this thread off a core if that is where it is, until it meets a caller on another.
        pub fn leave(&self, core: Option<usize>) {
            let (Some(mut others), Some(core)) = (self.0, core) else { return };
            if current() != Some(core) {
                return;
            }
            // SAFETY: the core is one that the system told, and the set is of the size that is told.
            unsafe {
                libc::CPU_CLR(core, &mut others);
                libc::sched_setaffinity(0, size_of_val(&others), &others);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod core {
    pub fn current() -> Option<usize> {
        None
    }

    pub struct Cores;

    impl Cores {
        pub fn of_this_thread() -> Cores {
            Cores
        }

        pub fn leave(&self, _: Option<usize>) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    #[test]
    fn each_part_runs_once() {
        for parts in [0, 1, 2, 7, 1000] {
            let runs: Vec<AtomicU32> = (0..parts).map(|_| AtomicU32::new(0)).collect();
            share(parts, &|part| {
                runs[part].fetch_add(1, Relaxed);
            });
            assert!(runs.iter().all(|runs| runs.load(Relaxed) == 1));
        }
    }

    #[test]
    fn results_come_in_the_order_of_the_parts() {
        assert_eq!(share_map(100, |part| part * part), (0..100).map(|part| part * part).collect::<Vec<_>>());
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_next_job_runs() {
        for _ in 0..50 {
            let caught = catch_unwind(|| share(8, &|part| assert!(part != 5, "part five")));
            assert!(caught.is_err());
            assert_eq!(share_map(8, |part| part).len(), 8);
        }
    }

    #[test]
    fn several_threads_share_at_once_and_within_a_job() {
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    for round in 0..300 {
                        let sums = share_map(round % 9, |part| {
                            share_map(3, |inner| part + inner).iter().sum::<usize>()
                        });
                        assert_eq!(sums, (0..round % 9).map(|part| 3 * part + 3).collect::<Vec<_>>());
                    }
                });
            }
        });
    }
}
