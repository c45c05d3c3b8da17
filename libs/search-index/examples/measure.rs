//! Builds an index of many videos and measures it: `measure [documents]
//! [folder] [megabytes to index in]`; with 0 documents it measures the index
//! that is in the folder. The videos are the same at every run: half English, half
//! Chinese, words by Zipf's law. Times are of the wall clock, and in brackets of
//! the processor, which others on the machine do not disturb.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use fenz_search_index::{Change, Document, Filters, Index, Mark, Opened, Options, Query, Sort};
use rustix::time::{ClockId, clock_gettime};

/// As the services have it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ENGLISH_WORDS: usize = 40_000;
const CHINESE_WORDS: usize = 30_000;
/// By Zipf's law too: a quarter of them are 84% of the text.
const SIGNS: u32 = 4_000;
/// Queries of each kind.
const QUERIES: usize = 1_000;
/// Hits of the narrow ones.
const NARROW: u64 = 10_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let documents = arguments.next().map_or(Ok(1_000_000), |number| number.parse())?;
    let folder = arguments.next().map_or_else(|| std::env::temp_dir().join("fenz-search-measure"), PathBuf::from);
    let mut options = Options::default();
    if let Some(megabytes) = arguments.next() {
        options.memory = megabytes.parse::<usize>()? * 1_000_000;
    }
    let corpus = Corpus::new();
    println!("memory {} MB before", resident());
    let index = if documents == 0 { open(&folder, options)? } else { build(&corpus, documents, &folder, options)? };
    narrow(&index, &corpus, "two English words", |rng| {
        format!("{} {}", corpus.english.pick(rng), corpus.english.pick(rng))
    })?;
    narrow(&index, &corpus, "Chinese, a word", |rng| corpus.chinese.pick(rng).clone())?;
    narrow(&index, &corpus, "Chinese, two signs", |rng| {
        let signs: String = corpus.chinese.pick(rng).chars().chain(corpus.chinese.pick(rng).chars()).collect();
        signs.chars().skip(1).take(2).collect()
    })?;
    narrow(&index, &corpus, "Chinese, two words", |rng| {
        format!("{} {}", corpus.chinese.pick(rng), corpus.chinese.pick(rng))
    })?;
    narrow(&index, &corpus, "a typo", |rng| {
        let mut word = corpus.english.uniform(rng).clone();
        word.insert(word.len() / 2, 'q');
        word
    })?;
    broad(&index, &corpus)?;
    suggestions(&index, &corpus)?;
    changes(&index, &corpus, index.len() as usize)?;
    println!("memory {} MB at the end", resident());
    index.rest()?;
    println!("memory {} MB at rest", resident());
    drop(index);
    open(&folder, options)?;
    Ok(())
}

fn open(folder: &Path, options: Options) -> Result<Index, Box<dyn std::error::Error>> {
    let started = Instant::now();
    let Opened::Ready(index) = Index::open(folder, options)? else { return Err("not opened".into()) };
    println!("opened {} documents in {:.1?}, memory {} MB", index.len(), started.elapsed(), resident());
    Ok(*index)
}

fn build(
    corpus: &Corpus,
    documents: usize,
    folder: &Path,
    options: Options,
) -> Result<Index, Box<dyn std::error::Error>> {
    const BATCH: usize = 10_000;
    const COMMIT: usize = 250_000;
    let index = Index::create(folder, 0, options)?;
    let (mut rng, mut making, mut made) = (Rng(1), Duration::ZERO, 0);
    let (started, busy) = (Instant::now(), processor(ClockId::ProcessCPUTime));
    while made < documents {
        let before = processor(ClockId::ThreadCPUTime);
        let batch: Vec<Change> =
            (made..documents.min(made + BATCH)).map(|n| Change::Put(corpus.document(&mut rng, n as i64 + 1))).collect();
        making += processor(ClockId::ThreadCPUTime).saturating_sub(before);
        made += batch.len();
        index.apply(&batch)?;
        if made % COMMIT == 0 || made == documents {
            index.commit(Mark { sequence: made as i64, ..Mark::default() })?;
        }
    }
    let (took, busy) = (started.elapsed(), processor(ClockId::ProcessCPUTime).saturating_sub(busy + making));
    let rate = |time: Duration| documents as f64 / time.as_secs_f64();
    println!(
        "built {documents} in {took:.1?} (processor {busy:.1?}, and {making:.1?} to make them): {:.0} documents/s, \
         {:.0} for each core, {} MB on disk",
        rate(took),
        rate(busy),
        size(folder)? / 1_000_000
    );
    println!("memory {} MB after the build", resident());
    let started = Instant::now();
    index.rest()?;
    println!("memory {} MB at rest, {:.1?} later", resident(), started.elapsed());
    Ok(index)
}

