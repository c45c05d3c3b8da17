//! SIGINT and SIGTERM: nothing that was started or made here is left behind.

use std::{fs, path::PathBuf, process, thread};

use anyhow::Result;
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

use crate::{fleet, measure::say, process::end_all};

/// Waits for a signal from now on, on a thread of its own: those that measure
/// wait for replies. `folder` goes too.
pub fn watch(folder: PathBuf) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    thread::spawn(move || {
        // As shells tell of a program that a signal ended.
        let code = runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            }
        });
        say("stopping");
        end_all();
        runtime.block_on(fleet::drop_databases());
        fs::remove_dir_all(&folder).ok();
        process::exit(code);
    });
    Ok(())
}

/// What was measured failed because of a signal: its thread ends the program.
pub fn wait_for_end() -> ! {
    loop {
        thread::park();
    }
}
