//! What ffprobe says, read into what we keep.

use serde::Deserialize;

use crate::domain::upload::Shape;

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Option<Timed>,
}

#[derive(Deserialize)]
struct Timed {
    duration: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    codec_type: Option<String>,
    width: Option<i32>,
    height: Option<i32>,
    duration: Option<String>,
    #[serde(default)]
    side_data_list: Vec<SideData>,
    tags: Option<Tags>,
    disposition: Option<Disposition>,
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<f64>,
}

#[derive(Deserialize)]
struct Tags {
    rotate: Option<String>,
}

#[derive(Deserialize)]
struct Disposition {
    #[serde(default)]
    attached_pic: i32,
}

/// The shape in a JSON report of ffprobe; none where it is not one.
pub fn shape(json: &[u8]) -> Option<Shape> {
    let report: Report = serde_json::from_slice(json).ok()?;
    // A cover picture is a video stream too.
    let is_cover = |s: &Stream| s.disposition.as_ref().is_some_and(|d| d.attached_pic != 0);
    let video = report.streams.iter().find(|s| s.codec_type.as_deref() == Some("video") && !is_cover(s));
    let whole = report.format.and_then(|f| f.duration);
    let seconds = whole.as_deref().or_else(|| video?.duration.as_deref()).and_then(|d| d.parse().ok());
    let (mut width, mut height) = video.map_or((0, 0), |v| (v.width.unwrap_or(0), v.height.unwrap_or(0)));
    if video.is_some_and(lies_on_its_side) {
        (width, height) = (height, width);
    }
    Some(Shape { duration_seconds: seconds.map_or(0, whole_seconds), width: width.max(0), height: height.max(0) })
}

fn lies_on_its_side(video: &Stream) -> bool {
    let matrix = video.side_data_list.iter().find_map(|s| s.rotation);
    let tag = || video.tags.as_ref()?.rotate.as_ref()?.parse().ok();
    matrix.or_else(tag).is_some_and(|degrees| (degrees.round() as i64).rem_euclid(180) == 90)
}

/// Rounded, but something that lasts is at least a second.
fn whole_seconds(seconds: f64) -> i32 {
    if seconds > 0.0 { (seconds.round() as i32).max(1) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_duration_and_size_as_shown() {
        let report = |rest: &str| {
            let json = format!(
                r#"{{"streams":[{{"codec_type":"audio"}},
                {{"codec_type":"video","width":1,"height":1,"disposition":{{"attached_pic":1}}}},
                {{"codec_type":"video","width":320,"height":240 {rest}}}],"format":{{"duration":"0.3"}}}}"#
            );
            shape(json.as_bytes()).unwrap()
        };
        let lying = Shape { duration_seconds: 1, width: 320, height: 240 };
        let standing = Shape { width: 240, height: 320, ..lying };
        assert_eq!(report(""), lying);
        assert_eq!(report(r#","side_data_list":[{"rotation":-90}]"#), standing);
        assert_eq!(report(r#","side_data_list":[{}],"tags":{"rotate":"270"}"#), standing);
        assert_eq!(report(r#","tags":{"rotate":"180"}"#), lying);
    }

    #[test]
    fn nothing_known_is_zero() {
        assert_eq!(shape(b"{}"), Some(Shape::default()));
        assert_eq!(shape(br#"{"format":{"duration":"N/A"}}"#), Some(Shape::default()));
        assert_eq!(shape(b"nonsense"), None);
        assert_eq!(whole_seconds(1.4), 1);
        assert_eq!(whole_seconds(f64::NAN), 0);
    }
}
