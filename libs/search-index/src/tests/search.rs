//! Hits and their order.

use super::{TestIndex, ids, titled};
use crate::{Access, Band, Document, Filters, Query, Sort};

const NONE: [i64; 0] = [];

#[test]
fn one_cjk_character_matches_what_contains_it() {
    let fixture = TestIndex::titles(&["台北夜市", "高雄港", "夜景", "rice"]);
    assert_eq!(fixture.found("夜"), [1, 3]);
    assert_eq!(fixture.found("港"), [2]);
    assert_eq!(fixture.found("海"), NONE);
}

#[test]
fn two_and_three_cjk_characters_are_phrases() {
    let fixture = TestIndex::titles(&["北台灣的台中", "台北夜市", "台，北", "遊台北", "夜台北市"]);
    assert_eq!(fixture.found("台北"), [2, 4, 5]);
    assert_eq!(fixture.found("台北夜"), [2]);
    assert_eq!(fixture.found("北夜市"), [2]);
}

#[test]
fn a_long_run_without_hits_is_relaxed() {
    let fixture = TestIndex::titles(&["台北的夜市", "台北夜市", "台中夜市"]);
    assert_eq!(fixture.found("台北夜市"), [2]);
    assert_eq!(fixture.found("夜市台北"), [1, 2]);
}

#[test]
fn repeated_cjk_characters() {
    let fixture = TestIndex::titles(&["哈哈", "哈哈哈", "哈哈哈哈哈"]);
    assert_eq!(fixture.found("哈哈"), [1, 2, 3]);
    assert_eq!(fixture.found("哈哈哈"), [2, 3]);
    assert_eq!(fixture.found("哈哈哈哈哈"), [3]);
}

#[test]
fn mixed_text() {
    let fixture = TestIndex::titles(&["台北Vlog 第一天", "台北 vlogs", "Vlog in 高雄", "台北"]);
    assert_eq!(fixture.found("台北Vlog"), [1, 2]);
    assert_eq!(fixture.found("vlog台北"), [1, 2]);
    assert_eq!(fixture.found("ＶＬＯＧ"), [1, 2, 3]);
}

#[test]
fn kana_and_hangul_are_phrases() {
    let fixture = TestIndex::titles(&["ラーメンの作り方", "김치찌개", "メンラー"]);
    assert_eq!(fixture.found("ラーメン"), [1]);
    assert_eq!(fixture.found("ﾗｰﾒﾝ"), [1]);
    assert_eq!(fixture.found("김치"), [2]);
}

#[test]
fn all_words_in_any_field() {
    let video = Document {
        description: "slow food".into(),
        tag_names: vec!["Travel".into()],
        channel_name: "小廚房".into(),
        ..titled(1, "Noodles")
    };
    let fixture = TestIndex::of(&[video, titled(2, "Noodles")]);
    assert_eq!(fixture.found("noodles food travel 廚房"), [1]);
    assert_eq!(fixture.found("noodles"), [1, 2]);
    assert_eq!(fixture.found("noodles cars"), NONE);
}

#[test]
fn a_phrase_does_not_span_two_fields() {
    let fixture = TestIndex::of(&[Document { description: "北".into(), ..titled(1, "台") }]);
    assert_eq!(fixture.found("台北"), NONE);
    assert_eq!(fixture.found("台 北"), [1]);
}

#[test]
fn english_is_stemmed_and_exact_words_come_first() {
    let fixture = TestIndex::titles(&["Cooked slowly", "Cooking slowly", "Cooks slowly", "Books slowly"]);
    assert_eq!(fixture.found("cook"), [1, 2, 3]);
    assert_eq!(fixture.find("cooking")[0], 2);
    assert_eq!(fixture.find("cooks")[0], 3);
    assert_eq!(fixture.found("cooking"), [1, 2, 3]);
}

#[test]
fn accents_and_case_are_folded() {
    let fixture = TestIndex::titles(&["Crème BRÛLÉE", "creme"]);
    assert_eq!(fixture.found("creme"), [1, 2]);
    assert_eq!(fixture.found("crème brulee"), [1]);
}

