//! Requests about stored blobs: existence, content, ranges of it, removal.

use super::{
    answers::{Answer, CONTENT_DIGEST, Refusal, respond},
    names::Digest,
    server::Call,
    storage::Storage,
};
use axum::body::Body;
use http::{HeaderMap, Method, StatusCode, header};
use std::io::SeekFrom;
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
};
use tokio_util::io::ReaderStream;

/// Large enough that a blob of 100 MB is no thousand reads, small enough that ten downloads are no megabytes.
const READ_SIZE: usize = 64 << 10;

/// Answers a request about one blob.
pub(super) async fn answer(storage: &Storage, repository: &str, digest: &Digest, call: Call) -> Answer {
    let unknown = || Refusal::missing("BLOB_UNKNOWN", format_args!("{repository} has no blob {digest}"));
    if call.method == Method::DELETE {
        return if storage.remove_blob(repository, digest)? {
            Ok(respond(StatusCode::ACCEPTED, [], Body::empty()))
        } else {
            Err(unknown())
        };
    }
    if !matches!(call.method, Method::GET | Method::HEAD) {
        return Err(Refusal::method(&call.method));
    }
    if !storage.has_blob(repository, digest) {
        return Err(unknown());
    }
    let mut file = File::open(storage.blob_path(digest)).await?;
    let length = file.metadata().await?.len();
    let mut headers = vec![
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::ETAG, format!("\"{digest}\"")),
        (CONTENT_DIGEST, digest.to_string()),
    ];
    if call.method == Method::HEAD {
        headers.push((header::CONTENT_LENGTH, length.to_string()));
        return Ok(respond(StatusCode::OK, headers, Body::empty()));
    }
    match requested_range(&call.headers, length) {
        Range::Whole => {
            headers.push((header::CONTENT_LENGTH, length.to_string()));
            Ok(respond(StatusCode::OK, headers, stream(file, length)))
        }
        Range::Part { first, last } => {
            file.seek(SeekFrom::Start(first)).await?;
            let size = last - first + 1;
            headers.push((header::CONTENT_LENGTH, size.to_string()));
            headers.push((header::CONTENT_RANGE, format!("bytes {first}-{last}/{length}")));
            Ok(respond(StatusCode::PARTIAL_CONTENT, headers, stream(file, size)))
        }
        Range::Impossible => Err(Refusal::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "SIZE_INVALID",
            "the blob has no such range",
        )
        .with(header::CONTENT_RANGE, format_args!("bytes */{length}"))),
    }
}

fn stream(file: File, size: u64) -> Body {
    Body::from_stream(ReaderStream::with_capacity(file.take(size), READ_SIZE))
}

#[derive(Debug, PartialEq, Eq)]
enum Range {
    Whole,
    Part { first: u64, last: u64 },
    Impossible,
}

/// The one range that is asked for; anything else means the whole, as HTTP allows.
fn requested_range(headers: &HeaderMap, length: u64) -> Range {
    let text = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some((first, last)) = text.and_then(|text| text.strip_prefix("bytes=")?.split_once('-')) else {
        return Range::Whole;
    };
    let end = length.saturating_sub(1);
    let (first, last) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) => (first, last.min(end)),
        (Ok(first), Err(_)) if last.is_empty() => (first, end),
        (Err(_), Ok(0)) if first.is_empty() => return Range::Impossible,
        (Err(_), Ok(suffix)) if first.is_empty() => (length.saturating_sub(suffix), end),
        _ => return Range::Whole,
    };
    if first < length && first <= last {
        Range::Part { first, last }
    } else {
        Range::Impossible
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(text: &str, length: u64) -> Range {
        requested_range(
            &HeaderMap::from_iter([(header::RANGE, text.parse().unwrap())]),
            length,
        )
    }

    #[test]
    fn ranges_are_read_as_http_says() {
        for (text, expected) in [
            ("bytes=0-3", Range::Part { first: 0, last: 3 }),
            ("bytes=4-", Range::Part { first: 4, last: 9 }),
            ("bytes=-3", Range::Part { first: 7, last: 9 }),
            ("bytes=-30", Range::Part { first: 0, last: 9 }),
            ("bytes=5-500", Range::Part { first: 5, last: 9 }),
            ("bytes=10-", Range::Impossible),
            ("bytes=4-3", Range::Impossible),
            ("bytes=-0", Range::Impossible),
            ("bytes=1-2,4-5", Range::Whole),
            ("lines=1-2", Range::Whole),
            ("bytes=x-y", Range::Whole),
        ] {
            assert_eq!(range(text, 10), expected, "{text}");
        }
        assert_eq!(range("bytes=0-", 0), Range::Impossible);
    }

    proptest! {
        #[test]
        fn a_part_is_inside_the_blob(text in "bytes=[0-9]{0,20}-[0-9]{0,20}", length: u64) {
            if let Range::Part { first, last } = range(&text, length) {
                prop_assert!(first <= last && last < length);
            }
        }
    }
}
