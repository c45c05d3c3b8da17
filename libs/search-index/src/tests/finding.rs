//! Which videos are found, and in which order.

use super::{Shelf, ids, titled};
use crate::{Access, Band, Document, Filters, Query, Sort};

const NONE: [i64; 0] = [];

#[test]
fn one_sign_finds_what_contains_it() {
    let shelf = Shelf::titles(&["台北夜市", "高雄港", "夜景", "rice"]);
    assert_eq!(shelf.found("夜"), [1, 3]);
    assert_eq!(shelf.found("港"), [2]);
    assert_eq!(shelf.found("海"), NONE);
}

#[test]
fn two_and_three_signs_are_phrases() {
    let shelf = Shelf::titles(&["北台灣的台中", "台北夜市", "台，北", "遊台北", "夜台北市"]);
    assert_eq!(shelf.found("台北"), [2, 4, 5]);
    assert_eq!(shelf.found("台北夜"), [2]);
    assert_eq!(shelf.found("北夜市"), [2]);
}

#[test]
fn a_long_run_found_nowhere_comes_apart() {
    let shelf = Shelf::titles(&["台北的夜市", "台北夜市", "台中夜市"]);
    assert_eq!(shelf.found("台北夜市"), [2]);
    assert_eq!(shelf.found("夜市台北"), [1, 2]);
}

#[test]
fn repeated_signs() {
    let shelf = Shelf::titles(&["哈哈", "哈哈哈", "哈哈哈哈哈"]);
    assert_eq!(shelf.found("哈哈"), [1, 2, 3]);
    assert_eq!(shelf.found("哈哈哈"), [2, 3]);
    assert_eq!(shelf.found("哈哈哈哈哈"), [3]);
}

#[test]
fn mixed_text() {
    let shelf = Shelf::titles(&["台北Vlog 第一天", "台北 vlogs", "Vlog in 高雄", "台北"]);
    assert_eq!(shelf.found("台北Vlog"), [1, 2]);
    assert_eq!(shelf.found("vlog台北"), [1, 2]);
    assert_eq!(shelf.found("ＶＬＯＧ"), [1, 2, 3]);
}

#[test]
fn kana_and_hangul_are_phrases_of_signs() {
    let shelf = Shelf::titles(&["ラーメンの作り方", "김치찌개", "メンラー"]);
    assert_eq!(shelf.found("ラーメン"), [1]);
    assert_eq!(shelf.found("ﾗｰﾒﾝ"), [1]);
    assert_eq!(shelf.found("김치"), [2]);
}

#[test]
fn all_words_in_any_field() {
    let video = Document {
        description: "slow food".into(),
        tag_names: vec!["Travel".into()],
        channel_name: "小廚房".into(),
        ..titled(1, "Noodles")
    };
    let shelf = Shelf::of(&[video, titled(2, "Noodles")]);
    assert_eq!(shelf.found("noodles food travel 廚房"), [1]);
    assert_eq!(shelf.found("noodles"), [1, 2]);
    assert_eq!(shelf.found("noodles cars"), NONE);
}

#[test]
fn a_phrase_does_not_reach_over_two_fields() {
    let shelf = Shelf::of(&[Document { description: "北".into(), ..titled(1, "台") }]);
    assert_eq!(shelf.found("台北"), NONE);
    assert_eq!(shelf.found("台 北"), [1]);
}

#[test]
fn english_is_stemmed_and_exact_words_come_first() {
    let shelf = Shelf::titles(&["Cooked slowly", "Cooking slowly", "Cooks slowly", "Books slowly"]);
    assert_eq!(shelf.found("cook"), [1, 2, 3]);
    assert_eq!(shelf.find("cooking")[0], 2);
    assert_eq!(shelf.find("cooks")[0], 3);
    assert_eq!(shelf.found("cooking"), [1, 2, 3]);
}

#[test]
fn accents_and_case_do_not_count() {
    let shelf = Shelf::titles(&["Crème BRÛLÉE", "creme"]);
    assert_eq!(shelf.found("creme"), [1, 2]);
    assert_eq!(shelf.found("crème brulee"), [1]);
}

#[test]
fn titles_count_more() {
    let in_description = |id| Document { description: "about noodles".into(), ..titled(id, "food") };
    let shelf = Shelf::of(&[in_description(3), titled(1, "noodles"), in_description(2)]);
    assert_eq!(shelf.find("noodles"), [1, 3, 2]);
}

#[test]
fn words_of_five_letters_forgive_one_typo() {
    let shelf = Shelf::titles(&["tutorial", "tutoral", "recipes", "vlog"]);
    assert_eq!(shelf.find("tutorial"), [1, 2], "the exact one first");
    assert_eq!(shelf.find("tutoral"), [2, 1]);
    assert_eq!(shelf.find("tutroial x").len(), 0);
    assert_eq!(shelf.find("tutroial"), [1], "swapped letters are one typo");
    assert_eq!(shelf.find("recpies"), [3]);
    assert_eq!(shelf.find("vlgo"), NONE, "too short a word");
    assert_eq!(shelf.find("tutxxial"), NONE, "two typos");
}

#[test]
fn typos_are_forgiven_in_inflected_words() {
    let shelf = Shelf::titles(&["travelling"]);
    assert_eq!(shelf.find("travveled"), [1]);
}

