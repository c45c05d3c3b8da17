//! The two transports from an outbox to its consumers.

use fenz_chassis::Platform;

use crate::{jetstream::JetStream, mailboxes::MailboxRegistry, store::outbox::Row};

/// JetStream where an address is set, else the mailboxes of the process.
#[derive(Clone)]
pub enum Bus {
    JetStream(JetStream),
    Mailboxes(MailboxRegistry),
}

/// The result of publishing a page.
#[derive(Default)]
pub struct Published {
    /// Rows whose events the bus has.
    pub seqs: Vec<i64>,
    /// Why the others are not among them.
    pub problem: Option<anyhow::Error>,
}

impl Bus {
    pub async fn of(platform: &Platform) -> anyhow::Result<Self> {
        let settings = &platform.settings.bus;
        if settings.url.is_empty() {
            return Ok(Self::Mailboxes(platform.shared.get()));
        }
        Ok(Self::JetStream(JetStream::connect(settings, &platform.shared).await?))
    }

    pub async fn publish(&self, rows: &[Row]) -> Published {
        match self {
            Self::JetStream(stream) => stream.publish(rows).await,
            Self::Mailboxes(registry) => registry.publish(rows).await,
        }
    }
}
