//! Search, with and without an index.

use std::time::{Duration, Instant};

use fenz_chassis::Service;
use fenz_contract::events::v1::{ChannelChanged, VideoChanged, VideoDeleted, VideoViews, ViewsCounted};
use fenz_recommendation::Recommendations;
use fenz_testkit::{Client, Database, Reply, eventually};
use serde_json::{Value, json};

use crate::harness::{CHANNEL, Cache, Harness, OWNER, video};

async fn search(harness: &Harness, query: &[(&str, &str)]) -> Reply {
    harness.get(&format!("search?{}", encoded(query)), 0).await
}

fn encoded(query: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish()
}

async fn found(harness: &Harness, text: &str) -> Vec<i64> {
    let mut ids = search(harness, &[("query", text)]).await.ids("videos");
    ids.sort_unstable();
    ids
}

/// The number of popular videos in an empty result. They are cached for a second.
async fn popular_fallback_len(harness: &Harness, text: &str) -> usize {
    search(harness, &[("query", text)]).await.body["popular"].as_array().unwrap().len()
}

async fn is_ready(harness: &Harness) -> bool {
    search(harness, &[("query", "nothing")]).await.body["degraded"] == json!(false)
}

fn titled(id: i64, version: i64, title: &str) -> VideoChanged {
    VideoChanged { title: title.to_owned(), ..video(id, version) }
}

/// Without Redis: the index does not use it.
async fn harnesses() -> Vec<Harness> {
    let mut harnesses = Vec::new();
    for database in Database::available() {
        let harness = Harness::start(database, Cache::Memory).await;
        eventually(async || is_ready(&harness).await).await;
        harnesses.push(harness);
    }
    harnesses
}

#[tokio::test]
async fn new_and_changed_videos_are_found_within_a_second_and_hidden_ones_are_not() {
    for harness in harnesses().await {
        let travel = harness.tag("Travel").await;
        let name = "小廚房".to_owned();
        harness
            .events
            .publish(ChannelChanged { channel_id: CHANNEL, owner_id: OWNER, name, version: 1, ..Default::default() })
            .await;
        harness
            .events
            .publish_all(&[
                VideoChanged { tag_ids: vec![travel], ..titled(1, 1, "台北夜市 Vlog") },
                titled(2, 1, "Cooking noodles"),
                VideoChanged { access_tier: 1, ..titled(3, 1, "Noodle soup tutorial") },
            ])
            .await;
        eventually(async || found(&harness, "noodles").await == [2, 3]).await;
        eventually(async || found(&harness, "小廚房").await == [1, 2, 3]).await;
        assert_eq!(found(&harness, "夜").await, [1]);
        assert_eq!(found(&harness, "台北vlog").await, [1]);
        assert_eq!(found(&harness, "travel").await, [1]);
        assert_eq!(found(&harness, "cooked").await, [2]);
        assert_eq!(found(&harness, "tutoral").await, [3]);
        assert_eq!(found(&harness, "tuto").await, [3]);

        let begin = Instant::now();
        harness.events.publish(titled(2, 2, "Frying rice")).await;
        harness.events.publish(VideoChanged { is_hidden: true, ..titled(3, 2, "Noodle soup tutorial") }).await;
        eventually(async || found(&harness, "noodles").await.is_empty() && found(&harness, "fried rice").await == [2])
            .await;
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
        harness.events.publish(VideoDeleted { video_id: 2, channel_id: CHANNEL, version: 3, occurred_at: None }).await;
        eventually(async || found(&harness, "rice").await.is_empty()).await;

        // Renaming a tag updates its videos.
        let renamed = harness.admin().put(&format!("admin/tags/{travel}"), &json!({"name": "Journeys"})).await;
        assert_eq!(renamed.status, 200, "{}", renamed.body);
        eventually(async || found(&harness, "journeys").await == [1] && found(&harness, "travel").await.is_empty())
            .await;
        harness
            .events
            .publish(ChannelChanged {
                channel_id: CHANNEL,
                owner_id: OWNER,
                name: "x".into(),
                version: 2,
                is_hidden: true,
                ..ChannelChanged::default()
            })
            .await;
        eventually(async || found(&harness, "夜").await.is_empty()).await;
    }
}

#[tokio::test]
async fn pages_of_the_longest_descriptions_are_highlighted_too() {
    for harness in harnesses().await {
        let description = format!("{}台北 noodles", "word ".repeat(1_990));
        let video = |id: i64| VideoChanged { description: description.clone(), ..titled(id, 1, "Long") };
        harness.events.publish_all(&(1..=4).map(video).collect::<Vec<_>>()).await;
        eventually(async || found(&harness, "noodles").await.len() == 4).await;
        for text in ["noodles", "台北", "noodles"] {
            let reply = search(&harness, &[("query", text)]).await;
            let highlights = reply.body["highlights"].as_array().unwrap();
            let marked = format!("<em>{text}</em>");
            let is_marked = |highlight: &Value| highlight["description"].as_str().unwrap().contains(&marked);
            assert!(highlights.len() == 4 && highlights.iter().all(is_marked), "{text}: {highlights:?}");
        }
    }
}

