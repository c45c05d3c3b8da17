//! Cuts the power at any call of random workloads, and looks at what is left: what
//! was acknowledged is whole, and nothing else is an object.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    io,
    path::{Component, Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
};

use fenz_core::Random;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::{files::Files, objects::Objects};
use crate::{Error, Part};

const ROOT: &str = "/store";
const THREADS: usize = 3;

/// A file or a folder, by its place in `State::nodes`.
type Node = usize;

enum Content {
    File(File),
    /// By name, every node that the name stood for since the folder was last synced.
    /// The last is the present one, and any of them may be on the disk.
    Folder(BTreeMap<OsString, Vec<Option<Node>>>),
}

#[derive(Default)]
struct File {
    now: Vec<u8>,
    synced: Vec<u8>,
    /// Each may be on the disk, or a part of it.
    unsynced: Vec<(usize, Vec<u8>)>,
}

struct State {
    nodes: Vec<Content>,
    rng: StdRng,
    /// Until the power is cut.
    calls_left: u32,
    /// Threads that have not ended, those of them that wait to make a call, and which
    /// of these goes on: the seed decides, so that a run can be repeated.
    threads: usize,
    waiting: BTreeSet<usize>,
    chosen: Option<usize>,
}

/// A file system in memory that knows what is on its disk.
struct Machine {
    state: Mutex<State>,
    changed: Condvar,
}

