//! Reproducible texts of generated videos: half English, half Chinese, their words
//! distributed by Zipf's law.

const ENGLISH_WORDS: usize = 40_000;
const CHINESE_WORDS: usize = 30_000;
/// Also distributed by Zipf's law: a quarter of them make most of the text.
const CHINESE_CHARACTERS: u32 = 4_000;
const CONSONANTS: &[u8] = b"bcdfghjklmnprstvwz";
const VOWELS: &[u8] = b"aeiou";
const ENDINGS: &[&str] = &["", "", "", "s", "ing", "ed", "er", "tion"];

pub struct SampleTexts {
    pub english: Words,
    pub chinese: Words,
}

/// Words in order of frequency.
pub struct Words {
    all: Vec<String>,
    /// Sums of `1 / rank`.
    weights: Vec<f64>,
    separator: &'static str,
}

impl SampleTexts {
    pub fn new() -> Self {
        let mut rng = Rng::new(7);
        let english = (0..ENGLISH_WORDS).map(|_| english_word(&mut rng)).collect();
        let characters =
            (0..CHINESE_CHARACTERS).filter_map(|n| char::from_u32(0x4e00 + n * 4)).map(String::from).collect();
        let characters = Words::new(characters, "");
        let chinese = (0..CHINESE_WORDS).map(|_| {
            let length = 2 + usize::from(rng.below(4) == 0);
            (0..length).map(|_| characters.pick(&mut rng)).collect()
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
    fn new(all: Vec<String>, separator: &'static str) -> Self {
        let mut sum = 0.0;
        let weight = |rank| {
            sum += 1.0 / (rank + 1) as f64;
            sum
        };
        Self { weights: (0..all.len()).map(weight).collect(), all, separator }
    }

    /// The word of a rank from 0, which is the most frequent.
    pub fn nth(&self, rank: usize) -> &str {
        &self.all[rank]
    }

    /// A random word by frequency.
    pub fn pick(&self, rng: &mut Rng) -> &str {
        let at = rng.fraction() * self.weights[self.weights.len() - 1];
        &self.all[self.weights.partition_point(|weight| *weight < at).min(self.all.len() - 1)]
    }

    /// A random word, all with the same probability.
    pub fn pick_uniform(&self, rng: &mut Rng) -> &str {
        &self.all[rng.below(self.all.len() as u64) as usize]
    }

    fn text(&self, rng: &mut Rng, characters: usize) -> String {
        let (mut text, mut length) = (String::with_capacity(characters * 3), 0);
        while length < characters {
            let word = self.pick(rng);
            text.push_str(word);
            text.push_str(self.separator);
            length += word.chars().count() + self.separator.len();
        }
        text.truncate(text.trim_end().len());
        text
    }
}

fn english_word(rng: &mut Rng) -> String {
    let mut word = String::new();
    for _ in 0..=rng.below(3) {
        word.push(letter(rng, CONSONANTS));
        word.push(letter(rng, VOWELS));
        if rng.below(2) == 0 {
            word.push(letter(rng, CONSONANTS));
        }
    }
    word + ENDINGS[rng.below(ENDINGS.len() as u64) as usize]
}

fn letter(rng: &mut Rng, of: &[u8]) -> char {
    of[rng.below(of.len() as u64) as usize].into()
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

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_their_length_and_are_reproducible() {
        let texts = SampleTexts::new();
        for number in [2, 3] {
            let (title, description) = texts.video(number);
            assert!((38..60).contains(&title.chars().count()), "{title}");
            assert!((198..220).contains(&description.chars().count()), "{description}");
            assert_eq!(texts.video(number), (title, description));
        }
        assert!(texts.video(2).0.is_ascii() && !texts.video(3).0.is_ascii());
    }
}
