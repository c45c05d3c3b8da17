//! Highlights, suggestions and corrections.

use super::{Shelf, titled};
use crate::Document;

#[test]
fn highlights_of_what_was_found() {
    let description = format!("{} 在台北 & <Cooking> {}", "前".repeat(300), "後".repeat(300));
    let videos = [Document { description, ..titled(1, "台北 <b>cooks</b>") }, titled(2, "台北 cook")];
    let shelf = Shelf::of(&videos);
    let marker = shelf.search(&"台北 cooking".into()).marker;
    let [first, second] = videos.each_ref().map(|v| marker.highlight(v.id, &v.title, &v.description).unwrap());
    assert_eq!(first.title, "<em>台北</em> &lt;b&gt;<em>cooks</em>&lt;/b&gt;");
    assert!(first.description.contains("在<em>台北</em> &amp; &lt;<em>Cooking</em>&gt;"), "{}", first.description);
    assert_eq!((second.title.as_str(), second.description.as_str()), ("<em>台北</em> <em>cook</em>", ""));
    assert_eq!(marker.highlight(3, "rice", "and beans"), None);
    assert_eq!(shelf.search(&"".into()).marker.highlight(1, "台北", ""), None);
}

#[test]
fn forgiven_typos_are_highlighted() {
    let shelf = Shelf::titles(&["A tutorial"]);
    let marker = shelf.search(&"tutoral".into()).marker;
    assert_eq!(marker.highlight(1, "A tutorial", "").unwrap().title, "A <em>tutorial</em>");
}

#[test]
fn suggestions_begin_with_what_was_typed() {
    let video = |id, title: &str, views, tags: &[&str]| Document {
        views,
        tag_names: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..titled(id, title)
    };
    let shelf = Shelf::of(&[
        video(1, "台北夜市", 5, &["Travel"]),
        video(2, "台北Vlog", 50, &["Travel"]),
        video(3, "Cooking rice at home", 1, &["Cooking"]),
        video(4, "Cooking rice outside", 9, &["Cooking"]),
        video(5, "Cooking rice outside", 8, &[]),
    ]);
    let suggest = |text: &str| shelf.index.suggest(text).unwrap();
    assert_eq!(suggest("台"), ["台北Vlog", "台北夜市"]);
    assert_eq!(suggest("台北v"), ["台北Vlog"]);
    assert_eq!(suggest("ＣＯＯ"), ["Cooking", "Cooking rice outside", "Cooking rice at home"]);
    assert_eq!(suggest("cooking  rice"), ["Cooking rice outside", "Cooking rice at home"]);
    assert_eq!(suggest("t"), ["Travel"]);
    assert_eq!(suggest("x"), Vec::<String>::new());
    assert_eq!(suggest("!"), Vec::<String>::new());
    shelf.put(&[video(1, "台北夜市", 500, &["Travel"])]);
    assert_eq!(suggest("台"), ["台北夜市", "台北Vlog"]);
    shelf.apply(&[crate::Change::Gone(1), crate::Change::Gone(3), crate::Change::Gone(4)]);
    assert_eq!(suggest("台"), ["台北Vlog"]);
    assert_eq!(suggest("cooking rice"), ["Cooking rice outside"]);
    assert_eq!(suggest("cook"), ["Cooking rice outside"], "a tag without videos is not suggested");
}

#[test]
fn long_beginnings() {
    let shelf = Shelf::titles(&["How to cook rice at home without a pot", "How to cook rice at home without a fire"]);
    let suggest = |text: &str| shelf.index.suggest(text).unwrap();
    assert_eq!(suggest("how to cook rice at home without a f"), ["How to cook rice at home without a fire"]);
    assert_eq!(suggest("how to cook rice at home").len(), 2);
    assert_eq!(suggest("how to cook rice at home with a"), Vec::<String>::new());
}

#[test]
fn long_beginnings_are_not_lost_among_popular_others() {
    let mut videos: Vec<Document> =
        (1..=300).map(|id| Document { views: 1_000, ..titled(id, &format!("internet {id}")) }).collect();
    videos.push(titled(301, "international food"));
    videos.push(titled(302, "International trains"));
    let shelf = Shelf::of(&videos);
    assert_eq!(shelf.index.suggest("internati").unwrap(), ["International trains", "international food"]);
    assert_eq!(shelf.index.suggest("international t").unwrap(), ["International trains"]);
}

#[test]
fn long_beginnings_in_another_order() {
    let shelf =
        Shelf::titles(&["rice and beans and peas", "rice and peas and beans", "台北夜市美食", "台北，夜市小吃"]);
    let suggest = |text: &str| shelf.index.suggest(text).unwrap();
    assert_eq!(suggest("rice and pea"), ["rice and peas and beans"]);
    assert_eq!(suggest("rice-and peas "), ["rice and peas and beans"]);
    assert_eq!(suggest("台北夜市美"), ["台北夜市美食"]);
    assert_eq!(suggest("台北 夜市小"), ["台北，夜市小吃"]);
    assert_eq!(suggest("台北夜市的"), Vec::<String>::new());
}

#[test]
fn ten_suggestions_at_most() {
    let shelf = Shelf::of(&(1..40).map(|id| titled(id, &format!("cooking {id}"))).collect::<Vec<_>>());
    assert_eq!(shelf.index.suggest("cook").unwrap().len(), 10);
    assert_eq!(shelf.index.suggest("cooking").unwrap().len(), 10);
}

#[test]
fn corrections_find_something() {
    let shelf = Shelf::titles(&["cooking tutorial", "tutorials of 台北", "vlog"]);
    let correct = |text: &str| shelf.index.correct(text).unwrap();
    assert_eq!(correct("tutxrail"), Some("tutorial".into()));
    assert_eq!(correct("cookign  tutxrail!"), Some("cooking  tutorial!".into()));
    assert_eq!(correct("台北 tutxrails"), Some("台北 tutorials".into()));
    assert_eq!(correct("vlgo"), Some("vlog".into()));
    assert_eq!(correct("台北 cookign"), None, "no video has both");
    assert_eq!(correct("cooking"), None);
    assert_eq!(correct("zzzzzzz"), None);
    assert_eq!(correct(""), None);
}
