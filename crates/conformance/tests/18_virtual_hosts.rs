//! Virtual hosts that are accounts of their own.

use conformance::{Broker, Options, clients};

#[test]
fn every_protocol_means_the_same_host() {
    let config = "[[virtual_host]]\nname = \"tenant\"\naccount = \"111111111111\"\n";
    clients::python("18_virtual_hosts.py", &Broker::start(config, Options::default()));
}
