//! Starts every service, each with what it would have alone: a database, an
//! object store, ways to the others.

use std::{io::IsTerminal, net::SocketAddr, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};
use fenz_chassis::{
    Launched, Process, finish, local::LocalServices, peers::IN_PROCESS, serve_ops, settings::Sources, telemetry,
};
use fenz_contract::routes::HOSTS;
use fenz_database::DatabaseSettings;
use fenz_events::MailboxRegistry;
use fenz_object_store::StoreSettings;
use futures::future::{OptionFuture, try_join_all};
use serde::de::IgnoredAny;
use tokio::net::TcpListener;

use crate::{
    data::Folder,
    services::{self, Registered},
};

/// How long the services have to become ready.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Gives each service what it keeps in the folder, where its settings name nothing
/// else: a SQLite file, the objects, the search index.
pub fn keep_in(folder: &Folder, sources: &mut Sources) -> Result<()> {
    let (settings, IgnoredAny) = sources.service("")?;
    if !settings.section::<DatabaseSettings>("database")?.url.is_empty() {
        bail!(
            "FENZ_DATABASE__URL would give all services one database: set FENZ_<SERVICE>__DATABASE__URL of each \
             instead ({})",
            HOSTS.join(", ")
        );
    }
    for service in services::all().iter().filter(|service| service.has_database) {
        let file = folder.path().join(format!("{}.db", service.name));
        sources.set_default(&[service.name, "database", "url"], &format!("sqlite://{}", file.display()))?;
    }
    let (media, IgnoredAny) = sources.service("media")?;
    if media.section::<StoreSettings>("store")?.endpoint.is_empty() {
        sources.set_default(&["store", "folder"], &folder.path().join("objects").to_string_lossy())?;
    }
    let index = folder.path().join("search");
    sources.set_default(&["recommendation", "index_dir"], &index.to_string_lossy())
}

/// Runs the platform until it is told to stop.
pub async fn run(mut sources: Sources, print_only: bool) -> Result<ExitCode> {
    let services = services::all();
    for service in &services[1..] {
        sources.set_default(&["peers", service.name], IN_PROCESS)?;
    }
    let format = if std::io::stderr().is_terminal() { "pretty" } else { "json" };
    sources.set_default(&["telemetry", "format"], format)?;
    // No balancer has to notice that it stops.
    sources.set_default(&["server", "pre_drain"], "0s")?;
    if print_only {
        for service in &services {
            println!("{}", service.print(&sources)?);
        }
        return Ok(ExitCode::SUCCESS);
    }
    for service in &services {
        service.check(&sources)?;
    }
    let gateway = &services[0];
    let (settings, IgnoredAny) = sources.service(gateway.name)?;
    telemetry::init(&settings.telemetry)?;
    let mut process = Process::default();
    process.local = LocalServices::all();
    let listen = settings.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], gateway.port)));
    let bind = async |address: SocketAddr, key: &str| {
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}; choose with {key}"))
    };
    let edge = bind(listen, "FENZ_GATEWAY__LISTEN").await?;
    let address = edge.local_addr()?;
    let mut listeners = vec![Some(edge)];
    for service in &services[1..] {
        let (settings, IgnoredAny) = sources.service(service.name)?;
        let key = format!("FENZ_{}__LISTEN", service.name.to_uppercase());
        listeners.push(OptionFuture::from(settings.listen.map(|address| bind(address, &key))).await.transpose()?);
    }
    serve_ops(&process, bind(settings.ops.listen.unwrap_or(LOOPBACK), "FENZ_OPS__LISTEN").await?);
    let servers = start_all(&services, &sources, &process, listeners).await?;
    wait_until_ready(&process).await?;
    announce(address);
    // The gateway is the first: the others answer its open requests meanwhile.
    Ok(finish(&process, servers, &settings.server).await)
}

async fn start_all(
    services: &[Registered],
    sources: &Sources,
    process: &Process,
    listeners: Vec<Option<TcpListener>>,
) -> Result<Vec<Launched>> {
    let mut starts =
        services.iter().zip(listeners).map(|(service, listener)| service.start(sources, process, listener));
    let gateway = starts.next();
    let mut servers = try_join_all(starts).await?;
    // After the others: it calls auth as soon as it is built.
    if let Some(gateway) = gateway {
        servers.insert(0, gateway.await?);
    }
    // All consumers are known: events are delivered from now on.
    process.shared.get::<MailboxRegistry>().open();
    process.readiness.started();
    Ok(servers)
}

async fn wait_until_ready(process: &Process) -> Result<()> {
    let waiting = async {
        while !process.readiness.problems().await.is_empty() && !process.is_failed() {
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
