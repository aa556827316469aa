use auth::Cost;
use config::Config;

use crate::exit::Failure;

/// What new hashes of passwords cost.
pub(crate) fn cost(config: &Config) -> Result<Cost, Failure> {
    let kib = u32::try_from(config.password_memory >> 10).unwrap_or(u32::MAX);
    Cost::new(kib, config.password_passes, 1)
        .map_err(|error| Failure::Configuration(format!("password_memory and password_passes: {error}")))
}

#[cfg(test)]
mod tests {
    use config::{Flags, Machine, Sources};

    use super::*;

    fn cost_of(memory: Option<&str>, passes: Option<&str>) -> Cost {
        let text = |text: &str| Some(text.to_owned());
        let flags = Flags {
            password_memory: memory.and_then(text),
            password_passes: passes.and_then(text),
            ..Flags::default()
        };
        let machine = Machine { cores: 1, memory: None, cgroup_memory: None };
        cost(&Config::load(Sources { file: None, environment: std::iter::empty(), flags, machine }).unwrap()).unwrap()
    }

    #[test]
    fn every_cost_that_may_be_set_is_one() {
        assert_eq!(cost_of(None, None), Cost::default());
        assert_eq!(cost_of(Some("1MiB"), Some("1")), Cost::new(1 << 10, 1, 1).unwrap());
        assert_eq!(cost_of(Some("256MiB"), Some("64")), Cost::new(256 << 10, 64, 1).unwrap());
    }
}
