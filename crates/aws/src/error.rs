use model::{Alarm, Denial, Refusal};

/// Why a request is not served: one variant for each way, with the words AWS uses where they are known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("The specified queue does not exist.")]
    NoSuchQueue,
    #[error("A queue already exists with the same name and a different value for attribute {0}")]
    QueueExists(String),
    #[error("{0}")]
    InvalidParameter(String),
    #[error("The request must contain the parameter {0}.")]
    MissingParameter(&'static str),
    #[error("{0}")]
    AttributeName(String),
    #[error("Invalid value for the parameter {0}.")]
    AttributeValue(String),
    #[error(
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
    )]
    MessageContents,
    #[error("The input receipt handle is invalid.")]
    ReceiptHandle,
    #[error("The specified message isn't in flight.")]
    NotInflight,
    #[error("Only one PurgeQueue operation on {0} is allowed every 60 seconds.")]
    PurgeInProgress(String),
    #[error("There should be at least one {0} in the request.")]
    EmptyBatch(&'static str),
    #[error("Maximum number of entries per request are 10. You have sent {0}.")]
    TooManyEntries(usize),
    #[error("Id {0} repeated.")]
    RepeatedId(String),
    #[error(
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."
    )]
    EntryId,
    #[error("Batch requests cannot be longer than 1048576 bytes. You have sent {0} bytes.")]
    BatchTooLong(usize),
    #[error("The address {0} is not valid for this endpoint.")]
    Address(String),
    #[error("{0}")]
    Unsupported(String),
    #[error("{0}")]
    OverLimit(String),
    #[error("The broker accepts no messages for now: {0}.")]
    Throttled(Alarm),
    #[error("Access to the resource is denied: {0}.")]
    Denied(String),
    /// The caller's rights do not reach so far; AWS's words are found when it is answered.
    #[error("{0}")]
    Forbidden(Box<Denial>),
    /// The same in AWS's words.
    #[error("{0}")]
    Unauthorized(String),
    #[error("The operation {0} is not known to this endpoint.")]
    UnknownOperation(String),
    #[error("The action {0} is not valid for this endpoint.")]
    InvalidAction(String),
    #[error("{0}")]
    Serialization(String),
    #[error("{0}")]
    IncompleteSignature(String),
    #[error("Request is missing Authentication Token")]
    MissingToken,
    /// The key is unknown, or the signature is not its owner's: nobody learns which keys there are.
    #[error("The security token included in the request is invalid.")]
    Login,
    #[error("{0}")]
    Signature(String),
    #[error("Request has expired.")]
    Expired,
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    ContentDigest,
    #[error("We encountered an internal error. Please try again. ({0})")]
    Internal(String),
    #[error("The service is ending.")]
    Unavailable,
}

/// How a fault looks in both of AWS's protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) status: u16,
    /// Of the JSON `__type`, before the `#`.
    pub(crate) namespace: &'static str,
    /// Of the JSON `__type`, after the `#`.
    pub(crate) shape: &'static str,
    /// `<Code>` in XML, and in the header `x-amzn-query-error`.
    pub(crate) code: &'static str,
    /// Whether the client is to blame.
    pub(crate) sender: bool,
}

const SQS: &str = "com.amazonaws.sqs";
const CORAL: &str = "com.amazon.coral.service";