#[test]
fn titles_rank_higher() {
    let in_description = |id| Document { description: "about noodles".into(), ..titled(id, "food") };
    let fixture = TestIndex::of(&[in_description(3), titled(1, "noodles"), in_description(2)]);
    assert_eq!(fixture.find("noodles"), [1, 3, 2]);
}

#[test]
fn words_of_five_letters_allow_one_typo() {
    let fixture = TestIndex::titles(&["tutorial", "tutoral", "recipes", "vlog"]);
    assert_eq!(fixture.find("tutorial"), [1, 2], "the exact one first");
    assert_eq!(fixture.find("tutoral"), [2, 1]);
    assert_eq!(fixture.find("tutroial x").len(), 0);
    assert_eq!(fixture.find("tutroial"), [1], "swapped letters are one typo");
    assert_eq!(fixture.find("recpies"), [3]);
    assert_eq!(fixture.find("vlgo"), NONE, "too short a word");
    assert_eq!(fixture.find("tutxxial"), NONE, "two typos");
}

#[test]
fn inflected_words_allow_typos() {
    let fixture = TestIndex::titles(&["travelling"]);
    assert_eq!(fixture.find("travveled"), [1]);
}

#[test]
fn other_alphabets_and_mixed_text_allow_typos() {
    let fixture = TestIndex::titles(&["рецепты 台北", "συνταγές", "xutorial"]);
    assert_eq!(fixture.find("рецкпты"), [1]);
    assert_eq!(fixture.find("συνταγςέ"), [2]);
    assert_eq!(fixture.find("tutorial"), [3], "the first letter too");
    assert_eq!(fixture.find("рецкпты 台北"), [1]);
}

