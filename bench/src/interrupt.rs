//! Cleans up on SIGINT and SIGTERM.

use std::{fs, path::PathBuf, process, thread};

use anyhow::Result;
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

use crate::{fleet, measure::progress, process::terminate_all};

/// Handles signals on a thread of its own, since measurements block. Also removes
/// `folder`.
pub fn handle_signals(folder: PathBuf) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _guard = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    thread::spawn(move || {
        // 128 plus the signal's number, as in shells.
        let code = runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            }
        });
        progress("stopping");
        terminate_all();
        runtime.block_on(fleet::drop_databases());
        fs::remove_dir_all(&folder).ok();
        process::exit(code);
    });
    Ok(())
}

/// For a measurement that failed because of a signal, whose thread exits.
pub fn wait_for_exit() -> ! {
    loop {
        thread::park();
    }
}
