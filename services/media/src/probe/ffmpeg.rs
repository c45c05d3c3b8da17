//! Runs ffprobe and ffmpeg on untrusted files.

use std::{io, path::Path, process::Stdio, time::Duration};

use bytes::Bytes;
use tokio::{
    io::AsyncReadExt,
    process::{ChildStdout, Command},
    sync::OnceCell,
};

use super::{
    MATROSKA,
    input::{self, Decoders},
    report::{self, Probed},
};

/// Resource limits, if `prlimit` is installed.
const PRLIMIT: &[&str] =
    &["prlimit", "--as=1610612736", "--cpu=30", "--fsize=8388608", "--core=0", "--nofile=64", "--"];
const NICE: &[&str] = &["nice", "-n", "10"];
/// Larger outputs are cut off and rejected.
const MAX_REPORT: u64 = 64 << 10;
const MAX_PACKETS: u64 = 8 << 20;
const MAX_FRAME: u64 = 4 << 20;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("it timed out")]
    Timeout,
    #[error("it failed with {0}")]
    Failed(std::process::ExitStatus),
    #[error("it cannot be run: {0}")]
    Run(#[from] io::Error),
    #[error("its report is not valid")]
    Report,
}

/// ffprobe's name of the first packet.
const FIRST: &str = "%+#1";

#[derive(Clone, Copy, Debug)]
pub enum Frames {
    First,
    All,
}

/// How the programs are run.
pub struct Programs {
    prefix: Vec<&'static str>,
    timeout: Duration,
    /// They have run once.
    checked: OnceCell<()>,
}

impl Programs {
    /// None if ffprobe or ffmpeg is not installed.
    pub fn find(timeout: Duration) -> Option<Self> {
        if !(is_installed("ffprobe") && is_installed("ffmpeg")) {
            return None;
        }
        let mut prefix = Vec::new();
        if is_installed("prlimit") {
            prefix.extend(PRLIMIT);
        } else {
            tracing::warn!("prlimit not found, ffmpeg runs without memory limits");
        }
        if is_installed("nice") {
            prefix.extend(NICE);
        }
        Some(Self { prefix, timeout, checked: OnceCell::new() })
    }

    /// Whether the programs run at all here: a failure later is the file's.
    ///
    /// # Errors
    /// `Run` when they do not.
    pub async fn check(&self) -> Result<(), Error> {
        let run = async || {
            let mut command = self.command("ffprobe");
            command.arg("-version");
            self.run(command, MAX_REPORT).await.map_err(|error| Error::Run(io::Error::other(error.to_string())))?;
            Ok(())
        };
        self.checked.get_or_try_init(run).await.copied()
    }

    /// All of a video's information but the poster.
    pub async fn probe(&self, file: &Path, demuxer: &str) -> Result<Probed, Error> {
        const ENTRIES: &str = "format=start_time,duration\
            :stream=codec_type,codec_name,width,height,sample_aspect_ratio,duration\
            :stream_side_data=rotation:stream_tags=rotate:stream_disposition=attached_pic";
        let mut command = self.command("ffprobe");
        command.args(["-v", "error", "-hide_banner", "-show_entries", ENTRIES, "-of", "json"]);
        input::add(&mut command, file, demuxer, Decoders::PlayedAndBeside);
        let report = self.run(command, MAX_REPORT).await?;
        report::parse(&report, demuxer == MATROSKA).ok_or(Error::Report)
    }

    /// When the first and the last frame of a file begin and end, in seconds.
    pub async fn frame_times(&self, file: &Path, demuxer: &str, which: Frames) -> Result<Option<(f64, f64)>, Error> {
        let mut command = self.command("ffprobe");
        command.args(["-v", "error", "-hide_banner", "-select_streams", "V:0"]);
        if let Frames::First = which {
            command.args(["-read_intervals", FIRST]);
        }
        command.args(["-show_entries", "packet=pts_time,duration_time", "-of", "csv=p=0"]);
        input::add(&mut command, file, demuxer, Decoders::PlayedAndBeside);
        let report = self.run(command, MAX_PACKETS).await?;
        Ok(report::packet_times(&String::from_utf8_lossy(&report)))
    }

    /// Where the data of the first frame ends in the file; none if it has none.
    pub async fn first_frame_end(&self, file: &Path, demuxer: &str) -> Result<Option<u64>, Error> {
        let mut command = self.command("ffprobe");
        command.args(["-v", "error", "-hide_banner", "-select_streams", "V:0", "-read_intervals", FIRST]);
        command.args(["-show_entries", "packet=pos,size", "-of", "json"]);
        input::add(&mut command, file, demuxer, Decoders::PlayedAndBeside);
        let report = self.run(command, MAX_REPORT).await?;
        Ok(report::first_packet_end(&report))
    }

