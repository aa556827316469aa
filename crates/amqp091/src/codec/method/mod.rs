//! All methods, one struct each, a module for each class.

pub mod access;
pub mod basic;
pub mod channel;
pub mod confirm;
pub mod connection;
pub mod exchange;
pub mod queue;
pub mod tx;

use std::fmt;

use super::arguments::{Reader, Writer};
use super::error::{Malformed, Unencodable};

/// The ids of a class and of one of its methods (1.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct MethodId {
    pub class: u16,
    pub method: u16,
}

impl MethodId {
    /// For `connection.close` that blames no method.
    pub const NONE: Self = Self::new(0, 0);

    pub const fn new(class: u16, method: u16) -> Self {
        Self { class, method }
    }

    pub(super) fn from_bytes([a, b, c, d]: [u8; 4]) -> Self {
        Self::new(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
    }
}

impl fmt::Display for MethodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}.{}", self.class, self.method),
        }
    }
}

/// Who may send a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    Client,
    Server,
    Both,
}

/// Declares the methods of a class: `Name "wire name" = class, method; sender { arguments in their order }`.
/// A type in parentheses is an argument that the protocol reserves: read over, and written as its default.
macro_rules! methods {
    ($(
        $(#[$doc:meta])*
        $name:ident $wire:literal = $class:literal, $method:literal; $sender:ident {
            $( $(($skipped:ty))* $(#[$field_doc:meta])* $field:ident: $type:ty ),* $(,)?
            $( ; $(($tail:ty))* )?
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $name {
            $( $(#[$field_doc])* pub $field: $type, )*
        }

        impl $name {
            pub const ID: $crate::codec::MethodId = $crate::codec::MethodId::new($class, $method);
            pub const NAME: &'static str = $wire;
            pub const SENDER: $crate::codec::Sender = $crate::codec::Sender::$sender;

            /// Appends the method as a whole frame.
            ///
            /// # Errors
            /// A long string or table of 4 GiB; nothing is appended then.
            pub fn encode(
                &self,
                channel: u16,
                out: &mut bytes::BytesMut,
            ) -> Result<(), $crate::codec::Unencodable> {
                $crate::codec::encode::method_frame(channel, Self::ID, out, |writer| self.write(writer))
            }

            #[allow(unused_variables, reason = "some methods have no arguments")]
            pub(in crate::codec) fn read(
                reader: &mut $crate::codec::arguments::Reader<'_>,
            ) -> Result<Self, $crate::codec::Syntax> {
                $(
                    $( <$skipped as $crate::codec::arguments::Argument>::read(reader)?; )*
                    let $field = <$type as $crate::codec::arguments::Argument>::read(reader)?;
                )*
                $( $( <$tail as $crate::codec::arguments::Argument>::read(reader)?; )* )?
                Ok(Self { $($field),* })
            }

            #[allow(unused_variables, reason = "some methods have no arguments")]
            pub(in crate::codec) fn write(
                &self,
                writer: &mut $crate::codec::arguments::Writer<'_>,
            ) -> Result<(), $crate::codec::Unencodable> {
                $(
                    $( $crate::codec::arguments::Argument::write(&<$skipped>::default(), writer)?; )*
                    $crate::codec::arguments::Argument::write(&self.$field, writer)?;
                )*
                $( $( $crate::codec::arguments::Argument::write(&<$tail>::default(), writer)?; )* )?
                Ok(())
            }
        }
    )*};
}
use methods;

macro_rules! all_methods {
    ($($variant:ident($module:ident::$name:ident),)*) => {
        /// Any method.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Method {
            $($variant($module::$name),)*
        }

        impl Method {
            pub fn id(&self) -> MethodId {
                match self {
                    $(Self::$variant(_) => $module::$name::ID,)*
                }
            }

            pub(super) fn read(id: MethodId, mut reader: Reader<'_>) -> Result<Self, Malformed> {
                let method = match id {
                    $($module::$name::ID => $module::$name::read(&mut reader).map(Self::$variant),)*
                    _ => return Err(Malformed::UnknownMethod(id)),
                };
                let method = method.map_err(|why| Malformed::Arguments(id, why))?;
                reader.finish().map_err(|why| Malformed::Arguments(id, why))?;
                Ok(method)
            }

            pub(super) fn write(&self, writer: &mut Writer<'_>) -> Result<(), Unencodable> {
                match self {
                    $(Self::$variant(method) => method.write(writer),)*
                }
            }
        }

        impl MethodId {
            /// As RabbitMQ writes it, for example `basic.publish`; `None` for an unknown method.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $($module::$name::ID => Some($module::$name::NAME),)*
                    _ => None,
                }
            }

            /// `None` for an unknown method.
            pub fn sender(self) -> Option<Sender> {
                match self {
                    $($module::$name::ID => Some($module::$name::SENDER),)*
                    _ => None,
                }
            }

            /// Every method there is.
            pub const ALL: &'static [Self] = &[$($module::$name::ID),*];
        }

        $(impl From<$module::$name> for Method {
            fn from(method: $module::$name) -> Self {
                Self::$variant(method)
            }
        })*
    };
}

all_methods! {
    ConnectionStart(connection::Start),
    ConnectionStartOk(connection::StartOk),
    ConnectionSecure(connection::Secure),
    ConnectionSecureOk(connection::SecureOk),
    ConnectionTune(connection::Tune),
    ConnectionTuneOk(connection::TuneOk),
    ConnectionOpen(connection::Open),
    ConnectionOpenOk(connection::OpenOk),
    ConnectionClose(connection::Close),
    ConnectionCloseOk(connection::CloseOk),
    ConnectionBlocked(connection::Blocked),
    ConnectionUnblocked(connection::Unblocked),
    ConnectionUpdateSecret(connection::UpdateSecret),
    ConnectionUpdateSecretOk(connection::UpdateSecretOk),
    ChannelOpen(channel::Open),
    ChannelOpenOk(channel::OpenOk),
    ChannelFlow(channel::Flow),
    ChannelFlowOk(channel::FlowOk),
    ChannelClose(channel::Close),
    ChannelCloseOk(channel::CloseOk),
    AccessRequest(access::Request),
    AccessRequestOk(access::RequestOk),
    ExchangeDeclare(exchange::Declare),
    ExchangeDeclareOk(exchange::DeclareOk),
    ExchangeDelete(exchange::Delete),
    ExchangeDeleteOk(exchange::DeleteOk),
    ExchangeBind(exchange::Bind),
    ExchangeBindOk(exchange::BindOk),
    ExchangeUnbind(exchange::Unbind),
    ExchangeUnbindOk(exchange::UnbindOk),
    QueueDeclare(queue::Declare),
    QueueDeclareOk(queue::DeclareOk),
    QueueBind(queue::Bind),
    QueueBindOk(queue::BindOk),
    QueueUnbind(queue::Unbind),
    QueueUnbindOk(queue::UnbindOk),
    QueuePurge(queue::Purge),
    QueuePurgeOk(queue::PurgeOk),
    QueueDelete(queue::Delete),
    QueueDeleteOk(queue::DeleteOk),
    BasicQos(basic::Qos),
    BasicQosOk(basic::QosOk),
    BasicConsume(basic::Consume),
    BasicConsumeOk(basic::ConsumeOk),
    BasicCancel(basic::Cancel),
    BasicCancelOk(basic::CancelOk),
    BasicPublish(basic::Publish),
    BasicReturn(basic::Return),
    BasicDeliver(basic::Deliver),
    BasicGet(basic::Get),
    BasicGetOk(basic::GetOk),
    BasicGetEmpty(basic::GetEmpty),
    BasicAck(basic::Ack),
    BasicReject(basic::Reject),
    BasicRecoverAsync(basic::RecoverAsync),
    BasicRecover(basic::Recover),
    BasicRecoverOk(basic::RecoverOk),
    BasicNack(basic::Nack),
    TxSelect(tx::Select),
    TxSelectOk(tx::SelectOk),
    TxCommit(tx::Commit),
    TxCommitOk(tx::CommitOk),
    TxRollback(tx::Rollback),
    TxRollbackOk(tx::RollbackOk),
    ConfirmSelect(confirm::Select),
    ConfirmSelectOk(confirm::SelectOk),
}
