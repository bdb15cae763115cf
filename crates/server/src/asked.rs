//! What is asked, taken apart: as axum does it, but that mistakes are answered like every other failure.

use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A body in JSON.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let refused = |status, words| Problem::new(status, "broker::request", words);
        let read = axum::Json::<Value>::from_request(request, state).await;
        let axum::Json(mut value) = read.map_err(|why| refused(why.status(), why.body_text()))?;
        // Fields in their order are taken for an object by what reads them.
        if value.is_array() {
            return Err(refused(StatusCode::UNPROCESSABLE_ENTITY, "the body is a list".to_owned()));
        }
        whole(&mut value);
        serde_json::from_value(value).map(Self).map_err(|error| {
            let words = format!("the body is not what is asked for: {error}");
            refused(StatusCode::UNPROCESSABLE_ENTITY, words)
        })
    }
}

/// Below it a float is a whole number, and not one that is near to one that was meant.
const EXACT: f64 = (1_u64 << 53) as f64;

/// Numbers without fractions are whole, as JSON Schema has it: programs write 1.0 whose numbers are all of one kind.
fn whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().filter(|float| number.is_f64() && float.trunc() == *float);
            if let Some(float) = float.filter(|float| float.abs() <= EXACT) {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole, and exact")]
                let exact = float as i64;
                *number = exact.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole),
        Value::Object(fields) => fields.values_mut().for_each(whole),
        _ => {}
    }
}

/// A body as it is, of at most so many bytes. One that says that it is longer is not read.
#[derive(Debug)]
pub(crate) struct Raw<const MOST: usize>(pub(crate) Bytes);

impl<const MOST: usize, S: Send + Sync> FromRequest<S> for Raw<MOST> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let words = format!("a body here has at most {MOST} bytes");
        let too_long = || Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "broker::request", words);
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        if length.is_some_and(|length| length.parse::<usize>().map_or(true, |length| length > MOST)) {
            return Err(too_long());
        }
        axum::body::to_bytes(request.into_body(), MOST).await.map(Self).map_err(|_| too_long())
    }
}

/// The part of a path behind `?`.
#[derive(Debug)]
pub(crate) struct Wanted<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Wanted<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(wanted)) => Ok(Self(wanted)),
            Err(rejection) => {
                Err(Problem::new(StatusCode::BAD_REQUEST, "broker::request", rejection.body_text()))
            }
        }
    }
}

/// A run that a path names.
#[derive(Debug)]
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(named)) => Ok(Self(named)),
            Err(rejection) => Err(Problem::new(rejection.status(), "broker::request", rejection.body_text())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_fractions_are_whole() {
        let mut value: Value = serde_json::from_str(
            r#"{"a": [8548.0, -1e3, 1.5, 1e16, 18446744073709551615], "b": {"c": 2.0}}"#,
        )
        .unwrap();
        whole(&mut value);
        assert_eq!(value.to_string(), r#"{"a":[8548,-1000,1.5,1e+16,18446744073709551615],"b":{"c":2}}"#);
    }
}
