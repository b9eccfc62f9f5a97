//! The answers of the registry: responses, and refusals in the form that the specification asks for.

use axum::{body::Body, response::Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use std::{fmt, io};

pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The outcome of a request.
pub(super) type Answer = Result<Response, Refusal>;

/// A response with an error code of the specification.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    code: &'static str,
    message: String,
    headers: Vec<(HeaderName, String)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl fmt::Display) -> Self {
        Self {
            status,
            code,
            message: message.to_string(),
            headers: Vec::new(),
        }
    }

    pub(super) fn bad(code: &'static str, message: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn missing(code: &'static str, message: impl fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    pub(super) fn method(method: &http::Method) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "UNSUPPORTED",
            format_args!("{method} is not possible here"),
        )
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl fmt::Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub(super) fn into_response(self) -> Response {
        let body = json!({ "errors": [{ "code": self.code, "message": self.message }] });
        let mut headers = self.headers;
        headers.push((header::CONTENT_TYPE, "application/json".into()));
        respond(self.status, headers, body.to_string())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        tracing::warn!(%error, "the registry cannot use its directory");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", error)
    }
}

/// Builds a response; a header value that HTTP cannot carry is left out.
pub(super) fn respond(
    status: StatusCode,
    headers: impl IntoIterator<Item = (HeaderName, String)>,
    body: impl Into<Body>,
) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// A response with a JSON body.
pub(super) fn respond_json(body: &Value) -> Response {
    respond(
        StatusCode::OK,
        [(header::CONTENT_TYPE, "application/json".into())],
        body.to_string(),
    )
}

/// The answer to content that is now stored.
pub(super) fn created(repository: &str, kind: &str, digest: &impl fmt::Display) -> Response {
    let headers = [
        (header::LOCATION, format!("/v2/{repository}/{kind}/{digest}")),
        (CONTENT_DIGEST, digest.to_string()),
    ];
    respond(StatusCode::CREATED, headers, Body::empty())
}
