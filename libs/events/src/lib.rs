//! Outbox, inbox, bus: events that are never lost and take effect once.
//!
//! A service *tells* by writing an event in the transaction that did it
//! ([`Outbox`]) and *hears* with handlers that change its database in the
//! transaction that also notes the event's id ([`Consumer`]). Between the two
//! everything may fail, repeat and change places:
//!
//! ```text
//! business transaction ─┬─ rows                             handler's rows ─┬─ transaction
//!                       └─ outbox ── relay ── bus ── worker ──────── inbox ─┘
//!                             (sweeper)        (mailbox: tried again) ── dead letters
//! ```
//!
//! The bus is one JetStream stream where `FENZ_BUS__URL` is set. Elsewhere the
//! relay writes into the `mailbox` table of each consumer of the process, who
//! are in the [`MailboxRegistry`]. A service cannot tell which one it is.
//!
//! ```no_run
//! # use fenz_chassis::{Platform, Result};
//! # use fenz_contract::events::v1::{UserRegistered, VideoDeleted};
//! use fenz_events::{Consumer, Outbox, Received};
//!
//! // The service's Migrator appends `fenz_events::migrations()` to its own.
//! # async fn build(platform: Platform) -> anyhow::Result<()> {
//! let outbox = Outbox::start(&platform).await?;
//! Consumer::new()
//!     .on(|txn, Received { event, .. }: Received<UserRegistered>| async move {
//!         // Write with `txn`; `?` turns database errors into the right refusal.
//!         # let _ = (txn, event);
//!         Ok(())
//!     })
//!     .start(&platform)
//!     .await?;
//!
//! outbox
//!     .transact(|txn| {
//!         let outbox = &outbox;
//!         async move {
//!             // … change rows with `txn`, then tell:
//!             outbox.emit(&txn, &VideoDeleted { video_id: 7, ..VideoDeleted::default() }).await
//!         }
//!     })
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! Order is not promised: handlers decide by the version that events carry.
//! An event that fails through its own fault ([`Refusal::Message`]) is tried
//! five times and becomes a [dead letter](dead_letters); while something that
//! a handler needs is away ([`Refusal::Dependency`]) the consumer waits, and
//! nothing is given up.

mod audit;
mod backoff;
mod bus;
mod consumer;
pub mod dead_letters;
mod envelope;
mod erasure;
mod event;
mod intake;
mod jetstream;
mod lease;
mod listener;
mod mailboxes;
mod outbox;
mod refusal;
mod relay;
mod replica;
mod store;
mod upkeep;
mod worker;

pub use audit::Act;
pub use consumer::{Consumer, Received};
pub use envelope::{Envelope, Headers};
pub use erasure::{Eraser, Erasures, Portion};
pub use event::{Event, FAMILIES};
pub use lease::Lease;
pub use listener::Listener;
pub use mailboxes::MailboxRegistry;
pub use outbox::{MAX_BYTES, Outbox};
pub use refusal::Refusal;
pub use store::migrations;
