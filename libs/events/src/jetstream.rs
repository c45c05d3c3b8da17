//! The bus of a fleet: one stream with all subject families, one durable
//! consumer per service, both declared here and nowhere else.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use async_nats::{
    Client, ConnectOptions, HeaderMap, ServerAddr,
    connection::State,
    jetstream::{
        Context, ErrorCode,
        consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull},
        context::{ContextBuilder, GetStreamError, GetStreamErrorKind},
        message::PublishMessage,
        stream::{self, ConsumerError, ConsumerErrorKind, RetentionPolicy, StorageType},
    },
};
use fenz_chassis::{Shared, settings::BusSettings};
use fenz_contract::event::FAMILIES;
use fenz_core::backoff::delay;
use futures::future::join_all;
use percent_encoding::percent_decode_str;
use tokio::sync::Mutex;

use crate::{
    bus::Published,
    envelope::{Envelope, Headers, ID},
    store::outbox::Row,
};

/// Before connecting again, the first and the longest.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_millis(3200));
/// How long an event is kept for consumers that are not running.
const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long the broker recognises the id of a message it has.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);
/// After how long without an acknowledgement an event is redelivered. Handlers
/// that take longer report progress, see [`PROGRESS`].
const ACK_WAIT: Duration = Duration::from_secs(10);
pub const PROGRESS: Duration = Duration::from_secs(3);
/// How long the broker may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Events that are delivered and not acknowledged, over all replicas.
const MAX_UNACKED: i64 = 1_000;

/// Characters of a subject that the tables take.
const MAX_SUBJECT: usize = 128;

/// A connection to the stream. Clones are the same.
#[derive(Clone)]
pub struct JetStream(Arc<Inner>);

struct Inner {
    settings: BusSettings,
    context: Context,
    /// Whether the stream was declared since the last failure.
    declared: AtomicBool,
}

/// One connection per address and process.
#[derive(Clone, Default)]
struct Connections(Arc<Mutex<HashMap<String, Client>>>);

impl JetStream {
    /// Returns at once; connects and reconnects in the background.
    pub async fn connect(settings: &BusSettings, shared: &Shared) -> Result<Self> {
        if settings.replicas == 0 || settings.replicas > 5 {
            bail!("FENZ_BUS__REPLICAS should be 1 to 5");
        }
        let connections: Connections = shared.get();
        let mut connections = connections.0.lock().await;
        let url = settings.url.expose();
        let client = match connections.get(url) {
            Some(client) => client.clone(),
            None => open(url).await?,
        };
        connections.insert(url.to_owned(), client.clone());
        let context = ContextBuilder::new().timeout(TIMEOUT).ack_timeout(TIMEOUT).build(client);
        Ok(Self(Arc::new(Inner { settings: settings.clone(), context, declared: AtomicBool::new(false) })))
    }

    /// Publishes concurrently and waits for every acknowledgement.
    pub async fn publish(&self, rows: &[Row]) -> Published {
        let mut published = Published::default();
        if let Err(error) = self.declare().await {
            published.problem = Some(error);
            return published;
        }
        let mut waiting = Vec::with_capacity(rows.len());
        for row in rows {
            let message = PublishMessage::build()
                .payload(row.envelope.payload.clone().into())
                .headers(headers(&row.envelope))
                .message_id(&row.envelope.id)
                .expected_stream(&self.0.settings.stream);
            match self.0.context.send_publish(self.subject(&row.envelope.subject), message).await {
                Ok(answer) => waiting.push(async move { (row.seq, answer.await) }),
                Err(error) => published.problem = Some(error.into()),
            }
        }
        for (seq, answer) in join_all(waiting).await {
            match answer {
                Ok(_) => published.seqs.push(seq),
                Err(error) => published.problem = Some(error.into()),
            }
        }
        if published.problem.is_some() {
            // Perhaps the broker restarted without the stream.
            self.0.declared.store(false, Ordering::Release);
        }
        published
    }

    /// Creates or updates the stream, once until the next failure. Subjects are
    /// only added, as the filters of [`Self::consumer`] are.
    async fn declare(&self) -> Result<()> {
        // The client would buffer what it cannot send; the outbox does that.
        if self.0.context.client().connection_state() != State::Connected {
            bail!("the broker does not answer");
        }
        if self.0.declared.load(Ordering::Acquire) {
            return Ok(());
        }
        let BusSettings { stream, replicas, .. } = &self.0.settings;
        let mut subjects: Vec<String> = FAMILIES.iter().map(|family| self.subject(&format!("{family}.>"))).collect();
        match self.0.context.get_stream(stream).await {
            Ok(existing) => subjects.extend(existing.cached_info().config.subjects.iter().cloned()),
            Err(error) if is_missing_stream(&error) => {}
            Err(error) => return Err(error).context("the stream cannot be read"),
        }
        subjects.sort();
        subjects.dedup();
        let config = stream::Config {
            name: stream.clone(),
            description: Some("events of the services of FenzVideo".to_owned()),
            subjects,
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            max_age: RETENTION,
            duplicate_window: DUPLICATE_WINDOW,
            num_replicas: *replicas,
            ..stream::Config::default()
        };
        self.0.context.create_or_update_stream(config).await.context("the stream cannot be declared")?;
        self.0.declared.store(true, Ordering::Release);
        Ok(())
    }

