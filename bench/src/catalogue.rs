//! Large catalogues, inserted into the tables of content, recommendation and the
//! original design: through the API a million videos would take hours.

use std::{ops::RangeInclusive, time::Instant};

use anyhow::Result;

use crate::{fleet::Fleet, mariadb::MariaDb, measure::progress, sample_texts::SampleTexts};

/// Lower than any generated id, since those contain the time.
pub const FIRST_VIDEO: i64 = 1_000_000_000;
const FIRST_CHANNEL: i64 = 2_000_000_000;
const FIRST_TAG: i64 = 3_000_000_000;
const CHANNELS: i64 = 1_000;
const CATEGORIES: i64 = 10;
/// Each video has one tag of either half, so that each tag has a tenth of the
/// videos.
const TAGS: i64 = 20;
const RECOMMENDATION_VIDEOS: &str = "videos (video_id, change_seq, version, channel_id, owner_id, title, title_key, \
                                     description, category_id, access_tier, is_published, is_hidden, is_gone, \
                                     is_visible, duration_seconds, thumbnail_upload_id, published_at, created_at, \
                                     updated_at)";
const CONTENT_VIDEOS: &str = "videos (id, channel_id, owner_id, title, description, category_id, access_tier, \
                              is_published, hidden_reasons, views_member, views_non_member, duration_seconds, width, \
                              height, video_upload_id, thumbnail_upload_id, created_at, published_at, updated_at, \
                              version)";

pub fn tag_ids() -> impl Iterator<Item = i64> {
    (0..TAGS).map(|n| FIRST_TAG + n)
}

fn tags_of(number: i64) -> [i64; 2] {
    let half = TAGS / 2;
    [FIRST_TAG + number % half, FIRST_TAG + half + number / half % half]
}

fn channel_of(number: i64) -> i64 {
    FIRST_CHANNEL + number % CHANNELS
}

/// One per minute, which distributes a million videos over two years.
fn published(number: i64) -> String {
    let (minutes, hours) = (number % 60, number / 60 % 24);
    let (day, month) = (number / 1_440 % 28 + 1, number / 40_320 % 12 + 1);
    format!("{}-{month:02}-{day:02} {hours:02}:{minutes:02}:00Z", 2024 + number / 483_840)
}

/// Inserts public videos into recommendation's tables; before the first video also
/// the tags and channels. The service must not run.
pub fn seed_recommendation(fleet: &Fleet, texts: &SampleTexts, numbers: RangeInclusive<i64>) -> Result<()> {
    const SERVICE: &str = "recommendation";
    let (begun, last) = (Instant::now(), *numbers.end());
    let databases = &fleet.databases;
    if *numbers.start() == 1 {
        let tag = |id| format!("{id}\ttag {id}\ttag {id}\ttag-{id}\t1\t2024-01-01Z");
        databases.copy(SERVICE, "tags (id, name, name_key, slug, version, created_at)", tag_ids().map(tag))?;
        let channel = |n| format!("{0}\t{0}\tchannel {n}\tf\tf\t1\t2024-01-01Z", channel_of(n));
        let columns = "channels (channel_id, owner_id, name, is_hidden, is_gone, version, updated_at)";
        databases.copy(SERVICE, columns, (0..CHANNELS).map(channel))?;
    }
    let video = |n| {
        let (title, description) = texts.video(n);
        let (id, channel, category, at) = (FIRST_VIDEO + n, channel_of(n), n % CATEGORIES + 1, published(n));
        format!(
            "{id}\t{n}\t1\t{channel}\t{channel}\t{title}\t{title}\t{description}\t{category}\t0\tt\tf\tf\tt\t{}\t{id}\t\
             {at}\t{at}\t{at}",
            n * 37 % 3_600
        )
    };
    databases.copy(SERVICE, RECOMMENDATION_VIDEOS, numbers.clone().map(video))?;
    let tags = numbers.clone().flat_map(|n| tags_of(n).map(|tag| format!("{tag}\t{}", FIRST_VIDEO + n)));
    databases.copy(SERVICE, "video_tags (tag_id, video_id)", tags)?;
    // Distributed by Zipf's law, in no order.
    let views = numbers.map(|n| format!("{}\t{}\t{n}", FIRST_VIDEO + n, 1_000_000 / (n * 7_919 % 1_000_003 + 1)));
    databases.copy(SERVICE, "video_views (video_id, total, change_seq)", views)?;
    fleet.sql(SERVICE, &[format!("UPDATE sequence SET last = {last} WHERE id = 1"), "VACUUM ANALYZE".to_owned()])?;
    progress(format_args!("{last} videos in recommendation's tables after {:.0?}", begun.elapsed()));
    Ok(())
}

