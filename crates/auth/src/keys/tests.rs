use proptest::prelude::*;

use super::*;
use crate::users::User;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const ID: &str = "AKIDEXAMPLE";

fn users(master: &MasterKey) -> Users {
    let mut users = Users::default();
    users.put(User::new("alice")).unwrap();
    let key = Key {
        id: ID.to_owned(),
        user: "alice".to_owned(),
        secret: master.seal(ID, SECRET, [3; 12]),
        account: Some("123456789012".to_owned()),
        created: 0,
        disabled: false,
    };
    users.put_key(key).unwrap();
    users
}

/// The example of AWS's reference (ListUsers).
fn listed() -> Signature {
    Signature {
        access_key: ID.to_owned(),
        scope: "20150830/us-east-1/iam/aws4_request".to_owned(),
        string_to_sign: "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n\
                         f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
            .to_owned(),
        signature: "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7".to_owned(),
    }
}

#[test]
fn the_published_signature_is_verified() {
    let master = MasterKey::new([1; 32]);
    let keys = AccessKeys::open(&users(&master), &master).unwrap();
    let mut known = SigningKeys::default();
    for _ in 0..2 {
        let (key, user) = keys.verify(&listed(), &mut known).unwrap();
        assert_eq!((key.id.as_str(), user.name.as_str()), (ID, "alice"));
    }
    assert_eq!(format!("{known:?}"), "1 signing keys");
}

#[test]
fn everything_else_is_not() {
    let master = MasterKey::new([1; 32]);
    let keys = AccessKeys::open(&users(&master), &master).unwrap();
    let mut known = SigningKeys::default();
    let mut check = |change: &dyn Fn(&mut Signature), expected| {
        let mut signature = listed();
        change(&mut signature);
        assert_eq!(keys.verify(&signature, &mut known).unwrap_err(), expected, "{signature:?}");
    };
    use BadSignature::{Malformed, UnknownKey, Wrong};
    check(&|s| s.access_key.push('X'), UnknownKey);
    check(&|s| s.access_key.clear(), UnknownKey);
    check(&|s| s.signature = s.signature.replace('5', "6"), Wrong);
    check(&|s| s.string_to_sign = s.string_to_sign.replace("T1236", "T1237"), Wrong);
    check(&|s| s.signature.clear(), Malformed);
    check(&|s| s.signature.push('0'), Malformed);
    check(&|s| s.signature = "ü".repeat(32), Malformed);
    check(&|s| s.scope = s.scope.replace("us-east-1", "us-west-1"), Malformed);
    check(&|s| s.scope.push_str("/x"), Malformed);
    check(&|s| s.scope = s.scope.replace("aws4_request", "aws5_request"), Malformed);
    check(&|s| s.string_to_sign = s.string_to_sign.replace("20150830T", "20150831T"), Malformed);
    check(&|s| s.string_to_sign.push('\n'), Malformed);
    check(&|s| s.string_to_sign = s.string_to_sign.replace("SHA256", "SHA1"), Malformed);
    for scope in [
        "20150831/us-east-1/iam/aws4_request",
        "20150830/us-west-1/iam/aws4_request",
        "20150830/us-east-1/sqs/aws4_request",
    ] {
        let day = &scope[..8];
        check(
            &|s| {
                s.string_to_sign = s.string_to_sign.replace(&s.scope, scope).replace("20150830T", &format!("{day}T"));
                s.scope = scope.to_owned();
            },
            Wrong,
        );
    }
    assert_eq!(format!("{known:?}"), "0 signing keys", "nobody without the secret fills the memory");
}

#[test]
fn disabled_keys_sign_nothing() {
    let master = MasterKey::new([1; 32]);
    let mut users = users(&master);
    let key = Key { disabled: true, ..(**users.find_key(ID).unwrap()).clone() };
    users.put_key(key).unwrap();
    let keys = AccessKeys::open(&users, &master).unwrap();
    assert_eq!(keys.verify(&listed(), &mut SigningKeys::default()).unwrap_err(), BadSignature::DisabledKey);
}

#[test]
fn secrets_open_with_their_master_key_and_id_only() {
    let master = MasterKey::new([1; 32]);
    let sealed = master.seal(ID, SECRET, [3; 12]);
    assert_eq!(master.open(ID, &sealed).as_deref(), Some(SECRET));
    assert_eq!(master.open("other", &sealed), None);
    assert_eq!(MasterKey::new([2; 32]).open(ID, &sealed), None);
    let text = sealed.to_text();
    assert_eq!(Sealed::parse(&text).as_ref(), Some(&sealed));
    for end in 0..text.len() {
        if let Some(shorter) = Sealed::parse(&text[..end]) {
            assert_eq!(master.open(ID, &shorter), None);
        }
    }
    let error = AccessKeys::open(&users(&master), &MasterKey::new([2; 32])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "key \"AKIDEXAMPLE\": the secret cannot be decrypted: it was encrypted with another master key, or changed"
    );
}

#[test]
fn nothing_secret_is_shown() {
    let master = MasterKey::new([1; 32]);
    let keys = AccessKeys::open(&users(&master), &master).unwrap();
    assert_eq!(format!("{keys:?} {master:?}"), "{\"AKIDEXAMPLE\"} (master key)");
}

proptest! {
    #[test]
    fn any_signature_is_looked_at_without_harm(scope: String, text: String, signature: String) {
        let master = MasterKey::new([1; 32]);
        let keys = AccessKeys::open(&users(&master), &master).unwrap();
        let odd = Signature { access_key: ID.to_owned(), scope, string_to_sign: text.clone(), signature: signature.clone() };
        prop_assert!(keys.verify(&odd, &mut SigningKeys::default()).is_err());
        let odd = Signature { string_to_sign: text, signature, ..listed() };
        prop_assert!(keys.verify(&odd, &mut SigningKeys::default()).is_err());
        let _ = Sealed::parse(&odd.scope);
    }
}
