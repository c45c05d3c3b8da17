//! A few threads of low priority that do what takes long.

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

/// A thread without work gives up its memory after this time, and ends after
/// as much again.
const IDLE: Duration = Duration::from_secs(5);
/// Of 0 to 99; nice 15 on Linux: a little of a core even when the machine is
/// busy all the time.
const PRIORITY: u8 = 10;

/// The memory of one hash, kept from job to job: a storm of logins does not
/// allocate 19 MiB each time.
pub type Scratch = Vec<Block>;
type Job = Box<dyn FnOnce(&mut Scratch) + Send>;

#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    wake: Condvar,
    threads: usize,
    waiting: usize,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Pool {
    /// At most so many threads, and so many jobs that wait for one.
    pub fn new(threads: usize, waiting: usize) -> Self {
        Self(Arc::new(Inner { state: Mutex::default(), wake: Condvar::new(), threads, waiting }))
    }

    /// Queues a job; false when too many wait.
    pub fn submit(&self, job: Job) -> bool {
        let mut state = self.0.lock();
        if state.queue.len() >= self.0.waiting {
            return false;
        }
        state.queue.push_back(job);
        if state.idle >= state.queue.len() {
            self.0.wake.notify_one();
        } else if state.threads < self.0.threads {
            self.start(&mut state);
        }
        true
    }

    fn start(&self, state: &mut State) {
        let inner = self.0.clone();
        let only = state.threads == 0;
        let thread = std::thread::Builder::new().name("hashing".to_owned()).spawn(move || inner.work(only));
        match thread {
            Ok(_) => state.threads += 1,
            Err(error) => {
                tracing::error!(%error, "no thread for hashing");
                if state.threads == 0 {
                    // Nobody would ever do these; dropped, they answer their callers.
                    state.queue.clear();
                }
            }
        }
    }
}

/// A hash takes many milliseconds, and a low priority alone does not make it
/// leave its core in the middle of a time slice. Under the idle policy it does,
/// at once; but then it gets nothing on a machine that is busy all the time. So
/// the first thread is of low priority, and the others are idle ones.
fn lower_priority(only: bool) -> Result<(), thread_priority::Error> {
    if only {
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

    fn work(&self, only: bool) {
        if lower_priority(only).is_err() {
            tracing::warn!("hashing runs at the priority of everything else: the system refused a lower one");
        }
        let mut scratch = Scratch::new();
        loop {
            // A thread ends one turn after its memory: an allocator gives pages
            // back to the system a little later than they are freed, and only
            // when it is called again.
            match self.next(!scratch.is_empty()) {
                Next::Job(job) => {
                    // A panic drops the job's caller, who then gets an error.
                    if std::panic::catch_unwind(AssertUnwindSafe(|| job(&mut scratch))).is_err() {
                        tracing::error!("a hashing job panicked");
                    }
                }
                Next::Idle => scratch = Scratch::new(),
                Next::End => return,
            }
        }
    }

    /// The next job. Without one for a while the thread should forget what it
    /// keeps or, keeping nothing, end, which is counted already.
    fn next(&self, keeps: bool) -> Next {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                return Next::Job(job);
            }
            state.idle += 1;
            let (woken, wait) = self.wake.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if wait.timed_out() && state.queue.is_empty() {
                if keeps {
                    return Next::Idle;
                }
                state.threads -= 1;
                return Next::End;
            }
        }
    }
}

/// What a thread does next.
enum Next {
    Job(Job),
    Idle,
    End,
}
