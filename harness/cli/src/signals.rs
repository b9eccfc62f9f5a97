//! SIGINT, SIGTERM and SIGHUP: the first asks for an orderly end, the second is final. SIGUSR1 asks what is waited for.

use plumbline_model::ExitCode;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Tells of the first signal, by its name.
pub type Interruption = watch::Receiver<Option<&'static str>>;

/// Listens for signals until the program ends.
///
/// # Errors
/// The handlers cannot be installed.
pub fn listen() -> std::io::Result<(Interruption, impl Future<Output = ExitCode>)> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (sender, interruption) = watch::channel(None);
    let second = async move {
        let mut last = ExitCode::Interrupted;
        // The second signal ends the program at once; the keeper then ends what is left, as after a kill.
        for _ in 0..2 {
            let name = tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
                _ = hang_up.recv() => "SIGHUP",
            };
            last = if name == "SIGINT" {
                ExitCode::Interrupted
            } else {
                ExitCode::Terminated
            };
            sender.send_if_modified(|first| first.is_none() && first.replace(name).is_none());
        }
        last
    };
    Ok((interruption, second))
}

/// Calls `act`, which may block, for every SIGUSR1, until the runtime ends.
///
/// # Errors
/// The handler cannot be installed.
pub fn on_question(act: impl Fn() + Clone + Send + 'static) -> std::io::Result<()> {
    let mut questions = signal(SignalKind::user_defined1())?;
    tokio::spawn(async move {
        while questions.recv().await.is_some() {
            // An answer that panics is one that is not given.
            let _ = tokio::task::spawn_blocking(act.clone()).await;
        }
    });
    Ok(())
}
