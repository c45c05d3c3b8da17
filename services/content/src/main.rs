//! The binary of the content service.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    fenz_chassis::run::<fenz_content::Content>()
}
