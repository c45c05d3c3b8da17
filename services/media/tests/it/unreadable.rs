//! Damaged videos are `failed`, not unknown.

use fenz_testkit::id;
use serde_json::json;

use crate::{files, harness::*};

const SOURCE: &str = "-f lavfi -i testsrc=s=320x240:d=4:r=10 -c:v libx264 -g 5";
/// Of more than 16 MiB, of which the look into a video copies the start.
const LARGE: &str = "-f lavfi -i testsrc2=s=1280x720:d=1:r=25,noise=alls=80:allf=t -pix_fmt yuv420p -c:v libx264 \
                     -preset ultrafast -qp 14";
const HEAD: usize = 16 << 20;

fn cut(file: &[u8], percent: usize) -> Vec<u8> {
    file[..file.len() * percent / 100].to_vec()
}

/// The same file with zeros for samples.
fn without_samples(mut mp4: Vec<u8>) -> Vec<u8> {
    let mdat = mp4.windows(4).position(|kind| kind == b"mdat").unwrap();
    let size = u32::from_be_bytes(mp4[mdat - 4..mdat].try_into().unwrap()) as usize;
    mp4[mdat + 4..mdat - 4 + size].fill(0);
    mp4
}

async fn fails(media: &Media, file: &[u8], what: &str) {
    let upload = media.processed(ALICE, VIDEO, file).await;
    assert_eq!((&upload["status"], &upload["reason"]), (&json!("failed"), &json!("UNREADABLE")), "{what}: {upload}");
    let reserved = media.reserve(id(&upload), ALICE, "video", id(&upload)).await.unwrap();
    assert_eq!((reserved.poster_upload_id, reserved.upload.unwrap().status.as_str()), (0, "failed"), "{what}");
}

#[tokio::test]
async fn a_damaged_video_fails_with_its_reason() {
    let index_at_the_end = files::ffmpeg("a.mp4", SOURCE);
    let index_first = files::ffmpeg("b.mp4", &format!("{SOURCE} -movflags faststart"));
    let matroska = files::ffmpeg("c.mkv", SOURCE);
    let cases = [
        ("noise", files::noise(100_000)),
        ("no index", cut(&index_at_the_end, 60)),
        ("an index without its end", index_at_the_end[..index_at_the_end.len() - 10].to_vec()),
        ("a header alone", b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2".to_vec()),
        ("an index of samples that are not there", cut(&index_first, 60)),
        ("samples that are none", without_samples(index_at_the_end.clone())),
        ("matroska without its end", cut(&matroska, 60)),
    ];
    on_each(&[], async |media| {
        for (what, file) in &cases {
            fails(&media, file, what).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_large_damaged_video_fails_too() {
    let index_at_the_end = files::ffmpeg("a.mp4", LARGE);
    let index_first = files::ffmpeg("b.mp4", &format!("{LARGE} -movflags faststart"));
    let matroska = files::ffmpeg("c.mkv", LARGE);
    let media = Media::on_sqlite(&[]).await;
    for (what, file) in [
        ("no index", cut(&index_at_the_end, 95)),
        ("an index of samples that are not there", cut(&index_first, 95)),
        ("samples that are none", without_samples(index_at_the_end)),
        ("matroska without its end", cut(&matroska, 95)),
    ] {
        assert!(file.len() > HEAD, "{what}: {}", file.len());
        fails(&media, &file, what).await;
    }
}

#[tokio::test]
async fn what_can_be_played_although_it_is_odd_is_ready() {
    let fragments = files::ffmpeg("a.mp4", &format!("{SOURCE} -movflags frag_keyframe+empty_moov"));
    let trailer = [&files::ffmpeg("b.mp4", SOURCE)[..], b"\x7f\xff\0\0sefdSome cameras append their notes"].concat();
    let recording = files::ffmpeg("c.mkv", &format!("{SOURCE} -live 1"));
    let media = Media::on_sqlite(&[]).await;
    for (what, file) in [
        ("a recording in fragments that broke off", cut(&fragments, 60)),
        ("something behind the last box", trailer),
        ("a recording that does not say where it ends", cut(&recording, 60)),
    ] {
        let upload = media.processed(ALICE, VIDEO, &file).await;
        assert_eq!((&upload["status"], &upload["width"]), (&json!("ready"), &json!(320)), "{what}: {upload}");
    }
}
