//! Search over the service's port, with its index and while there is none.

use std::time::{Duration, Instant};

use fenz_contract::events::v1::{ChannelChanged, VideoChanged, VideoDeleted, VideoViews, ViewsCounted};
use fenz_recommendation::Recommendations;
use fenz_testkit::Database;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{CHANNEL, Cache, Fleet, OWNER, Reply, eventually, video};

async fn search(fleet: &Fleet, query: &[(&str, &str)]) -> Reply {
    fleet.get(&format!("search?{}", encoded(query)), 0).await
}

fn encoded(query: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish()
}

async fn found(fleet: &Fleet, text: &str) -> Vec<i64> {
    let mut ids = search(fleet, &[("query", text)]).await.ids();
    ids.sort_unstable();
    ids
}

/// How many popular videos there are in place of what is not found. They are a
/// second old at most.
async fn instead(fleet: &Fleet, text: &str) -> usize {
    search(fleet, &[("query", text)]).await.body["popular"].as_array().unwrap().len()
}

async fn is_ready(fleet: &Fleet) -> bool {
    search(fleet, &[("query", "nothing")]).await.body["degraded"] == json!(false)
}

fn titled(id: i64, version: i64, title: &str) -> VideoChanged {
    VideoChanged { title: title.to_owned(), ..video(id, version) }
}

/// Not with Redis too: the index has nothing to do with it.
async fn fleets() -> Vec<Fleet> {
    let mut fleets = Vec::new();
    for database in Database::available() {
        let fleet = Fleet::start(database, Cache::Memory).await;
        eventually(async || is_ready(&fleet).await).await;
        fleets.push(fleet);
    }
    fleets
}

#[tokio::test]
async fn new_and_changed_videos_are_found_within_a_second_and_hidden_ones_leave() {
    for fleet in fleets().await {
        let travel = fleet.tag("Travel").await;
        let name = "小廚房".to_owned();
        fleet
            .tell(ChannelChanged { channel_id: CHANNEL, owner_id: OWNER, name, version: 1, ..Default::default() })
            .await;
        fleet
            .tell_all(&[
                VideoChanged { tag_ids: vec![travel], ..titled(1, 1, "台北夜市 Vlog") },
                titled(2, 1, "Cooking noodles"),
                VideoChanged { access_tier: 1, ..titled(3, 1, "Noodle soup tutorial") },
            ])
            .await;
        eventually(async || found(&fleet, "noodles").await == [2, 3]).await;
        eventually(async || found(&fleet, "小廚房").await == [1, 2, 3]).await;
        assert_eq!(found(&fleet, "夜").await, [1]);
        assert_eq!(found(&fleet, "台北vlog").await, [1]);
        assert_eq!(found(&fleet, "travel").await, [1]);
        assert_eq!(found(&fleet, "cooked").await, [2]);
        assert_eq!(found(&fleet, "tutoral").await, [3]);
        assert_eq!(found(&fleet, "tuto").await, [3]);

        let begin = Instant::now();
        fleet.tell(titled(2, 2, "Frying rice")).await;
        fleet.tell(VideoChanged { is_hidden: true, ..titled(3, 2, "Noodle soup tutorial") }).await;
        eventually(async || found(&fleet, "noodles").await.is_empty() && found(&fleet, "fried rice").await == [2])
            .await;
        assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
        fleet.tell(VideoDeleted { video_id: 2, channel_id: CHANNEL, version: 3, occurred_at: None }).await;
        eventually(async || found(&fleet, "rice").await.is_empty()).await;

        // A tag's new name is searched by.
        let renamed = fleet.admin(Method::PUT, &format!("admin/tags/{travel}"), &json!({"name": "Journeys"})).await;
        assert_eq!(renamed.status, 200, "{}", renamed.body);
        eventually(async || found(&fleet, "journeys").await == [1] && found(&fleet, "travel").await.is_empty()).await;
        fleet
            .tell(ChannelChanged {
                channel_id: CHANNEL,
                owner_id: OWNER,
                name: "x".into(),
                version: 2,
                is_hidden: true,
                occurred_at: None,
            })
            .await;
        eventually(async || found(&fleet, "夜").await.is_empty()).await;
    }
}