/// Queries with up to 10,000 hits.
fn narrow(
    index: &Index,
    corpus: &Corpus,
    name: &str,
    text: impl Fn(&mut Rng) -> String,
) -> Result<(), Box<dyn std::error::Error>> {
    let (mut rng, mut times, mut hits) = (Rng(2), Vec::new(), 0);
    for _ in 0..QUERIES * 20 {
        let query = corpus.query(text(&mut rng));
        let watch = Watch::start();
        let found = index.search(&query)?;
        let took = watch.stop();
        if (1..=NARROW).contains(&found.total) {
            hits += found.total;
            times.push((took, format!("{} ({} hits)", query.text, found.total)));
        }
        if times.len() == QUERIES {
            break;
        }
    }
    report(&format!("{name}, {} hits each", hits / times.len().max(1) as u64), times);
    Ok(())
}

fn broad(index: &Index, corpus: &Corpus) -> Result<(), Box<dyn std::error::Error>> {
    let english = |n: usize| corpus.query(corpus.english.words[n].clone());
    let chinese = |n: usize| corpus.query(corpus.chinese.words[n].clone());
    let sign = |n: usize| corpus.query(corpus.chinese.words[n].chars().take(1).collect());
    let mut kinds: Vec<(String, Query)> = Vec::new();
    for n in [0, 1, 10] {
        kinds.push((format!("English word {n}"), english(n)));
        kinds.push((format!("Chinese word {n}"), chinese(n)));
        kinds.push((format!("Chinese sign {n}"), sign(n)));
    }
    let two = format!("{} {}", corpus.english.words[0], corpus.english.words[1]);
    kinds.push(("two English words".into(), corpus.query(two)));
    kinds.push(("one letter".into(), corpus.query("b".into())));
    kinds.push(("everything".into(), corpus.query(String::new())));
    kinds.push(("everything by views".into(), Query { sort: Sort::MostViews, ..corpus.query(String::new()) }));
    let filters = Filters { tags: vec![3, 4], min_duration: Some(300), ..Filters::default() };
    kinds.push(("tags and duration".into(), Query { filters, ..corpus.query(String::new()) }));
    for (name, query) in kinds {
        let (mut times, mut total) = (Vec::new(), 0);
        for _ in 0..50 {
            let watch = Watch::start();
            total = index.search(&query)?.total;
            times.push((watch.stop(), query.text.clone()));
        }
        report(&format!("broad: {name}, {total} hits"), times);
    }
    Ok(())
}

fn suggestions(index: &Index, corpus: &Corpus) -> Result<(), Box<dyn std::error::Error>> {
    let (mut rng, mut times) = (Rng(3), Vec::new());
    for n in 0..QUERIES {
        let words = if n % 2 == 0 { &corpus.english } else { &corpus.chinese };
        let beginning: String = format!("{} {}", words.pick(&mut rng), words.pick(&mut rng));
        let beginning: String = beginning.chars().take(1 + n % 9).collect();
        let watch = Watch::start();
        index.suggest(&beginning)?;
        times.push((watch.stop(), beginning));
    }
    report("suggestions", times);
    let mut times = Vec::new();
    for _ in 0..100 {
        let mut word = corpus.english.uniform(&mut rng).clone();
        word.insert_str(word.len() / 2, "qx");
        let watch = Watch::start();
        index.correct(&word)?;
        times.push((watch.stop(), word));
    }
    report("corrections", times);
    Ok(())
}

fn changes(index: &Index, corpus: &Corpus, documents: usize) -> Result<(), Box<dyn std::error::Error>> {
    let (mut rng, mut made, mut kept) = (Rng(1), Vec::new(), Vec::new());
    for n in 0..10_000.min(documents) {
        let video = corpus.document(&mut rng, n as i64 + 1);
        kept.push(Change::Put(Document { views: video.views + 1, ..video.clone() }));
        if n < 50 {
            made.push(Change::Put(Document { title: format!("{} again", video.title), ..video }));
        }
    }
    let (started, count) = (Instant::now(), kept.len());
    index.apply(&kept)?;
    index.commit(Mark::default())?;
    println!("views of {count} videos in {:.1?}", started.elapsed());
    let mut times = Vec::new();
    for change in made {
        let watch = Watch::start();
        index.apply(std::slice::from_ref(&change))?;
        index.commit(Mark::default())?;
        times.push((watch.stop(), String::new()));
    }
    report("a changed video, until it is found", times);
    Ok(())
}

fn report(name: &str, mut times: Vec<(Took, String)>) {
    let at = |part: f64, count: usize| ((count as f64 * part) as usize).min(count.saturating_sub(1));
    let mut busy: Vec<Duration> = times.iter().map(|(took, _)| took.busy).collect();
    busy.sort();
    times.sort_by_key(|(took, _)| took.wall);
    let (median, late) = (at(0.5, times.len()), at(0.99, times.len()));
    let Some((worst, text)) = times.get(late) else { return println!("{name}: none") };
    println!(
        "{name}: p50 {:.1?}, p99 {:.1?} (processor {:.1?}, {:.1?}) [{text}], of {}",
        times[median].0.wall,
        worst.wall,
        busy[median],
        busy[late],
        times.len()
    );
}

