//! One request by one run of `git http-backend`, which speaks CGI; both bodies are streamed.

use super::{paths::GitRequest, program::Git};
use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use futures::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use plumbline_keeper::{Output, Stdin};
use std::{ffi::OsString, io, path::Path, time::Duration};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio_util::io::ReaderStream;

/// How long until the program must have answered with its headers.
const HEADER_LIMIT: Duration = Duration::from_secs(60);
/// The most that its headers may have.
const HEADER_SIZE: u64 = 16 << 10;
const BUFFER: usize = 64 << 10;

/// Answers `request`, which was checked and read as `git_request`.
pub(super) async fn answer(
    git: &Git,
    root: &Path,
    log: &Path,
    git_request: &GitRequest,
    user: &str,
    request: Request,
) -> Response {
    match run(git, root, log, git_request, user, request).await {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!(repository = git_request.repository, %error, "git http-backend failed");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("git http-backend failed: {error}\n"),
            )
                .into_response()
        }
    }
}

async fn run(
    git: &Git,
    root: &Path,
    log: &Path,
    git_request: &GitRequest,
    user: &str,
    request: Request,
) -> io::Result<Response> {
    let (parts, body) = request.into_parts();
    let text = |name: HeaderName| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let path_info = format!("/{}.git/{}", git_request.repository, git_request.action);
    let mut environment: Vec<(&str, OsString)> = vec![
        ("GIT_PROJECT_ROOT", root.into()),
        ("GIT_HTTP_EXPORT_ALL", "1".into()),
        ("PATH_INFO", path_info.into()),
        ("QUERY_STRING", git_request.query.clone().into()),
        ("REQUEST_METHOD", parts.method.as_str().into()),
        ("CONTENT_TYPE", text(header::CONTENT_TYPE).into()),
        ("HTTP_CONTENT_ENCODING", text(header::CONTENT_ENCODING).into()),
        (
            "GIT_PROTOCOL",
            text(HeaderName::from_static("git-protocol")).into(),
        ),
        ("REMOTE_USER", user.into()),
        ("REMOTE_ADDR", "127.0.0.1".into()),
    ];
    // Without a length the program reads to the end, which is what a chunked body needs.
    if parts.headers.contains_key(header::CONTENT_LENGTH) {
        environment.push(("CONTENT_LENGTH", text(header::CONTENT_LENGTH).into()));
    }
    let command = git
        .command(["http-backend"])
        .environment(environment)
        .stdin(Stdin::Piped)
        .output(Output::PipedWithLog(log.to_owned()));
    let child = git.keeper().spawn(command).await.map_err(io::Error::other)?;
    let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
    let (mut input, output) = (
        child.take_stdin().ok_or_else(broken)?,
        child.take_stdout().ok_or_else(broken)?,
    );
    tokio::spawn(async move {
        let mut chunks = body.into_data_stream();
        while let Some(Ok(chunk)) = chunks.next().await {
            // A program that has read enough closes its end; the rest of the body is of no use.
            if input.write_all(&chunk).await.is_err() {
                break;
            }
        }
    });
    let mut output = BufReader::with_capacity(BUFFER, output);
    let (status, headers) = tokio::time::timeout(HEADER_LIMIT, read_headers(&mut output))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let mut response = Response::new(Body::from_stream(ReaderStream::with_capacity(output, BUFFER)));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Reads the head of a CGI answer.
async fn read_headers(output: &mut (impl AsyncBufRead + Unpin)) -> io::Result<(StatusCode, HeaderMap)> {
    let invalid =
        |line: &str| io::Error::new(io::ErrorKind::InvalidData, format!("unexpected header {line:?}"));
    let (mut status, mut headers) = (StatusCode::OK, HeaderMap::new());
    let mut head = output.take(HEADER_SIZE);
    loop {
        let mut line = String::new();
        if head.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Ok((status, headers));
        }
        let (name, value) = line.split_once(':').ok_or_else(|| invalid(line))?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().unwrap_or_default();
            status = code.parse().map_err(|_| invalid(line))?;
        } else {
            let name: HeaderName = name.parse().map_err(|_| invalid(line))?;
            headers.append(name, HeaderValue::from_str(value).map_err(|_| invalid(line))?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cgi_head_is_read_up_to_its_empty_line() {
        let mut output = &b"Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nbody"[..];
        let (status, headers) = read_headers(&mut output).await.unwrap();
        assert_eq!(
            (status, headers[header::CONTENT_TYPE].to_str().unwrap()),
            (StatusCode::NOT_FOUND, "text/plain")
        );
        assert_eq!(output, b"body");
    }

    #[tokio::test]
    async fn what_is_no_head_is_an_error() {
        for output in [
            "",
            "Status: 200\r\n",
            "nonsense\r\n\r\n",
            "Status: x\r\n\r\n",
            "\u{1}: x\r\n\r\n",
        ] {
            assert!(read_headers(&mut output.as_bytes()).await.is_err(), "{output:?}");
        }
        let endless = "a: b\r\n".repeat(10_000);
        assert!(read_headers(&mut endless.as_bytes()).await.is_err());
    }
}
