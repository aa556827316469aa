//! What the configuration says of logins, in the words of `auth`.

use auth::{CertificateUser, Cost, LoginLimits, Rules};
use config::Config;

use crate::exit::Failure;

/// What new hashes of passwords cost.
pub(crate) fn cost(config: &Config) -> Result<Cost, Failure> {
    let kib = u32::try_from(config.password_memory >> 10).unwrap_or(u32::MAX);
    Cost::new(kib, config.password_passes, 1)
        .map_err(|error| Failure::Configuration(format!("password_memory and password_passes: {error}")))
}

#[cfg_attr(not(test), expect(dead_code, reason = "logins are not asked for yet"))]
pub(crate) fn rules(config: &Config) -> Result<Rules, Failure> {
    if let Some(name) = config.anonymous.as_ref().filter(|name| !auth::is_name(name)) {
        return Err(Failure::Configuration(format!("anonymous = {name:?}: no user can be called so")));
    }
    let certificate_user = match config.certificate_user {
        config::CertificateUser::Mapped => CertificateUser::Mapped,
        config::CertificateUser::CommonName => CertificateUser::CommonName,
    };
    Ok(Rules { anonymous: config.anonymous.clone(), certificate_user, cost: cost(config)? })
}

#[cfg_attr(not(test), expect(dead_code, reason = "logins are not asked for yet"))]
pub(crate) fn limits(config: &Config) -> LoginLimits {
    let cache_lifetime = u64::try_from(config.login_cache.as_millis()).unwrap_or(u64::MAX);
    LoginLimits { cache_lifetime, ..LoginLimits::default() }
}

#[cfg(test)]
mod tests {
    use config::{Flags, Machine, Sources};

    use super::*;

    fn config(flags: Flags) -> Config {
        let machine = Machine { cores: 1, memory: None, cgroup_memory: None };
        Config::load(Sources { file: None, environment: std::iter::empty(), flags, machine }).unwrap()
    }

    #[test]
    fn the_defaults_are_those_of_auth() {
        let config = config(Flags::default());
        assert_eq!(rules(&config).unwrap(), Rules::default());
        assert_eq!(limits(&config), LoginLimits::default());
    }

    #[test]
    fn everything_that_may_be_set_is_taken() {
        let flags = |anonymous: &str| Flags {
            anonymous: Some(anonymous.to_owned()),
            certificate_user: Some("cn".to_owned()),
            login_cache: Some("0s".to_owned()),
            password_memory: Some("256MiB".to_owned()),
            password_passes: Some("64".to_owned()),
            ..Flags::default()
        };
        let config_of = config(flags("guest"));
        let cost = Cost::new(256 << 10, 64, 1).unwrap();
        let expected =
            Rules { anonymous: Some("guest".to_owned()), certificate_user: CertificateUser::CommonName, cost };
        assert_eq!(rules(&config_of).unwrap(), expected);
        assert_eq!(limits(&config_of).cache_lifetime, 0);
        assert!(rules(&config(flags(" guest"))).is_err());
    }
}
