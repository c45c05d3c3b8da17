//! The gateway over its port, with stub servers in place of the services: the same
//! tests whether it reaches them over loopback or in memory.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::duplicate_mod, reason = "the same tests run over both transports")]

/// As in a fleet.
#[path = "."]
mod over_loopback {
    const TRANSPORT: fenz_testkit::Transport = fenz_testkit::Transport::Loopback;

    mod access;
    mod connections;
    mod drain;
    mod faults;
    mod fleet;
    mod grpc;
    mod handlers;
    mod hostile;
    mod http2;
    mod pages;
    mod rate_limits;
    mod routing;
    mod shared_rate_limits;
    mod streams;
    mod websocket;
}

/// As in standalone. What does not depend on the way to a service is left out.
#[path = "."]
mod in_process {
    const TRANSPORT: fenz_testkit::Transport = fenz_testkit::Transport::InProcess;

    mod access;
    mod drain;
    mod faults;
    mod fleet;
    mod grpc;
    mod handlers;
    mod hostile;
    mod http2;
    mod routing;
    mod streams;
    mod websocket;
}
