#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]
//! The fuzz targets' functions with what fuzzing has found.

use std::fs;
use std::path::Path;

fn each(target: &str, run: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        run(&fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "{}", folder.display());
}

#[test]
fn proxy_headers() {
    each("proxy_header", net::fuzz_proxy);
}

#[test]
fn client_hellos() {
    each("client_hello", net::tls::fuzz_hello);
}
