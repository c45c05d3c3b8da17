//! The binary of the content service.

fn main() -> std::process::ExitCode {
    fenz_chassis::run::<fenz_content::Content>()
}
