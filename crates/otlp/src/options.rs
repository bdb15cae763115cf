//! To which collector, and how: by the variables that OpenTelemetry's specification has names for.
//!
//! Those of traces alone (`…_TRACES_…`) come before those of all signals. Without an address nothing is sent.

use percent_encoding::percent_decode_str;
use std::fmt;
use std::time::Duration;

/// How long a request may take where nothing else is said, as the specification has it.
const WITHIN: Duration = Duration::from_secs(10);

/// The shortest and the longest time for one.
const WITHINS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(60));

/// Headers, and attributes of the resource, at most: more are a mistake.
const MOST_PAIRS: usize = 64;

/// See the head of the module.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// Where spans go.
    pub(crate) url: String,
    /// Names in small letters, and values, which may be secrets.
    pub(crate) headers: Vec<(String, String)>,
    /// How long a request may take.
    pub(crate) within: Duration,
    /// Whether bodies are compressed.
    pub(crate) gzip: bool,
    /// Who tells.
    pub(crate) service: String,
    /// What else is told of whoever tells.
    pub(crate) resource: Vec<(String, String)>,
    /// Whether another encoding is asked for than the one that is spoken.
    pub(crate) otherwise: bool,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Options").field("url", &self.url).field("headers", &headers).finish_non_exhaustive()
    }
}

/// What cannot be made of a variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {why}")]
pub struct OptionsError {
    /// Which.
    pub variable: String,
    /// What is wrong with it. It holds no value of a header.
    pub why: String,
}

fn wrong(variable: &str, why: impl Into<String>) -> OptionsError {
    OptionsError { variable: variable.to_owned(), why: why.into() }
}

/// Variables, of which empty ones are as good as absent.
struct Variables<F>(F);

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// One of traces, or of all signals, with its name.
    fn of_exporter(&self, what: &str) -> Option<(String, String)> {
        let named = |name: String| self.get(&name).map(|value| (name, value));
        named(format!("OTEL_EXPORTER_OTLP_TRACES_{what}"))
            .or_else(|| named(format!("OTEL_EXPORTER_OTLP_{what}")))
    }
}

impl Options {
    /// As variables say; none when nothing is to be sent.
    ///
    /// # Errors
    /// [`OptionsError`] when one cannot be understood, or asks for what is not spoken.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, OptionsError> {
        let variables = Variables(variable);
        if variables.get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        match variables.get("OTEL_TRACES_EXPORTER").as_deref() {
            None | Some("otlp") => {}
            Some("none") => return Ok(None),
            Some(other) => {
                let why = format!("is `{other}`, and only `otlp` and `none` are known here");
                return Err(wrong("OTEL_TRACES_EXPORTER", why));
            }
        }
        let Some(url) = url(&variables)? else { return Ok(None) };
        let protocol = variables.of_exporter("PROTOCOL");
        let otherwise = match protocol.as_ref().map(|(name, value)| (name, value.as_str())) {
            None | Some((_, "http/json")) => false,
            Some((_, "http/protobuf")) => true,
            Some((name, other)) => {
                let why =
                    format!("is `{other}`, and only HTTP is spoken here: `http/json`, port 4318 mostly");
                return Err(wrong(name, why));
            }
        };
        let gzip = match variables.of_exporter("COMPRESSION") {
            None => false,
            Some((_, value)) if value == "none" => false,
            Some((_, value)) if value == "gzip" => true,
            Some((name, value)) => return Err(wrong(&name, format!("is `{value}`, expected gzip or none"))),
        };
        let within = match variables.of_exporter("TIMEOUT") {
            None => WITHIN,
            Some((name, value)) => {
                let millis: u64 = value
                    .parse()
                    .map_err(|_| wrong(&name, format!("is `{value}`, expected milliseconds")))?;
                Duration::from_millis(millis).clamp(WITHINS.0, WITHINS.1)
            }
        };
        let headers = match variables.of_exporter("HEADERS") {
            None => Vec::new(),
            Some((name, value)) => headers(&name, &value)?,
        };
        let mut resource = match variables.get("OTEL_RESOURCE_ATTRIBUTES") {
            None => Vec::new(),
            Some(value) => pairs("OTEL_RESOURCE_ATTRIBUTES", &value)?,
        };
        let named = resource.iter().position(|(name, _)| name == "service.name");
        let named = named.map(|at| resource.remove(at).1);
        let service = variables.get("OTEL_SERVICE_NAME").or(named).unwrap_or_else(|| "welkin".to_owned());
        Ok(Some(Self { url, headers, within, gzip, service, resource, otherwise }))
    }

    /// Where spans go.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What whoever set the variables may want to know, though it works.
    #[must_use]
    pub fn remark(&self) -> Option<&'static str> {
        self.otherwise.then_some("traces are sent as `http/json`, not `http/protobuf`")
    }
}

/// That of traces as it is, or that of all signals with the path of traces.
fn url<F: Fn(&str) -> Option<String>>(variables: &Variables<F>) -> Result<Option<String>, OptionsError> {
    let (own, all) = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT");
    let (name, url) = match (variables.get(own), variables.get(all)) {
        (Some(url), _) => (own, url),
        (None, Some(url)) => (all, format!("{}/v1/traces", url.trim_end_matches('/'))),
        (None, None) => return Ok(None),
    };
    let uri: ureq::http::Uri = url.parse().map_err(|_| wrong(name, "is no address"))?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    match uri.authority().map(ureq::http::uri::Authority::as_str) {
        // A password would be shown with the address.
        Some(authority) if authority.contains('@') => {
            Err(wrong(name, "names a user: put that into OTEL_EXPORTER_OTLP_HEADERS"))
        }
        Some(_) if is_web => Ok(Some(url)),
        _ => Err(wrong(name, "is no address of the form http://HOST:PORT or https://HOST")),
    }
}

