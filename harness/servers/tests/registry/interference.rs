//! What a test does to a registry.

use crate::{
    both::on_both_stands,
    stand::Stand,
    world::{status, world},
};
use http::{Method, StatusCode};
use plumbline_servers::registry::{Alteration, Fault};

on_both_stands!(faults_tampering_and_the_request_log_serve_tests);

async fn faults_tampering_and_the_request_log_serve_tests(stand: Stand) {
    let world = world(stand).await;
    let digest = world.image("r", "v1", b"x").await;
    world.registry.set_fault(|method, uri| match uri {
        "/v2/" => Some(Fault::Disconnect),
        _ if *method == Method::GET => Some(Fault::Status(StatusCode::SERVICE_UNAVAILABLE)),
        _ => None,
    });
    assert_eq!(world.get("/v2/r/manifests/v1").await.status(), 503);
    let last = world.registry.requests().pop().unwrap();
    assert_eq!(
        (last.method.as_str(), last.uri.as_str(), last.status),
        ("GET", "/v2/r/manifests/v1", 503)
    );
    let cut_off = world.client.get(world.url("/v2/")).send().await;
    assert!(match cut_off {
        Ok(response) => response.bytes().await.is_err(),
        Err(_) => true,
    });
    world.registry.clear_fault();
    let other = || Alteration::Bytes(b"{}"[..].into());
    world.registry.alter("r", &digest, other()).await.unwrap();
    assert_eq!(world.get("/v2/r/manifests/v1").await.bytes().await.unwrap(), "{}");
    assert!(world.registry.alter("r", "sha256:0", other()).await.is_err());
    world.registry.set_read_only(true);
    assert_eq!(
        status(world.client.post(world.url("/v2/r/blobs/uploads/"))).await,
        405
    );
    assert_eq!(world.get("/v2/r/tags/list").await.status(), 200);
}
