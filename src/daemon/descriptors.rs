//! Raises the soft limit of open files to the hard one: each account has six, and systemd's soft limit is 1024. Called once, by
//! `service`. What the limit is for programs that use select(2) does not concern followsift, which uses poll and epoll.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::debug;

/// From now on, as many files may be open as the system allows.
pub(super) fn raise() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if raised != limit
        && let Err(cause) = setrlimit(Resource::Nofile, raised)
    {
        debug!(%cause, "the limit of open files could not be raised");
    }
}
