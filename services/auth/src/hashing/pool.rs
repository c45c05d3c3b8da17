//! A few threads of low priority that do what takes long.
//!
//! A hash takes many milliseconds, and a low priority alone does not make a
//! thread leave its core in the middle of a time slice, while a request waits.
//! Under the idle policy it does, at once; but then it gets next to nothing on
//! a machine that is busy all the time. So hashes are computed on idle threads,
//! and when none of them has finished one for a while, a thread of low
//! priority, which always gets a little, computes what waits longest. It does
//! so from the start, for a hash cannot be handed over half way: who is first
//! answers.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use argon2::Block;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy, set_current_thread_priority,
    set_thread_priority_and_policy, thread_native_id,
};

/// A thread without work gives up its memory after this time, and ends after
/// as much again.
const IDLE: Duration = Duration::from_secs(5);
/// As long as this the idle threads may go without finishing anything: several
/// hashes' time.
const PATIENCE: Duration = Duration::from_millis(250);
/// Of 0 to 99; nice 15 on Linux: a little of a core even when the machine is
/// busy all the time.
const PRIORITY: u8 = 10;

/// The memory of one hash, kept from job to job: a storm of logins does not
/// allocate 19 MiB each time.
pub type Scratch = Vec<Block>;
/// May be done twice, at the same time.
type Job = Arc<dyn Fn(&mut Scratch) + Send + Sync>;

#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// For the idle threads: there is a job.
    wake: Condvar,
    /// For the helping one: there is something to watch.
    watch: Condvar,
    threads: usize,
    waiting: usize,
}

struct State {
    queue: VecDeque<Job>,
    /// What the idle threads are at, and the helping one is not; oldest first.
    running: VecDeque<Job>,
    /// When an idle thread last finished a job, or got one after a rest.
    progress: Instant,
    /// Idle threads.
    threads: usize,
    /// Of them, those without work.
    idle: usize,
    is_helped: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Idle,
    Helping,
}

impl Pool {
    /// At most so many threads, and so many jobs that wait for one.
    pub fn new(threads: usize, waiting: usize) -> Self {
        let state = State {
            queue: VecDeque::new(),
            running: VecDeque::new(),
            progress: Instant::now(),
            threads: 0,
            idle: 0,
            is_helped: false,
        };
        let (wake, watch) = (Condvar::new(), Condvar::new());
        Self(Arc::new(Inner { state: Mutex::new(state), wake, watch, threads, waiting }))
    }

    /// Queues a job; false when too many wait.
    pub fn submit(&self, job: Job) -> bool {
        let mut state = self.0.lock();
        if state.queue.len() >= self.0.waiting {
            return false;
        }
        if !state.has_work() {
            state.progress = Instant::now();
            self.0.watch.notify_one();
        }
        state.queue.push_back(job);
        if state.idle >= state.queue.len() {
            self.0.wake.notify_one();
        } else if state.threads < self.0.threads {
            state.threads += usize::from(self.start(Role::Idle));
        }
        if !state.is_helped {
            state.is_helped = self.start(Role::Helping);
        }
        if state.threads == 0 && !state.is_helped {
            // Nobody would ever do these; dropped, they answer their callers.
            state.queue.clear();
        }
        true
    }

    fn start(&self, role: Role) -> bool {
        let inner = self.0.clone();
        let thread = std::thread::Builder::new().name("hashing".to_owned()).spawn(move || inner.work(role));
        if let Err(error) = &thread {
            tracing::error!(%error, "no thread for hashing");
        }
        thread.is_ok()
    }
}

fn lower_priority(role: Role) -> Result<(), thread_priority::Error> {
    match role {
        Role::Idle => {
            let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
            set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy)
        }
        Role::Helping => {
            let low = ThreadPriorityValue::try_from(PRIORITY)
                .map_err(|_| thread_priority::Error::Priority("out of range"))?;
            set_current_thread_priority(ThreadPriority::Crossplatform(low))
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, role: Role) {
        if lower_priority(role).is_err() {
            tracing::warn!("hashing runs at the priority of everything else: the system refused a lower one");
        }
        let mut scratch = Scratch::new();
        loop {
            // A thread ends one turn after its memory: an allocator gives pages
            // back to the system a little later than they are freed, and only
            // when it is called again.
            match self.next(role, !scratch.is_empty()) {
                Next::Job(job) => {
                    // A panic drops the job's caller, who then gets an error.
                    if std::panic::catch_unwind(AssertUnwindSafe(|| job(&mut scratch))).is_err() {
                        tracing::error!("a hashing job panicked");
                    }
                    if role == Role::Idle {
                        self.lock().finished(&job);
                    }
                }
                Next::Idle => scratch = Scratch::new(),
                Next::End => return,
            }
        }
    }

    /// The next job. Without one for a while the thread should forget what it
    /// keeps or, keeping nothing, end, which is counted already.
    fn next(&self, role: Role, keeps: bool) -> Next {
        let mut state = self.lock();
        loop {
            let (job, signal, pause) = match role {
                Role::Idle => (state.take(), &self.wake, IDLE),
                Role::Helping if state.has_work() => {
                    let left = PATIENCE.saturating_sub(state.progress.elapsed());
                    (if left.is_zero() { state.take_over() } else { None }, &self.watch, left)
                }
                Role::Helping => (None, &self.watch, IDLE),
            };
            if let Some(job) = job {
                return Next::Job(job);
            }
            state.idle += usize::from(role == Role::Idle);
            let (woken, wait) = signal.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= usize::from(role == Role::Idle);
            if !wait.timed_out() || state.has_work() {
                continue;
            }
            if keeps {
                return Next::Idle;
            }
            match role {
                Role::Idle => state.threads -= 1,
                Role::Helping => state.is_helped = false,
            }
            return Next::End;
        }
    }
}

impl State {
    fn has_work(&self) -> bool {
        !self.queue.is_empty() || !self.running.is_empty()
    }

    fn take(&mut self) -> Option<Job> {
        let job = self.queue.pop_front()?;
        self.running.push_back(job.clone());
        Some(job)
    }

    /// What waits longest and nobody helps with.
    fn take_over(&mut self) -> Option<Job> {
        self.running.pop_front().or_else(|| self.queue.pop_front())
    }

    fn finished(&mut self, job: &Job) {
        self.progress = Instant::now();
        self.running.retain(|running| !Arc::ptr_eq(running, job));
    }
}

/// What a thread does next.
enum Next {
    Job(Job),
    Idle,
    End,
}
