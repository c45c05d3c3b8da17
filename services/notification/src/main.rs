//! The notification service as a program of its own.

use fenz_notification::Notifications;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    fenz_chassis::run::<Notifications>()
}