#[test]
fn common_words_are_not_corrected() {
    let titles: Vec<String> = (0..40).map(|n| if n % 2 == 0 { "house" } else { "mouse" }.to_owned()).collect();
    let fixture = TestIndex::titles(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(fixture.search(&"house".into()).total, 20);
}

#[test]
fn the_last_word_is_also_a_prefix() {
    let fixture = TestIndex::titles(&["cooking tutorial", "tutorial for cooks", "tuba", "tut"]);
    assert_eq!(fixture.find("tut")[0], 4, "the whole word first");
    assert_eq!(fixture.found("tut"), [1, 2, 4]);
    assert_eq!(fixture.found("cooking tutoria"), [1, 2]);
    assert_eq!(fixture.found("tutoria cooking"), [1, 2], "a typo, not a prefix");
    assert_eq!(fixture.found("tu cooking"), NONE);
}

#[test]
fn no_character_is_an_operator() {
    let fixture = TestIndex::titles(&["C++ and Rust", "rust"]);
    for text in
        ["+rust", "-rust", "rust*", "\"rust", "(rust", "title:rust", "rust~2", "rust^", "[rust TO", "rust\\", "rust\0"]
    {
        assert!(fixture.found(text).iter().all(|id| [1, 2].contains(id)), "{text}");
    }
    assert_eq!(fixture.found("\"rust"), [1, 2]);
    assert_eq!(fixture.found("NOT rust"), NONE);
    for text in ["!!!", "🎉", "+-&|(){}[]^~*?:/\\\""] {
        assert_eq!(fixture.search(&text.into()).total, 0, "{text}");
    }
}

#[test]
fn long_queries_are_truncated() {
    let fixture = TestIndex::titles(&["台台", "a"]);
    assert_eq!(fixture.found(&"a ".repeat(5_000)), [2]);
    assert_eq!(fixture.found(&"台".repeat(5_000)), [1], "as characters, since the run has no hits");
    assert_eq!(fixture.found(&"x".repeat(5_000)), NONE);
}

fn catalogue() -> TestIndex {
    let video = |n: i64| Document {
        category_id: 1 + n % 2,
        tag_ids: if n % 3 == 0 { vec![7, 8] } else { vec![8] },
        channel_id: n % 4,
        duration: n * 200,
        published_at: 1_700_000_000 + n * 20_000_000,
        views: (n * 37 % 11) as u64,
        tier: (n % 3) as u8,
        ..titled(n, "rice")
    };
    TestIndex::of(&(1..=10).map(video).collect::<Vec<_>>())
}

fn filtered(filters: Filters) -> Query {
    Query { filters, ..Query::from("rice") }
}

#[test]
fn filters() {
    let fixture = catalogue();
    let found = |filters: Filters| {
        let mut found = ids(&fixture.search(&filtered(filters)));
        found.sort_unstable();
        found
    };
    let none = Filters::default;
    assert_eq!(found(Filters { category: Some(1), ..none() }), [2, 4, 6, 8, 10]);
    assert_eq!(found(Filters { tags: vec![7], ..none() }), [3, 6, 9]);
    assert_eq!(found(Filters { tags: vec![7, 8], ..none() }).len(), 10);
    assert_eq!(found(Filters { tags: vec![99], ..none() }), NONE);
    assert_eq!(found(Filters { channel: Some(0), ..none() }), [4, 8]);
    assert_eq!(found(Filters { min_duration: Some(600), max_duration: Some(1_000), ..none() }), [3, 4, 5]);
    let (from, to) = (Some(1_740_000_000), Some(1_780_000_000));
    assert_eq!(found(Filters { published_from: from, published_to: to, ..none() }), [2, 3]);
    assert_eq!(found(Filters { access: Some(Access::Public), ..none() }), [3, 6, 9]);
    assert_eq!(found(Filters { access: Some(Access::Member), ..none() }), [1, 2, 4, 5, 7, 8, 10]);
    assert_eq!(found(Filters { category: Some(1), tags: vec![7], access: Some(Access::Public), ..none() }), [6]);
}

#[test]
fn orders_and_pages() {
    let fixture = catalogue();
    let sorted = |sort| ids(&fixture.search(&Query { sort, ..Query::from("rice") }));
    assert_eq!(sorted(Sort::Newest), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(sorted(Sort::Longest), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    let by_views = sorted(Sort::MostViews);
    assert_eq!(by_views[..3], [8, 5, 2]);
    assert_eq!(sorted(Sort::FewestViews), by_views.iter().rev().copied().collect::<Vec<_>>());
    let page = Query { sort: Sort::Newest, offset: 3, limit: 2, ..Query::from("rice") };
    let page = fixture.index.search(&page).unwrap();
    assert_eq!((ids(&page), page.total), (vec![7, 6], 10));
    let all = ids(&fixture.search(&Query::default()));
    assert_eq!(all, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1], "everything, newest first");
}

#[test]
fn pages_of_ties_are_disjoint() {
    let fixture = TestIndex::of(&(1..=50).map(|id| titled(id, "rice")).collect::<Vec<_>>());
    let mut seen = Vec::new();
    for page in 0..5 {
        let query = Query { offset: page * 10, limit: 10, ..Query::from("rice") };
        seen.extend(ids(&fixture.index.search(&query).unwrap()));
    }
    assert_eq!(seen, (1..=50).rev().collect::<Vec<_>>(), "the newest first");
}

#[test]
fn facets_count_within_the_filters() {
    let fixture = catalogue();
    let facets = fixture.search(&filtered(Filters::default())).facets;
    assert_eq!(facets.categories, [(1, 5), (2, 5)]);
    assert_eq!(facets.tags, [(8, 10), (7, 3)]);
    assert_eq!(facets.durations, [(Band::Short, 1), (Band::Medium, 5), (Band::Long, 4)]);
    assert_eq!(facets.years.iter().map(|(_, count)| count).sum::<u64>(), 10);
    assert_eq!(facets.years[0].0, 2030);
    let facets = fixture.search(&filtered(Filters { tags: vec![7], ..Filters::default() })).facets;
    assert_eq!(facets.tags, [(7, 3), (8, 3)]);
    assert_eq!(facets.categories, [(2, 2), (1, 1)]);
    let none = fixture.search(&"nothing".into());
    assert_eq!((none.total, none.facets), (0, crate::Facets::default()));
}
