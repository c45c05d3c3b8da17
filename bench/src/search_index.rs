//! Builds a search index of sample texts and measures it without a service. Each
//! time is also given as processor time, which other processes do not disturb.

use std::{
    path::{Path, PathBuf},
    slice,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use fenz_search_index::{self as search_index, Change, Document, Filters, Index, Mark, Opened, Options, Query, Sort};
use rustix::time::{ClockId, clock_gettime};

use crate::{
    machine,
    process::{MIB, memory},
    sample_texts::{Rng, SampleTexts},
    stats::{median, milliseconds, percentile},
};

/// Queries of each kind.
const QUERIES: usize = 1_000;
/// Maximum hits of narrow queries.
const NARROW: u64 = 10_000;
const BATCH: usize = 10_000;
const COMMIT: usize = 250_000;

#[derive(clap::Args)]
pub struct Arguments {
    /// Videos to index; 0 measures the existing index of the folder.
    #[arg(default_value_t = 1_000_000)]
    videos: usize,
    /// The folder of the index.
    #[arg(long, default_value_os_t = std::env::temp_dir().join("fenz-search-index"))]
    folder: PathBuf,
    /// Megabytes of memory for indexing.
    #[arg(long)]
    memory: Option<usize>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let mut options = Options::default();
    options.memory = arguments.memory.map_or(options.memory, |megabytes| megabytes * 1_000_000);
    let (texts, folder) = (SampleTexts::new(), &arguments.folder);
    print_memory("before")?;
    let index = match arguments.videos {
        0 => open(folder, options)?,
        videos => build(&texts, videos, folder, options)?,
    };
    narrow(&index, "two English words", |rng| format!("{} {}", texts.english.pick(rng), texts.english.pick(rng)))?;
    narrow(&index, "a Chinese word", |rng| texts.chinese.pick(rng).to_owned())?;
    narrow(&index, "two Chinese characters", |rng| {
        let characters = texts.chinese.pick(rng).chars().chain(texts.chinese.pick(rng).chars());
        characters.skip(1).take(2).collect()
    })?;
    narrow(&index, "two Chinese words", |rng| format!("{} {}", texts.chinese.pick(rng), texts.chinese.pick(rng)))?;
    narrow(&index, "a typo", |rng| with_typo(texts.english.pick_uniform(rng), "q"))?;
    broad(&index, &texts)?;
    suggestions(&index, &texts)?;
    changes(&index, &texts)?;
    print_memory("at the end")?;
    index.release_writer()?;
    print_memory("idle")?;
    drop(index);
    open(folder, options)?;
    Ok(())
}

fn open(folder: &Path, options: Options) -> Result<Index> {
    let begun = Instant::now();
    let Opened::Ready(index) = Index::open(folder, options)? else { bail!("no index in {}", folder.display()) };
    println!("opened {} videos in {:.1?}", index.len(), begun.elapsed());
    print_memory("after opening")?;
    Ok(*index)
}

fn build(texts: &SampleTexts, videos: usize, folder: &Path, options: Options) -> Result<Index> {
    let index = Index::create(folder, 0, options)?;
    let (mut generating, mut indexed) = (Duration::ZERO, 0);
    let (begun, cpu) = (Instant::now(), cpu_time(ClockId::ProcessCPUTime));
    while indexed < videos {
        let before = cpu_time(ClockId::ThreadCPUTime);
        let end = videos.min(indexed + BATCH);
        let batch: Vec<Change> = (indexed..end).map(|n| Change::Put(document(texts, n as i64 + 1))).collect();
        generating += cpu_time(ClockId::ThreadCPUTime).saturating_sub(before);
        indexed = end;
        index.apply(&batch)?;
        if indexed % COMMIT == 0 || indexed == videos {
            index.commit(Mark { sequence: indexed as i64, ..Mark::default() })?;
        }
    }
    let (wall, cpu) = (begun.elapsed(), cpu_time(ClockId::ProcessCPUTime).saturating_sub(cpu + generating));
    println!(
        "indexed {videos} videos in {wall:.1?} (processor {cpu:.1?}, and {generating:.1?} to generate them): {:.0}/s, \
         {:.0}/s per core, {:.0} MiB on disk",
        videos as f64 / wall.as_secs_f64(),
        videos as f64 / cpu.as_secs_f64(),
        machine::folder_bytes(folder)? as f64 / MIB
    );
    print_memory("after indexing")?;
    index.release_writer()?;
    print_memory("idle")?;
    Ok(index)
}

/// Queries with 1 to [`NARROW`] hits.
fn narrow(index: &Index, name: &str, text: impl Fn(&mut Rng) -> String) -> Result<()> {
    let (mut rng, mut times, mut hits) = (Rng::new(2), Times::default(), 0);
    for _ in 0..QUERIES * 20 {
        let query = query(text(&mut rng));
        let (found, time) = time(|| index.search(&query))?;
        if (1..=NARROW).contains(&found.total) {
            hits += found.total;
            times.add(time, format!("{} ({} hits)", query.text, found.total));
        }
        if times.wall.len() == QUERIES {
            break;
        }
    }
    times.print(&format!("{name}, {} hits on average", hits / times.wall.len().max(1) as u64));
    Ok(())
}

fn broad(index: &Index, texts: &SampleTexts) -> Result<()> {
    let mut queries: Vec<(String, Query)> = Vec::new();
    for n in [0, 1, 10] {
        let chinese = texts.chinese.nth(n);
        queries.push((format!("English word {n}"), query(texts.english.nth(n).to_owned())));
        queries.push((format!("Chinese word {n}"), query(chinese.to_owned())));
        queries.push((format!("Chinese character {n}"), query(chinese.chars().take(1).collect())));
    }
    let two = format!("{} {}", texts.english.nth(0), texts.english.nth(1));
    queries.push(("two English words".to_owned(), query(two)));
    queries.push(("one letter".to_owned(), query("b".to_owned())));
    queries.push(("everything".to_owned(), Query { limit: 20, ..Query::default() }));
    queries.push(("everything by views".to_owned(), Query { sort: Sort::MostViews, limit: 20, ..Query::default() }));
    let filters = Filters { tags: vec![3, 4], min_duration: Some(300), ..Filters::default() };
    queries.push(("tags and duration".to_owned(), Query { filters, limit: 20, ..Query::default() }));
    for (name, query) in queries {
        let (mut times, mut total) = (Times::default(), 0);
        for _ in 0..50 {
            let (found, time) = time(|| index.search(&query))?;
            total = found.total;
            times.add(time, query.text.clone());
        }
        times.print(&format!("broad: {name}, {total} hits"));
    }
    Ok(())
}

fn suggestions(index: &Index, texts: &SampleTexts) -> Result<()> {
    let (mut rng, mut times) = (Rng::new(3), Times::default());
    for n in 0..QUERIES {
        let words = if n % 2 == 0 { &texts.english } else { &texts.chinese };
        let text = format!("{} {}", words.pick(&mut rng), words.pick(&mut rng));
        let prefix: String = text.chars().take(1 + n % 9).collect();
        times.add(time(|| index.suggest(&prefix))?.1, prefix);
    }
    times.print("suggestions");
    let mut times = Times::default();
    for _ in 0..100 {
        let word = with_typo(texts.english.pick_uniform(&mut rng), "qx");
        times.add(time(|| index.correct(&word))?.1, word);
    }
    times.print("corrections");
    Ok(())
}

fn changes(index: &Index, texts: &SampleTexts) -> Result<()> {
    let videos: Vec<Document> = (1..=index.len().min(10_000)).map(|n| document(texts, n as i64)).collect();
    let viewed: Vec<Change> =
        videos.iter().map(|video| Change::Put(Document { views: video.views + 1, ..video.clone() })).collect();
    let begun = Instant::now();
    index.apply(&viewed)?;
    index.commit(Mark::default())?;
    println!("views of {} videos in {:.1?}", viewed.len(), begun.elapsed());
    let mut times = Times::default();
    for video in videos.into_iter().take(50) {
        let change = Change::Put(Document { title: format!("{} again", video.title), ..video });
        let apply = || index.apply(slice::from_ref(&change)).and_then(|()| index.commit(Mark::default()));
        times.add(time(apply)?.1, String::new());
    }
    times.print("a changed video, until it is visible");
    Ok(())
}

fn document(texts: &SampleTexts, number: i64) -> Document {
    let ((title, description), mut rng) = (texts.video(number), Rng::new(number as u64));
    let tag_ids: Vec<i64> = (0..=rng.below(4)).map(|_| 1 + rng.below(40) as i64).collect();
    let channel = rng.below(5_000);
    Document {
        id: number,
        channel_id: channel as i64,
        category_id: 1 + rng.below(12) as i64,
        title,
        description,
        tag_names: tag_ids.iter().map(|tag| texts.english.nth(*tag as usize * 100).to_owned()).collect(),
        channel_name: texts.english.nth(channel as usize).to_owned(),
        tag_ids,
        duration: rng.below(3_600) as i64,
        published_at: 1_500_000_000 + rng.below(270_000_000) as i64,
        views: (1_000_000.0 / (1.0 + rng.fraction() * 1_000_000.0)) as u64,
        tier: u8::from(rng.below(5) == 0),
    }
}

fn query(text: String) -> Query {
    Query { text, limit: 20, ..Query::default() }
}

fn with_typo(word: &str, inserted: &str) -> String {
    let (begin, end) = word.split_at(word.len() / 2);
    format!("{begin}{inserted}{end}")
}

/// Wall-clock and processor time of `work`.
fn time<T>(work: impl FnOnce() -> search_index::Result<T>) -> Result<(T, [Duration; 2])> {
    let (cpu, wall) = (cpu_time(ClockId::ProcessCPUTime), Instant::now());
    let result = work()?;
    Ok((result, [wall.elapsed(), cpu_time(ClockId::ProcessCPUTime).saturating_sub(cpu)]))
}

fn cpu_time(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[derive(Default)]
struct Times {
    wall: Vec<Duration>,
    cpu: Vec<Duration>,
    slowest: (Duration, String),
}

impl Times {
    fn add(&mut self, [wall, cpu]: [Duration; 2], text: String) {
        self.wall.push(wall);
        self.cpu.push(cpu);
        if wall > self.slowest.0 {
            self.slowest = (wall, text);
        }
    }

    fn print(&self, name: &str) {
        let (wall, cpu) = (milliseconds(&self.wall), milliseconds(&self.cpu));
        println!(
            "{name}: p50 {:.2} ms, p99 {:.2} ms (processor {:.2} ms, {:.2} ms) of {}, slowest [{}]",
            median(&wall),
            percentile(&wall, 99.0),
            median(&cpu),
            percentile(&cpu, 99.0),
            wall.len(),
            self.slowest.1
        );
    }
}

fn print_memory(when: &str) -> Result<()> {
    let mib = |field| memory("self", field).map(|bytes| bytes / MIB);
    println!("memory {when}: {:.0} MiB, {:.0} MiB without mapped files", mib("VmRSS")?, mib("RssAnon")?);
    Ok(())
}
