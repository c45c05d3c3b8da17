//! The catalogue: creators, categories, and tags with a sample video each.

/// An account that publishes videos.
pub struct CreatorProfile {
    pub username: &'static str,
    pub display_name: &'static str,
}

pub const CREATORS: [CreatorProfile; 5] = [
    CreatorProfile { username: "creator_alice", display_name: "Alice" },
    CreatorProfile { username: "creator_bob", display_name: "Bob" },
    CreatorProfile { username: "creator_carol", display_name: "Carol" },
    CreatorProfile { username: "creator_david", display_name: "David" },
    CreatorProfile { username: "creator_emma", display_name: "Emma" },
];

/// A display name and its URL slug.
pub struct Named {
    pub name: &'static str,
    pub slug: &'static str,
}

const fn named(name: &'static str, slug: &'static str) -> Named {
    Named { name, slug }
}

pub const CATEGORIES: [Named; 10] = [
    named("音樂", "music"),
    named("遊戲", "gaming"),
    named("教育", "education"),
    named("娛樂", "entertainment"),
    named("科技", "technology"),
    named("運動", "sports"),
    named("新聞", "news"),
    named("美食", "food"),
    named("旅遊", "travel"),
    named("生活", "lifestyle"),
];

/// A tag, and the text of its video unless one is generated.
pub struct Topic {
    pub tag: Named,
    pub title: &'static str,
    pub description: &'static str,
}

const fn topic(name: &'static str, slug: &'static str, title: &'static str, description: &'static str) -> Topic {
    Topic { tag: named(name, slug), title, description }
}

pub const TOPICS: [Topic; 15] = [
    topic(
        "搞笑",
        "funny",
        "我家的貓學會開冰箱了",
        "從第一次撲空到成功偷走一條魚，三個星期的監視器畫面剪成三分鐘。最後一幕請不要喝水。",
    ),
    topic(
        "教學",
        "tutorial",
        "十分鐘學會用試算表記帳",
        "從空白表格開始，一步一步做出每個月都能重複使用的家庭帳本，附上範本與常見錯誤。",
    ),
    topic(
        "Vlog",
        "vlog",
        "台北雨天 Vlog：在大稻埕走一個下午",
        "沒有計畫的一天。躲雨、喝茶、逛布行，最後在碼頭等到了夕陽。",
    ),
    topic(
        "開箱",
        "unboxing",
        "這台相機比我的手機還小：隨身相機開箱",
        "外觀、手感、第一批樣張，以及三個我希望買之前就知道的缺點。",
    ),
    topic(
        "直播精華",
        "live-highlights",
        "直播精華：最後一秒的大逆轉",
        "五小時的直播濃縮成八分鐘，包含那個連觀眾都不敢相信的最後一擊。",
    ),
    topic("音樂MV", "music-video", "〈慢車〉官方音樂錄影帶", "一首寫給回家路上的歌。全片在南迴線上拍攝，一鏡到底。"),
    topic(
        "遊戲實況",
        "lets-play",
        "第一次玩就挑戰最高難度，結果……",
        "不看攻略、不查地圖，只靠直覺打到第三關的首領。中間死了四十七次。",
    ),
    topic("美食料理", "cooking", "電鍋就能做的紅燒牛肉麵", "不用顧火的做法：湯頭、牛肉與麵條的時間分配，一次講清楚。"),
    topic("旅行紀錄", "travel-log", "三天兩夜騎車環蘭嶼", "路線、住宿、花費與天氣備案。海真的有七種藍色。"),
    topic(
        "科技評測",
        "tech-review",
        "三款 E-reader 電子書閱讀器比較：半年使用心得",
        "螢幕、續航、中文排版與借書，逐項比較，最後說我留下了哪一台。",
    ),
    topic("新手入門", "beginners", "吉他新手的第一個星期該練什麼", "握法、調音、兩個和弦與一首歌。每天十五分鐘就夠。"),
    topic(
        "健身運動",
        "fitness",
        "在家就能做的二十分鐘核心訓練",
        "不需要器材，附暖身與收操。每個動作都有比較簡單的版本。",
    ),
    topic("動畫", "animation", "短篇動畫〈紙船〉", "一個人花了八個月畫的兩千四百張圖。片尾有製作過程。"),
    topic(
        "訪談",
        "interview",
        "她修了四十年的鐘錶：老師傅訪談",
        "關於手藝、耳朵聽得出來的毛病，以及為什麼她不收徒弟。",
    ),
    topic("DIY手作", "diy", "用舊木箱做一張會收起來的書桌", "材料清單、尺寸圖與所有我切錯的地方。週末兩天可以完成。"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_slugs_are_unique() {
        let slugs: BTreeSet<_> = TOPICS.iter().map(|t| t.tag.slug).collect();
        let titles: BTreeSet<_> = TOPICS.iter().map(|t| t.title).collect();
        assert_eq!((slugs.len(), titles.len()), (TOPICS.len(), TOPICS.len()));
        let categories: BTreeSet<_> = CATEGORIES.iter().map(|c| c.slug).collect();
        assert_eq!(categories.len(), CATEGORIES.len());
    }
}