/// Inserts the same videos into content's tables.
pub fn seed_content(fleet: &Fleet, texts: &SampleTexts, count: i64) -> Result<()> {
    const SERVICE: &str = "content";
    let (begun, databases) = (Instant::now(), &fleet.databases);
    let video = |n| {
        let (title, description) = texts.video(n);
        let (id, channel, category, at) = (FIRST_VIDEO + n, channel_of(n), n % CATEGORIES + 1, published(n));
        format!(
            "{id}\t{channel}\t{channel}\t{title}\t{description}\t{category}\t0\tt\t0\t0\t0\t{}\t1920\t1080\t{id}\t{id}\t\
             {at}\t{at}\t{at}\t1",
            n * 37 % 3_600
        )
    };
    databases.copy(SERVICE, CONTENT_VIDEOS, (1..=count).map(video))?;
    let tag = |n, position: usize| format!("{}\t{}\t{position}", FIRST_VIDEO + n, tags_of(n)[position]);
    let tags = (1..=count).flat_map(|n| [tag(n, 0), tag(n, 1)]);
    databases.copy(SERVICE, "video_tags (video_id, tag_id, position)", tags)?;
    fleet.sql(SERVICE, &["VACUUM ANALYZE".to_owned()])?;
    progress(format_args!("{count} videos in content's tables after {:.0?}", begun.elapsed()));
    Ok(())
}

/// Inserts the same videos into two tables of the original design, with the indexes
/// of its queries.
pub fn seed_original(mariadb: &MariaDb, texts: &SampleTexts, count: i64) -> Result<()> {
    let begun = Instant::now();
    mariadb.run(
        "CREATE TABLE videos (id BIGINT PRIMARY KEY, channel_id BIGINT NOT NULL, title VARCHAR(200) NOT NULL, \
         description TEXT NOT NULL, category_id BIGINT NOT NULL, duration_seconds INT NOT NULL, \
         published_at DATETIME NOT NULL)",
    )?;
    mariadb.run(
        "CREATE TABLE video_tags (tag_id BIGINT NOT NULL, video_id BIGINT NOT NULL, PRIMARY KEY (tag_id, video_id))",
    )?;
    // The texts have letters and spaces only.
    let video = |n| {
        let (title, description) = texts.video(n);
        let (id, channel, category) = (FIRST_VIDEO + n, channel_of(n), n % CATEGORIES + 1);
        let at = published(n);
        format!("{id},{channel},'{title}','{description}',{category},{},'{}'", n * 37 % 3_600, at.trim_end_matches('Z'))
    };
    let columns = "videos (id, channel_id, title, description, category_id, duration_seconds, published_at)";
    mariadb.insert(columns, (1..=count).map(video))?;
    let tags = (1..=count).flat_map(|n| tags_of(n).map(|tag| format!("{tag},{}", FIRST_VIDEO + n)));
    mariadb.insert("video_tags (tag_id, video_id)", tags)?;
    progress(format_args!("{count} videos in MariaDB after {:.0?}", begun.elapsed()));
    // Faster than with an index that each insertion changes.
    mariadb.run("CREATE FULLTEXT INDEX videos_text ON videos (title, description)")?;
    mariadb.run("ANALYZE TABLE videos, video_tags")?;
    progress(format_args!("their FULLTEXT index after {:.0?}", begun.elapsed()));
    Ok(())
}
