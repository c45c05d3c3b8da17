//! The notification service as a program of its own.

use fenz_notification::Notifications;

fn main() -> std::process::ExitCode {
    fenz_chassis::run::<Notifications>()
}
