//! What viewers find: recommended by their tags, fairly and only what may be
//! seen, and searched in both languages; Redis and the service itself die
//! meanwhile.

use std::{
    collections::{BTreeSet, HashMap},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use fenz_testkit::{Client, PASSWORD, Reply, eventually, within};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{
    platform::Platform,
    videos::{publish, publish_with},
};

/// The broker gives what a dead process had taken to the next one after ten
/// seconds.
const REDELIVERED: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn fleet() {
    // Separate processes reach each other through a broker only.
    if fenz_testkit::Server::Nats.url().is_none() {
        return;
    }
    let mut platform = Platform::fleet(&[("FENZ_CONTENT__EDIT_COOLDOWN", "0s")]).await;
    let creator = platform.register("creator").await;
    let tags = Tagged::prepare(&platform, &creator).await;
    preferences(&platform, &tags).await;
    every_match_is_equally_likely(&platform, &tags).await;
    if platform.redis.is_some() {
        redis_dies(&mut platform, &creator, &tags).await;
    }
    evicted_soon(&platform, &creator, &tags).await;
    search(&mut platform, &creator).await;
}

/// Videos of two tags: five of one, three of the other, two of both, and three
/// of none.
struct Tagged {
    tags: [Value; 2],
    of: [BTreeSet<String>; 2],
    none: Vec<String>,
}

impl Tagged {
    async fn prepare(platform: &Platform, creator: &Client) -> Self {
        let admin = platform.administrator().await;
        let mut tags = [Value::Null, Value::Null];
        for (tag, slug) in tags.iter_mut().zip(["travel", "food"]) {
            let body = json!({"name": slug, "slug": slug});
            *tag = admin.post("admin/tags", &body).await.ok("tag")["id"].clone();
        }
        let made: Vec<(usize, String)> = stream::iter(0..13)
            .map(|n| {
                let tags = match n {
                    0..5 => json!([tags[0]]),
                    5..8 => json!([tags[1]]),
                    8..10 => json!(tags),
                    _ => json!([]),
                };
                async move {
                    let made = publish_with(creator, &format!("Clip {n}"), json!({"tagIds": tags})).await;
                    (n, id(&made))
                }
            })
            .buffer_unordered(4)
            .collect()
            .await;
        let of = |wanted: fn(usize) -> bool| made.iter().filter(move |(n, _)| wanted(*n)).map(|(_, id)| id.clone());
        Self {
            of: [of(|n| matches!(n, 0..5 | 8..10)).collect(), of(|n| (5..10).contains(&n)).collect()],
            none: of(|n| n >= 10).collect(),
            tags,
        }
    }

    fn all(&self) -> BTreeSet<String> {
        self.of.iter().flatten().chain(&self.none).cloned().collect()
    }
}

fn id(video: &Value) -> String {
    video["id"].as_str().unwrap().to_owned()
}

fn ids(reply: &Reply) -> BTreeSet<String> {
    let videos: Vec<_> = reply.ok("videos").as_array().expect("videos").iter().map(id).collect();
    let distinct: BTreeSet<_> = videos.iter().cloned().collect();
    assert_eq!(distinct.len(), videos.len(), "one twice: {videos:?}");
    distinct
}

async fn recommended(person: &Client, session: &str) -> BTreeSet<String> {
    ids(&person.get(&format!("videos/recommended?pageSize=100{session}")).await)
}

async fn picks(person: &Client, tags: &[&Value], session: &str) {
    let mut body = json!({"tagIds": tags});
    if !session.is_empty() {
        body["sessionId"] = json!(session);
    }
    person.put("tags/my", &body).await.expect(200);
}

/// A guest's choice, and the account's that takes it over.
async fn preferences(platform: &Platform, tags: &Tagged) {
    let guest = &platform.client;
    eventually(async || recommended(guest, "").await == tags.all()).await;
    for (n, tag) in tags.tags.iter().enumerate() {
        let session = format!("guest-of-{n}");
        picks(guest, &[tag], &session).await;
        assert_eq!(recommended(guest, &format!("&sessionId={session}")).await, tags.of[n]);
    }
    let user = platform.register("viewer").await;
    assert_eq!(recommended(&user, "").await, tags.all());
    let chosen = async || user.get("tags/my").await.ok("tags").as_array().unwrap().clone();
    for n in 0..2 {
        let session = format!("guest-of-{n}");
        let login = json!({"username": "viewer", "password": PASSWORD, "sessionId": session});
        guest.post("auth/login", &login).await.expect(200);
        let of_guest = format!("tags/my?sessionId={session}");
        eventually(async || guest.get(&of_guest).await.ok("tags") == json!([])).await;
        // The first is taken over; the second does not replace it.
        let chosen: Vec<_> = chosen().await.iter().map(|tag| tag["id"].clone()).collect();
        assert_eq!(chosen, [tags.tags[0].clone()]);
    }
    eventually(async || recommended(&user, "").await == tags.of[0]).await;
    picks(&user, &[&tags.tags[1]], "").await;
    assert_eq!(recommended(&user, "").await, tags.of[1]);
    picks(guest, &[&tags.tags[1]], "guest-who-stays").await;
}

/// The first of many drawings, each under a seed of its own.
async fn every_match_is_equally_likely(platform: &Platform, tags: &Tagged) {
    let guest = &platform.client;
    picks(guest, &[&tags.tags[0], &tags.tags[1]], "guest-of-both").await;
    let union: BTreeSet<_> = tags.of.iter().flatten().cloned().collect();
    let draws: Vec<Reply> = stream::iter(0..1_000)
        .map(|_| guest.get("videos/recommended?pageSize=1&sessionId=guest-of-both"))
        .buffer_unordered(8)
        .collect()
        .await;
    let seeds: BTreeSet<_> = draws.iter().map(|draw| draw.text("seed")).collect();
    assert_eq!(seeds.len(), draws.len());
    // One of the tags, or both: by how many there are to draw from.
    let mut of_total: HashMap<usize, HashMap<String, usize>> = HashMap::new();
    for draw in &draws {
        let total = draw.text("total").parse().unwrap();
        *of_total.entry(total).or_default().entry(id(&draw.ok("videos")[0])).or_default() += 1;
    }
    for (among, chi) in [(&union, 44.8), (&tags.of[0], 38.3), (&tags.of[1], 33.4)] {
        let counts = of_total.remove(&among.len()).expect("each choice is drawn");
        assert!(counts.keys().all(|id| among.contains(id)), "{counts:?}");
        let expected = counts.values().sum::<usize>() as f64 / among.len() as f64;
        let seen = among.iter().map(|id| counts.get(id).copied().unwrap_or_default() as f64);
        let found: f64 = seen.map(|n| (n - expected).powi(2) / expected).sum();
        // With a degree of freedom fewer than videos, one in a million lies above.
        assert!(found < chi && expected > 20.0, "{found} over {counts:?}");
    }
    assert!(of_total.is_empty(), "{of_total:?}");
}

/// Emptied and killed while somebody asks all the time; a video is hidden while
/// it is away.
async fn redis_dies(platform: &mut Platform, creator: &Client, tags: &Tagged) {
    let guest = &platform.client;
    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let asking = async {
        while !stop.load(Ordering::Relaxed) {
            let found = recommended(guest, "&sessionId=guest-who-stays").await;
            assert_eq!(found, tags.of[1]);
            asked.fetch_add(1, Ordering::Relaxed);
        }
    };
    let some_more = async || {
        let before = asked.load(Ordering::Relaxed);
        eventually(async || asked.load(Ordering::Relaxed) > before + 5).await;
    };
    let redis = platform.redis.as_mut().unwrap();
    let set = |tag: &Value| format!("recommendation:tag:{}", tag.as_str().unwrap());
    let dying = async {
        for _ in 0..3 {
            some_more().await;
            assert_eq!(redis.ask(&["FLUSHALL"]).await, "OK");
        }
        some_more().await;
        redis.kill();
        some_more().await;
        // Of what nobody asks about.
        let gone = &tags.none[0];
        set_published(creator, gone, false).await.expect(200);
        eventually(async || !recommended(guest, "").await.contains(gone)).await;
        redis.run().await;
        // A mark and the videos: it is used again.
        let size = (tags.of[1].len() + 1).to_string();
        eventually(async || {
            assert!(!recommended(guest, "").await.contains(gone), "it came back with redis");
            redis.ask(&["ZCARD", &set(&tags.tags[1])]).await == size
                && redis.ask(&["ZSCORE", "recommendation:tag:all", "0"]).await == "0"
        })
        .await;
        assert_eq!(redis.ask(&["ZSCORE", "recommendation:tag:all", gone]).await, "");
        some_more().await;
        set_published(creator, gone, true).await.expect(200);
        eventually(async || recommended(guest, "").await.contains(gone)).await;
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(asking, dying);
}

async fn set_published(creator: &Client, video: &str, published: bool) -> Reply {
    let path = format!("videos/{video}/publish");
    creator.patch(&path, &json!({"published": published})).await
}

/// Unpublished, hidden, for members, without its tag, deleted: out of new
/// drawings and of one that was drawn before.
async fn evicted_soon(platform: &Platform, creator: &Client, tags: &Tagged) {
    let (guest, admin) = (&platform.client, platform.administrator().await);
    let drawn = guest.get("videos/recommended?pageSize=100&sessionId=guest-who-stays").await;
    let mut left = ids(&drawn);
    assert_eq!(left, tags.of[1]);
    let seed = drawn.text("seed");
    for (n, video) in tags.of[1].iter().enumerate() {
        let path = format!("videos/{video}");
        let reply = match n {
            0 => set_published(creator, video, false).await,
            1 => admin.put(&format!("admin/videos/{video}/hide"), &json!({})).await,
            2 => creator.put(&path, &json!({"accessTier": 1})).await,
            3 => creator.put(&path, &json!({"tagIds": []})).await,
            _ => {
                set_published(creator, video, false).await.expect(200);
                creator.delete(&path).await
            }
        };
        reply.expect(200);
        left.remove(video);
        eventually(async || {
            let of_seed = format!("&sessionId=guest-who-stays&seed={seed}");
            // The drawing of before knows of no tags.
            (n == 3 || !recommended(guest, &of_seed).await.contains(video))
                && recommended(guest, "&sessionId=guest-who-stays").await == left
                && (n == 3 || !recommended(guest, "").await.contains(video))
        })
        .await;
    }
}

/// What a search finds: ids, how many it says, whether from the index.
async fn found(person: &Client, text: &str) -> (BTreeSet<String>, String, bool) {
    let reply = person.get(&format!("search?pageSize=100&query={text}")).await;
    (ids(&reply), reply.text("total").to_owned(), reply.ok("degraded") == false)
}

async fn search(platform: &mut Platform, creator: &Client) {
    let guest = &platform.client.clone();
    let admin = platform.administrator().await;
    eventually(async || found(guest, "x").await.2).await;
    let chinese = id(&publish(creator, "台北夜市散步").await);
    finds(guest, &["夜", "夜市", "市散步"], &[&chinese]).await;
    let english = id(&publish(creator, "Cooking noodles at home").await);
    finds(guest, &["cooked", "noodles", "noodels"], &[&english]).await;
    for (video, texts) in [(&chinese, ["夜", "夜市"]), (&english, ["cooked", "noodels"])] {
        admin.put(&format!("admin/videos/{video}/hide"), &json!({})).await.expect(200);
        finds(guest, &texts, &[]).await;
    }

    // Killed while videos are published, and started again.
    let mut made: Vec<String> = Vec::new();
    for round in 0..3 {
        for n in 0..3 {
            made.push(id(&publish(creator, &format!("夜市 noodles {round} {n}")).await));
            if n == 1 {
                platform.kill("recommendation").await;
            }
        }
        platform.restart("recommendation");
        within(REDELIVERED, async || guest.get("search?query=x").await.status == 200).await;
    }
    let made: Vec<&String> = made.iter().collect();
    finds(guest, &["夜市", "夜", "noodles", "noodels"], &made).await;
    let all = recommended(guest, "").await;
    assert!(made.iter().all(|id| all.contains(*id)), "{all:?}");
}

/// Until the index finds exactly these by each of the texts.
async fn finds(guest: &Client, texts: &[&str], videos: &[&String]) {
    let expected = (videos.iter().map(|id| (*id).clone()).collect::<BTreeSet<_>>(), videos.len().to_string(), true);
    within(REDELIVERED, async || {
        for text in texts {
            if found(guest, text).await != expected {
                return false;
            }
        }
        true
    })
    .await;
}
