//! Generates [`Reason`] from the contract's `ErrorReason`.

use std::{env, fmt::Write, fs, path::Path};

use anyhow::{Context, Result};
use prost_reflect::DescriptorPool;

const FILE: &str = "fenzvideo/common/v1/error_reason.proto";

fn main() -> Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.join(FILE).display());
    let mut compiler = protox::Compiler::new([&root])?;
    compiler.open_file(FILE)?;
    let pool = DescriptorPool::decode(compiler.encode_file_descriptor_set().as_slice())?;
    let reasons = pool.get_enum_by_name("fenzvideo.common.v1.ErrorReason").context("no enum ErrorReason")?;
    let mut variants = String::new();
    let mut names = String::new();
    let mut all = String::new();
    for value in reasons.values() {
        let (name, variant) = (value.name(), pascal(value.name()));
        // The default of an enum in proto3.
        let default = if value.number() == 0 { "#[default] " } else { "" };
        writeln!(variants, "    {default}{variant} = {},", value.number())?;
        writeln!(names, "            Self::{variant} => {name:?},")?;
        write!(all, "Reason::{variant}, ")?;
    }
    let code = format!(
        "/// Why a request was refused: the `reason` of `google.rpc.ErrorInfo`. docs/errors.md explains each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i32)]
pub enum Reason {{
{variants}}}

impl Reason {{
    /// Every reason of the contract.
    pub const ALL: &'static [Self] = &[{all}];

    /// The name in the contract: `VIDEO_NOT_FOUND`.
    pub const fn as_str_name(self) -> &'static str {{
        match self {{
{names}        }}
    }}
}}
"
    );
    fs::write(Path::new(&env::var("OUT_DIR")?).join("reason.rs"), code)?;
    Ok(())
}

/// `VIDEO_NOT_FOUND` is `VideoNotFound`.
fn pascal(name: &str) -> String {
    name.split('_').map(|word| word[..1].to_owned() + &word[1..].to_lowercase()).collect()
}
