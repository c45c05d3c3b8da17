//! Ports for programs that are told where to listen.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{
        OnceLock,
        atomic::{AtomicU16, Ordering},
    },
};

use fenz_core::Random;

/// Below the ports that a system gives to connections (32768 and up on Linux,
/// 49152 by IANA): whoever asks for any port, or connects to something, never
/// gets one of these between its choice and its use, nor while a server that
/// is to come back is away.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// An address that nobody listens on. No test of this process gets it again;
/// those of another one start elsewhere in the range.
///
/// # Panics
/// When all of them are taken.
pub fn free_address() -> SocketAddr {
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    let next = NEXT.get_or_init(|| AtomicU16::new(Random::default().value()));
    let count = PORTS.end - PORTS.start;
    (0..count)
        .map(|_| PORTS.start + next.fetch_add(1, Ordering::Relaxed) % count)
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .expect("one of thousands of ports is free")
}
