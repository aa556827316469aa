use crate::error::Error;
use crate::layer::{Layer, Named};
use crate::origin::Origin;
use crate::setting::flag;

/// Defines `Flags` with one field per flag, so that a field and its name cannot differ.
macro_rules! flags {
    ($($name:ident: $type:ty),+ $(,)?) => {
        /// The command line as it was given, one field per flag: `memory_limit` is `--memory-limit`. Texts are checked
        /// by [`Config::load`](crate::Config::load), as those of the environment.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Flags { $(pub $name: Option<$type>),+ }

        impl Flags {
            /// The names of all fields.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            fn given(&self) -> impl Iterator<Item = (&'static str, String)> {
                [$((stringify!($name), self.$name.as_ref().map(ToString::to_string))),+]
                    .into_iter()
                    .filter_map(|(name, text)| Some((name, text?)))
            }
        }
    };
}

flags! {
    data: String,
    ephemeral: bool,
    durability: String,
    disk_limit: String,
    segment_size: String,
    checkpoint_size: String,
    repair: bool,
    memory_limit: String,
    dev: bool,
    allow_plaintext: bool,
    region: String,
    auto_create: bool,
    io_threads: String,
    permissions_file: String,
    audit_log: String,
    log: String,
    max_message_size: String,
    max_connections: String,
    max_connections_per_user: String,
    slow_consumer_timeout: String,
    max_keep_alive: String,
    max_queues: String,
    max_queues_per_user: String,
    login_timeout: String,
    tls_dir: String,
    tls_only: bool,
    tls_min_version: String,
    client_certificate: String,
    login_cache: String,
    password_memory: String,
    password_passes: String,
    users_file: String,
    anonymous: String,
    certificate_user: String,
    secret_key_file: String,
    master_key_file: String,
    encryption: String,
    encryption_key_file: String,
    encryption_key_credential: String,
    encryption_key_command: String,
    encryption_new_key_file: String,
    mqtt_address: String,
    mqtt_port: String,
    mqtt_tls_port: String,
    amqp_address: String,
    amqp_port: String,
    amqp_tls_port: String,
    stomp_address: String,
    stomp_port: String,
    stomp_tls_port: String,
    aws_address: String,
    aws_port: String,
    console_address: String,
    console_port: String,
    console_tls_port: String,
}

pub(crate) fn read(flags: &Flags, errors: &mut Vec<Error>) -> Layer {
    let mut layer = Layer::empty();
    for (name, text) in flags.given() {
        let (_, named) = Named::all().find(|(known, _)| known == name).expect("every flag is a setting: tested below");
        layer.set_text(&named, &text, &Origin::flag(&flag(name)), errors);
    }
    layer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::Kind;

    #[test]
    fn every_scalar_has_a_flag_and_every_flag_a_setting() {
        let expected: Vec<_> = Named::all()
            .filter(|(_, named)| match named {
                Named::Setting(setting) => !setting.secret && !matches!(setting.kind, Kind::Tables(_)),
                Named::FileOf(_) | Named::Shorthand(..) => true,
            })
            .map(|(name, _)| name)
            .collect();
        assert_eq!(Flags::NAMES, expected);
    }
}
