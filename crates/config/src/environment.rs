use crate::document::read_value;
use crate::error::{Cause, Error, nearest};
use crate::layer::{Layer, Named};
use crate::origin::Origin;
use crate::setting::{Kind, PREFIX, variable};
use crate::value::Found;

/// The variable that names the configuration file. Whoever reads that file looks at it.
pub const FILE_VARIABLE: &str = "CAUSEWAY_CONFIG";
/// The variable by which crash tests choose another disk. No setting: nobody else should find it.
pub const DISK_VARIABLE: &str = "CAUSEWAY_DISK";

/// The `CAUSEWAY_…` variables; all others belong to somebody else.
pub(crate) fn read(variables: impl Iterator<Item = (String, String)>, errors: &mut Vec<Error>) -> Layer {
    let mut layer = Layer::empty();
    let mut ours: Vec<_> = variables.filter(|(name, _)| name.starts_with(PREFIX)).collect();
    ours.sort();
    for (name, text) in ours {
        if name == FILE_VARIABLE || name == DISK_VARIABLE || is_service_link(&name) {
            continue;
        }
        let origin = Origin::environment(&name);
        match Named::all().find(|(known, _)| variable(known) == name) {
            Some((_, Named::Setting(setting))) if matches!(setting.kind, Kind::Tables(_)) => {
                if let Some(value) = read_value(&text, &origin, setting, errors) {
                    layer.values.set(setting, Found { value, origin }, errors);
                }
            }
            Some((_, named)) => layer.set_text(&named, &text, &origin, errors),
            None => {
                let known = Named::all().map(|(name, _)| variable(&name)).chain([FILE_VARIABLE.to_owned()]);
                // The prefix, which is always right, must not count as letters in common.
                let nearest = nearest(&name[PREFIX.len()..], known.map(|name| name[PREFIX.len()..].to_owned()));
                let nearest = nearest.map(|name| format!("{PREFIX}{name}"));
                errors.push(Error::new(origin, Cause::UnknownVariable { nearest }));
            }
        }
    }
    layer
}

/// What Kubernetes sets in every container beside a service called `causeway`: `CAUSEWAY_SERVICE_HOST`,
/// `CAUSEWAY_SERVICE_PORT[_<NAME>]`, `CAUSEWAY_PORT[_<n>_TCP[_ADDR|_PORT|_PROTO]]` (Kubernetes, "Environment variables"
/// of a Service). Nobody wrote them, so they cannot be slips.
fn is_service_link(name: &str) -> bool {
    let rest = &name[PREFIX.len()..];
    let numbered = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    rest == "SERVICE_HOST"
        || rest == "SERVICE_PORT"
        || rest.starts_with("SERVICE_PORT_")
        || rest == "PORT"
        || rest.strip_prefix("PORT_").is_some_and(numbered)
}