impl Fault {
    pub(crate) fn wire(&self) -> Wire {
        let of = |status, namespace, shape, code, sender| Wire { status, namespace, shape, code, sender };
        let sqs = |shape, code| of(400, SQS, shape, code, true);
        match self {
            Self::NoSuchQueue => sqs("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
            Self::QueueExists(_) => sqs("QueueNameExists", "QueueAlreadyExists"),
            Self::InvalidParameter(_) => sqs("InvalidParameterValueException", "InvalidParameterValue"),
            Self::MissingParameter(_) => sqs("MissingRequiredParameterException", "MissingParameter"),
            Self::AttributeName(_) => sqs("InvalidAttributeName", "InvalidAttributeName"),
            Self::AttributeValue(_) => sqs("InvalidAttributeValue", "InvalidAttributeValue"),
            Self::MessageContents => sqs("InvalidMessageContents", "InvalidMessageContents"),
            Self::ReceiptHandle => sqs("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
            Self::NotInflight => sqs("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"),
            Self::PurgeInProgress(_) => {
                of(403, SQS, "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress", true)
            }
            Self::EmptyBatch(_) => sqs("EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest"),
            Self::TooManyEntries(_) => {
                sqs("TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest")
            }
            Self::RepeatedId(_) => sqs("BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
            Self::EntryId => sqs("InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId"),
            Self::BatchTooLong(_) => sqs("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong"),
            Self::Address(_) => of(404, SQS, "InvalidAddress", "InvalidAddress", true),
            Self::Unsupported(_) => sqs("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation"),
            Self::OverLimit(_) => of(403, SQS, "OverLimit", "OverLimit", true),
            Self::Throttled(_) => of(403, SQS, "RequestThrottled", "RequestThrottled", true),
            Self::Denied(_) | Self::Forbidden(_) | Self::Unauthorized(_) => {
                of(403, CORAL, "AccessDeniedException", "AccessDenied", true)
            }
            Self::UnknownOperation(_) => of(400, CORAL, "UnknownOperationException", "UnknownOperation", true),
            Self::InvalidAction(_) => of(400, CORAL, "InvalidActionException", "InvalidAction", true),
            Self::Serialization(_) => of(400, CORAL, "SerializationException", "MalformedInput", true),
            Self::IncompleteSignature(_) => of(403, CORAL, "IncompleteSignatureException", "IncompleteSignature", true),
            Self::MissingToken => {
                of(403, CORAL, "MissingAuthenticationTokenException", "MissingAuthenticationToken", true)
            }
            Self::Login => of(403, CORAL, "UnrecognizedClientException", "InvalidClientTokenId", true),
            Self::Signature(_) => of(403, CORAL, "InvalidSignatureException", "SignatureDoesNotMatch", true),
            Self::Expired => of(400, CORAL, "RequestExpired", "RequestExpired", true),
            Self::ContentDigest => of(400, CORAL, "XAmzContentSHA256Mismatch", "XAmzContentSHA256Mismatch", true),
            Self::Internal(_) => of(500, CORAL, "InternalFailure", "InternalFailure", false),
            Self::Unavailable => of(503, CORAL, "ServiceUnavailableException", "ServiceUnavailable", false),
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoSuchQueue(_) | Refusal::NoSuchExchange(_) => Self::NoSuchQueue,
            Refusal::Different(_, what, _) => Self::QueueExists(what.to_owned()),
            Refusal::Exclusive(_) | Refusal::ClientInUse(_) | Refusal::Internal(_) => Self::Denied(refusal.to_string()),
            Refusal::Login => Self::Login,
            Refusal::Denied(denial) => Self::Forbidden(denial),
            Refusal::LoginUnavailable(_) => Self::Unavailable,
            Refusal::Full(_) | Refusal::Limit(..) => Self::OverLimit(refusal.to_string()),
            Refusal::NotLeased => Self::NotInflight,
            Refusal::Invalid(text) => Self::InvalidParameter(text),
            Refusal::IsLog | Refusal::InUse(_) | Refusal::NotEmpty(_) => Self::Unsupported(refusal.to_string()),
            Refusal::NoSuchTransaction | Refusal::Unreadable => Self::Internal(refusal.to_string()),
        }
    }
}

impl Fault {
    /// "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: …"
    pub(crate) fn value(value: impl std::fmt::Display, parameter: &str, reason: &str) -> Self {
        Self::InvalidParameter(format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"))
    }

    pub(crate) fn signature_mismatch() -> Self {
        Self::Signature(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
             Key and signing method. Consult the service documentation for details."
                .to_owned(),
        )
    }

    pub(crate) fn unknown_attribute(name: &str) -> Self {
        Self::AttributeName(format!("Unknown Attribute {name}."))
    }
}
