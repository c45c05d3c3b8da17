//! Which ports the process listens on.

use std::{collections::BTreeSet, fs, net::SocketAddr};

use fenz_testkit::{Client, free_address};

use crate::{
    platform::{Platform, Program},
    videos::{path, publish},
};

/// The state of a socket that listens, in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// The ports that a program listens on.
fn listening(program: &Program) -> BTreeSet<u16> {
    let process = format!("/proc/{}", program.id());
    let descriptors = fs::read_dir(format!("{process}/fd")).unwrap().flatten();
    let sockets: BTreeSet<String> = descriptors
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter_map(|target| Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let tables = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("{process}/net/{table}")).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields[3] == LISTEN && sockets.contains(fields[9]))
        .map(|fields| u16::from_str_radix(fields[1].rsplit(':').next().unwrap(), 16).unwrap())
        .collect()
}

/// The platform with these settings, and the ports that it has beside those of the
/// gateway and the ops listener.
async fn started(extra: &[(&str, &str)]) -> (Platform, BTreeSet<u16>) {
    let ops = free_address();
    let ops_listen = ops.to_string();
    let platform = Platform::standalone(&[extra, &[("FENZ_OPS__LISTEN", ops_listen.as_str())]].concat()).await;
    let mut ports = listening(&platform.programs[0]);
    let gateway: SocketAddr = platform.url.trim_start_matches("http://").parse().unwrap();
    for expected in [gateway, ops] {
        assert!(ports.remove(&expected.port()), "{expected} is not among {ports:?}");
    }
    (platform, ports)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_has_a_port_only_where_a_setting_names_one() {
    let (platform, others) = started(&[]).await;
    assert_eq!(others, BTreeSet::new());
    // Gateway to services, and services to each other, without any port.
    let creator = platform.register("creator").await;
    let made = publish(&creator, "Made in memory").await;
    assert_eq!(creator.get(&path(&made)).await.ok("video")["title"], "Made in memory");
    drop(platform);

    let content = free_address();
    let address = content.to_string();
    let (platform, with_content) = started(&[("FENZ_CONTENT__LISTEN", &address)]).await;
    assert_eq!(with_content, BTreeSet::from([content.port()]));
    let direct = Client::new(format!("http://{address}"));
    for client in [&direct, &platform.client] {
        client.get("categories").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_elsewhere_is_reached_where_a_setting_says() {
    let nobody = free_address();
    let address = format!("http://{nobody}");
    let platform = Platform::standalone(&[("FENZ_GATEWAY__PEERS__CONTENT", &address)]).await;
    platform.client.get("categories").await.refused(503, "UNAVAILABLE");
    platform.client.get("tags").await.expect(200);
}
