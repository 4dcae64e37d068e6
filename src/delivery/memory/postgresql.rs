//! The memory that several machines share: PostgreSQL.
//!
//! A thread of its own speaks with the server, so that no call waits longer than its deadline, whatever the server or the network
//! does. Each question is one statement; a database that failed is left alone for some seconds.

use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use postgres_native_tls::MakeTlsConnector;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::AbortHandle;
use tokio::time::timeout_at;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Error};

use super::address::PostgresqlAddress;
use super::fault::Words;
use super::rest::Rest;
use super::{Delivery, Memory, MemoryCause, MemoryFault, PATIENCE, STEP, bytes_of, digest_of};
use crate::clock::Timestamp;
use crate::mail::{FollowerKey, Network};
use crate::trust::{self, ConnectorFault, Trusted};

/// Each brings the tables from its index to the next version.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/postgresql-1.sql")];
/// The newest version that this followsift understands.
const KNOWN: i64 = MIGRATIONS.len() as i64;
/// "followsi" in ASCII: the advisory lock under which one machine creates or changes the tables.
const LOCK: i64 = 0x666f_6c6c_6f77_7369;
/// How long a database that failed is not asked.
const REST: Duration = Duration::from_secs(5);
/// How much longer than the deadline a caller waits for the thread, which keeps the deadline itself.
const GRACE: Duration = Duration::from_millis(200);

/// A memory that any number of machines share. Its thread and connections end when it is dropped.
#[derive(Debug)]
pub struct PostgresqlMemory {
    runtime: Handle,
    server: Arc<Server>,
    /// Dropped with the memory, which ends the thread.
    _stop: oneshot::Sender<()>,
}

impl PostgresqlMemory {
    /// The memory at this address, asked over at most `connections` connections at a time. It trusts the system's authorities and
    /// those in `ca_file` (PEM). It connects when it is first asked, and then creates its tables if they are missing: a database
    /// that is down stops nothing.
    ///
    /// # Errors
    ///
    /// If the file of authorities cannot be read, or TLS or a thread is not to be had.
    pub fn new(
        address: PostgresqlAddress,
        ca_file: Option<&Path>,
        connections: usize,
    ) -> Result<Self, MemoryFault> {
        let at = address.name();
        let unusable = |cause: &dyn std::error::Error| {
            MemoryFault::new("open", &at, MemoryCause::Unreachable(Words::new(&cause.to_string())))
        };
        let tls = trust::connector(Trusted::Authorities(ca_file)).map_err(|fault| match fault {
            ConnectorFault::File(cause) => unusable(&cause),
            ConnectorFault::Tls(cause) => unusable(&cause),
        })?;
        let server = Arc::new(Server {
            at: Arc::clone(&at),
            config: address.config,
            tls: MakeTlsConnector::new((*tls).clone()),
            idle: Mutex::default(),
            places: Semaphore::new(connections.max(1)),
            rest: Rest::of(REST),
        });
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|cause| unusable(&cause))?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new()
            .name("memory".to_owned())
            .spawn(move || {
                let _ = runtime.block_on(stopped);
                // A name that is being looked up would hold it up.
                runtime.shutdown_background();
            })
            .map_err(|cause| unusable(&cause))?;
        Ok(Self { runtime: handle, server, _stop: stop })
    }

    /// Runs a statement that answers with one number or none.
    fn ask(
        &self,
        doing: &'static str,
        statement: &'static str,
        parameters: Vec<Parameter>,
        deadline: Instant,
    ) -> Result<Option<i64>, MemoryFault> {
        let now = Instant::now();
        let fault = |cause| MemoryFault::new(doing, &self.server.at, cause);
        // It would be late through no fault of the database.
        if now >= deadline {
            return Err(fault(MemoryCause::Late));
        }
        if !self.server.rest.admits(now) {
            return Err(fault(MemoryCause::Resting));
        }
        let (answer, answered) = mpsc::sync_channel(1);
        let server = Arc::clone(&self.server);
        self.runtime.spawn(async move {
            let asked = timeout_at(deadline.into(), server.ask(statement, &parameters)).await;
            let _ = answer.send(asked.unwrap_or(Err(MemoryCause::Late)));
        });
        let wait = deadline.saturating_duration_since(now) + GRACE;
        let answer = answered.recv_timeout(wait).unwrap_or(Err(MemoryCause::Late));
        match answer {
            Ok(_) | Err(MemoryCause::Failed(_)) => self.server.rest.end(),
            Err(_) => self.server.rest.begin(Instant::now()),
        }
        answer.map_err(fault)
    }
}

/// A value that a statement is given.
type Parameter = (Box<dyn ToSql + Send + Sync>, Type);

