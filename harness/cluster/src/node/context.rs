//! What all tasks of one node agent share.

use super::{
    addresses::AddressRange, events::Recorder, fault::Fault, identity::ApiServer, policy::ImagePolicy,
    profiles::ProgramProfile, records::Records, scheduling::NodeView,
};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use plumbline_images::{ImageName, ImageStore, Resolved};
use plumbline_keeper::Keeper;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The last that is known of a pod.
#[derive(Clone, Debug)]
pub(crate) enum PodUpdate {
    /// It is there.
    Present(Arc<Pod>),
    /// It was removed from the API.
    Gone,
}

/// Shared by all tasks of the agent.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) keeper: Keeper,
    pub(crate) images: Arc<ImageStore>,
    pub(crate) policy: Option<Arc<dyn ImagePolicy>>,
    pub(crate) node_name: String,
    pub(crate) host_ip: Ipv4Addr,
    pub(crate) addresses: AddressRange,
    pub(crate) pods_directory: PathBuf,
    pub(crate) api_server: ApiServer,
    pub(crate) proxy: SocketAddr,
    pub(crate) certificates: Option<PathBuf>,
    pub(crate) programs: Vec<ProgramProfile>,
    pub(crate) events: Recorder,
    pub(crate) records: Records,
    pub(crate) node: watch::Receiver<NodeView>,
    /// The agent itself ends.
    pub(crate) stop: CancellationToken,
}

/// Why an image may not be used: reason and message of a waiting state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PullFailure {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Context {
    /// Resolves `image` in its registry and asks the policy; for process pods also extracts it.
    pub(crate) async fn pull(
        &self,
        image: &str,
        fault: Option<Fault>,
    ) -> Result<(Resolved, Option<PathBuf>), PullFailure> {
        let failed = |message: String| PullFailure {
            reason: "ErrImagePull",
            message,
        };
        let name: ImageName = image
            .parse()
            .map_err(|error: plumbline_images::NameError| PullFailure {
                reason: "InvalidImageName",
                message: format!("Failed to apply default image tag \"{image}\": {error}"),
            })?;
        let profile = self.profile(&name);
        if fault == Some(Fault::ImagePull) && profile.is_none() {
            return Err(failed(format!(
                "failed to pull image \"{image}\": asked for by annotation"
            )));
        }
        let wrapped = |error: plumbline_images::ImageError| {
            failed(format!("failed to pull image \"{image}\": {error}"))
        };
        let resolved = self.images.resolve(&name).await.map_err(wrapped)?;
        if let Some(policy) = &self.policy {
            let refused = |message| PullFailure {
                reason: "SignatureValidationFailed",
                message,
            };
            policy.admit(&resolved).await.map_err(refused)?;
        }
        let rootfs = match profile {
            Some(_) => Some(self.images.extract(&resolved).await.map_err(wrapped)?),
            None => None,
        };
        Ok((resolved, rootfs))
    }

    /// How an image is run as a process; nothing if it is simulated.
    pub(crate) fn profile(&self, name: &ImageName) -> Option<&ProgramProfile> {
        self.programs
            .iter()
            .find(|profile| profile.matches(name.repository()))
    }

    /// Like [`Context::profile`], by the image's text.
    pub(crate) fn profile_of(&self, image: &str) -> Option<&ProgramProfile> {
        self.profile(&image.parse().ok()?)
    }
}