impl Machine {
    fn new(seed: u64) -> Arc<Self> {
        let mut rng = StdRng::seed_from_u64(seed);
        // More often early, while threads make the same folders.
        let calls_left = rng.random_range(0..250).min(rng.random_range(0..250)).min(rng.random_range(0..250));
        let root = BTreeMap::from([("store".into(), vec![Some(1)])]);
        let state = State {
            nodes: vec![Content::Folder(root), Content::Folder(BTreeMap::new())],
            calls_left,
            rng,
            threads: THREADS,
            waiting: BTreeSet::new(),
            chosen: None,
        };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    /// Lets one thread go on when all wait.
    fn choose(&mut self) {
        if self.chosen.is_none() && !self.waiting.is_empty() && self.waiting.len() == self.threads {
            self.chosen = self.waiting.iter().nth(self.rng.random_range(0..self.threads)).copied();
        }
    }

    fn find(&self, path: &Path) -> io::Result<Node> {
        path.components().filter(|part| matches!(part, Component::Normal(_))).try_fold(0, |node, part| {
            let Content::Folder(names) = &self.nodes[node] else { return Err(io::ErrorKind::NotADirectory.into()) };
            let found = names.get(part.as_os_str()).and_then(|nodes| *nodes.last().unwrap());
            found.ok_or(io::ErrorKind::NotFound.into())
        })
    }

    fn file(&mut self, path: &Path) -> io::Result<&mut File> {
        let node = self.find(path)?;
        match &mut self.nodes[node] {
            Content::File(file) => Ok(file),
            Content::Folder(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn folder(&mut self, path: &Path) -> io::Result<&mut BTreeMap<OsString, Vec<Option<Node>>>> {
        let node = self.find(path)?;
        match &mut self.nodes[node] {
            Content::Folder(names) => Ok(names),
            Content::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Lets a name stand for another node, or for none.
    fn name(&mut self, path: &Path, node: Option<Node>) -> io::Result<()> {
        let names = self.folder(path.parent().unwrap())?;
        names.entry(path.file_name().unwrap().to_owned()).or_insert_with(|| vec![None]).push(node);
        Ok(())
    }

    fn add(&mut self, path: &Path, content: Content) -> io::Result<()> {
        if self.find(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.nodes.push(content);
        self.name(path, Some(self.nodes.len() - 1))
    }

    /// The files that are there after the cut.
    fn survivors(&mut self, node: Node, path: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
        let rng = &mut self.rng;
        match &self.nodes[node] {
            Content::File(file) => {
                let mut bytes = file.synced.clone();
                for (offset, written) in &file.unsynced {
                    if rng.random() {
                        patch(&mut bytes, *offset, &written[..rng.random_range(0..=written.len())]);
                    }
                }
                into.insert(path.to_owned(), bytes);
            }
            Content::Folder(names) => {
                let names: Vec<_> =
                    names.iter().map(|(name, nodes)| (name.clone(), nodes[rng.random_range(0..nodes.len())])).collect();
                for (name, node) in names {
                    if let Some(node) = node {
                        self.survivors(node, &path.join(name), into);
                    }
                }
            }
        }
    }
}

fn patch(bytes: &mut Vec<u8>, offset: usize, written: &[u8]) {
    bytes.resize(bytes.len().max(offset + written.len()), 0);
    bytes[offset..offset + written.len()].copy_from_slice(written);
}

/// A thread's access to the machine.
struct Access {
    machine: Arc<Machine>,
    thread: usize,
}

impl Access {
    fn call<T>(&self, call: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.machine.lock();
        state.waiting.insert(self.thread);
        state.choose();
        self.machine.changed.notify_all();
        while state.chosen != Some(self.thread) {
            state = self.machine.changed.wait(state).unwrap();
        }
        state.chosen = None;
        state.waiting.remove(&self.thread);
        if state.calls_left == 0 {
            return Err(io::Error::other("the power is cut"));
        }
        state.calls_left -= 1;
        call(&mut state)
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let mut state = self.machine.lock();
        state.threads -= 1;
        state.choose();
        self.machine.changed.notify_all();
    }
}

impl Files for Access {
    fn create(&self, file: &Path) -> io::Result<()> {
        self.call(|state| state.add(file, Content::File(File::default())))
    }

    fn write(&self, file: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.call(|state| {
            let file = state.file(file)?;
            patch(&mut file.now, offset as usize, bytes);
            file.unsynced.push((offset as usize, bytes.to_owned()));
            Ok(())
        })
    }

    fn length(&self, file: &Path) -> io::Result<u64> {
        self.call(|state| Ok(state.file(file)?.now.len() as u64))
    }

    fn sync(&self, file: &Path) -> io::Result<()> {
        self.call(|state| {
            let file = state.file(file)?;
            file.synced.clone_from(&file.now);
            file.unsynced.clear();
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|state| {
            let node = state.find(from)?;
            state.name(to, Some(node))?;
            state.name(from, None)
        })
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        self.call(|state| state.file(file).map(drop).and_then(|()| state.name(file, None)))
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.call(|state| state.add(dir, Content::Folder(BTreeMap::new())))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.call(|state| {
            state.folder(dir)?.values_mut().for_each(|nodes| *nodes = vec![*nodes.last().unwrap()]);
            Ok(())
        })
    }

    fn is_dir(&self, dir: &Path) -> bool {
        self.call(|state| state.folder(dir).map(drop)).is_ok()
    }
}

/// What a key may have after the cut.
type Expected = BTreeMap<String, Vec<Option<Vec<u8>>>>;

/// Calls the store until the power is cut or there is enough.
fn work(objects: &Objects<Access>, thread: usize, rng: &mut StdRng, expected: &mut Expected) -> Result<(), Error> {
    let keys = [format!("a/{thread}"), format!("a/b/{thread}"), format!("c/{thread}")];
    for _ in 0..12 {
        let key = &keys[rng.random_range(0..keys.len())];
        let may_have = expected.entry(key.clone()).or_insert_with(|| vec![None]);
        let bytes: Vec<u8> = (0..rng.random_range(3..40)).map(|_| rng.random()).collect();
        let written = match rng.random_range(0..4) {
            0 => {
                may_have.push(Some(bytes.clone()));
                objects.put(key, &bytes)?;
                Some(bytes)
            }
            1 => {
                may_have.push(None);
                match objects.delete(key) {
                    Ok(()) | Err(Error::NotFound) => None,
                    Err(error) => return Err(error),
                }
            }
            kind => {
                let id = objects.start()?;
                let sent = send_parts(objects, &id, &bytes, rng)?;
                if kind == 2 {
                    objects.abort(&id)?;
                    continue;
                }
                may_have.push(Some(bytes.clone()));
                objects.complete(key, &id, &sent)?;
                Some(bytes)
            }
        };
        *may_have = vec![written];
    }
    Ok(())
}

/// In any order.
fn send_parts(objects: &Objects<Access>, id: &str, bytes: &[u8], rng: &mut StdRng) -> Result<Vec<Part>, Error> {
    let size = rng.random_range(1..=bytes.len());
    let parts = (1..).zip(bytes.chunks(size)).map(|(number, chunk)| {
        let offset = u64::from(number - 1) * size as u64;
        Part { number, offset, length: chunk.len() as u64, etag: String::new() }
    });
    let parts: Vec<_> = parts.collect();
    let mut order: Vec<_> = parts.iter().collect();
    order.shuffle(rng);
    for part in order {
        let start = part.offset as usize;
        objects.put_part(id, part.offset, &bytes[start..start + part.length as usize])?;
    }
    Ok(parts)
}

fn run(seed: u64) {
    let machine = Machine::new(seed);
    // Each thread opens the folder: processes may share it.
    let threads: Vec<_> = (0..THREADS).map(|thread| (thread, Access { machine: machine.clone(), thread })).collect();
    let expected = thread::scope(|scope| {
        let run = |(thread, access)| {
            scope.spawn(move || {
                // Names of incoming files, of which each needs a number of its own.
                let random = Random::seeded(seed * 1_000 + thread as u64 * 100);
                let (mut rng, mut expected) = (StdRng::seed_from_u64(random.value()), Expected::new());
                let done = Objects::open(Path::new(ROOT), access, random)
                    .and_then(|objects| work(&objects, thread, &mut rng, &mut expected));
                assert!(matches!(&done, Ok(()) | Err(Error::Unavailable(_))), "{done:?}");
                expected
            })
        };
        let running: Vec<_> = threads.into_iter().map(run).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Expected>()
    });
    let mut left = BTreeMap::new();
    machine.lock().survivors(0, Path::new("/"), &mut left);
    let objects = Path::new(ROOT).join("fenzvideo");
    for (key, may_have) in &expected {
        let has = left.remove(&objects.join(key));
        assert!(may_have.contains(&has), "seed {seed}: {key} has {has:?}, not one of {may_have:?}");
    }
    let unexpected: Vec<_> = left.keys().filter(|path| path.starts_with(&objects)).collect();
    assert!(unexpected.is_empty(), "seed {seed}: {unexpected:?}");
}

#[test]
fn what_was_acknowledged_is_whole_after_a_power_cut_and_nothing_else_is_there() {
    (0..fenz_testkit::rounds(1_000, 20_000)).for_each(run);
}