#[tokio::test]
async fn pages_of_the_longest_descriptions_are_marked_too() {
    for fleet in fleets().await {
        let description = format!("{}台北 noodles", "word ".repeat(1_990));
        let of = |id: i64| VideoChanged { description: description.clone(), ..titled(id, 1, "Long") };
        fleet.tell_all(&(1..=4).map(of).collect::<Vec<_>>()).await;
        eventually(async || found(&fleet, "noodles").await.len() == 4).await;
        for text in ["noodles", "台北", "noodles"] {
            let reply = search(&fleet, &[("query", text)]).await;
            let highlights = reply.body["highlights"].as_array().unwrap();
            let marked = format!("<em>{text}</em>");
            let is_marked = |highlight: &Value| highlight["description"].as_str().unwrap().contains(&marked);
            assert!(highlights.len() == 4 && highlights.iter().all(is_marked), "{text}: {highlights:?}");
        }
    }
}

#[tokio::test]
async fn filters_orders_facets_and_highlights() {
    for fleet in fleets().await {
        let of = |id: i64| VideoChanged {
            category_id: 1 + id % 2,
            access_tier: (id % 3) as i32,
            duration_seconds: (id * 200) as i32,
            description: "a bowl of <rice> & more".into(),
            ..titled(id, 1, &format!("Rice {id}"))
        };
        fleet.tell_all(&(1..=10).map(of).collect::<Vec<_>>()).await;
        eventually(async || found(&fleet, "rice").await.len() == 10).await;
        let ids = async |more: &[(&str, &str)]| search(&fleet, &[&[("query", "rice")], more].concat()).await.ids();
        assert_eq!(ids(&[("categoryId", "1"), ("sort", "newest")]).await, [10, 8, 6, 4, 2]);
        assert_eq!(ids(&[("accessType", "public"), ("sort", "duration")]).await, [9, 6, 3]);
        assert_eq!(
            ids(&[("accessType", "member"), ("sort", "newest"), ("pageSize", "3"), ("page", "2")]).await,
            [5, 4, 2]
        );
        assert_eq!(ids(&[("minDuration", "400"), ("maxDuration", "600"), ("sort", "newest")]).await, [3, 2]);
        let day =
            [("uploadedFrom", "2023-11-14T22:13:23Z"), ("uploadedTo", "2023-11-14T22:13:25Z"), ("sort", "newest")];
        assert_eq!(ids(&day).await, [4, 3]);

        let reply = search(&fleet, &[("query", "rice"), ("pageSize", "1")]).await;
        assert_eq!(reply.total(), 10);
        let facets = &reply.body["facets"];
        assert_eq!(facets["categories"], json!([{"value": "1", "count": "5"}, {"value": "2", "count": "5"}]));
        let bands = json!([
            {"value": "short", "count": "1"}, {"value": "medium", "count": "5"}, {"value": "long", "count": "4"}
        ]);
        assert_eq!(facets["durations"], bands);
        assert_eq!(facets["years"], json!([{"value": "2023", "count": "10"}]));
        let highlight = &reply.body["highlights"][0];
        assert!(highlight["title"].as_str().unwrap().starts_with("<em>Rice</em>"), "{highlight}");
        assert_eq!(highlight["description"], "a bowl of &lt;<em>rice</em>&gt; &amp; more");
        assert!(!reply.body["videos"][0]["title"].as_str().unwrap().contains('<'), "titles are unmarked");

        let counted = |video_id, total| VideoViews { video_id, member: 0, non_member: total, total };
        fleet
            .tell(ViewsCounted {
                hour: Some(pbjson_types::Timestamp {
                    seconds: fleet.sandbox.process.clock.unix() / 3600 * 3600,
                    nanos: 0,
                }),
                videos: vec![counted(4, 500), counted(7, 90)],
                ..ViewsCounted::default()
            })
            .await;
        eventually(async || ids(&[("sort", "views")]).await[..2] == [4, 7]).await;
        let ascending = ids(&[("sort", "newest"), ("viewSort", "asc")]).await;
        assert_eq!(ascending[8..], [7, 4], "it overrides sort");
        search(&fleet, &[("page", "11"), ("pageSize", "100")]).await.refused(400, "INVALID_PARAMS");
        search(&fleet, &[("sort", "best")]).await.refused(400, "INVALID_PARAMS");
    }
}

