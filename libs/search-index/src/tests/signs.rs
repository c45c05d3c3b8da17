//! Runs of signs, compared with a search through the texts themselves.

use super::{Shelf, titled};
use crate::{Change, Document, Query};

/// Few signs, so that runs repeat; and what separates them.
const LETTERS: [char; 6] = ['台', '北', '夜', '市', '，', 'a'];

/// A generator of Lehmer's, for texts that are the same at every run.
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

    /// Signs that stand together.
    fn run(&mut self) -> String {
        let length = 1 + self.below(5);
        (0..length).map(|_| LETTERS[self.below(4)]).collect()
    }
}

/// Takes the videos as the truth.
fn agrees(shelf: &Shelf, videos: &[Document], rng: &mut Rng) {
    for _ in 0..60 {
        let (one, other) = (rng.run(), rng.run());
        let text = if rng.below(2) == 0 { one.clone() } else { format!("{one} {other}") };
        let has = |video: &Document, run: &str| video.title.contains(run) || video.description.contains(run);
        let wanted: Vec<&str> = text.split(' ').collect();
        let matching = videos.iter().filter(|video| wanted.iter().all(|run| has(video, run)));
        let mut expected: Vec<i64> = matching.map(|video| video.id).collect();
        expected.sort_unstable();
        if expected.is_empty() {
            // Long runs come apart then.
            continue;
        }
        let query = Query { limit: 10_000, ..Query::from(text.as_str()) };
        let results = shelf.index.search(&query).unwrap();
        let mut found: Vec<i64> = results.hits.iter().map(|hit| hit.id).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn runs_are_found_where_they_are() {
    let mut rng = Rng(7);
    let mut videos: Vec<Document> = (1..=700).map(|id| rng.video(id)).collect();
    let shelf = Shelf::of(&videos);
    agrees(&shelf, &videos, &mut rng);
    // Some change, some go: small segments come, and are merged.
    for round in 0..40 {
        let mut changes = Vec::new();
        for _ in 0..10 {
            let at = rng.below(videos.len());
            if rng.below(3) == 0 {
                changes.push(Change::Gone(videos.swap_remove(at).id));
            } else {
                videos[at] = rng.video(videos[at].id);
                changes.push(Change::Put(videos[at].clone()));
            }
        }
        videos.push(rng.video(1_000 + round));
        changes.extend(videos.last().cloned().map(Change::Put));
        shelf.apply(&changes);
    }
    agrees(&shelf, &videos, &mut rng);
    shelf.index.rest().unwrap();
    let segments = std::fs::read_dir(shelf.folder.path().join("segments")).unwrap();
    let files = segments.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "signs"));
    assert!(files.count() < 20, "nothing was merged");
    agrees(&shelf, &videos, &mut rng);
    agrees(&shelf.reopened(), &videos, &mut rng);
}

#[test]
fn what_is_repeated_hundreds_of_times() {
    let laughing = |id, times: usize, then: &str| titled(id, &format!("{}{then}", "哈".repeat(times)));
    let mut videos = vec![laughing(1, 255, "台北"), laughing(2, 400, "台中"), laughing(3, 2, "台北")];
    videos.extend((4..200).map(|id| laughing(id, 300, "夜")));
    let shelf = Shelf::of(&videos);
    assert_eq!(shelf.found("哈哈台北"), [1, 3]);
    assert_eq!(shelf.found("哈哈哈台中"), [2]);
    assert_eq!(shelf.search(&"哈哈哈哈夜".into()).total, 196);
    // In more than one segment, and merged.
    for id in 200..240 {
        shelf.put(&[laughing(id, 260, "海")]);
    }
    shelf.index.rest().unwrap();
    assert_eq!((shelf.found("哈哈台北"), shelf.search(&"哈哈海".into()).total), (vec![1, 3], 40));
}

#[test]
fn where_a_sign_is_often_comes_first() {
    let described = |id, description: &str| Document { description: description.into(), ..titled(id, "food") };
    let shelf = Shelf::of(&[described(1, "夜市裡的夜市，夜市"), described(2, "夜市裡的攤位，台北"), titled(3, "夜市")]);
    assert_eq!(shelf.find("夜市"), [3, 1, 2], "titles first, then where it is said more often");
    assert_eq!(shelf.find("夜"), [3, 1, 2]);
}
