use http::{Method, Request};
use percent_encoding::percent_decode_str;

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Page,
    Health,
    Metrics,
    Status,
    /// `?prefix=…&internal=true`
    Queues {
        prefix: String,
        internal: bool,
    },
    Topics,
    Connections,
    /// Only `GET` and `HEAD` here.
    WrongMethod,
    Unknown,
}

impl Route {
    pub(super) fn of<T>(request: &Request<T>) -> Self {
        let path = request.uri().path();
        let route = match path.strip_suffix('/').unwrap_or(path) {
            "" => Self::Page,
            "/health" => Self::Health,
            "/metrics" => Self::Metrics,
            "/api/status" => Self::Status,
            "/api/queues" => {
                let query = request.uri().query().unwrap_or_default();
                let prefix = parameter(query, "prefix").unwrap_or_default();
                let internal = parameter(query, "internal").is_some_and(|value| value == "true");
                Self::Queues { prefix, internal }
            }
            "/api/topics" => Self::Topics,
            "/api/connections" => Self::Connections,
            _ => return Self::Unknown,
        };
        if matches!(*request.method(), Method::GET | Method::HEAD) { route } else { Self::WrongMethod }
    }
}

/// The first parameter `name` of a query, decoded.
fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let (_, value) = pairs.find(|(found, _)| *found == name)?;
    let spaced = value.replace('+', " ");
    Some(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: Method, uri: &str) -> Route {
        Route::of(&Request::builder().method(method).uri(uri).body(()).unwrap())
    }

    #[test]
    fn paths_lead_somewhere() {
        assert_eq!(route(Method::GET, "/"), Route::Page);
        assert_eq!(route(Method::HEAD, "/health"), Route::Health);
        assert_eq!(route(Method::GET, "/metrics/"), Route::Metrics);
        assert_eq!(route(Method::GET, "http://localhost:8161/api/status?x=1"), Route::Status);
        assert_eq!(route(Method::POST, "/api/status"), Route::WrongMethod);
        assert_eq!(route(Method::DELETE, "/api/queues/x"), Route::Unknown);
        assert_eq!(route(Method::GET, "/api"), Route::Unknown);
    }

    #[test]
    fn queries_are_decoded() {
        let queues = |prefix: &str, internal| Route::Queues { prefix: prefix.into(), internal };
        assert_eq!(route(Method::GET, "/api/queues"), queues("", false));
        assert_eq!(route(Method::GET, "/api/queues?internal=true&prefix=a%2Fb+c%zz"), queues("a/b c%zz", true));
        assert_eq!(route(Method::GET, "/api/queues?prefix&internal=1"), queues("", false));
        assert_eq!(route(Method::GET, "/api/queues?prefix=%ff"), queues("\u{fffd}", false));
    }
}
