//! A thread pool of low priority for CPU-bound jobs.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use argon2::Block;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy, set_current_thread_priority,
    set_thread_priority_and_policy, thread_native_id,
};

/// An idle thread releases its memory after this time, and exits after the same
/// time again.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// On a scale of 0 to 99; nice 15 on Linux, which still gets some CPU time on a
/// machine that is always busy.
const PRIORITY: u8 = 10;

/// The memory of one hash, reused so that not every login allocates 19 MiB.
pub type Scratch = Vec<Block>;
type Job = Box<dyn FnOnce(&mut Scratch) + Send>;

#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    wake: Condvar,
    threads: usize,
    queue_capacity: usize,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Pool {
    pub fn new(threads: usize, queue_capacity: usize) -> Self {
        Self(Arc::new(Inner { state: Mutex::default(), wake: Condvar::new(), threads, queue_capacity }))
    }

    /// Queues a job; false when the queue is full.
    pub fn submit(&self, job: Job) -> bool {
        let mut state = self.0.lock();
        if state.queue.len() >= self.0.queue_capacity {
            return false;
        }
        state.queue.push_back(job);
        if state.idle >= state.queue.len() {
            self.0.wake.notify_one();
        } else if state.threads < self.0.threads {
            self.start_thread(&mut state);
        }
        true
    }

    fn start_thread(&self, state: &mut State) {
        let inner = self.0.clone();
        let is_first = state.threads == 0;
        let thread = std::thread::Builder::new().name("hashing".to_owned()).spawn(move || inner.run(is_first));
        match thread {
            Ok(_) => state.threads += 1,
            Err(error) => {
                tracing::error!(%error, "cannot start a hashing thread");
                if state.threads == 0 {
                    // No thread will run these jobs; dropping them fails their callers.
                    state.queue.clear();
                }
            }
        }
    }
}

/// A hash takes many milliseconds, and a low nice value does not make the
/// scheduler preempt it within a time slice. `SCHED_IDLE` does, but starves on a
/// machine that is always busy. So the first thread has a low nice value, and the
/// others are `SCHED_IDLE`.
fn lower_priority(is_first: bool) -> Result<(), thread_priority::Error> {
    if is_first {
        let low =
            ThreadPriorityValue::try_from(PRIORITY).map_err(|_| thread_priority::Error::Priority("out of range"))?;
        return set_current_thread_priority(ThreadPriority::Crossplatform(low));
    }
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle)
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, is_first: bool) {
        if lower_priority(is_first).is_err() {
            tracing::warn!("cannot lower the priority of hashing threads: the system refused");
        }
        let mut scratch = Scratch::new();
        loop {
            // A thread exits one timeout after it released its memory: an
            // allocator returns freed pages to the system with a delay, and only
            // when it is called again.
            match self.next(!scratch.is_empty()) {
                Next::Job(job) => {
                    // A panic drops the sender, so the caller gets an error.
                    if std::panic::catch_unwind(AssertUnwindSafe(|| job(&mut scratch))).is_err() {
                        tracing::error!("a hashing job panicked");
                    }
                }
                Next::ReleaseMemory => scratch = Scratch::new(),
                Next::Exit => return,
            }
        }
    }

    /// Waits for the next job. After the timeout the thread is to release its
    /// memory or, holding none, to exit; it is already subtracted from the count.
    fn next(&self, holds_memory: bool) -> Next {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                return Next::Job(job);
            }
            state.idle += 1;
            let (woken, wait) = self.wake.wait_timeout(state, IDLE_TIMEOUT).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if wait.timed_out() && state.queue.is_empty() {
                if holds_memory {
                    return Next::ReleaseMemory;
                }
                state.threads -= 1;
                return Next::Exit;
            }
        }
    }
}

/// What a thread does next.
enum Next {
    Job(Job),
    ReleaseMemory,
    Exit,
}