    /// One frame as JPEG, at most 1280 pixels wide. None if nothing was decoded.
    pub async fn frame(
        &self,
        file: &Path,
        demuxer: &str,
        second: u32,
        displayed: (i32, i32),
    ) -> Result<Option<Bytes>, Error> {
        let mut command = self.command("ffmpeg");
        command.args(["-v", "error", "-hide_banner", "-nostdin", "-threads", "1"]);
        // A seek to the start misses it where the copy has no index and the video begins late.
        if second > 0 {
            command.args(["-ss", &second.to_string()]);
        }
        input::add(&mut command, file, demuxer, Decoders::Played);
        // `V`: no cover pictures.
        command.args(["-map", "0:V:0", "-frames:v", "1", "-vf", &poster_filter(displayed)]);
        command.args(["-q:v", "4", "-threads", "1", "-f", "mjpeg", "pipe:1"]);
        match self.run(command, MAX_FRAME).await {
            Ok(frame) => Ok(frame.starts_with(&[0xFF, 0xD8]).then(|| frame.into())),
            Err(Error::Failed(status)) if status.code().is_some() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut words = self.prefix.iter().copied().chain([program]);
        let mut command = Command::new(words.next().unwrap_or(program));
        command.args(words).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).kill_on_drop(true);
        command
    }

    /// The program's output. It is killed at the timeout or when it writes more than
    /// `limit` bytes.
    async fn run(&self, mut command: Command, limit: u64) -> Result<Vec<u8>, Error> {
        let mut child = command.spawn()?;
        let output = child.stdout.take();
        let work = async {
            let written = match output {
                Some(output) => read(output, limit).await?,
                None => Vec::new(),
            };
            Ok::<_, io::Error>((written, child.wait().await?))
        };
        let Ok(done) = tokio::time::timeout(self.timeout, work).await else {
            // `kill` also waits: no zombie stays, and the copy is not in use any more.
            child.kill().await?;
            return Err(Error::Timeout);
        };
        let (written, status) = done?;
        if status.success() { Ok(written) } else { Err(Error::Failed(status)) }
    }
}

/// Scales a frame, which ffmpeg has rotated, to the size at which the video is displayed.
fn poster_filter((width, height): (i32, i32)) -> String {
    if width <= 0 || height <= 0 {
        return "scale=w='min(1280,iw)':h=-2".to_owned();
    }
    let even = |pixels: f64| ((pixels / 2.0).round() * 2.0).max(2.0);
    let poster_width = even(f64::from(width.min(1280)));
    let poster_height = even(poster_width * f64::from(height) / f64::from(width));
    format!("scale={poster_width}:{poster_height},setsar=1")
}

/// Reads up to `limit` bytes and closes the pipe, which ends the writer.
async fn read(output: ChildStdout, limit: u64) -> io::Result<Vec<u8>> {
    let mut written = Vec::new();
    output.take(limit).read_to_end(&mut written).await?;
    Ok(written)
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe;

    fn shell(programs: &Programs, script: &str) -> Command {
        let mut command = programs.command("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_slow_program_is_killed_and_a_long_output_is_cut_off() {
        let impatient = Programs { prefix: Vec::new(), timeout: Duration::from_millis(200), checked: OnceCell::new() };
        assert!(matches!(impatient.run(shell(&impatient, "exec sleep 10"), 10).await, Err(Error::Timeout)));
        let programs = Programs { prefix: Vec::new(), timeout: Duration::from_secs(30), checked: OnceCell::new() };
        let endless = programs.run(shell(&programs, "exec yes"), 1000).await;
        assert!(matches!(endless, Err(Error::Failed(_))), "{endless:?}");
        let failed = programs.run(shell(&programs, "exit 3"), 10).await.unwrap_err();
        assert!(matches!(probe::Error::from(failed), probe::Error::Unreadable));
        let killed = programs.run(shell(&programs, "kill -9 $$"), 10).await.unwrap_err();
        assert!(matches!(probe::Error::from(killed), probe::Error::Timeout), "not the file's fault for certain");
        assert_eq!(programs.run(shell(&programs, "echo hello"), 10).await.unwrap(), b"hello\n");
    }

    #[test]
    fn posters_have_the_displayed_shape() {
        assert_eq!(poster_filter((1024, 576)), "scale=1024:576,setsar=1");
        assert_eq!(poster_filter((3840, 2160)), "scale=1280:720,setsar=1");
        assert_eq!(poster_filter((1081, 1921)), "scale=1082:1922,setsar=1");
        assert_eq!(poster_filter((1, 1)), "scale=2:2,setsar=1");
        assert_eq!(poster_filter((0, 0)), "scale=w='min(1280,iw)':h=-2");
    }

    #[tokio::test]
    async fn programs_that_do_not_run_here_are_not_the_files_fault() {
        let programs = Programs { prefix: vec!["false"], timeout: Duration::from_secs(30), checked: OnceCell::new() };
        assert!(matches!(programs.check().await, Err(Error::Run(_))));
        let programs = Programs { prefix: Vec::new(), ..programs };
        programs.check().await.unwrap();
    }
}
