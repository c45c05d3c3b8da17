//! The channel service as a program of its own.

fn main() -> std::process::ExitCode {
    fenz_chassis::run::<fenz_channel::Channels>()
}
