//! Answers Prometheus over HTTP, on the service's own runtime: it needs no thread, few clients are served at once, and each has
//! little time, so that a slow one delays nobody else's work.

use std::convert::Infallible;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net as unix;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use prometheus_client::encoding::prometheus_text::CONTENT_TYPE as TEXT;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::debug;

use crate::settings::MetricsAddress;

/// So many clients are served at once; further ones wait.
const CLIENTS: usize = 4;
/// How long a client may take in all: to send its request, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of a request is read, in bytes.
const LONGEST_REQUEST: usize = 16 << 10;

/// Somebody wants the metrics.
#[derive(Debug)]
pub struct Scrape(oneshot::Sender<String>);

impl Scrape {
    /// Answers with the text of the metrics.
    pub fn answer(self, text: String) {
        // A client that has gone needs none.
        let _ = self.0.send(text);
    }
}

/// The open address; it is closed, and the file of a socket removed, when this is dropped.
#[derive(Debug)]
pub struct Listener {
    task: JoinHandle<()>,
    file: Option<PathBuf>,
}

impl Listener {
    /// Listens at this address, and asks for the metrics by `scrapes`. Needs a runtime of tokio.
    ///
    /// # Errors
    /// If the port or the path is taken, or the system does not allow it.
    pub fn open(address: &MetricsAddress, scrapes: mpsc::UnboundedSender<Scrape>) -> io::Result<Self> {
        match address {
            MetricsAddress::Port(address) => {
                let listener = std::net::TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                let listener = TcpListener::from_std(listener)?;
                let accept = async move || listener.accept().await.map(|(stream, _)| stream);
                Ok(Self { task: tokio::spawn(serve(accept, scrapes)), file: None })
            }
            MetricsAddress::Socket(path) => {
                let listener = bind(path)?;
                listener.set_nonblocking(true)?;
                let listener = UnixListener::from_std(listener)?;
                let accept = async move || listener.accept().await.map(|(stream, _)| stream);
                Ok(Self { task: tokio::spawn(serve(accept, scrapes)), file: Some(path.clone()) })
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(file) = &self.file {
            let _ = fs::remove_file(file);
        }
    }
}

/// A socket that our user and group can open. One that nobody listens at any more is replaced; anything else in its place is not
/// ours to remove.
fn bind(path: &Path) -> io::Result<unix::UnixListener> {
    match fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is not a socket"));
        }
        Ok(_) if unix::UnixStream::connect(path).is_ok() => {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another program listens there"));
        }
        Ok(_) => fs::remove_file(path)?,
        Err(_) => {}
    }
    let listener = unix::UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Accepts clients, as many as there is room for.
async fn serve<S>(accept: impl AsyncFn() -> io::Result<S>, scrapes: mpsc::UnboundedSender<Scrape>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let room = Arc::new(Semaphore::new(CLIENTS));
    while let Ok(place) = Arc::clone(&room).acquire_owned().await {
        match accept().await {
            Ok(stream) => drop(tokio::spawn(attend(stream, scrapes.clone(), place))),
            // Without a descriptor left, the next one may be served again.
            Err(cause) => {
                debug!(%cause, "a client of the metrics could not be accepted");
                sleep(PATIENCE).await;
            }
        }
    }
}

/// Serves one client to its end.
async fn attend<S>(stream: S, scrapes: mpsc::UnboundedSender<Scrape>, _place: OwnedSemaphorePermit)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let answer = service_fn(|request| answer(request, &scrapes));
    let mut http = http1::Builder::new();
    http.keep_alive(false).max_buf_size(LONGEST_REQUEST);
    let connection = http.serve_connection(TokioIo::new(stream), answer);
    match timeout(PATIENCE, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(cause)) => debug!(%cause, "a client of the metrics was not answered"),
        Err(_) => debug!("a client of the metrics was too slow"),
    }
}

async fn answer(
    request: Request<Incoming>,
    scrapes: &mpsc::UnboundedSender<Scrape>,
) -> Result<Response<String>, Infallible> {
    let mut response = Response::new(String::new());
    if request.uri().path() != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
        "The metrics are at /metrics.\n".clone_into(response.body_mut());
    } else if ![Method::GET, Method::HEAD].contains(request.method()) {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
    } else {
        let (sender, text) = oneshot::channel();
        let _ = scrapes.send(Scrape(sender));
        match text.await {
            Ok(text) => {
                response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(TEXT));
                *response.body_mut() = text;
            }
            // The service ends.
            Err(_) => *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE,
        }
    }
    Ok(response)
}
