use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{Encodings, HttpConnection, HttpService, Peer, Time};

use crate::connection::AwsConnection;
use crate::ids::Ids;
use crate::receipt::Receipts;

/// The account of every access key that is not 12 digits itself.
pub(crate) const HOME_ACCOUNT: &str = "000000000000";

/// Bytes of the longest request that is read: a message of 1 MiB, written with JSON's escapes (at most 3 × for text
/// that needs them), and its envelope.
const MAX_BODY: usize = 4 << 20;

/// How the AWS face is set up.
pub struct AwsOptions {
    /// Account 000000000000 in this region is the namespace `/`; every other account or region is one of its own.
    pub region: String,
    /// Message ids and receipt handles are keyed with it: it has to stay the same over restarts.
    pub secret: [u8; 32],
    /// Of all protocols: messages that came by another one are converted when they are received.
    pub encodings: Encodings,
    /// `host[:port]` in the queue URLs that are given out; `None`: as the client called us.
    pub external_host: Option<String>,
}

/// SQS and STS over HTTP.
pub struct Aws {
    shared: Arc<Shared>,
}

impl Aws {
    pub fn new(options: AwsOptions) -> Self {
        let AwsOptions { region, secret, encodings, external_host } = options;
        let (first, second) = secret.split_at(16);
        let half = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).expect("half of 32 bytes");
        let shared = Shared {
            region,
            encodings,
            external_host,
            ids: Ids::new(half(first)),
            receipts: Receipts::new(half(second)),
            requests: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }
}

impl HttpService for Aws {
    fn name(&self) -> &'static str {
        "aws"
    }

    fn max_body(&self) -> usize {
        MAX_BODY
    }

    fn open(&self, peer: &Peer) -> Box<dyn HttpConnection> {
        Box::new(AwsConnection::new(Arc::clone(&self.shared), peer.clone()))
    }
}

/// What all connections of the face share.
pub(crate) struct Shared {
    pub(crate) region: String,
    pub(crate) encodings: Encodings,
    pub(crate) external_host: Option<String>,
    pub(crate) ids: Ids,
    pub(crate) receipts: Receipts,
    requests: AtomicU64,
}

impl Shared {
    pub(crate) fn next_request_id(&self, now: Time) -> String {
        self.ids.request_id(self.requests.fetch_add(1, Ordering::Relaxed), now)
    }
}