#[test]
fn typos_are_forgiven_in_other_alphabets_and_beside_signs() {
    let shelf = Shelf::titles(&["рецепты 台北", "συνταγές", "xutorial"]);
    assert_eq!(shelf.find("рецкпты"), [1]);
    assert_eq!(shelf.find("συνταγςέ"), [2]);
    assert_eq!(shelf.find("tutorial"), [3], "the first letter too");
    assert_eq!(shelf.find("рецкпты 台北"), [1]);
}

#[test]
fn common_words_are_not_taken_for_others() {
    let titles: Vec<String> = (0..40).map(|n| if n % 2 == 0 { "house" } else { "mouse" }.to_owned()).collect();
    let shelf = Shelf::titles(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(shelf.search(&"house".into()).total, 20);
}

#[test]
fn the_last_word_may_be_unfinished() {
    let shelf = Shelf::titles(&["cooking tutorial", "tutorial for cooks", "tuba", "tut"]);
    assert_eq!(shelf.find("tut")[0], 4, "the whole word first");
    assert_eq!(shelf.found("tut"), [1, 2, 4]);
    assert_eq!(shelf.found("cooking tutoria"), [1, 2]);
    assert_eq!(shelf.found("tutoria cooking"), [1, 2], "a typo, not a beginning");
    assert_eq!(shelf.found("tu cooking"), NONE);
}

#[test]
fn no_sign_is_an_operator() {
    let shelf = Shelf::titles(&["C++ and Rust", "rust"]);
    for text in
        ["+rust", "-rust", "rust*", "\"rust", "(rust", "title:rust", "rust~2", "rust^", "[rust TO", "rust\\", "rust\0"]
    {
        assert!(shelf.found(text).iter().all(|id| [1, 2].contains(id)), "{text}");
    }
    assert_eq!(shelf.found("\"rust"), [1, 2]);
    assert_eq!(shelf.found("NOT rust"), NONE);
    for text in ["!!!", "🎉", "+-&|(){}[]^~*?:/\\\""] {
        assert_eq!(shelf.search(&text.into()).total, 0, "{text}");
    }
}

#[test]
fn long_queries_are_cut() {
    let shelf = Shelf::titles(&["台台", "a"]);
    assert_eq!(shelf.found(&"a ".repeat(5_000)), [2]);
    assert_eq!(shelf.found(&"台".repeat(5_000)), [1], "as signs, since the run is found nowhere");
    assert_eq!(shelf.found(&"x".repeat(5_000)), NONE);
}

fn catalogue() -> Shelf {
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
    Shelf::of(&(1..=10).map(video).collect::<Vec<_>>())
}

fn filtered(filters: Filters) -> Query {
    Query { filters, ..Query::from("rice") }
}

#[test]
fn filters() {
    let shelf = catalogue();
    let found = |filters: Filters| {
        let mut found = ids(&shelf.search(&filtered(filters)));
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
    let shelf = catalogue();
    let sorted = |sort| ids(&shelf.search(&Query { sort, ..Query::from("rice") }));
    assert_eq!(sorted(Sort::Newest), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(sorted(Sort::Longest), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    let by_views = sorted(Sort::MostViews);
    assert_eq!(by_views[..3], [8, 5, 2]);
    assert_eq!(sorted(Sort::FewestViews), by_views.iter().rev().copied().collect::<Vec<_>>());
    let page = Query { sort: Sort::Newest, offset: 3, limit: 2, ..Query::from("rice") };
    let page = shelf.index.search(&page).unwrap();
    assert_eq!((ids(&page), page.total), (vec![7, 6], 10));
    let all = ids(&shelf.search(&Query::default()));
    assert_eq!(all, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1], "everything, newest first");
}

#[test]
fn pages_of_equals_repeat_nothing() {
    let shelf = Shelf::of(&(1..=50).map(|id| titled(id, "rice")).collect::<Vec<_>>());
    let mut seen = Vec::new();
    for page in 0..5 {
        let query = Query { offset: page * 10, limit: 10, ..Query::from("rice") };
        seen.extend(ids(&shelf.index.search(&query).unwrap()));
    }
    assert_eq!(seen, (1..=50).rev().collect::<Vec<_>>(), "the newest first");
}

#[test]
fn facets_count_within_the_filters() {
    let shelf = catalogue();
    let facets = shelf.search(&filtered(Filters::default())).facets;
    assert_eq!(facets.categories, [(1, 5), (2, 5)]);
    assert_eq!(facets.tags, [(8, 10), (7, 3)]);
    assert_eq!(facets.durations, [(Band::Short, 1), (Band::Medium, 5), (Band::Long, 4)]);
    assert_eq!(facets.years.iter().map(|(_, count)| count).sum::<u64>(), 10);
    assert_eq!(facets.years[0].0, 2030);
    let facets = shelf.search(&filtered(Filters { tags: vec![7], ..Filters::default() })).facets;
    assert_eq!(facets.tags, [(7, 3), (8, 3)]);
    assert_eq!(facets.categories, [(2, 2), (1, 1)]);
    let none = shelf.search(&"nothing".into());
    assert_eq!((none.total, none.facets), (0, crate::Facets::default()));
}
