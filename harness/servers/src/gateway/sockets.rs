//! The unix sockets that a container reaches us by.

use crate::ServerError;
use std::{
    fs, io,
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
    path::Path,
    time::Duration,
};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// How long to stay off `accept` when the process has no file descriptors left.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);

/// Has `serve` see to every connection to the socket of this name, until `stop` is cancelled. Dropping the handle
/// closes the socket.
pub(super) fn listen<F>(
    directory: &Path,
    name: &str,
    stop: &CancellationToken,
    serve: impl Fn(UnixStream) -> F + Send + 'static,
) -> Result<AbortOnDropHandle<()>, ServerError>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let socket = directory.join(name);
    let refuse = |source| ServerError::Storage {
        action: "listen on",
        path: socket.clone(),
        source,
    };
    let listener = bind(directory, name).map_err(refuse)?;
    // Whoever is in the container may connect, under whatever user it runs there.
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).map_err(refuse)?;
    let accepting = tokio::spawn(accept(listener, stop.clone(), serve));
    Ok(AbortOnDropHandle::new(accepting))
}

/// Binds by the directory's descriptor: a path of more than 107 bytes is too long for a socket's address.
fn bind(directory: &Path, name: &str) -> io::Result<UnixListener> {
    let directory = fs::File::open(directory)?;
    let short = format!("/proc/self/fd/{}", directory.as_raw_fd());
    #[expect(clippy::disallowed_methods, reason = "the one place that binds sockets")]
    UnixListener::bind(Path::new(&short).join(name))
}

async fn accept<F>(listener: UnixListener, stop: CancellationToken, serve: impl Fn(UnixStream) -> F)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the gateway cannot accept a connection");
                tokio::time::sleep(ACCEPT_BACK_OFF).await;
                continue;
            }
        };
        let (serving, stop) = (serve(stream), stop.clone());
        tokio::spawn(async move {
            let served = tokio::select! {
                served = serving => served,
                () = stop.cancelled() => return,
            };
            if let Err(error) = served {
                tracing::debug!(%error, "a connection through the gateway ended early");
            }
        });
    }
}
