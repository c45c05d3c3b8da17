//! What viewers find: recommended by their tags, fairly and only what may be
//! seen, and searched in both languages; Redis and the service itself die
//! meanwhile.

use std::{
    collections::{BTreeSet, HashMap},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use futures::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    client::{Person, video},
    platform::Platform,
    wait::{SOON, within},
};

/// The broker gives what a dead process had taken to the next one after ten
/// seconds.
const REDELIVERED: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn fleet() {
    // Processes of their own hear each other through a broker only.
    if fenz_testkit::Server::Nats.url().is_none() {
        return;
    }
    let mut platform = Platform::fleet(&[("FENZ_CONTENT__EDIT_COOLDOWN", "0s")]).await;
    let creator = Person::register(&platform.url, "creator").await;
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
    async fn prepare(platform: &Platform, creator: &Person) -> Self {
        let admin = Person::administrator(&platform.url).await;
        let mut tags = [Value::Null, Value::Null];
        for (tag, slug) in tags.iter_mut().zip(["travel", "food"]) {
            let made = admin.ok(Method::POST, "/api/v1/admin/tags", json!({"name": slug, "slug": slug})).await;
            *tag = made["tag"]["id"].clone();
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
                    let made = creator.publish_with(&format!("Clip {n}"), &video(), json!({"tagIds": tags})).await;
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

fn ids(reply: &Value) -> BTreeSet<String> {
    let videos: Vec<_> = reply["videos"].as_array().expect("videos").iter().map(id).collect();
    let distinct: BTreeSet<_> = videos.iter().cloned().collect();
    assert_eq!(distinct.len(), videos.len(), "one twice: {videos:?}");
    distinct
}

async fn recommended(person: &Person, session: &str) -> BTreeSet<String> {
    ids(&person.get(&format!("/api/v1/videos/recommended?pageSize=100{session}")).await)
}

async fn picks(person: &Person, tags: &[&Value], session: &str) {
    let mut body = json!({"tagIds": tags});
    if !session.is_empty() {
        body["sessionId"] = json!(session);
    }
    person.ok(Method::PUT, "/api/v1/tags/my", body).await;
}

/// A guest's choice, and the account's that takes it over.
async fn preferences(platform: &Platform, tags: &Tagged) {
    let url = &platform.url;
    let guest = Person::anonymous(url);
    within(Duration::from_secs(10), "all are recommended", async || recommended(&guest, "").await == tags.all()).await;
    for (n, tag) in tags.tags.iter().enumerate() {
        let session = format!("guest-of-{n}");
        picks(&guest, &[tag], &session).await;
        assert_eq!(recommended(&guest, &format!("&sessionId={session}")).await, tags.of[n]);
    }
    let user = Person::register(url, "viewer").await;
    assert_eq!(recommended(&user, "").await, tags.all());
    let chosen = async || user.get("/api/v1/tags/my").await["tags"].as_array().unwrap().clone();
    for n in 0..2 {
        let session = format!("guest-of-{n}");
        Person::login_from(url, "viewer", &session).await;
        let of_guest = format!("/api/v1/tags/my?sessionId={session}");
        let took =
            within(SOON, "the guest's choice goes", async || guest.get(&of_guest).await["tags"] == json!([])).await;
        // The first is taken over; the second does not replace it.
        let chosen: Vec<_> = chosen().await.iter().map(|tag| tag["id"].clone()).collect();
        assert_eq!(chosen, [tags.tags[0].clone()]);
        println!("taken over after {took:?}");
    }
    within(SOON, "it is gone by", async || recommended(&user, "").await == tags.of[0]).await;
    picks(&user, &[&tags.tags[1]], "").await;
    assert_eq!(recommended(&user, "").await, tags.of[1]);
    picks(&guest, &[&tags.tags[1]], "guest-who-stays").await;
}

/// The first of many drawings, each under a seed of its own.
async fn every_match_is_equally_likely(platform: &Platform, tags: &Tagged) {
    let guest = Person::anonymous(&platform.url);
    picks(&guest, &[&tags.tags[0], &tags.tags[1]], "guest-of-both").await;
    let union: BTreeSet<_> = tags.of.iter().flatten().cloned().collect();
    let draws: Vec<Value> = stream::iter(0..1_000)
        .map(|_| guest.get("/api/v1/videos/recommended?pageSize=1&sessionId=guest-of-both"))
        .buffer_unordered(8)
        .collect()
        .await;
    let seeds: BTreeSet<_> = draws.iter().map(|draw| draw["seed"].as_str().unwrap()).collect();
    assert_eq!(seeds.len(), draws.len());
    // One of the tags, or both: by how many there are to draw from.
    let mut of_total: HashMap<usize, HashMap<String, usize>> = HashMap::new();
    for draw in &draws {
        let total = draw["total"].as_str().unwrap().parse().unwrap();
        *of_total.entry(total).or_default().entry(id(&draw["videos"][0])).or_default() += 1;
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
async fn redis_dies(platform: &mut Platform, creator: &Person, tags: &Tagged) {
    let guest = Person::anonymous(&platform.url);
    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let asking = async {
        while !stop.load(Ordering::Relaxed) {
            let found = recommended(&guest, "&sessionId=guest-who-stays").await;
            assert_eq!(found, tags.of[1]);
            asked.fetch_add(1, Ordering::Relaxed);
        }
    };
    let some_more = async || {
        let before = asked.load(Ordering::Relaxed);
        within(Duration::from_secs(10), "more answers", async || asked.load(Ordering::Relaxed) > before + 5).await;
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
        publish(creator, gone, false).await;
        within(SOON, "it is gone without redis", async || !recommended(&guest, "").await.contains(gone)).await;
        redis.run().await;
        // A mark and the videos: it is used again.
        let size = (tags.of[1].len() + 1).to_string();
        within(Duration::from_secs(10), "redis is used again", async || {
            assert!(!recommended(&guest, "").await.contains(gone), "it came back with redis");
            redis.ask(&["ZCARD", &set(&tags.tags[1])]).await == size
                && redis.ask(&["ZSCORE", "recommendation:tag:all", "0"]).await == "0"
        })
        .await;
        assert_eq!(redis.ask(&["ZSCORE", "recommendation:tag:all", gone]).await, "");
        some_more().await;
        publish(creator, gone, true).await;
        within(SOON, "it is back", async || recommended(&guest, "").await.contains(gone)).await;
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(asking, dying);
}

async fn publish(creator: &Person, video: &str, published: bool) {
    let path = format!("/api/v1/videos/{video}/publish");
    creator.ok(Method::PATCH, &path, json!({"published": published})).await;
}

/// Unpublished, hidden, for members, without its tag, deleted: out of new
/// drawings and of one that was drawn before.
async fn evicted_soon(platform: &Platform, creator: &Person, tags: &Tagged) {
    let (guest, admin) = (Person::anonymous(&platform.url), Person::administrator(&platform.url).await);
    let drawn = guest.get("/api/v1/videos/recommended?pageSize=100&sessionId=guest-who-stays").await;
    let mut left = ids(&drawn);
    assert_eq!(left, tags.of[1]);
    let seed = drawn["seed"].as_str().unwrap();
    for (n, video) in tags.of[1].iter().enumerate() {
        let path = format!("/api/v1/videos/{video}");
        match n {
            0 => publish(creator, video, false).await,
            1 => drop(admin.ok(Method::PUT, &format!("/api/v1/admin/videos/{video}/hide"), json!({})).await),
            2 => drop(creator.ok(Method::PUT, &path, json!({"accessTier": 1})).await),
            3 => drop(creator.ok(Method::PUT, &path, json!({"tagIds": []})).await),
            _ => {
                publish(creator, video, false).await;
                creator.ok(Method::DELETE, &path, Value::Null).await;
            }
        }
        left.remove(video);
        let took = within(SOON, &format!("{n} is evicted"), async || {
            let of_seed = format!("&sessionId=guest-who-stays&seed={seed}");
            // The drawing of before knows of no tags.
            (n == 3 || !recommended(&guest, &of_seed).await.contains(video))
                && recommended(&guest, "&sessionId=guest-who-stays").await == left
                && (n == 3 || !recommended(&guest, "").await.contains(video))
        })
        .await;
        println!("evicted after {took:?}");
    }
}

/// What a search finds: ids, how many it says, whether from the index.
async fn found(person: &Person, text: &str) -> (BTreeSet<String>, String, bool) {
    let reply = person.get(&format!("/api/v1/search?pageSize=100&query={text}")).await;
    (ids(&reply), reply["total"].as_str().unwrap().to_owned(), reply["degraded"] == false)
}

async fn search(platform: &mut Platform, creator: &Person) {
    let guest = Person::anonymous(&platform.url);
    let admin = Person::administrator(&platform.url).await;
    within(Duration::from_secs(10), "there is an index", async || found(&guest, "x").await.2).await;
    let chinese = id(&creator.publish("台北夜市散步", &video()).await);
    let took = finds(&guest, SOON, &["夜", "夜市", "市散步"], &[&chinese]).await;
    let english = id(&creator.publish("Cooking noodles at home", &video()).await);
    let then = finds(&guest, SOON, &["cooked", "noodles", "noodels"], &[&english]).await;
    println!("found after {took:?}, {then:?}");
    for (video, texts) in [(&chinese, ["夜", "夜市"]), (&english, ["cooked", "noodels"])] {
        admin.ok(Method::PUT, &format!("/api/v1/admin/videos/{video}/hide"), json!({})).await;
        let took = finds(&guest, SOON, &texts, &[]).await;
        println!("hidden after {took:?}");
    }

    // Killed while videos are published, and started again.
    let mut made: Vec<String> = Vec::new();
    for round in 0..3 {
        for n in 0..3 {
            made.push(id(&creator.publish(&format!("夜市 noodles {round} {n}"), &video()).await));
            if n == 1 {
                platform.kill("recommendation").await;
            }
        }
        platform.restart("recommendation");
        let answers = async || guest.send(Method::GET, "/api/v1/search?query=x", Value::Null).await.status() == 200;
        within(Duration::from_secs(20), "searches are answered", answers).await;
    }
    let made: Vec<&String> = made.iter().collect();
    let took = finds(&guest, REDELIVERED, &["夜市", "夜", "noodles", "noodels"], &made).await;
    println!("found after kills within {took:?}");
    let all = recommended(&guest, "").await;
    assert!(made.iter().all(|id| all.contains(*id)), "{all:?}");
}

/// Until the index finds exactly these by each of the texts.
async fn finds(guest: &Person, limit: Duration, texts: &[&str], videos: &[&String]) -> Duration {
    let expected = (videos.iter().map(|id| (*id).clone()).collect::<BTreeSet<_>>(), videos.len().to_string(), true);
    within(limit, &format!("{texts:?} finds {videos:?}"), async || {
        for text in texts {
            if found(guest, text).await != expected {
                return false;
            }
        }
        true
    })
    .await
}
