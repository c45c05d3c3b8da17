//! Generated video files.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, ensure};
use fenz_core::Random;

/// Two seconds of a test pattern and a tone.
pub fn generate_small(path: &Path) -> Result<()> {
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y"])
        .args(["-f", "lavfi", "-i", "testsrc=size=320x180:rate=25:duration=2"])
        .args(["-f", "lavfi", "-i", "sine=frequency=440:duration=2"])
        .args(["-pix_fmt", "yuv420p", "-movflags", "+faststart", "-shortest"])
        .arg(path)
        .status()
        .context("ffmpeg is needed: scripts/install-tools ffmpeg")?;
    ensure!(status.success(), "ffmpeg made no video");
    Ok(())
}

/// The same video of exactly `size` bytes: padded with a `free` box (ISO/IEC
/// 14496-12, 8.1.2) of noise, which players skip.
pub fn generate_large(small: &Path, path: &Path, size: u64) -> Result<()> {
    let mut bytes = fs::read(small)?;
    let mut left = size - bytes.len() as u64;
    bytes.extend(u32::try_from(left)?.to_be_bytes());
    bytes.extend(b"free");
    left -= 8;
    let mut file = File::create(path)?;
    file.write_all(&bytes)?;
    let random = Random::default();
    let noise: Vec<u8> =
        std::iter::repeat_with(|| random.value::<u64>()).take(1 << 17).flat_map(u64::to_le_bytes).collect();
    while left > 0 {
        let now = left.min(noise.len() as u64);
        file.write_all(&noise[..now as usize])?;
        left -= now;
    }
    Ok(file.sync_all()?)
}
