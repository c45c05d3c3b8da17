//! Fills a running platform with a catalogue to try it on, through its public
//! API. What is there stays; a second run adds what is missing.

mod accounts;
mod api;
mod catalogue;
mod clips;
mod crowd;
mod gemini;
mod import;
mod texts;
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
use videos::Plan;

/// Fills a running platform with a catalogue to try it on. A second run adds
/// what is missing.
#[derive(Parser)]
#[command(name = "fenz-seed", version)]
struct Options {
    /// Where the gateway is.
    #[arg(long, env = "FENZ_SEED__GATEWAY", default_value = "http://127.0.0.1:8000")]
    gateway: String,
    /// The administrator that makes accounts, categories and tags.
    #[arg(long, env = "FENZ_SEED__ADMIN__USERNAME", default_value = "admin")]
    admin: String,
    /// Their password: what the first start of the platform printed.
    #[arg(long, env = "FENZ_SEED__ADMIN__PASSWORD", hide_env_values = true)]
    admin_password: Option<String>,
    /// The password of the accounts that are made; without one it is made too,
    /// and printed once.
    #[arg(long, env = "FENZ_SEED__PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Key of the Gemini API, which then writes titles and descriptions.
    #[arg(long, env = "GEMINI_KEY", hide_env_values = true)]
    gemini_key: Option<String>,
    #[arg(long, env = "FENZ_SEED__GEMINI__MODEL", default_value = "gemini-2.0-flash")]
    gemini_model: String,
    #[arg(long, env = "FENZ_SEED__GEMINI__ENDPOINT", default_value = "https://generativelanguage.googleapis.com")]
    gemini_endpoint: String,
    /// Milliseconds between two calls of it.
    #[arg(long, env = "FENZ_SEED__GEMINI__PAUSE_MS", default_value_t = 1000)]
    gemini_pause_ms: u64,
    /// Videos in all, beyond the catalogue's own; without media, imported over
    /// gRPC.
    #[arg(long, default_value_t = 0)]
    videos: usize,
    /// Viewers in all: accounts without videos.
    #[arg(long, default_value_t = 0)]
    users: usize,
    /// Subscriptions of viewers to creators, in all.
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
    let mut writer = match &options.gemini_key {
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
    for (place, who) in CREATORS.iter().enumerate() {
        let creator = accounts::creator(&api, &admin, who, &password).await?;
        let there = videos::of_channel(&api, &admin, creator.id).await?;
        let mine = (0..TOPICS.len()).filter(|number| number % CREATORS.len() == place);
        let missing: Vec<usize> = mine.filter(|n| !there.iter().any(|v| v.tag_ids.contains(&tags[*n]))).collect();
        progress.inc((TOPICS.len() / CREATORS.len() - missing.len()) as u64);
        if missing.is_empty() && !creator.is_new {
            continue;
        }
        let (account, was_reset) = accounts::enter(&api, &admin, &creator, &password).await?;
        used_password |= creator.is_new || was_reset;
        accounts::ensure_fee(&api, &account).await?;
        for number in missing {
            let text = text(writer.as_mut(), number, &progress).await;
            let category = categories[number % CATEGORIES.len()];
            let plan = Plan { number, text, category, tags: vec![tags[number]] };
            published.push(videos::publish(&api, &account, folder.path(), plan).await?);
            progress.inc(1);
        }
        viewers.push(account);
    }
    for video in &published {
        videos::watch(&api, &viewers, *video).await?;
    }
    progress.finish();
    let wanted = crowd::Wanted { users: options.users, subscriptions: options.subscriptions };
    used_password |= crowd::gather(&api, &admin, &password, &wanted).await?;
    println!("{} videos were published, {} were there.", published.len(), TOPICS.len() - published.len());
    if options.videos > 0 {
        let login = Login { api: &api, username: &options.admin, password: admin_password };
        let creators = crowd::creators(&api, &admin, &password).await?;
        let owners = creators.iter().map(|creator| creator.id).collect();
        let catalogue = Catalogue { owners, categories: &categories, tags: &tags };
        let importer = Importer::new(&options.gateway, &login).await?;
        let new = importer.fill(&catalogue, options.videos).await?;
        println!("{new} videos were imported, {} were there.", options.videos - new);
    }
    if password.is_ours && used_password {
        println!("Password of the accounts that were made: {} (shown only now)", password.text);
    }
    Ok(())
}

/// A text for a topic: written for this run, or the catalogue's own.
async fn text(writer: Option<&mut Gemini>, number: usize, progress: &ProgressBar) -> Text {
    let topic = &TOPICS[number];
    let own = || Text { title: topic.title.to_owned(), description: topic.description.to_owned() };
    let Some(writer) = writer else { return own() };
    let category = CATEGORIES[number % CATEGORIES.len()].name;
    match writer.text(topic.tag.name, category).await {
        Ok(text) => text,
        Err(error) => {
            progress.println(format!("no text from Gemini for {}: {error:#}; taking our own", topic.tag.name));
            own()
        }
    }
}

fn bar(length: usize, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:14} {bar:40} {pos}/{len} {eta}");
    let bar = ProgressBar::new(length as u64).with_message(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
