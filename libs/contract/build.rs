//! Generates the contract's Rust code from `proto/`, without protoc.

#[path = "build/comments.rs"]
mod comments;
#[path = "build/events.rs"]
mod events;
#[path = "build/openapi.rs"]
mod openapi;
#[path = "build/options.rs"]
mod options;
#[path = "build/raw_operations.rs"]
mod raw_operations;
#[path = "build/raw_routes.rs"]
mod raw_routes;
#[path = "build/rules.rs"]
mod rules;
#[path = "build/schemas.rs"]
mod schemas;
#[path = "build/services.rs"]
mod services;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use prost_reflect::DescriptorPool;

/// Timestamps use the type that implements their JSON mapping.
const TIMESTAMP: (&str, &str) = (".google.protobuf.Timestamp", "::pbjson_types::Timestamp");

fn main() -> Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let mut files = Vec::new();
    proto_files(&root.join("fenzvideo"), &mut files)?;
    files.sort();
    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(&files)?;
    let descriptors = compiler.encode_file_descriptor_set();
    let pool = DescriptorPool::decode(descriptors.as_slice()).context("descriptor set")?;

    tonic_prost_build::configure()
        .extern_path(TIMESTAMP.0, TIMESTAMP.1)
        .compile_well_known_types(false)
        .compile_fds(compiler.file_descriptor_set())?;
    pbjson_build::Builder::new().register_descriptors(&descriptors)?.emit_fields().build(&[".fenzvideo"])?;
    let contract = options::read(&pool)?;
    let rest = rest_over_grpc::build::ServiceDefinition::from_fds(
        &descriptors,
        &rest_over_grpc::build::DescriptorOptions::new().package("fenzvideo").extern_path(TIMESTAMP.0, TIMESTAMP.1),
    )?;
    services::write(&out, &contract, rest)?;
    fs::write(out.join("events.rs"), events::render(&pool, &contract.hosts())?)?;
    fs::write(out.join("rules.rs"), rules::render(&pool, &contract)?)?;
    fs::write(out.join("openapi.json"), openapi::render(&pool, &descriptors, &contract)?)?;
    fs::write(out.join("descriptors.binpb"), &descriptors)?;
    fs::write(out.join("modules.rs"), modules(&pool, &out))?;
    Ok(())
}

fn proto_files(folder: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            proto_files(&path, into)?;
        } else if path.extension().is_some_and(|e| e == "proto") {
            into.push(path);
        }
    }
    Ok(())
}

/// The module tree of the packages, each including what was generated for it.
fn modules(pool: &DescriptorPool, out: &Path) -> String {
    let packages: BTreeSet<_> =
        pool.files().map(|f| f.package_name().to_owned()).filter(|p| p.starts_with("fenzvideo.")).collect();
    let mut code = String::new();
    for package in &packages {
        let [_, context, version] = package.split('.').collect::<Vec<_>>()[..] else { continue };
        code += &format!(
            "#[allow(clippy::all, clippy::pedantic, missing_docs)]\npub mod {context} {{ pub mod {version} {{\n"
        );
        for kind in ["rs", "serde.rs", "rest.rs", "services.rs"] {
            let file = format!("{package}.{kind}");
            if out.join(&file).exists() {
                code += &format!("include!(concat!(env!(\"OUT_DIR\"), \"/{file}\"));\n");
            }
        }
        code += "}}\n";
    }
    code
}
