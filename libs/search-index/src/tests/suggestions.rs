//! Highlights, suggestions and corrections.

use super::{TestIndex, titled};
use crate::Document;

#[test]
fn highlights_of_matches() {
    let description = format!("{} 在台北 & <Cooking> {}", "前".repeat(300), "後".repeat(300));
    let videos = [Document { description, ..titled(1, "台北 <b>cooks</b>") }, titled(2, "台北 cook")];
    let fixture = TestIndex::of(&videos);
    let marker = fixture.search(&"台北 cooking".into()).marker;
    let [first, second] = videos.each_ref().map(|v| marker.highlight(v.id, &v.title, &v.description).unwrap());
    assert_eq!(first.title, "<em>台北</em> &lt;b&gt;<em>cooks</em>&lt;/b&gt;");
    assert!(first.description.contains("在<em>台北</em> &amp; &lt;<em>Cooking</em>&gt;"), "{}", first.description);
    assert_eq!((second.title.as_str(), second.description.as_str()), ("<em>台北</em> <em>cook</em>", ""));
    assert_eq!(marker.highlight(3, "rice", "and beans"), None);
    assert_eq!(fixture.search(&"".into()).marker.highlight(1, "台北", ""), None);
}

#[test]
fn matches_with_typos_are_highlighted() {
    let fixture = TestIndex::titles(&["A tutorial"]);
    let marker = fixture.search(&"tutoral".into()).marker;
    assert_eq!(marker.highlight(1, "A tutorial", "").unwrap().title, "A <em>tutorial</em>");
}

#[test]
fn suggestions_have_the_typed_prefix() {
    let video = |id, title: &str, views, tags: &[&str]| Document {
        views,
        tag_names: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..titled(id, title)
    };
    let fixture = TestIndex::of(&[
        video(1, "台北夜市", 5, &["Travel"]),
        video(2, "台北Vlog", 50, &["Travel"]),
        video(3, "Cooking rice at home", 1, &["Cooking"]),
        video(4, "Cooking rice outside", 9, &["Cooking"]),
        video(5, "Cooking rice outside", 8, &[]),
    ]);
    let suggest = |text: &str| fixture.index.suggest(text).unwrap();
    assert_eq!(suggest("台"), ["台北Vlog", "台北夜市"]);
    assert_eq!(suggest("台北v"), ["台北Vlog"]);
    assert_eq!(suggest("ＣＯＯ"), ["Cooking", "Cooking rice outside", "Cooking rice at home"]);
    assert_eq!(suggest("cooking  rice"), ["Cooking rice outside", "Cooking rice at home"]);
    assert_eq!(suggest("t"), ["Travel"]);
    assert_eq!(suggest("x"), Vec::<String>::new());
    assert_eq!(suggest("!"), Vec::<String>::new());
    fixture.put(&[video(1, "台北夜市", 500, &["Travel"])]);
    assert_eq!(suggest("台"), ["台北夜市", "台北Vlog"]);
    fixture.apply(&[crate::Change::Delete(1), crate::Change::Delete(3), crate::Change::Delete(4)]);
    assert_eq!(suggest("台"), ["台北Vlog"]);
    assert_eq!(suggest("cooking rice"), ["Cooking rice outside"]);
    assert_eq!(suggest("cook"), ["Cooking rice outside"], "a tag without videos is not suggested");
}

#[test]
fn long_prefixes() {
    let fixture =
        TestIndex::titles(&["How to cook rice at home without a pot", "How to cook rice at home without a fire"]);
    let suggest = |text: &str| fixture.index.suggest(text).unwrap();
    assert_eq!(suggest("how to cook rice at home without a f"), ["How to cook rice at home without a fire"]);
    assert_eq!(suggest("how to cook rice at home").len(), 2);
    assert_eq!(suggest("how to cook rice at home with a"), Vec::<String>::new());
}

#[test]
fn long_prefixes_find_unpopular_titles() {
    let mut videos: Vec<Document> =
        (1..=300).map(|id| Document { views: 1_000, ..titled(id, &format!("internet {id}")) }).collect();
    videos.push(titled(301, "international food"));
    videos.push(titled(302, "International trains"));
    let fixture = TestIndex::of(&videos);
    assert_eq!(fixture.index.suggest("internati").unwrap(), ["International trains", "international food"]);
    assert_eq!(fixture.index.suggest("international t").unwrap(), ["International trains"]);
}

#[test]
fn long_prefixes_with_words_in_another_order() {
    let fixture =
        TestIndex::titles(&["rice and beans and peas", "rice and peas and beans", "台北夜市美食", "台北，夜市小吃"]);
    let suggest = |text: &str| fixture.index.suggest(text).unwrap();
    assert_eq!(suggest("rice and pea"), ["rice and peas and beans"]);
    assert_eq!(suggest("rice-and peas "), ["rice and peas and beans"]);
    assert_eq!(suggest("台北夜市美"), ["台北夜市美食"]);
    assert_eq!(suggest("台北 夜市小"), ["台北，夜市小吃"]);
    assert_eq!(suggest("台北夜市的"), Vec::<String>::new());
}

#[test]
fn ten_suggestions_at_most() {
    let fixture = TestIndex::of(&(1..40).map(|id| titled(id, &format!("cooking {id}"))).collect::<Vec<_>>());
    assert_eq!(fixture.index.suggest("cook").unwrap().len(), 10);
    assert_eq!(fixture.index.suggest("cooking").unwrap().len(), 10);
}

#[test]
fn corrections_have_hits() {
    let fixture = TestIndex::titles(&["cooking tutorial", "tutorials of 台北", "vlog"]);
    let correct = |text: &str| fixture.index.correct(text).unwrap();
    assert_eq!(correct("tutxrail"), Some("tutorial".into()));
    assert_eq!(correct("cookign  tutxrail!"), Some("cooking  tutorial!".into()));
    assert_eq!(correct("台北 tutxrails"), Some("台北 tutorials".into()));
    assert_eq!(correct("vlgo"), Some("vlog".into()));
    assert_eq!(correct("台北 cookign"), None, "no video has both");
    assert_eq!(correct("cooking"), None);
    assert_eq!(correct("zzzzzzz"), None);
    assert_eq!(correct(""), None);
}