#[tokio::test]
async fn filters_orders_facets_and_highlights() {
    for harness in harnesses().await {
        let video = |id: i64| VideoChanged {
            category_id: 1 + id % 2,
            access_tier: (id % 3) as i32,
            duration_seconds: (id * 200) as i32,
            description: "a bowl of <rice> & more".into(),
            ..titled(id, 1, &format!("Rice {id}"))
        };
        harness.events.publish_all(&(1..=10).map(video).collect::<Vec<_>>()).await;
        eventually(async || found(&harness, "rice").await.len() == 10).await;
        let ids =
            async |more: &[(&str, &str)]| search(&harness, &[&[("query", "rice")], more].concat()).await.ids("videos");
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

        let reply = search(&harness, &[("query", "rice"), ("pageSize", "1")]).await;
        assert_eq!(reply.number("total"), 10);
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
        assert!(!reply.body["videos"][0]["title"].as_str().unwrap().contains('<'), "titles are not highlighted");

        let counted = |video_id, total| VideoViews { video_id, member: 0, non_member: total, total };
        harness
            .events
            .publish(ViewsCounted {
                hour: Some(pbjson_types::Timestamp {
                    seconds: harness.sandbox.process.clock.unix() / 3600 * 3600,
                    nanos: 0,
                }),
                videos: vec![counted(4, 500), counted(7, 90)],
                ..ViewsCounted::default()
            })
            .await;
        eventually(async || ids(&[("sort", "views")]).await[..2] == [4, 7]).await;
        let ascending = ids(&[("sort", "newest"), ("viewSort", "asc")]).await;
        assert_eq!(ascending[8..], [7, 4], "viewSort overrides sort");
        search(&harness, &[("page", "11"), ("pageSize", "100")]).await.refused(400, "INVALID_PARAMS");
        search(&harness, &[("sort", "best")]).await.refused(400, "INVALID_PARAMS");
    }
}

#[tokio::test]
async fn an_empty_result_has_popular_videos_and_a_correction() {
    for harness in harnesses().await {
        harness.events.publish_all(&[titled(1, 1, "A tutorial"), titled(2, 1, "台北")]).await;
        eventually(async || found(&harness, "tutorial").await == [1] && found(&harness, "台北").await == [2]).await;
        let reply = search(&harness, &[("query", "tutxrail")]).await;
        assert_eq!((reply.ids("videos"), reply.number("total")), (vec![], 0));
        assert_eq!(reply.body["correctedQuery"], "tutorial");
        eventually(async || popular_fallback_len(&harness, "tutxrail").await == 2).await;
        for text in ["+(\"", "a:b^2~", "*", "\\", "AND OR"] {
            assert_eq!(search(&harness, &[("query", text)]).await.status, 200, "{text}");
        }
        search(&harness, &[("query", &"x".repeat(201))]).await.refused(400, "INVALID_PARAMS");
        let suggest = async |text: &str| {
            harness.get(&format!("search/suggest?{}", encoded(&[("q", text)])), 0).await.ok("suggestions")
        };
        assert_eq!(suggest("a tu").await, json!(["A tutorial"]));
        assert_eq!(suggest("台").await, json!(["台北"]));
        assert_eq!(suggest("zzz").await, json!([]));
    }
}

#[tokio::test]
async fn titles_are_searched_while_there_is_no_index() {
    for database in Database::available() {
        // A file in place of the directory: no index can be created.
        let file = tempfile::NamedTempFile::new().unwrap();
        let index_dir = file.path().display().to_string();
        let harness = Harness::start_with(database, &[("recommendation.index_dir", &index_dir)]).await;
        harness
            .events
            .publish_all(&[
                titled(1, 1, "Rice 100%"),
                titled(2, 1, "rice_and more"),
                titled(3, 1, "No rice"),
                VideoChanged { category_id: 4, access_tier: 2, ..titled(4, 1, "Rice!") },
            ])
            .await;
        eventually(async || found(&harness, "RICE").await == [1, 2, 4]).await;
        let reply = search(&harness, &[("query", "rice")]).await;
        assert_eq!((&reply.body["degraded"], reply.number("total")), (&Value::Bool(true), 3));
        assert_eq!(found(&harness, "rice 100%").await, [1]);
        assert_eq!(found(&harness, "rice_").await, [2]);
        assert_eq!(found(&harness, "rice!").await, [4]);
        assert_eq!(search(&harness, &[("query", "rice"), ("accessType", "public")]).await.ids("videos"), [2, 1]);
        assert_eq!(search(&harness, &[("categoryId", "4"), ("query", "")]).await.ids("videos"), [4]);
        assert!(found(&harness, "soup").await.is_empty());
        eventually(async || popular_fallback_len(&harness, "soup").await == 3).await;
    }
}

#[tokio::test]
async fn replicas_have_their_own_index_and_rebuild_it_on_request() {
    for harness in harnesses().await {
        harness.events.publish_all(&[titled(1, 1, "rice"), titled(2, 1, "rice")]).await;
        eventually(async || found(&harness, "rice").await == [1, 2]).await;
        let replica = Client::new(harness.sandbox.start_replica::<Recommendations>().await.unwrap());
        let replica_has = async |total: i64| {
            let reply = replica.get("search?query=rice").await;
            reply.number("total") == total && reply.body["degraded"] == false
        };
        eventually(async || replica_has(2).await).await;
        harness.events.publish(titled(3, 1, "rice")).await;
        eventually(async || found(&harness, "rice").await == [1, 2, 3] && replica_has(3).await).await;
        let index_dir = harness.sandbox.folder().join("search");
        assert!(index_dir.join("0/version").exists() && index_dir.join("1/version").exists());

        let states = || ["0", "1"].map(|part| std::fs::read(index_dir.join(part).join("segments/meta.json")).unwrap());
        let before = states();
        let db = harness.sandbox.database(Recommendations::NAME).await;
        fenz_recommendation::rebuild_index_on(&db).await.unwrap();
        eventually(async || states().iter().zip(&before).all(|(now, before)| now != before)).await;
        eventually(async || is_ready(&harness).await && found(&harness, "rice").await == [1, 2, 3]).await;
        eventually(async || replica_has(3).await).await;
    }
}
