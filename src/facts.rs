//! What has to be observed before settings can be resolved.

/// Observations about the machine that the emulator runs on. Resolution never makes them itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// Whether the emulator runs in a container. Decides the default bind host: `0.0.0.0` in a
    /// container, `127.0.0.1` outside.
    pub in_container: bool,
    /// Whether the environment passes the LocalStack image's entrypoint, which copies
    /// `LOCALSTACK_X` to `X` before the emulator starts. True for Compose files and `docker run`,
    /// false for the environment of a process that is already running.
    pub through_entrypoint: bool,
}

impl Facts {
    /// Facts of an emulator in a container whose environment comes from outside, through the
    /// image's entrypoint.
    #[must_use]
    pub fn container() -> Self {
        Self {
            in_container: true,
            through_entrypoint: true,
        }
    }
}