    /// Creates or updates the durable consumer of a service. Filters are only
    /// added: during a rolling update, old replicas must not remove those of the
    /// new ones.
    pub async fn consumer(&self, service: &str, filters: &[String]) -> Result<PullConsumer> {
        self.0.declared.store(false, Ordering::Release);
        self.declare().await?;
        let (name, stream) = (format!("fenz-{service}"), self.0.settings.stream.as_str());
        let mut subjects: Vec<String> = filters.iter().map(|filter| self.subject(filter)).collect();
        let existing: Result<PullConsumer, _> = self.0.context.get_consumer_from_stream(&name, stream).await;
        match existing {
            Ok(existing) => subjects.extend(existing.cached_info().config.filter_subjects.iter().cloned()),
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(error).context("the consumer cannot be read"),
        }
        subjects.sort();
        subjects.dedup();
        let config = pull::Config {
            durable_name: Some(name),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_deliver: -1,
            max_ack_pending: MAX_UNACKED,
            filter_subjects: subjects,
            num_replicas: self.0.settings.replicas,
            ..pull::Config::default()
        };
        self.0.context.create_consumer_on_stream(config, stream).await.context("the consumer cannot be declared")
    }

    /// Events that wait for a consumer. An error when a filter is missing from
    /// its configuration.
    pub async fn pending(&self, consumer: &PullConsumer, filters: &[String]) -> Result<u64> {
        let info = consumer.get_info().await?;
        if let Some(missing) = filters.iter().find(|f| !info.config.filter_subjects.contains(&self.subject(f))) {
            bail!("the consumer was updated without the filter {missing}");
        }
        Ok(info.num_pending + info.num_ack_pending as u64)
    }

    /// The event of a message, also of one that another program published.
    pub fn envelope(&self, message: &async_nats::jetstream::Message) -> Envelope {
        let mut headers = Headers::new();
        for (name, values) in message.headers.iter().flat_map(HeaderMap::iter) {
            if let Some(value) = values.first() {
                headers.insert(name.to_string().to_ascii_lowercase(), value.to_string());
            }
        }
        let sequence = || message.info().map_or(0, |info| info.stream_sequence);
        let id = headers.get(ID).filter(|id| (1..=64).contains(&id.len())).cloned();
        let subject = self.bare_subject(&message.subject);
        Envelope {
            id: id.unwrap_or_else(|| format!("{}-{}", self.0.settings.stream, sequence())),
            // Ours are shorter; a truncated subject has no handler.
            subject: subject.chars().take(MAX_SUBJECT).collect(),
            payload: message.payload.to_vec(),
            headers,
        }
    }

    /// Subscribes to what is published from now on, without the stream.
    pub async fn subscribe(&self, filters: &[String]) -> Result<Vec<async_nats::Subscriber>> {
        let client = self.0.context.client();
        let mut subscriptions = Vec::with_capacity(filters.len());
        for filter in filters {
            subscriptions.push(client.subscribe(self.subject(filter)).await?);
        }
        Ok(subscriptions)
    }

    /// A subject without this fleet's prefix.
    pub fn bare_subject<'a>(&self, subject: &'a str) -> &'a str {
        let bare = subject.strip_prefix(self.0.settings.prefix.as_str()).unwrap_or(subject);
        bare.strip_prefix('.').unwrap_or(bare)
    }

    fn subject(&self, subject: &str) -> String {
        match self.0.settings.prefix.as_str() {
            "" => subject.to_owned(),
            prefix => format!("{prefix}.{subject}"),
        }
    }
}

fn headers(envelope: &Envelope) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &envelope.headers {
        headers.insert(name.as_str(), value.as_str());
    }
    headers
}

fn is_missing_stream(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn is_missing(error: &ConsumerError) -> bool {
    matches!(error.kind(), ConsumerErrorKind::JetStream(error) if error.error_code() == ErrorCode::CONSUMER_NOT_FOUND)
}

/// User and password, which the client does not read from the address. There
/// they are percent-encoded, by the operator or by the address's parser.
fn login(addresses: &[ServerAddr]) -> Result<Option<(String, String)>> {
    let found = addresses.iter().find_map(|a| Some((a.username()?, a.password()?)));
    let Some((user, password)) = found else { return Ok(None) };
    let decoded = |text| percent_decode_str(text).decode_utf8().map(Cow::into_owned);
    Ok(Some((decoded(user)?, decoded(password)?)))
}

async fn open(urls: &str) -> Result<Client> {
    const FORMAT: &str = "FENZ_BUS__URL should be nats://host:port, several comma-separated";
    let addresses: Vec<ServerAddr> =
        urls.split(',').map(|url| url.trim().parse()).collect::<Result<_, _>>().context(FORMAT)?;
    let options = match login(&addresses).context(FORMAT)? {
        Some((user, password)) => ConnectOptions::with_user_and_password(user, password),
        None => ConnectOptions::new(),
    };
    let client = options
        .name("fenzvideo")
        .retry_on_initial_connect()
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| delay(attempts as u32, RECONNECT.0, RECONNECT.1))
        .event_callback(|event| async move { tracing::info!(%event, "broker") })
        .connect(addresses)
        .await;
    client.context(FORMAT)
}

#[cfg(test)]
mod tests {
    use super::login as read;

    #[test]
    fn a_login_is_read_with_and_without_percent_encoding() {
        let login = |urls: &[&str]| {
            let addresses: Vec<_> = urls.iter().map(|url| url.parse().unwrap()).collect();
            read(&addresses).unwrap()
        };
        let of = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(login(&["nats://h:4222", "nats://a:b@h:4222"]), of("a", "b"));
        assert_eq!(login(&["nats://a;b:=:;^|@h:4222"]), of("a;b", "=:;^|"));
        assert_eq!(login(&["nats://a%40b:%2Fp%25%C3%A9@h:4222"]), of("a@b", "/p%é"));
        assert_eq!(login(&["nats://h:4222"]), None);
    }
}
