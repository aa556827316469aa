use crate::{SETTINGS, reference};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/REFERENCE.md");

/// `UPDATE_REFERENCE=1 cargo test -p config` writes the page anew.
#[test]
fn the_page_is_up_to_date() {
    if std::env::var_os("UPDATE_REFERENCE").is_some_and(|value| value == "1") {
        std::fs::write(PAGE, reference()).unwrap();
    }
    let page = std::fs::read_to_string(PAGE).unwrap();
    assert!(page == reference(), "REFERENCE.md is out of date: run UPDATE_REFERENCE=1 cargo test -p config");
}

#[test]
fn every_setting_stands_there_with_its_variable() {
    let page = reference();
    for setting in SETTINGS {
        assert!(page.contains(&format!("`{}`", setting.variable())), "{}", setting.name);
        assert!(page.contains(setting.doc), "{}", setting.name);
    }
}
