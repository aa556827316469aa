use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

const FAKES: [u8; 32] = [9; 32];

/// The client's side.
pub(crate) struct Client<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
}

impl Client<'_> {
    pub(crate) fn first(&self) -> String {
        format!("n,,n={},r=client", self.user.replace('=', "=3D").replace(',', "=2C"))
    }

    /// The last message, and what the server must answer.
    pub(crate) fn last(&self, challenge: &str) -> (String, String) {
        let mut parts = challenge.split(',').map(|part| &part[2..]);
        let (nonce, salt) = (parts.next().unwrap(), STANDARD.decode(parts.next().unwrap()).unwrap());
        let iterations: u32 = parts.next().unwrap().parse().unwrap();
        let mut salted = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(self.password.as_bytes(), &salt, iterations, &mut salted);
        let client_key = code(&salted, &[b"Client Key"]);
        let without_proof = format!("c=biws,r={nonce}");
        let authenticated = format!("{},{challenge},{without_proof}", &self.first()[3..]);
        let signature = code(&Sha256::digest(client_key), &[authenticated.as_bytes()]);
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, byte)| key ^ byte).collect();
        let server = code(&code(&salted, &[b"Server Key"]), &[authenticated.as_bytes()]);
        (format!("{without_proof},p={}", STANDARD.encode(proof)), format!("v={}", STANDARD.encode(server)))
    }
}

fn secret(password: &str) -> ScramSecret {
    ScramSecret::with_iterations(password, [3; 16], 4_096).unwrap()
}

fn begin(message: &str, known: Option<&ScramSecret>) -> Result<(Scram, String), MalformedScram> {
    let begun = Scram::begin(message.as_bytes(), &[5; NONCE_BYTES], &FAKES, |_| known);
    begun.map(|(scram, reply)| (scram, String::from_utf8(reply.to_vec()).unwrap()))
}

