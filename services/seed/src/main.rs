//! Fills a running platform with sample data, through its public API. Idempotent: a
//! second run adds what is missing.

mod accounts;
mod api;
mod catalogue;
mod clips;
mod gemini;
mod generated_users;
mod import;
mod sample_texts;
mod videos;

use std::{process::ExitCode, time::Duration};

use accounts::{Login, Password};
use anyhow::{Context, Result};
use api::Api;
use catalogue::{CATEGORIES, CREATORS, TOPICS};
use clap::Parser;
use gemini::{Gemini, Text};
use import::{Catalogue, Importer};
use indicatif::{ProgressBar, ProgressStyle};
use videos::NewVideo;

/// Fills a running platform with sample data. A second run adds what is missing.
#[derive(Parser)]
#[command(name = "fenz-seed", version)]
struct Options {
    /// URL of the gateway.
    #[arg(long, env = "FENZ_SEED__GATEWAY", default_value = "http://127.0.0.1:8000")]
    gateway: String,
    /// Username of the administrator that creates accounts, categories and tags.
    #[arg(long, env = "FENZ_SEED__ADMIN__USERNAME", default_value = "admin")]
    admin: String,
    /// The administrator's password, printed by the first start of the platform.
    #[arg(long, env = "FENZ_SEED__ADMIN__PASSWORD", hide_env_values = true)]
    admin_password: Option<String>,
    /// The password of created accounts; generated and printed once by default.
    #[arg(long, env = "FENZ_SEED__PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Key of the Gemini API, which then generates titles and descriptions.
    #[arg(long, env = "GEMINI_KEY", hide_env_values = true)]
    gemini_key: Option<String>,
    #[arg(long, env = "FENZ_SEED__GEMINI__MODEL", default_value = "gemini-2.0-flash")]
    gemini_model: String,
    #[arg(long, env = "FENZ_SEED__GEMINI__ENDPOINT", default_value = "https://generativelanguage.googleapis.com")]
    gemini_endpoint: String,
    /// Milliseconds between two calls of the Gemini API.
    #[arg(long, env = "FENZ_SEED__GEMINI__PAUSE_MS", default_value_t = 1000)]
    gemini_pause_ms: u64,
    /// Total of generated videos, besides the catalogue's own. They have no media and
    /// are imported over gRPC.
    #[arg(long, default_value_t = 0)]
    videos: usize,
    /// Total of generated viewers: accounts without videos.
    #[arg(long, default_value_t = 0)]
    users: usize,
    /// Total of subscriptions of viewers to creators.
    #[arg(long, default_value_t = 0)]
    subscriptions: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    fenz_chassis::prepare();
    match seed(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("seed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn seed(options: Options) -> Result<()> {
    let api = Api::new(&options.gateway)?;
    let admin_password = options.admin_password.as_deref().context(
        "FENZ_SEED__ADMIN__PASSWORD should be the administrator's password: the platform printed it at its first start",
    )?;
    let admin = accounts::sign_in(&api, &options.admin, admin_password).await?;
    let password = Password::new(options.password.clone());
    let categories = videos::ensure_categories(&api, &admin).await?;
    let tags = videos::ensure_tags(&api, &admin).await?;
    let mut gemini = match &options.gemini_key {
        Some(key) if !key.is_empty() => {
            let pause = Duration::from_millis(options.gemini_pause_ms);
            Some(Gemini::new(&options.gemini_endpoint, &options.gemini_model, key.clone(), pause)?)
        }
        _ => None,
    };
    accounts::ensure_fee(&api, &admin).await?;
    let progress = bar(TOPICS.len(), "videos");
    let folder = tempfile::tempdir()?;
    let mut used_password = false;
    let mut published = Vec::new();
    let mut viewers = vec![admin.clone()];
    for (index, profile) in CREATORS.iter().enumerate() {
        let creator = accounts::creator(&api, &admin, profile, &password).await?;
        let existing = videos::of_channel(&api, &admin, creator.id).await?;
        let numbers = (0..TOPICS.len()).filter(|number| number % CREATORS.len() == index);
        let missing: Vec<usize> = numbers.filter(|n| !existing.iter().any(|v| v.tag_ids.contains(&tags[*n]))).collect();
        progress.inc((TOPICS.len() / CREATORS.len() - missing.len()) as u64);
        if missing.is_empty() && !creator.is_new {
            continue;
        }
        let (account, was_reset) = accounts::sign_in_creator(&api, &admin, &creator, &password).await?;
        used_password |= creator.is_new || was_reset;
        accounts::ensure_fee(&api, &account).await?;
        for number in missing {
            let text = text(gemini.as_mut(), number, &progress).await;
            let category = categories[number % CATEGORIES.len()];
            let video = NewVideo { number, text, category, tags: vec![tags[number]] };
            published.push(videos::publish(&api, &account, folder.path(), video).await?);
            progress.inc(1);
        }
        viewers.push(account);
    }
    for video in &published {
        videos::watch(&api, &viewers, *video).await?;
    }
    progress.finish();
    let targets = generated_users::Targets { users: options.users, subscriptions: options.subscriptions };
    used_password |= generated_users::ensure(&api, &admin, &password, &targets).await?;
    println!("{} videos were published, {} existed.", published.len(), TOPICS.len() - published.len());
    if options.videos > 0 {
        let login = Login { api: &api, username: &options.admin, password: admin_password };
        let creators = generated_users::creators(&api, &admin, &password).await?;
        let owners = creators.iter().map(|creator| creator.id).collect();
        let catalogue = Catalogue { owners, categories: &categories, tags: &tags };
        let importer = Importer::new(&options.gateway, &login).await?;
        let new = importer.ensure(&catalogue, options.videos).await?;
        println!("{new} videos were imported, {} existed.", options.videos - new);
    }
    if password.is_generated && used_password {
        println!("Password of the created accounts: {} (shown once)", password.text);
    }
    Ok(())
}

/// A text for a topic: generated, or the catalogue's own.
async fn text(gemini: Option<&mut Gemini>, number: usize, progress: &ProgressBar) -> Text {
    let topic = &TOPICS[number];
    let own = || Text { title: topic.title.to_owned(), description: topic.description.to_owned() };
    let Some(gemini) = gemini else { return own() };
    let category = CATEGORIES[number % CATEGORIES.len()].name;
    match gemini.text(topic.tag.name, category).await {
        Ok(text) => text,
        Err(error) => {
            progress
                .println(format!("no text from Gemini for {}: {error:#}; using the catalogue's own", topic.tag.name));
            own()
        }
    }
}

fn bar(length: usize, label: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:14} {bar:40} {pos}/{len} {eta}");
    let bar = ProgressBar::new(length as u64).with_message(label);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