#[tokio::test]
async fn nothing_found_leaves_popular_videos_and_a_correction() {
    for fleet in fleets().await {
        fleet.tell_all(&[titled(1, 1, "A tutorial"), titled(2, 1, "台北")]).await;
        eventually(async || found(&fleet, "tutorial").await == [1] && found(&fleet, "台北").await == [2]).await;
        let reply = search(&fleet, &[("query", "tutxrail")]).await;
        assert_eq!((reply.ids(), reply.total()), (vec![], 0));
        assert_eq!(reply.body["correctedQuery"], "tutorial");
        eventually(async || instead(&fleet, "tutxrail").await == 2).await;
        for text in ["+(\"", "a:b^2~", "*", "\\", "AND OR"] {
            assert_eq!(search(&fleet, &[("query", text)]).await.status, 200, "{text}");
        }
        search(&fleet, &[("query", &"x".repeat(201))]).await.refused(400, "INVALID_PARAMS");
        let suggest = async |text: &str| {
            fleet.get(&format!("search/suggest?{}", encoded(&[("q", text)])), 0).await.of("suggestions")
        };
        assert_eq!(suggest("a tu").await, json!(["A tutorial"]));
        assert_eq!(suggest("台").await, json!(["台北"]));
        assert_eq!(suggest("zzz").await, json!([]));
    }
}

#[tokio::test]
async fn titles_answer_while_there_is_no_index() {
    for database in Database::available() {
        // Nothing can be built where a file is.
        let file = tempfile::NamedTempFile::new().unwrap();
        let index_dir = file.path().display().to_string();
        let fleet = Fleet::start_with(database, &[("recommendation.index_dir", &index_dir)]).await;
        fleet
            .tell_all(&[
                titled(1, 1, "Rice 100%"),
                titled(2, 1, "rice_and more"),
                titled(3, 1, "No rice"),
                VideoChanged { category_id: 4, access_tier: 2, ..titled(4, 1, "Rice!") },
            ])
            .await;
        eventually(async || found(&fleet, "RICE").await == [1, 2, 4]).await;
        let reply = search(&fleet, &[("query", "rice")]).await;
        assert_eq!((&reply.body["degraded"], reply.total()), (&Value::Bool(true), 3));
        assert_eq!(found(&fleet, "rice 100%").await, [1]);
        assert_eq!(found(&fleet, "rice_").await, [2]);
        assert_eq!(found(&fleet, "rice!").await, [4]);
        assert_eq!(search(&fleet, &[("query", "rice"), ("accessType", "public")]).await.ids(), [2, 1]);
        assert_eq!(search(&fleet, &[("categoryId", "4"), ("query", "")]).await.ids(), [4]);
        assert!(found(&fleet, "soup").await.is_empty());
        eventually(async || instead(&fleet, "soup").await == 3).await;
    }
}

#[tokio::test]
async fn replicas_have_their_own_index_and_build_it_anew_when_told() {
    for fleet in fleets().await {
        fleet.tell_all(&[titled(1, 1, "rice"), titled(2, 1, "rice")]).await;
        eventually(async || found(&fleet, "rice").await == [1, 2]).await;
        let replica = fleet.sandbox.start_replica::<Recommendations>().await.unwrap();
        let there = async |text: &str| {
            let reply = reqwest::get(format!("{replica}/api/v1/search?query={text}")).await.unwrap();
            reply.json::<Value>().await.unwrap()
        };
        eventually(async || there("rice").await["total"] == "2" && there("rice").await["degraded"] == false).await;
        fleet.tell(titled(3, 1, "rice")).await;
        eventually(async || found(&fleet, "rice").await == [1, 2, 3] && there("rice").await["total"] == "3").await;
        let parts = fleet.sandbox.folder().join("search");
        assert!(parts.join("0/version").exists() && parts.join("1/version").exists());

        let states = || ["0", "1"].map(|part| std::fs::read(parts.join(part).join("segments/meta.json")).unwrap());
        let before = states();
        fleet.rebuild_index().await;
        eventually(async || states().iter().zip(&before).all(|(now, before)| now != before)).await;
        eventually(async || is_ready(&fleet).await && found(&fleet, "rice").await == [1, 2, 3]).await;
        eventually(async || there("rice").await["degraded"] == false && there("rice").await["total"] == "3").await;
    }
}
