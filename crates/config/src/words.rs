//! The settings whose value is one of a few words.

/// Defines an enum of words with `NAMES`, `ALL`, `name` and `from_name`, so that the list of allowed words cannot
/// differ from the type.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// Every value, in the order of [`Self::NAMES`].
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The words of the configuration.
            pub const NAMES: &'static [&'static str] = &[$($word),+];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            pub(crate) fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name)
            }
        }
    };
}

words! {
    /// A protocol family with a listener of its own.
    Face {
        Mqtt = "mqtt",
        /// AMQP 0-9-1 and 1.0, told apart by the protocol header.
        Amqp = "amqp",
        Stomp = "stomp",
        /// SQS and the other AWS services, told apart by the request.
        Aws = "aws",
        Console = "console",
    }
}

impl Face {
    /// Where the face listens unless told otherwise.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Mqtt => 1883,
            Self::Amqp => 5672,
            Self::Stomp => 61613,
            Self::Aws => 4566,
            Self::Console => 8161,
        }
    }

    /// Where it listens with TLS, as Amazon MQ does; `None`: on the same port, told apart by the first byte.
    pub const fn tls_port(self) -> Option<u16> {
        match self {
            Self::Mqtt => Some(8883),
            Self::Amqp => Some(5671),
            Self::Stomp => Some(61614),
            Self::Aws => None,
            Self::Console => Some(8162),
        }
    }
}

words! {
    /// Whether a listener speaks TLS.
    TlsMode {
        Off = "off",
        /// Nothing else.
        On = "on",
        /// The client's first byte decides.
        Both = "both",
    }
}

words! {
    /// The oldest version of TLS that is spoken.
    TlsVersion { Tls12 = "1.2", Tls13 = "1.3" }
}

words! {
    /// Whether clients are asked for a certificate.
    ClientCertificate {
        None = "none",
        /// Who shows one must show a good one.
        Optional = "optional",
        Required = "required",
    }
}

words! {
    /// Whose habits count where ActiveMQ and RabbitMQ contradict each other.
    Dialect { ActiveMq = "activemq", RabbitMq = "rabbitmq" }
}

words! {
    /// How a token is signed (RFC 7518, 3.1; RFC 8037, 3.1).
    Algorithm {
        Rs256 = "RS256",
        Rs384 = "RS384",
        Rs512 = "RS512",
        Ps256 = "PS256",
        Ps384 = "PS384",
        Ps512 = "PS512",
        Es256 = "ES256",
        Es384 = "ES384",
        EdDsa = "EdDSA",
    }
}

words! {
    /// Which user a client certificate is.
    CertificateUser {
        /// The one that names it in the users file.
        Mapped = "mapped",
        /// That one, else whoever its common name says.
        CommonName = "cn",
    }
}

words! {
    /// What survives of what was confirmed.
    Durability {
        /// Everything, whatever crashes.
        Fsync = "fsync",
        /// What the operating system has: the process may crash, the system may not.
        Os = "os",
        /// What was written before an orderly stop.
        None = "none",
    }
}

words! {
    /// How the store is encrypted.
    Encryption { Off = "off", Aes256Gcm = "aes-256-gcm", ChaCha20Poly1305 = "chacha20-poly1305" }
}

words! {
    /// What happens to a message that a full queue gets.
    Overflow {
        /// The new one is refused, and its publisher told so.
        Reject = "reject",
        /// The oldest ready one is dropped.
        DropHead = "drop-head",
        /// The oldest ready one is dead-lettered.
        DeadLetter = "dead-letter",
    }
}

words! {
    /// How an exchange compares a message with a binding (AMQP 0-9-1, 3.1.3).
    ExchangeKind { Direct = "direct", Fanout = "fanout", Topic = "topic", Headers = "headers" }
}

words! {
    /// Whether every header of a binding must match, or one is enough (AMQP 0-9-1, 3.1.3.4).
    Match { All = "all", Any = "any" }
}
