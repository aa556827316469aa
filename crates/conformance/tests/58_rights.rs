//! What users may do, by every protocol, and that they can do nothing else.

use conformance::{Broker, Options, clients};

const CONFIG: &str = "password_memory = \"1MiB\"\npassword_passes = 1\n[[queue]]\nname = \"common\"\n\
    [[queue]]\nname = \"sink\"\n[[binding]]\nqueue = \"sink\"\nkey = \"t.#\"\n";

#[test]
fn every_operation_needs_its_rights_and_no_more() {
    clients::python("58_rights.py", &Broker::start(CONFIG, Options::default()));
}

#[test]
fn what_may_not_be_seen_is_as_if_it_were_not_there() {
    clients::python("58_unseen.py", &Broker::start(CONFIG, Options::default()));
}

#[test]
fn a_right_that_is_taken_away_ends_what_it_allowed() {
    clients::python("58_revoked.py", &Broker::start(CONFIG, Options::default()));
}