#[derive(Clone, Copy)]
struct Took {
    wall: Duration,
    busy: Duration,
}

struct Watch {
    wall: Instant,
    busy: Duration,
}

impl Watch {
    fn start() -> Self {
        Self { busy: processor(ClockId::ProcessCPUTime), wall: Instant::now() }
    }

    fn stop(self) -> Took {
        Took { wall: self.wall.elapsed(), busy: processor(ClockId::ProcessCPUTime).saturating_sub(self.busy) }
    }
}

fn processor(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Words from the commonest to the rarest.
struct Words {
    words: Vec<String>,
    /// Sums of `1 / rank`.
    weights: Vec<f64>,
}

impl Words {
    fn new(words: Vec<String>) -> Self {
        let mut sum = 0.0;
        let weight = |rank| {
            sum += 1.0 / (rank + 1) as f64;
            sum
        };
        Self { weights: (0..words.len()).map(weight).collect(), words }
    }

    fn pick(&self, rng: &mut Rng) -> &String {
        let at = rng.fraction() * self.weights[self.weights.len() - 1];
        &self.words[self.weights.partition_point(|weight| *weight < at).min(self.words.len() - 1)]
    }

    fn uniform(&self, rng: &mut Rng) -> &String {
        &self.words[rng.below(self.words.len() as u64) as usize]
    }
}

struct Corpus {
    english: Words,
    chinese: Words,
}

impl Corpus {
    fn new() -> Self {
        let mut rng = Rng(7);
        let english = (0..ENGLISH_WORDS).map(|_| english_word(&mut rng)).collect();
        let signs = Words::new((0..SIGNS).filter_map(|n| char::from_u32(0x4e00 + n * 4)).map(String::from).collect());
        let chinese = (0..CHINESE_WORDS).map(|_| {
            let length = 2 + usize::from(rng.below(4) == 0);
            (0..length).map(|_| signs.pick(&mut rng).as_str()).collect()
        });
        Self { chinese: Words::new(chinese.collect()), english: Words::new(english) }
    }

    fn text(&self, rng: &mut Rng, is_english: bool, letters: usize) -> String {
        let (words, gap) = if is_english { (&self.english, " ") } else { (&self.chinese, "") };
        let (mut text, mut length) = (String::new(), 0);
        while length < letters {
            let word = words.pick(rng);
            text.push_str(word);
            text.push_str(if is_english || rng.below(8) > 0 { gap } else { "，" });
            length += word.chars().count() + gap.len();
        }
        text
    }

    fn document(&self, rng: &mut Rng, id: i64) -> Document {
        let is_english = rng.below(2) == 0;
        let tags: Vec<i64> = (0..=rng.below(4)).map(|_| 1 + rng.below(40) as i64).collect();
        let channel = rng.below(5_000) as i64;
        Document {
            id,
            channel_id: channel,
            category_id: 1 + rng.below(12) as i64,
            title: self.text(rng, is_english, 40),
            description: self.text(rng, is_english, 200),
            tag_names: tags.iter().map(|tag| self.english.words[*tag as usize * 100].clone()).collect(),
            channel_name: self.english.words[channel as usize].clone(),
            tag_ids: tags,
            duration: rng.below(3_600) as i64,
            published_at: 1_500_000_000 + rng.below(270_000_000) as i64,
            views: (1_000_000.0 / (1.0 + rng.fraction() * 1_000_000.0)) as u64,
            tier: u8::from(rng.below(5) == 0),
        }
    }

    #[expect(clippy::unused_self, reason = "reads as what is asked of this corpus")]
    fn query(&self, text: String) -> Query {
        Query { text, limit: 20, ..Query::default() }
    }
}

fn english_word(rng: &mut Rng) -> String {
    const CONSONANTS: &[u8] = b"bcdfghjklmnprstvwz";
    const VOWELS: &[u8] = b"aeiou";
    const ENDINGS: &[&str] = &["", "", "", "s", "ing", "ed", "er", "tion"];
    let mut word = String::new();
    for _ in 0..=rng.below(3) {
        word.push(CONSONANTS[rng.below(CONSONANTS.len() as u64) as usize].into());
        word.push(VOWELS[rng.below(VOWELS.len() as u64) as usize].into());
        if rng.below(2) == 0 {
            word.push(CONSONANTS[rng.below(CONSONANTS.len() as u64) as usize].into());
        }
    }
    word + ENDINGS[rng.below(ENDINGS.len() as u64) as usize]
}

/// `SplitMix64`.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn size(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        sum += if about.is_dir() { size(&entry.path())? } else { about.len() };
    }
    Ok(sum)
}

/// Megabytes of memory in use, those of mapped files included.
fn resident() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let kilobytes =
            line.and_then(|line| line.split_whitespace().nth(1)).and_then(|number| number.parse::<u64>().ok());
        kilobytes.unwrap_or(0) / 1_000
    };
    format!("{} (own {}, of files {})", of("VmRSS"), of("RssAnon"), of("RssFile"))
}
