//! Texts of made-up videos, the same at every run: half English, half Chinese,
//! their words by Zipf's law.

const ENGLISH_WORDS: usize = 40_000;
const CHINESE_WORDS: usize = 30_000;
/// By Zipf's law too: a quarter of them are most of the text.
const SIGNS: u32 = 4_000;
const CONSONANTS: &[u8] = b"bcdfghjklmnprstvwz";
const VOWELS: &[u8] = b"aeiou";
const ENDINGS: &[&str] = &["", "", "", "s", "ing", "ed", "er", "tion"];

pub struct Corpus {
    pub english: Words,
    pub chinese: Words,
}

/// Words from the commonest to the rarest.
pub struct Words {
    all: Vec<String>,
    /// Sums of `1 / rank`.
    weights: Vec<f64>,
    /// Between two words.
    gap: &'static str,
}

impl Corpus {
    pub fn new() -> Self {
        let mut rng = Rng::new(7);
        let english = (0..ENGLISH_WORDS).map(|_| english_word(&mut rng)).collect();
        let signs = (0..SIGNS).filter_map(|n| char::from_u32(0x4e00 + n * 4)).map(String::from).collect();
        let signs = Words::new(signs, "");
        let chinese = (0..CHINESE_WORDS).map(|_| {
            let length = 2 + usize::from(rng.below(4) == 0);
            (0..length).map(|_| signs.pick(&mut rng)).collect()
        });
        Self { chinese: Words::new(chinese.collect(), ""), english: Words::new(english, " ") }
    }

    /// A title of about 40 characters and a description of about 200.
    pub fn video(&self, number: i64) -> (String, String) {
        let words = if number % 2 == 0 { &self.english } else { &self.chinese };
        let mut rng = Rng::new(number as u64);
        (words.text(&mut rng, 40), words.text(&mut rng, 200))
    }
}

impl Words {
    fn new(all: Vec<String>, gap: &'static str) -> Self {
        let mut sum = 0.0;
        let weight = |rank| {
            sum += 1.0 / (rank + 1) as f64;
            sum
        };
        Self { weights: (0..all.len()).map(weight).collect(), all, gap }
    }

    /// The word of a rank, from 0.
    pub fn common(&self, rank: usize) -> &str {
        &self.all[rank]
    }

    /// The commoner the likelier.
    pub fn pick(&self, rng: &mut Rng) -> &str {
        let at = rng.fraction() * self.weights[self.weights.len() - 1];
        &self.all[self.weights.partition_point(|weight| *weight < at).min(self.all.len() - 1)]
    }

    fn text(&self, rng: &mut Rng, characters: usize) -> String {
        let (mut text, mut length) = (String::with_capacity(characters * 3), 0);
        while length < characters {
            let word = self.pick(rng);
            text.push_str(word);
            text.push_str(self.gap);
            length += word.chars().count() + self.gap.len();
        }
        text.truncate(text.trim_end().len());
        text
    }
}

fn english_word(rng: &mut Rng) -> String {
    let mut word = String::new();
    for _ in 0..=rng.below(3) {
        word.push(one_of(rng, CONSONANTS));
        word.push(one_of(rng, VOWELS));
        if rng.below(2) == 0 {
            word.push(one_of(rng, CONSONANTS));
        }
    }
    word + ENDINGS[rng.below(ENDINGS.len() as u64) as usize]
}

fn one_of(rng: &mut Rng, letters: &[u8]) -> char {
    letters[rng.below(letters.len() as u64) as usize].into()
}

/// `SplitMix64`.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_long_as_said_and_the_same_again() {
        let corpus = Corpus::new();
        for number in [2, 3] {
            let (title, description) = corpus.video(number);
            assert!((38..60).contains(&title.chars().count()), "{title}");
            assert!((198..220).contains(&description.chars().count()), "{description}");
            assert_eq!(corpus.video(number), (title, description));
        }
        assert!(corpus.video(2).0.is_ascii() && !corpus.video(3).0.is_ascii());
    }
}
