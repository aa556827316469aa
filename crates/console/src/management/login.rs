use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http::header::AUTHORIZATION;
use model::{Credentials, Secret};

/// What a request shows: a name and password (HTTP Basic, RFC 7617), a token (RFC 6750), or nothing of its own: then
/// its connection's certificate may do. `None`: something else, which is no login.
pub(super) fn credentials<T>(request: &Request<T>) -> Option<Credentials> {
    let mut headers = request.headers().get_all(AUTHORIZATION).iter();
    let header = match (headers.next(), headers.next()) {
        (None, _) => return Some(Credentials::Nothing),
        (Some(header), None) => header.to_str().ok()?,
        (Some(_), Some(_)) => return None,
    };
    let (scheme, shown) = header.split_once(' ')?;
    let shown = shown.trim();
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = Bytes::from(STANDARD.decode(shown).ok()?);
        let colon = decoded.iter().position(|byte| *byte == b':').filter(|colon| *colon > 0)?;
        let user = std::str::from_utf8(&decoded[..colon]).ok()?.to_owned();
        return Some(Credentials::Password { user, password: Secret::from(decoded.slice(colon + 1..)) });
    }
    let is_token = scheme.eq_ignore_ascii_case("bearer") && !shown.is_empty();
    is_token.then(|| Credentials::Password { user: String::new(), password: Secret::from(shown.as_bytes()) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(headers: &[&str]) -> Option<Credentials> {
        let request = headers.iter().fold(Request::get("/"), |request, header| request.header(AUTHORIZATION, *header));
        credentials(&request.body(()).ok()?)
    }

    fn password(user: &str, password: &str) -> Option<Credentials> {
        Some(Credentials::Password { user: user.to_owned(), password: Secret::from(password.as_bytes()) })
    }

    fn basic(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn names_passwords_and_tokens_are_read() {
        assert_eq!(shown(&[]), Some(Credentials::Nothing));
        // RFC 7617, 2 and 2.1.
        assert_eq!(shown(&["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]), password("Aladdin", "open sesame"));
        assert_eq!(shown(&["bASIC dGVzdDoxMjPCow=="]), password("test", "123£"));
        assert_eq!(shown(&[&basic("ann:a:b:")]), password("ann", "a:b:"));
        assert_eq!(shown(&[&basic("ann:")]), password("ann", ""));
        assert_eq!(shown(&["Bearer  a.b.c"]), password("", "a.b.c"));
    }

    #[test]
    fn anything_else_is_no_login() {
        let twice = basic("ann:secret");
        for wrong in [
            &["Basic"][..],
            &["Basic "],
            &["Basic ?"],
            &["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ"],
            &[&basic("no colon")],
            &[&basic(":token")],
            &["Basic /zo="],
            &["Bearer "],
            &["Digest username=\"ann\""],
            &["Negotiate YII="],
            &[&twice, &twice],
        ] {
            assert_eq!(shown(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_harm(header: String, text: String) {
            let _ = shown(&[&header]);
            let _ = shown(&[&format!("Basic {header}"), &basic(&text)]);
            let _ = shown(&[&basic(&text)]);
        }
    }
}
