//! The answers of the key vault.

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// An answer: a status, what else goes with it, and JSON.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body,
        }
    }

    /// A refusal as the vault words it.
    pub(super) fn refusal(status: StatusCode, code: &str, message: &str) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: json!({"error": {"code": code, "message": message}}),
        }
    }

    /// A refusal as the token service words it.
    pub(super) fn no_token(status: StatusCode, error: &str, description: &str) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: json!({"error": error, "error_description": description}),
        }
    }

    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(super) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body.to_string()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}
