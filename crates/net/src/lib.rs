//! Listeners and IO threads: one connection loop for every protocol, one for HTTP services. It knows no protocol; it
//! holds boxes of [`model::Connection`] and [`model::HttpConnection`].
//!
//! An IO thread runs rounds. Readable sockets are read, one `read` each, and their connections push commands into the
//! thread's batch. At the end of the round the batch goes to the [`Core`], what comes back is applied to the thread's
//! connections, and each one's output leaves in one `writev`.

mod admit;
mod bucket;
mod clock;
mod core;
mod entry;
mod gate;
mod half_open;
mod http;
mod line;
mod listen;
mod login;
mod pace;
mod proxy;
mod raw;
mod round;
mod shared_port;
mod slots;
mod thread;
pub mod tls;

pub use clock::Clock;
pub use core::{Addressed, Core, Wakers};
pub use entry::{Entry, Proxy};
pub use gate::Access;
pub use listen::{Arrivals, Face, Limits, Listener, Socket};
pub use login::{Authenticator, Dialogue, Login, LoginPool, OpenDoor, Permission, Verdict, Work};
pub use proxy::run as fuzz_proxy;
pub use shared_port::SharedPort;
pub use thread::{Options, run};