/// `name=value,name=value`, each percent-encoded where it has to be.
fn pairs(variable: &str, text: &str) -> Result<Vec<(String, String)>, OptionsError> {
    let mut pairs = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part
            .split_once('=')
            .ok_or_else(|| wrong(variable, "is not of the form name=value,name=value"))?;
        let plain = |text: &str| {
            let plain = percent_decode_str(text.trim()).decode_utf8();
            plain.map(std::borrow::Cow::into_owned).map_err(|_| wrong(variable, "holds what is no text"))
        };
        pairs.push((plain(name)?, plain(value)?));
    }
    match pairs.len() <= MOST_PAIRS {
        true => Ok(pairs),
        false => Err(wrong(variable, format!("has more than {MOST_PAIRS} entries"))),
    }
}

fn headers(variable: &str, text: &str) -> Result<Vec<(String, String)>, OptionsError> {
    let mut headers = pairs(variable, text)?;
    for (name, value) in &mut headers {
        name.make_ascii_lowercase();
        let is_name = ureq::http::HeaderName::from_bytes(name.as_bytes()).is_ok();
        if !is_name || ureq::http::HeaderValue::from_str(value).is_err() {
            return Err(wrong(variable, "holds what is no header"));
        }
        // What says how the body is to be read is not for others to say.
        if ["content-type", "content-length", "content-encoding", "transfer-encoding", "host"]
            .contains(&name.as_str())
        {
            return Err(wrong(variable, format!("sets {name}, which is not for it to say")));
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[(&str, &str)]) -> Result<Option<Options>, OptionsError> {
        Options::of(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    fn url_of(set: &[(&str, &str)]) -> Option<String> {
        of(set).expect("it is understood").map(|options| options.url)
    }

    const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const OWN: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

    #[test]
    fn an_address_of_all_signals_has_a_path_for_each_and_one_of_traces_is_as_it_is() {
        for (set, expected) in [
            (vec![], None),
            (vec![(ALL, "")], None),
            (vec![(ALL, "http://c:4318")], Some("http://c:4318/v1/traces")),
            (vec![(ALL, "https://c/otlp/")], Some("https://c/otlp/v1/traces")),
            (vec![(OWN, "http://c:4318/in")], Some("http://c:4318/in")),
            (vec![(ALL, "http://a"), (OWN, "http://b/in")], Some("http://b/in")),
            (vec![(ALL, "http://a"), ("OTEL_SDK_DISABLED", "TRUE")], None),
            (vec![(ALL, "http://a"), ("OTEL_TRACES_EXPORTER", "none")], None),
            (vec![(ALL, "http://a"), ("OTEL_TRACES_EXPORTER", "otlp")], Some("http://a/v1/traces")),
        ] {
            assert_eq!(url_of(&set).as_deref(), expected, "{set:?}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_said_and_no_secret_is() {
        let with =
            |name, value| of(&[(ALL, "http://a"), (name, value)]).expect_err("it is refused").to_string();
        assert!(with("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc").contains("only HTTP is spoken"));
        assert!(with("OTEL_TRACES_EXPORTER", "console").contains("console"));
        assert!(with("OTEL_EXPORTER_OTLP_TIMEOUT", "10s").contains("milliseconds"));
        assert!(with("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd").contains("gzip"));
        for headers in ["authorization", "a b=s3cret", "x=s3cret%0a", "host=s3cret", "x=%ff"] {
            let said = with("OTEL_EXPORTER_OTLP_HEADERS", headers);
            assert!(said.starts_with("OTEL_EXPORTER_OTLP_HEADERS ") && !said.contains("s3cret"), "{said}");
        }
        for url in ["a:4317", "grpc://a", "http://", "unix:/x", "http://me:s3cret@a"] {
            let said = of(&[(OWN, url)]).expect_err(url).to_string();
            assert!(said.starts_with(OWN) && !said.contains("s3cret"), "{said}");
        }
        let many = "a=b,".repeat(MOST_PAIRS + 1);
        assert!(with("OTEL_RESOURCE_ATTRIBUTES", &many).contains("more than 64"));
    }

    #[test]
    fn what_is_said_of_traces_comes_first() {
        let options = of(&[
            (ALL, "http://a"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x=1"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", " X-Key = a%20b , y=2,"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,env=test"),
        ]);
        let options = options.expect("it is understood").expect("it is wanted");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(options.headers, [pair("x-key", "a b"), pair("y", "2")]);
        assert_eq!((options.within, options.gzip), (WITHINS.0, true));
        assert_eq!((options.service.as_str(), &options.resource[..]), ("other", &[pair("env", "test")][..]));
        assert!(options.remark().is_some());
        assert!(!format!("{options:?}").contains("a b"));
        let named = of(&[
            (ALL, "http://a"),
            ("OTEL_SERVICE_NAME", "mine"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=x"),
        ]);
        let named = named.expect("it is understood").expect("it is wanted");
        assert_eq!((named.service.as_str(), named.resource.len()), ("mine", 0));
    }
}
