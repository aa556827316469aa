use std::io::Write as _;

use super::*;
use crate::show;

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

fn file_with(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn key(config: &Config) -> Option<(u8, u8)> {
    config.secret_key.as_ref().map(|key| (key.expose()[1], key.expose()[31]))
}

#[test]
fn from_every_source() {
    let expected = Some((0x11, 0xff));
    let file = file_with(&format!("\n {KEY}\t\n"));
    let path = file.path().to_str().unwrap();
    assert_eq!(key(&from_file(&format!("secret_key = '{KEY}'"))), expected);
    assert_eq!(key(&from_file(&format!("secret_key_file = '{path}'"))), expected);
    assert_eq!(key(&from_environment(&[("CAUSEWAY_SECRET_KEY", KEY)])), expected);
    assert_eq!(key(&from_environment(&[("CAUSEWAY_SECRET_KEY_FILE", path)])), expected);
    let flags = Flags { secret_key_file: Some(path.to_owned()), ..Flags::default() };
    assert_eq!(key(&load("", &[], flags).unwrap()), expected);
}

#[test]
fn a_stronger_source_wins_in_either_form_and_the_weaker_file_is_not_read() {
    let other = KEY.replace("11", "22");
    let config = load("secret_key_file = '/missing'", &[("CAUSEWAY_SECRET_KEY", &other)], Flags::default());
    assert_eq!(key(&config.unwrap()), Some((0x22, 0xff)));
    let file = file_with(KEY);
    let flags = Flags { secret_key_file: file.path().to_str().map(str::to_owned), ..Flags::default() };
    let config = load("", &[("CAUSEWAY_SECRET_KEY", &other)], flags);
    assert_eq!(key(&config.unwrap()), Some((0x11, 0xff)));
}

#[test]
fn the_key_of_the_store_has_one_source() {
    use crate::{Encryption, KeySource};
    let of = |text: &str| from_file(text).encryption_key;
    assert_eq!(of(""), None);
    assert_eq!(of("encryption_key_credential = 'causeway'"), Some(KeySource::Credential("causeway".to_owned())));
    assert_eq!(of("encryption_key_command = 'pass show x'"), Some(KeySource::Command("pass show x".to_owned())));
    let config = from_file(&format!("encryption = 'chacha20-poly1305'\nencryption_key = '{KEY}'"));
    assert_eq!(config.encryption, Some(Encryption::ChaCha20Poly1305));
    assert!(matches!(&config.encryption_key, Some(KeySource::Given(key)) if key.expose()[31] == 0xff));
    assert!(!format!("{config:?}").contains("17, 34, 51"));
    assert!(show(&config).contains("# encryption_key = \"***\""), "{}", show(&config));
    assert_eq!(
        file_errors("encryption = 'aes-256-gcm'"),
        "causeway.toml:1:14: encryption = \"aes-256-gcm\" needs a master key: set one of encryption_key, \
         encryption_key_file, encryption_key_credential and encryption_key_command"
    );
    assert_eq!(
        file_errors(&format!("encryption_key = '{KEY}'\nencryption_key_command = 'x'")),
        "causeway.toml:2:26: encryption_key and encryption_key_command are both set: keep one of them"
    );
    assert!(file_errors("encryption = 'rot13'").ends_with("one of \"off\", \"aes-256-gcm\", \"chacha20-poly1305\""));
}

#[test]
fn never_shown() {
    let config = from_environment(&[("CAUSEWAY_SECRET_KEY", KEY)]);
    assert_eq!(format!("{:?}", config.secret_key), "Some(***)");
    assert!(show(&config).contains("# secret_key = \"***\"  # environment CAUSEWAY_SECRET_KEY\n"), "{}", show(&config));
    let debug = format!("{config:?}");
    assert!(!debug.contains("17, 34, 51") && !debug.contains("112233"), "{debug}");
}

#[test]
fn mistakes_do_not_show_it_either() {
    let allowed = "must be 64 hexadecimal digits";
    let line = |place: &str| format!("{place}: secret_key = ***: {allowed}");
    assert_eq!(file_errors("\nsecret_key = 'hunter2'"), line("causeway.toml:2:14"));
    assert_eq!(file_errors("secret_key = 2222"), line("causeway.toml:1:14"));
    assert_eq!(environment_errors(&[("CAUSEWAY_SECRET_KEY", &KEY[1..])]), line("CAUSEWAY_SECRET_KEY"));
    let file = file_with("hunter2");
    let path = file.path().to_str().unwrap();
    assert_eq!(environment_errors(&[("CAUSEWAY_SECRET_KEY_FILE", path)]), line("CAUSEWAY_SECRET_KEY_FILE"));
    let flags = Flags { secret_key_file: Some(path.to_owned()), ..Flags::default() };
    assert_eq!(load("", &[], flags).unwrap_err().to_string(), line("--secret-key-file"));
}

#[test]
fn both_forms_in_one_source_and_a_missing_file() {
    let lines = file_errors(&format!("secret_key = '{KEY}'\nsecret_key_file = 'x'"));
    assert!(
        lines.contains("causeway.toml:2:19: secret_key and secret_key_file are both set: keep one of them"),
        "{lines}"
    );
    let line = environment_errors(&[("CAUSEWAY_SECRET_KEY_FILE", "/no/such/file")]);
    let expected = "CAUSEWAY_SECRET_KEY_FILE: secret_key_file = \"/no/such/file\": cannot be read: No such file or \
                    directory (os error 2)";
    assert_eq!(line, expected);
}

#[test]
fn in_a_list() {
    let file = file_with("hunter2\n");
    let path = file.path().to_str().unwrap();
    let base = "[[ldap]]\nhosts = ['ldaps://a']\nuser_base = 'dc=a'\nservice_account_username = 'cn=b'\n";
    for password in
        ["service_account_password = 'hunter2'".to_owned(), format!("service_account_password_file = '{path}'")]
    {
        let config = from_file(&format!("{base}{password}"));
        assert_eq!(config.ldap[0].service_account_password.as_ref().unwrap().expose(), "hunter2");
        assert!(!show(&config).contains("hunter2") && !format!("{config:?}").contains("hunter2"), "{}", show(&config));
    }
    assert!(
        file_errors(&format!("{base}service_account_password_file = '/no/such/file'")).contains("cannot be read"),
        "a file that is not there"
    );
}
