//! The part of a kubelet's HTTPS interface that the API server asks: logs, health, and the list of pods.
//!
//! Only clients with a certificate of the control plane get this far; see [`super::NodeOptions::kubelet_tls`].

use super::{
    logs::{self, LogSelection, NoLog},
    records::Records,
};
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{any, get},
};
use serde::Deserialize;
use serde_json::json;

/// The routes of the kubelet's interface.
pub(crate) fn router(records: Records) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/pods", get(pods))
        .route(
            "/containerLogs/{namespace}/{pod}/{container}",
            get(container_logs),
        )
        .route("/exec/{*rest}", any(unsupported))
        .route("/attach/{*rest}", any(unsupported))
        .route("/portForward/{*rest}", any(unsupported))
        .with_state(records)
}

/// The query of a log request, as the API server writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LogQuery {
    tail_lines: Option<u64>,
    limit_bytes: Option<u64>,
    follow: Option<String>,
    previous: Option<String>,
}

async fn container_logs(
    State(records): State<Records>,
    Path((namespace, pod, container)): Path<(String, String, String)>,
    Query(query): Query<LogQuery>,
) -> Response {
    let selection = LogSelection {
        tail_lines: query.tail_lines,
        limit_bytes: query.limit_bytes,
        follow: query.follow.as_deref() == Some("true"),
        previous: query.previous.as_deref() == Some("true"),
    };
    match logs::read(&records, &namespace, &pod, &container, selection).await {
        Ok(body) => ([("content-type", "text/plain")], body).into_response(),
        Err(NoLog::Unknown(message)) => (StatusCode::NOT_FOUND, message).into_response(),
        Err(NoLog::Absent(message)) => (StatusCode::BAD_REQUEST, message).into_response(),
    }
}

async fn pods(State(records): State<Records>) -> Response {
    let items: Vec<_> = records.pods().iter().map(|pod| json!(pod.as_ref())).collect();
    Json(json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items})).into_response()
}

async fn unsupported() -> Response {
    let message = "the plumbline node agent has no exec, attach or port-forward: pods here are plain processes or simulated\n";
    (StatusCode::NOT_IMPLEMENTED, message).into_response()
}
