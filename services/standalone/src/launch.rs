//! Starts every service, each with what it would have alone: a database, an
//! object store, addresses of the others.

use std::{collections::BTreeMap, io::IsTerminal, net::SocketAddr, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};
use fenz_admin::Admin;
use fenz_auth::Auth;
use fenz_channel::Channels;
use fenz_chassis::{
    Process, Service, Settings, check, finish, serve_ops,
    settings::{self, Sources},
    start,
    store::StoreSettings,
    telemetry,
};
use fenz_content::Content;
use fenz_events::MailboxRegistry;
use fenz_gateway::Gateway;
use fenz_media::MediaService as Media;
use fenz_notification::Notifications;
use fenz_recommendation::Recommendations;
use tokio::net::TcpListener;

use crate::data::Folder;

/// How long the services have to become ready.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
const BEHIND_THE_GATEWAY: [&str; 7] =
    [Auth::NAME, Content::NAME, Media::NAME, Channels::NAME, Notifications::NAME, Recommendations::NAME, Admin::NAME];
const BUCKET: &str = "fenzvideo";

/// Gives each service a SQLite file, where its settings name nothing else.
pub fn databases(folder: &Folder, sources: &mut Sources) -> Result<()> {
    if !sources.service::<serde_json::Value>("")?.0.database.url.is_empty() {
        bail!(
            "FENZ_DATABASE__URL would give all services one database: set FENZ_<SERVICE>__DATABASE__URL of each \
             instead ({})",
            BEHIND_THE_GATEWAY.join(", ")
        );
    }
    for service in BEHIND_THE_GATEWAY {
        let file = folder.path().join(format!("{service}.db"));
        sources.set_default(&[service, "database", "url"], &format!("sqlite://{}", file.display()))?;
    }
    let index = folder.path().join("search");
    sources.set_default(&[Recommendations::NAME, "index_dir"], &index.to_string_lossy())
}

/// Runs the platform until it is told to stop.
pub async fn run(folder: &Folder, mut sources: Sources, print_only: bool) -> Result<ExitCode> {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut listeners = BTreeMap::new();
    for service in BEHIND_THE_GATEWAY {
        let listener = TcpListener::bind(loopback).await?;
        sources.set_default(&["peers", service], &format!("http://{}", listener.local_addr()?))?;
        listeners.insert(service, listener);
    }
    let format = if std::io::stderr().is_terminal() { "pretty" } else { "json" };
    sources.set_default(&["telemetry", "format"], format)?;
    let store = TcpListener::bind(loopback).await?;
    let own_store = own_store(&mut sources, &store)?;
    if print_only {
        return print(&sources);
    }
    let (shared, gateway) = check::<Gateway>(&sources)?;
    check::<Auth>(&sources)?;
    check::<Content>(&sources)?;
    check::<Media>(&sources)?;
    check::<Channels>(&sources)?;
    check::<Notifications>(&sources)?;
    check::<Recommendations>(&sources)?;
    check::<Admin>(&sources)?;
    telemetry::init(&shared.telemetry)?;
    let process = Process::default();
    if let Some((access_key, secret_key)) = own_store {
        let root = folder.path().join("objects");
        let settings = fenz_s3_folder::Settings { root, bucket: BUCKET.to_owned(), access_key, secret_key };
        let server = fenz_s3_folder::Server::new(settings, store)?;
        process.tasks.spawn(server.run(process.stop.clone()));
    }
    let listen = Gateway::listen(&gateway).unwrap_or(SocketAddr::from(([127, 0, 0, 1], Gateway::PORT)));
    let bind = async |address: SocketAddr, key: &str| {
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}; choose with {key}"))
    };
    let edge = bind(listen, "FENZ_GATEWAY__LISTEN").await?;
    let address = edge.local_addr()?;
    serve_ops(&process, bind(shared.ops.listen.unwrap_or(loopback), "FENZ_OPS__LISTEN").await?);
    // Boxed: the builds together are large.
    Box::pin(start_all(&sources, &process, listeners, edge)).await?;
    wait_until_ready(&process).await?;
    announce(address);
    Ok(finish(&process).await)
}

async fn start_all(
    sources: &Sources,
    process: &Process,
    mut listeners: BTreeMap<&'static str, TcpListener>,
    edge: TcpListener,
) -> Result<()> {
    let mut listener = |name| listeners.remove(name).context("a listener for each service");
    let (auth, content, media) = (listener(Auth::NAME)?, listener(Content::NAME)?, listener(Media::NAME)?);
    let (channel, notification) = (listener(Channels::NAME)?, listener(Notifications::NAME)?);
    let (recommendation, admin) = (listener(Recommendations::NAME)?, listener(Admin::NAME)?);
    tokio::try_join!(
        start::<Auth>(sources, process, auth),
        start::<Media>(sources, process, media),
        start::<Content>(sources, process, content),
        start::<Channels>(sources, process, channel),
        start::<Notifications>(sources, process, notification),
        start::<Recommendations>(sources, process, recommendation),
        start::<Admin>(sources, process, admin),
        start::<Gateway>(sources, process, edge),
    )?;
    // Who hears what is known: events go out from now on.
    process.shared.get::<MailboxRegistry>().open();
    process.readiness.started();
    Ok(())
}

/// Points the services at an object store of our own, unless the settings
/// name one; the keys that it takes.
fn own_store(sources: &mut Sources, listener: &TcpListener) -> Result<Option<(String, String)>> {
    let (settings, _) = sources.service::<serde_json::Value>("")?;
    if !settings.store.endpoint.is_empty() {
        return Ok(None);
    }
    sources.set(&["store", "endpoint"], &format!("http://{}", listener.local_addr()?))?;
    sources.set(&["store", "bucket"], BUCKET)?;
    let StoreSettings { access_key, secret_key, .. } = settings.store;
    Ok(Some((access_key.expose().to_owned(), secret_key.expose().to_owned())))
}

async fn wait_until_ready(process: &Process) -> Result<()> {
    let waiting = async {
        while !process.readiness.problems().await.is_empty() && !process.stop.is_cancelled() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if tokio::time::timeout(READY_TIMEOUT, waiting).await.is_err() {
        bail!("not ready after {READY_TIMEOUT:?}: {:?}", process.readiness.problems().await);
    }
    Ok(())
}

fn announce(address: SocketAddr) {
    println!("FenzVideo is ready.");
    println!("  gateway        http://{address}");
    println!("  documentation  http://{address}/docs");
    println!("  try            curl http://{address}/api/v1/categories");
}

fn print(sources: &Sources) -> Result<ExitCode> {
    fn one<S: Service>(sources: &Sources) -> Result<()> {
        let (settings, config): (Settings, S::Config) = sources.service(S::NAME)?;
        println!("{}", settings::print(S::NAME, &settings, &config)?);
        Ok(())
    }
    one::<Gateway>(sources)?;
    one::<Auth>(sources)?;
    one::<Content>(sources)?;
    one::<Media>(sources)?;
    one::<Channels>(sources)?;
    one::<Notifications>(sources)?;
    one::<Recommendations>(sources)?;
    one::<Admin>(sources)?;
    Ok(ExitCode::SUCCESS)
}