fn text(value: &str) -> Parameter {
    (Box::new(value.to_owned()), Type::TEXT)
}

fn bytes(value: Vec<u8>) -> Parameter {
    (Box::new(value), Type::BYTEA)
}

fn number(value: i64) -> Parameter {
    (Box::new(value), Type::INT8)
}

/// What the thread and its callers share.
struct Server {
    at: Arc<str>,
    config: Config,
    tls: MakeTlsConnector,
    /// Connections that nobody uses.
    idle: Mutex<Vec<Session>>,
    places: Semaphore,
    rest: Rest,
}

/// Without what opens the database.
impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("at", &self.at).field("rest", &self.rest).finish_non_exhaustive()
    }
}

/// A connection. When it is dropped, it is closed at once: a server that hangs would keep it open.
struct Session {
    client: Client,
    task: AbortHandle,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn ask(
        &self,
        statement: &'static str,
        parameters: &[Parameter],
    ) -> Result<Option<i64>, MemoryCause> {
        let Ok(_place) = self.places.acquire().await else { return Err(MemoryCause::Late) };
        let idle = self.idle_session();
        let was_idle = idle.is_some();
        let session = match idle {
            Some(session) => session,
            None => self.connect().await?,
        };
        match session.ask(statement, parameters).await {
            // The server was started again, or a firewall has forgotten the connection. To ask twice changes nothing.
            Err(cause) if was_idle && session.is_lost(&cause) => {
                drop(session);
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
                let session = self.connect().await?;
                let answer = session.ask(statement, parameters).await;
                self.finish(session, answer)
            }
            answer => self.finish(session, answer),
        }
    }

    /// Keeps a connection that can be used again.
    fn finish(
        &self,
        session: Session,
        answer: Result<Option<i64>, Error>,
    ) -> Result<Option<i64>, MemoryCause> {
        match answer {
            Err(cause) if session.is_lost(&cause) => Err(cause_of(&cause)),
            answer => {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
                answer.map_err(|cause| cause_of(&cause))
            }
        }
    }

    fn idle_session(&self) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|session| !session.client.is_closed());
        idle.pop()
    }

    async fn connect(&self) -> Result<Session, MemoryCause> {
        // Whatever it says, a database that opens no connection is to rest.
        let unreachable = |cause| match cause {
            MemoryCause::Failed(words) => MemoryCause::Unreachable(words),
            other => other,
        };
        let connected = self.config.connect(self.tls.clone()).await;
        let (client, connection) = connected.map_err(|cause| unreachable(cause_of(&cause)))?;
        let task = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        let session = Session { client, task };
        session.prepare().await.map_err(unreachable)?;
        Ok(session)
    }
}

impl Session {
    /// Sets what holds for the connection, and brings the tables up to date.
    async fn prepare(&self) -> Result<(), MemoryCause> {
        let fault = |cause: Error| cause_of(&cause);
        // The server ends what nobody waits for any longer. A crash of it may cost the last deliveries, but no sync for each.
        let settings = format!(
            "SET statement_timeout = {0}; SET idle_in_transaction_session_timeout = {0}; SET synchronous_commit = off",
            PATIENCE.as_millis()
        );
        self.client.batch_execute(&settings).await.map_err(fault)?;
        if version(&self.client).await? == KNOWN {
            return Ok(());
        }
        // One machine changes the tables. If that fails, the connection is closed, and nothing has changed.
        let lock = format!("BEGIN; SELECT pg_advisory_xact_lock({LOCK})");
        self.client.batch_execute(&lock).await.map_err(fault)?;
        let found = version(&self.client).await?;
        let Some(due) = usize::try_from(found).ok().and_then(|found| MIGRATIONS.get(found..)) else {
            return Err(MemoryCause::Newer { found, known: KNOWN });
        };
        for migration in due {
            self.client.batch_execute(migration).await.map_err(fault)?;
        }
        self.client.batch_execute("COMMIT").await.map_err(fault)
    }

    async fn ask(&self, statement: &'static str, parameters: &[Parameter]) -> Result<Option<i64>, Error> {
        let parameters: Vec<(&(dyn ToSql + Sync), Type)> =
            parameters.iter().map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone())).collect();
        // Without a prepared statement, since poolers between us and the server do not keep them.
        match self.client.query_typed_opt(statement, &parameters).await? {
            Some(row) => row.try_get(0),
            None => Ok(None),
        }
    }

    /// Is the connection of no use after this error? After a failover the server that was connected only reads.
    fn is_lost(&self, cause: &Error) -> bool {
        self.client.is_closed()
            || cause.as_db_error().is_none()
            || matches!(
                cause.code(),
                Some(
                    &SqlState::READ_ONLY_SQL_TRANSACTION
                        | &SqlState::ADMIN_SHUTDOWN
                        | &SqlState::CRASH_SHUTDOWN
                )
            )
    }
}

