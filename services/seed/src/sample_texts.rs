//! Sample titles and descriptions for any number of videos, composed from parts and
//! deterministic per number.

const SUBJECTS: [&str; 24] = [
    "台北夜市",
    "阿里山日出",
    "大稻埕老街",
    "花蓮海岸線",
    "手沖咖啡",
    "老屋改造",
    "電影配樂",
    "獨立遊戲",
    "街頭攝影",
    "家庭菜園",
    "露營裝備",
    "二手書店",
    "棒球賽事",
    "鐵道旅行",
    "程式設計",
    "機械鍵盤",
    "半導體產業",
    "登山步道",
    "貓咪日常",
    "木工教室",
    "素食便當",
    "黑膠唱片",
    "天文觀測",
    "單車環島",
];

const ANGLES: [&str; 20] = [
    "完整攻略",
    "新手一次看懂",
    "三十天挑戰",
    "幕後花絮",
    "實測與比較",
    "我最後悔的事",
    "一鏡到底",
    "週末紀錄",
    "省錢祕訣",
    "常見錯誤整理",
    "深度訪談",
    "一個人的旅程",
    "從零開始",
    "年度回顧",
    "直播精華",
    "問與答",
    "開箱與心得",
    "失敗了十次之後",
    "在地人推薦",
    "十分鐘講完",
];

const ENGLISH: [&str; 24] = [
    "A Weekend in Slow Motion",
    "The Complete Guide",
    "Behind the Scenes",
    "What Nobody Tells You",
    "Live at the Harbour",
    "Lessons Learned",
    "From Zero to One",
    "Street Food Diaries",
    "An Honest Review",
    "Ten Years Later",
    "Notes from the Road",
    "Deep Dive",
    "Made by Hand",
    "Best of the Season",
    "Field Recording",
    "Late Night Session",
    "Quick Tips",
    "The Long Way Home",
    "Rainy Day Edition",
    "Beginner Friendly",
    "Unboxed and Tested",
    "Questions and Answers",
    "Against the Clock",
    "Director's Cut",
];

const SENTENCES: [&str; 32] = [
    "這支影片花了三個星期拍攝，謝謝每一位願意入鏡的朋友。",
    "From the first attempt to the last, everything is shown the way it happened.",
    "路線、住宿與花費都整理在下方，歡迎自由取用。",
    "The chapters are marked, so skip ahead if you are in a hurry.",
    "如果你也是第一次嘗試，請先看完安全提醒再動手。",
    "Subtitles are available in Chinese and English.",
    "所有器材都是自費購買，沒有任何贊助。",
    "We tested five of them side by side and kept only one.",
    "留言告訴我你最想看的下一個主題。",
    "Recorded on location with two cameras and a very small budget.",
    "前半段說明原理，後半段示範完整流程。",
    "The music was written for this episode and can be found on the channel.",
    "拍攝當天下了一整天的雨，反而留下了最好的畫面。",
    "Thanks to the shop owners who opened their kitchens for us.",
    "數據來自公開資料，計算方式附在說明最後。",
    "Every mistake I made is in here, so that you need not repeat it.",
    "這一集訪問了做這行四十年的老師傅。",
    "It took twelve tries, and the last one was an accident.",
    "適合全家一起看，也適合睡前放鬆。",
    "Parts of this were streamed live; the highlights are cut together here.",
    "需要的材料都可以在一般的五金行買到。",
    "The second half answers the questions from last week.",
    "我們從清晨四點開始等待，只為了那十秒鐘的光。",
    "Bring water, good shoes and more time than you think you need.",
    "最後的結論也許和你想的不一樣。",
    "All measurements were repeated three times on different days.",
    "附上繁體中文講義，課堂使用請註明出處。",
    "A map with every stop is linked from the channel page.",
    "這是系列的一部分，前情提要在片頭三十秒。",
    "Filmed between spring and autumn, edited in one long winter.",
    "請戴上耳機，現場收音保留了所有環境聲。",
    "If something in here helped you, tell a friend about it.",
];

/// Minimum length of a description in characters.
const MIN_DESCRIPTION: usize = 180;

/// A pseudo-random generator seeded with a video's number.
pub struct SplitMix64(u64);

impl SplitMix64 {
    pub fn new(number: usize) -> Self {
        Self(number as u64)
    }

    /// A number less than `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn pick(&mut self, items: &[&'static str]) -> &'static str {
        items[self.below(items.len())]
    }
}

/// A title with its number, which makes it unique.
pub fn title(rng: &mut SplitMix64, number: usize) -> String {
    let (subject, angle, english) = (rng.pick(&SUBJECTS), rng.pick(&ANGLES), rng.pick(&ENGLISH));
    format!("{subject}{angle}｜{english} #{number}")
}

/// Distinct sentences.
pub fn description(rng: &mut SplitMix64) -> String {
    let begin = rng.below(SENTENCES.len());
    // Odd, and so coprime to the number of sentences: none repeats.
    let step = 2 * rng.below(SENTENCES.len() / 2) + 1;
    let mut text = String::new();
    for index in 0..SENTENCES.len() {
        if text.chars().count() >= MIN_DESCRIPTION {
            break;
        }
        text.push_str(SENTENCES[(begin + index * step) % SENTENCES.len()]);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn texts_are_distinct_of_expected_length_and_deterministic() {
        let (mut titles, mut descriptions) = (HashSet::new(), HashSet::new());
        let (mut title_chars, mut description_chars) = (0, 0);
        for number in 0..5_000 {
            let mut rng = SplitMix64::new(number);
            let (title, description) = (title(&mut rng, number), description(&mut rng));
            assert!((20..=60).contains(&title.chars().count()), "{title}");
            assert!((180..=270).contains(&description.chars().count()), "{description}");
            title_chars += title.chars().count();
            description_chars += description.chars().count();
            titles.insert(title);
            descriptions.insert(description);
        }
        assert!((30..=45).contains(&(title_chars / 5_000)) && (190..=230).contains(&(description_chars / 5_000)));
        assert!(titles.len() == 5_000 && descriptions.len() > 400);
        assert_eq!(title(&mut SplitMix64::new(7), 7), title(&mut SplitMix64::new(7), 7));
    }
}
