//! Outbox, inbox, bus: events that are never lost and take effect once.
//!
//! A service publishes by writing an event in the transaction of the change
//! ([`Outbox`]) and consumes with handlers that change its database in the
//! transaction that also inserts the event's id ([`Consumer`]). Between the two
//! everything may fail, be repeated and be reordered:
//!
//! ```text
//! business transaction ─┬─ rows                             handler's rows ─┬─ transaction
//!                       └─ outbox ── relay ── bus ── worker ──────── inbox ─┘
//!                             (sweeper)        (mailbox: retries) ── dead letters
//! ```
//!
//! The bus is one JetStream stream where `FENZ_BUS__URL` is set. Elsewhere the
//! relay writes into the `mailbox` table of each consumer of the process, which
//! are in the [`MailboxRegistry`]. Services are the same on both.
//!
//! ```no_run
//! # use fenz_chassis::Platform;
//! # use fenz_contract::events::v1::{UserRegistered, VideoDeleted};
//! use fenz_events::{Consumer, Database, Outbox, ReceivedEvent};
//!
//! // The service requires `Database<Migrator>`, which adds our tables to its own.
//! # async fn build<M>(platform: Platform, db: Database<M>) -> anyhow::Result<()> {
//! let outbox = Outbox::start(&platform, &db).await?;
//! Consumer::new()
//!     .on(|txn, ReceivedEvent { event, .. }: ReceivedEvent<UserRegistered>| async move {
//!         // Write with `txn`; `?` turns errors into the right `HandlerError`.
//!         # let _ = (txn, event);
//!         Ok(())
//!     })
//!     .start(&platform, &db)
//!     .await?;
//!
//! outbox
//!     .transact(|txn| {
//!         let outbox = &outbox;
//!         async move {
//!             // … change rows with `txn`, then emit:
//!             outbox.emit(&txn, &VideoDeleted { video_id: 7, ..VideoDeleted::default() }).await
//!         }
//!     })
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! Order is not guaranteed: handlers decide by the version that events carry.
//! Failed events are retried, given up as [dead letters](dead_letters) or stop
//! the consumer; [`Consumer`] says which. Every consumer and outbox is measured:
//!
//! | gauge, per `service` | |
//! |---|---|
//! | `fenz_events_outbox_rows`, `fenz_events_outbox_oldest_seconds` | events to be published |
//! | `fenz_events_consumer_waiting` | events to be consumed: in the stream, or the mailbox without a broker |
//! | `fenz_events_mailbox_rows` | events in the mailbox, with a broker those to be retried |
//! | `fenz_events_dead_letters` | events that were given up |
//! | `fenz_events_consumer_halted` | 1 while the consumer is halted |

mod audit;
mod backoff;
mod broadcast;
mod bus;
mod circuit_breaker;
mod consumer;
mod database;
pub mod dead_letters;
mod envelope;
mod erasure;
mod failures;
mod handler_error;
mod jetstream;
mod lease;
mod mailbox_consumer;
mod mailboxes;
mod maintenance;
mod outbox;
mod relay;
mod replica;
mod store;
mod stream_consumer;
mod worker;

pub use audit::AuditEntry;
pub use broadcast::BroadcastSubscriber;
pub use consumer::{Consumer, ReceivedEvent};
pub use database::Database;
pub use envelope::{Envelope, Headers};
pub use erasure::{Batch, ErasureRunner, UserDataEraser};
pub use fenz_contract::Event;
pub use handler_error::HandlerError;
pub use lease::Lease;
pub use mailboxes::MailboxRegistry;
pub use maintenance::RETENTION;
pub use outbox::{MAX_BYTES, Outbox};