/// RFC 7677, 3.
#[test]
fn the_example_of_the_rfc() {
    let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap().try_into().unwrap();
    let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    let scram = Scram {
        user: "user".to_owned(),
        header: "n,,".to_owned(),
        nonce: nonce.to_owned(),
        authenticated: format!("n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"),
        secret: ScramSecret::with_iterations("pencil", salt, 4_096).unwrap(),
        real: true,
    };
    let message = format!("c=biws,r={nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    let proof = scram.finish(message.as_bytes());
    assert_eq!(proof, Proof::Right("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".into()));
}

#[test]
fn only_the_right_password_makes_a_proof() {
    let secret = secret("pencil");
    for (password, is_right) in [("pencil", true), ("Pencil", false), ("", false)] {
        let client = Client { user: "a,=b", password };
        let (scram, challenge) = begin(&client.first(), Some(&secret)).unwrap();
        assert_eq!(scram.user(), "a,=b");
        let (last, answer) = client.last(&challenge);
        let expected = if is_right { Proof::Right(answer.into()) } else { Proof::Wrong };
        assert_eq!(scram.finish(last.as_bytes()), expected, "{password}");
    }
}

#[test]
fn who_does_not_exist_gets_the_same_salt_every_time() {
    let salt = |user| {
        let (_, challenge) = begin(&Client { user, password: "" }.first(), None).unwrap();
        challenge.split(",s=").nth(1).unwrap().to_owned()
    };
    assert_eq!(salt("nobody"), salt("nobody"));
    assert_ne!(salt("nobody"), salt("somebody"));
    let real = ScramSecret::new("x", [1; 16]).unwrap();
    let (_, challenge) = begin("n,,n=x,r=c", Some(&real)).unwrap();
    let shape = |text: &str| (text.len(), text.split(",i=").nth(1).unwrap().to_owned());
    assert_eq!(shape(challenge.split(",s=").nth(1).unwrap()), shape(&salt("nobody")));
}

#[test]
fn a_proof_that_fits_the_fake_secret_is_worth_nothing() {
    let client = Client { user: "nobody", password: "x" };
    let (mut scram, challenge) = begin(&client.first(), None).unwrap();
    scram.secret = ScramSecret::with_iterations("x", scram.secret.salt().try_into().unwrap(), 60_000).unwrap();
    assert_eq!(scram.finish(client.last(&challenge).0.as_bytes()), Proof::Wrong);
}

#[test]
fn malformed_first_messages() {
    for message in [
        "",
        "n",
        "n,",
        "n,,",
        "n,,n=user",
        "n,,n=,r=x",
        "n,,n=user,r=",
        "n,,n=us=er,r=x",
        "n,,n=us=2cer,r=x",
        "n,a=other,n=user,r=x",
        "n,b,n=user,r=x",
        "p=tls-unique,,n=user,r=x",
        "z,,n=user,r=x",
        "n,,m=ext,n=user,r=x",
        "n,,n=user,r=\u{7f}",
        "n,,n=us\0er,r=x",
    ] {
        assert!(begin(message, None).is_err(), "{message:?}");
    }
    assert!(begin(&format!("n,,n={},r=x", "u".repeat(257)), None).is_err());
    assert!(begin("n,a=user,n=user,r=x", None).is_ok());
    assert!(begin("y,,n=user,r=x", None).is_ok());
    assert!(begin("n,,n=user,r=x,ext=1", None).is_ok());
    assert!(Scram::begin(b"n,,n=\xff,r=x", &[0; NONCE_BYTES], &FAKES, |_| None).is_err());
}

#[test]
fn malformed_last_messages() {
    let secret = secret("pencil");
    let client = Client { user: "user", password: "pencil" };
    let (scram, challenge) = begin(&client.first(), Some(&secret)).unwrap();
    let (good, _) = client.last(&challenge);
    for (part, replaced) in [
        ("c=biws", "c=eSws"),
        ("c=biws,", ""),
        ("c=biws", "c=!"),
        ("r=client", "r=Client"),
        (",p=", ",q="),
        (",p=", ",p=A"),
    ] {
        let message = good.replacen(part, replaced, 1);
        assert!(matches!(scram.clone().finish(message.as_bytes()), Proof::Malformed(_)), "{message}");
    }
    assert!(matches!(scram.clone().finish(&vec![b'x'; MAX_MESSAGE + 1]), Proof::Malformed(_)));
    assert!(matches!(scram.finish(good.as_bytes()), Proof::Right(_)));
}

#[test]
fn secrets_are_read_back_and_bounded() {
    let secret = secret("pencil");
    let text = secret.to_text();
    assert_eq!(ScramSecret::parse(&text), Ok(secret));
    for (part, replaced) in
        [("256$", "1$"), ("4096", "4095"), ("4096", "10000001"), ("4096", "-1"), (":", ""), ("=", "")]
    {
        assert!(ScramSecret::parse(&text.replacen(part, replaced, 1)).is_err(), "{part} → {replaced}");
    }
    for end in 0..text.len() {
        assert!(ScramSecret::parse(&text[..end]).is_err());
    }
    assert_eq!(ScramSecret::new("", [0; 16]), Err(ScramError::Password));
    assert_eq!(ScramSecret::new("a\u{7}", [0; 16]), Err(ScramError::Password));
}

/// RFC 4013, 3.
#[test]
fn passwords_are_prepared() {
    assert_eq!(secret("I\u{ad}X"), secret("IX"));
    assert_eq!(secret("\u{2168}"), secret("IX"));
    assert_ne!(secret("user"), secret("USER"));
}

proptest! {
    #[test]
    fn any_messages_are_read_without_harm(first: Vec<u8>, last: Vec<u8>, text: String) {
        let _ = Scram::begin(&first, &[0; NONCE_BYTES], &FAKES, |_| None);
        let (scram, _) = begin("n,,n=user,r=x", None).unwrap();
        prop_assert!(!matches!(scram.clone().finish(&last), Proof::Right(_)));
        let last = format!("c=biws,r={text},p={text}");
        prop_assert!(!matches!(scram.finish(last.as_bytes()), Proof::Right(_)));
        let _ = begin(&format!("n,,n={text},r={text}"), None);
        let _ = ScramSecret::parse(&format!("SCRAM-SHA-256${text}"));
    }
}