/// The version of the tables; 0 where there are none.
async fn version(client: &Client) -> Result<i64, MemoryCause> {
    let fault = |cause: Error| cause_of(&cause);
    // From the table of tables: `to_regclass` would answer what was so before the connection waited for its lock.
    let exists = "SELECT EXISTS (SELECT 1 FROM pg_class WHERE relname = 'followsift_version' AND pg_table_is_visible(oid))";
    let exists = client.query_typed_one(exists, &[]).await.and_then(|row| row.try_get::<_, bool>(0));
    if !exists.map_err(fault)? {
        return Ok(0);
    }
    client
        .query_typed_one("SELECT version FROM followsift_version", &[])
        .await
        .and_then(|row| row.try_get(0))
        .map_err(fault)
}

/// What the database or the network says. A server's DETAIL is left out, since it quotes rows.
fn cause_of(error: &Error) -> MemoryCause {
    if let Some(said) = error.as_db_error() {
        let words = Words::new(&format!("{} ({})", said.message(), said.code().code()));
        return match said.code() {
            &SqlState::QUERY_CANCELED | &SqlState::LOCK_NOT_AVAILABLE => MemoryCause::Late,
            &SqlState::ADMIN_SHUTDOWN | &SqlState::CRASH_SHUTDOWN | &SqlState::CANNOT_CONNECT_NOW => {
                MemoryCause::Unreachable(words)
            }
            _ => MemoryCause::Failed(words),
        };
    }
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    MemoryCause::Unreachable(Words::new(&words))
}

impl Memory for PostgresqlMemory {
    fn first_message(
        &self,
        delivery: &Delivery<'_>,
        follower: &FollowerKey,
        since: Timestamp,
        before: Timestamp,
    ) -> Result<Option<Timestamp>, MemoryFault> {
        let statement = "SELECT min(received) FROM followsift_past
            WHERE recipient = $1 AND follower = $2 AND received >= $3 AND received < $4 AND message <> $5";
        let parameters = vec![
            text(delivery.recipient.as_str()),
            bytes(digest_of(follower)),
            number(since.0),
            number(before.0),
            bytes(bytes_of(&delivery.identity)),
        ];
        self.ask("ask", statement, parameters, delivery.deadline).map(|first| first.map(Timestamp))
    }

    fn count(
        &self,
        delivery: &Delivery<'_>,
        network: &Network,
        since: Timestamp,
        before: Timestamp,
    ) -> Result<u64, MemoryFault> {
        let statement = "SELECT count(DISTINCT message) FROM followsift_past
            WHERE recipient = $1 AND network = $2 AND received >= $3 AND received < $4 AND message <> $5";
        let parameters = vec![
            text(delivery.recipient.as_str()),
            text(network.as_str()),
            number(since.0),
            number(before.0),
            bytes(bytes_of(&delivery.identity)),
        ];
        let count = self.ask("ask", statement, parameters, delivery.deadline)?;
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
    }

    fn keep(
        &self,
        delivery: &Delivery<'_>,
        network: &Network,
        followers: &[FollowerKey],
        received: Timestamp,
    ) -> Result<(), MemoryFault> {
        let statement = "INSERT INTO followsift_past (recipient, network, follower, message, received)
            SELECT DISTINCT $1, $2, follower, $3, $4 FROM unnest($5) AS follower
            ON CONFLICT (recipient, message, follower) DO UPDATE SET received = excluded.received
            WHERE excluded.received < followsift_past.received";
        let followers: Vec<_> = followers.iter().map(digest_of).collect();
        let parameters = vec![
            text(delivery.recipient.as_str()),
            text(network.as_str()),
            bytes(bytes_of(&delivery.identity)),
            number(received.0),
            (Box::new(followers), Type::BYTEA_ARRAY),
        ];
        self.ask("write to", statement, parameters, delivery.deadline).map(drop)
    }

    fn forget(&self, before: Timestamp, deadline: Instant) -> Result<bool, MemoryFault> {
        let statement = "WITH gone AS (DELETE FROM followsift_past WHERE ctid = ANY (ARRAY
                (SELECT ctid FROM followsift_past WHERE received < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING 1)
            SELECT count(*) FROM gone";
        let gone = self.ask("write to", statement, vec![number(before.0), number(STEP)], deadline)?;
        Ok(gone.is_some_and(|gone| gone >= STEP))
    }
}
