//! Runs of CJK characters, compared with a substring search in the texts.

use super::{TestIndex, titled};
use crate::{Change, Document, Query};

/// Few characters, so that runs repeat, and separators.
const LETTERS: [char; 6] = ['台', '北', '夜', '市', '，', 'a'];

/// A Lehmer generator, for reproducible texts.
struct Rng(u64);

impl Rng {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0 * 48_271 % 0x7fff_ffff;
        self.0 as usize % end
    }

    fn text(&mut self, letters: usize) -> String {
        (0..letters).map(|_| LETTERS[self.below(LETTERS.len())]).collect()
    }

    fn video(&mut self, id: i64) -> Document {
        let (title, description) = (self.below(8), self.below(40));
        Document { description: self.text(description), ..titled(id, &self.text(title)) }
    }

    /// Adjacent CJK characters.
    fn run(&mut self) -> String {
        let length = 1 + self.below(5);
        (0..length).map(|_| LETTERS[self.below(4)]).collect()
    }
}

/// Compares the hits of random queries with a scan of the videos.
fn assert_hits(fixture: &TestIndex, videos: &[Document], rng: &mut Rng) {
    for _ in 0..60 {
        let (one, other) = (rng.run(), rng.run());
        let text = if rng.below(2) == 0 { one.clone() } else { format!("{one} {other}") };
        let has = |video: &Document, run: &str| video.title.contains(run) || video.description.contains(run);
        let wanted: Vec<&str> = text.split(' ').collect();
        let matching = videos.iter().filter(|video| wanted.iter().all(|run| has(video, run)));
        let mut expected: Vec<i64> = matching.map(|video| video.id).collect();
        expected.sort_unstable();
        if expected.is_empty() {
            // Long runs are relaxed then.
            continue;
        }
        let query = Query { limit: 10_000, ..Query::from(text.as_str()) };
        let results = fixture.index.search(&query).unwrap();
        let mut found: Vec<i64> = results.hits.iter().map(|hit| hit.id).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn runs_match_what_contains_them() {
    let mut rng = Rng(7);
    let mut videos: Vec<Document> = (1..=700).map(|id| rng.video(id)).collect();
    let fixture = TestIndex::of(&videos);
    assert_hits(&fixture, &videos, &mut rng);
    // Updates and deletes make small segments, which are merged.
    for round in 0..40 {
        let mut changes = Vec::new();
        for _ in 0..10 {
            let at = rng.below(videos.len());
            if rng.below(3) == 0 {
                changes.push(Change::Delete(videos.swap_remove(at).id));
            } else {
                videos[at] = rng.video(videos[at].id);
                changes.push(Change::Put(videos[at].clone()));
            }
        }
        videos.push(rng.video(1_000 + round));
        changes.extend(videos.last().cloned().map(Change::Put));
        fixture.apply(&changes);
    }
    assert_hits(&fixture, &videos, &mut rng);
    fixture.index.release_writer().unwrap();
    let segments = std::fs::read_dir(fixture.folder.path().join("segments")).unwrap();
    let files = segments.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "bigrams"));
    assert!(files.count() < 20, "nothing was merged");
    assert_hits(&fixture, &videos, &mut rng);
    assert_hits(&fixture.reopened(), &videos, &mut rng);
}

#[test]
fn characters_repeated_hundreds_of_times() {
    let laughing = |id, times: usize, then: &str| titled(id, &format!("{}{then}", "哈".repeat(times)));
    let mut videos = vec![laughing(1, 255, "台北"), laughing(2, 400, "台中"), laughing(3, 2, "台北")];
    videos.extend((4..200).map(|id| laughing(id, 300, "夜")));
    let fixture = TestIndex::of(&videos);
    assert_eq!(fixture.found("哈哈台北"), [1, 3]);
    assert_eq!(fixture.found("哈哈哈台中"), [2]);
    assert_eq!(fixture.search(&"哈哈哈哈夜".into()).total, 196);
    // In several segments, and merged.
    for id in 200..240 {
        fixture.put(&[laughing(id, 260, "海")]);
    }
    fixture.index.release_writer().unwrap();
    assert_eq!((fixture.found("哈哈台北"), fixture.search(&"哈哈海".into()).total), (vec![1, 3], 40));
}

#[test]
fn more_occurrences_rank_higher() {
    let described = |id, description: &str| Document { description: description.into(), ..titled(id, "food") };
    let fixture =
        TestIndex::of(&[described(1, "夜市裡的夜市，夜市"), described(2, "夜市裡的攤位，台北"), titled(3, "夜市")]);
    assert_eq!(fixture.find("夜市"), [3, 1, 2], "titles first, then by occurrences");
    assert_eq!(fixture.find("夜"), [3, 1, 2]);
}
