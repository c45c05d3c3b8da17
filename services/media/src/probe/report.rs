//! Parses ffprobe's JSON report.

use serde::Deserialize;

use crate::domain::media_info::MediaInfo;

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Option<Container>,
}

#[derive(Deserialize)]
struct Container {
    start_time: Option<String>,
    duration: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    codec_type: Option<String>,
    codec_name: Option<String>,
    width: Option<i32>,
    height: Option<i32>,
    sample_aspect_ratio: Option<String>,
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

/// What a report says.
#[derive(Debug, PartialEq)]
pub struct Probed {
    pub info: MediaInfo,
    /// Otherwise the length in `info` is unknown, or at most so much.
    pub has_length: bool,
}

/// None if it is not a report. `is_end`: what ffprobe calls the duration is the time of the
/// end, as in Matroska.
pub fn parse(json: &[u8], is_end: bool) -> Option<Probed> {
    let report: Report = serde_json::from_slice(json).ok()?;
    // A cover picture is reported as a video stream.
    let is_cover = |s: &Stream| s.disposition.as_ref().is_some_and(|d| d.attached_pic != 0);
    let first = |kind| report.streams.iter().find(|s| s.codec_type.as_deref() == Some(kind) && !is_cover(s));
    let (video, audio) = (first("video"), first("audio"));
    let seconds = |text: &Option<String>| text.as_deref().and_then(|seconds| seconds.parse::<f64>().ok());
    let container = report.format.as_ref();
    let start = container.and_then(|format| seconds(&format.start_time)).map(|start| start.max(0.0));
    let duration = container.and_then(|format| seconds(&format.duration)).or_else(|| seconds(&video?.duration));
    let length = duration.map(|duration| if is_end { duration - start.unwrap_or(0.0) } else { duration });
    let (width, height) = video.map_or((0, 0), displayed_size);
    let codec = |stream: Option<&Stream>| stream?.codec_name.clone();
    let info = MediaInfo {
        duration_seconds: length.map_or(0, whole_seconds),
        width: width.max(0),
        height: height.max(0),
        video_codec: codec(video),
        audio_codec: codec(audio),
        poster: None,
    };
    Some(Probed { info, has_length: length.is_some() && (start.is_some() || !is_end) })
}

/// When the first of some packets begins and the last one ends, in seconds. Their lines are
/// `time,duration`, in decoding order.
pub fn packet_times(csv: &str) -> Option<(f64, f64)> {
    let times = |line: &str| {
        let mut values = line.split(',').map(|value| value.trim().parse::<f64>().ok());
        let start = values.next()??;
        Some((start, start + values.next().flatten().unwrap_or(0.0)))
    };
    csv.lines().filter_map(times).reduce(|all, packet| (all.0.min(packet.0), all.1.max(packet.1)))
}

#[derive(Deserialize)]
struct Packets {
    #[serde(default)]
    packets: Vec<Packet>,
}

#[derive(Deserialize)]
struct Packet {
    pos: Option<String>,
    size: Option<String>,
}

/// Where the first packet of a list ends in the file.
pub fn first_packet_end(json: &[u8]) -> Option<u64> {
    let report: Packets = serde_json::from_slice(json).ok()?;
    let packet = report.packets.first()?;
    let (pos, size): (u64, u64) = (packet.pos.as_ref()?.parse().ok()?, packet.size.as_ref()?.parse().ok()?);
    pos.checked_add(size)
}

/// The size in square pixels, with the rotation applied.
fn displayed_size(video: &Stream) -> (i32, i32) {
    let (width, height) = (video.width.unwrap_or(0), video.height.unwrap_or(0));
    let shape = video.sample_aspect_ratio.as_deref().map_or(1.0, pixel_shape);
    let width = (f64::from(width) * shape).round() as i32;
    if is_rotated_sideways(video) { (height, width) } else { (width, height) }
}

/// A pixel's width by its height: `64:45`. Unknown, or nonsense, is a square.
fn pixel_shape(ratio: &str) -> f64 {
    let numbers = ratio.split_once(':').and_then(|(w, h)| Some((w.parse::<f64>().ok()?, h.parse::<f64>().ok()?)));
    numbers.map(|(w, h)| w / h).filter(|shape| (0.0625..=16.0).contains(shape)).unwrap_or(1.0)
}

fn is_rotated_sideways(video: &Stream) -> bool {
    let matrix = video.side_data_list.iter().find_map(|s| s.rotation);
    let tag = || video.tags.as_ref()?.rotate.as_ref()?.parse().ok();
    matrix.or_else(tag).is_some_and(|degrees| (degrees.round() as i64).rem_euclid(180) == 90)
}

/// Rounded; a positive duration is at least a second.
pub fn whole_seconds(seconds: f64) -> i32 {
    if seconds > 0.0 { (seconds.round() as i32).max(1) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_duration_displayed_size_and_codecs() {
        let report = |rest: &str| {
            let json = format!(
                r#"{{"streams":[{{"codec_type":"audio","codec_name":"aac"}},
                {{"codec_type":"video","width":1,"height":1,"disposition":{{"attached_pic":1}}}},
                {{"codec_type":"video","codec_name":"h264","width":320,"height":240 {rest}}}],"format":{{"duration":"0.3"}}}}"#
            );
            parse(json.as_bytes(), false).unwrap().info
        };
        let landscape = MediaInfo {
            duration_seconds: 1,
            width: 320,
            height: 240,
            video_codec: Some("h264".into()),
            audio_codec: Some("aac".into()),
            poster: None,
        };
        let portrait = MediaInfo { width: 240, height: 320, ..landscape.clone() };
        assert_eq!(report(""), landscape);
        assert_eq!(report(r#","side_data_list":[{"rotation":-90}]"#), portrait);
        assert_eq!(report(r#","side_data_list":[{}],"tags":{"rotate":"270"}"#), portrait);
        assert_eq!(report(r#","tags":{"rotate":"180"}"#), landscape);
        let wide = MediaInfo { width: 427, ..landscape.clone() };
        assert_eq!(report(r#","sample_aspect_ratio":"4:3""#), wide);
        let tall = MediaInfo { width: 240, height: 427, ..landscape.clone() };
        assert_eq!(report(r#","sample_aspect_ratio":"4:3","side_data_list":[{"rotation":90}]"#), tall);
        for square in ["1:1", "0:1", "1:0", "0:0", "N/A", "65535:1", "-4:3"] {
            assert_eq!(report(&format!(r#","sample_aspect_ratio":"{square}""#)), landscape, "{square}");
        }
    }

    #[test]
    fn an_end_is_not_a_length() {
        let report = br#"{"format":{"start_time":"2.5","duration":"6.5"}}"#;
        assert_eq!(parse(report, true).unwrap().info.duration_seconds, 4);
        assert_eq!(parse(report, false).unwrap().info.duration_seconds, 7);
        let late = br#"{"format":{"start_time":"N/A","duration":"6.5"}}"#;
        assert!(!parse(late, true).unwrap().has_length && parse(late, false).unwrap().has_length);
    }

    #[test]
    fn packets_begin_and_end() {
        assert_eq!(packet_times("1.0,0.5\n3.0,0.5\n2.0,0.5\nN/A,0.5\n"), Some((1.0, 3.5)));
        assert_eq!(packet_times("3.5,N/A\n"), Some((3.5, 3.5)));
        assert_eq!(packet_times(""), None);
    }

    #[test]
    fn a_packet_ends_where_its_data_does() {
        let report = br#"{"packets": [{"size": "5352", "pos": "48"}, {"size": "1", "pos": "9000"}]}"#;
        assert_eq!(first_packet_end(report), Some(5400));
        for none in [&br#"{"packets": []}"#[..], b"{}", br#"{"packets": [{"size": "5"}]}"#, b"nonsense"] {
            assert_eq!(first_packet_end(none), None);
        }
    }

    #[test]
    fn unknown_values_are_zero() {
        let unknown = || Some(Probed { info: MediaInfo::default(), has_length: false });
        assert_eq!(parse(b"{}", false), unknown());
        assert_eq!(parse(br#"{"format":{"duration":"N/A"}}"#, true), unknown());
        assert_eq!(parse(b"nonsense", false), None);
        assert_eq!(whole_seconds(1.4), 1);
        assert_eq!(whole_seconds(f64::NAN), 0);
    }
}
