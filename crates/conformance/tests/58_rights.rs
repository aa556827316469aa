//! What users may do, by every protocol, and that they can do nothing else.

use conformance::{Broker, Options, clients};

const CONFIG: &str = "password_memory = \"1MiB\"\npassword_passes = 1\n[[queue]]\nname = \"common\"\n\
    [[queue]]\nname = \"sink\"\n[[binding]]\nqueue = \"sink\"\nkey = \"t.#\"\n";

#[test]
fn every_operation_needs_its_rights_and_no_more() {
    clients::python("58_rights.py", &Broker::start(CONFIG, Options::default()));
}
