//! Where the services of a cluster are served: from its Services and EndpointSlices to a pod.
//!
//! A pod of the embedded cluster shows an address of `10.244.0.0/16`, for EndpointSlices refuse loopback addresses; its
//! process listens on the twin in `127.244.0.0/16`. To a pod of real nodes leads no address of this machine: the API
//! server forwards its port.

use crate::{
    kubernetes::{KindReference, Object},
    watch::{Store, WaitError, Watches},
};
use futures::FutureExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use plumbline_servers::{ByteStream, ServiceDirectory, ServicePlace};
use serde_json::Value;
use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

/// Resolves services by the shared watches.
#[derive(Clone, Debug)]
pub struct ClusterServices {
    services: Store,
    slices: Store,
    api_server: Option<SocketAddr>,
    way: Way,
}

/// How a pod's port is reached.
#[derive(Clone)]
enum Way {
    /// At the loopback twin of its address.
    Twin,
    /// By the API server.
    Forwarded(Client),
}

impl fmt::Debug for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Twin => "Twin",
            Self::Forwarded(_) => "Forwarded",
        })
    }
}

impl ClusterServices {
    /// Follows all Services and EndpointSlices. `api_server` is what `kubernetes.default` means.
    ///
    /// # Errors
    /// When the cluster cannot be asked.
    pub async fn follow(watches: &Watches, api_server: Option<SocketAddr>) -> Result<Self, WaitError> {
        Self::follow_by(Way::Twin, watches, api_server).await
    }

    /// The same for a cluster of real nodes, whose pods are reached through the API server.
    ///
    /// # Errors
    /// When the cluster cannot be asked.
    pub async fn follow_real(watches: &Watches) -> Result<Self, WaitError> {
        let way = Way::Forwarded(watches.kubernetes().client().clone());
        Self::follow_by(way, watches, None).await
    }

    async fn follow_by(
        way: Way,
        watches: &Watches,
        api_server: Option<SocketAddr>,
    ) -> Result<Self, WaitError> {
        let services = KindReference::new("", "v1", "Service");
        let slices = KindReference::new("discovery.k8s.io", "v1", "EndpointSlice");
        let (services, slices) = tokio::try_join!(watches.store(&services), watches.store(&slices))?;
        Ok(Self {
            services,
            slices,
            api_server,
            way,
        })
    }
}

impl ServiceDirectory for ClusterServices {
    fn resolve(&self, namespace: &str, service: &str, port: u16) -> Option<ServicePlace> {
        if (namespace, service) == ("default", "kubernetes") {
            return self.api_server.filter(|_| port == 443).map(ServicePlace::At);
        }
        let object = self.services.get(Some(namespace), service)?;
        let port_name = port_name(&object, port)?;
        let slices = self.slices.all();
        let mut endpoints = slices
            .iter()
            .filter(|slice| slice.namespace() == Some(namespace))
            .filter(|slice| slice.label("kubernetes.io/service-name") == Some(service))
            .filter_map(|slice| Some((slice, slice_port(slice, port_name)?)))
            .flat_map(|(slice, port)| ready(slice).map(move |endpoint| (endpoint, port)));
        endpoints.find_map(|(endpoint, port)| match &self.way {
            Way::Twin => {
                let address = endpoint.pointer("/addresses/0")?.as_str()?.parse().ok()?;
                Some(ServicePlace::At(SocketAddr::new(twin(address)?, port)))
            }
            Way::Forwarded(client) => {
                let pod = endpoint.pointer("/targetRef/name")?.as_str()?;
                let pods = Api::namespaced(client.clone(), namespace);
                Some(ServicePlace::Behind(forward(pods, pod.to_owned(), port).boxed()))
            }
        })
    }
}

/// The name by which slices know the service's port; the only port of a service may have none.
fn port_name(service: &Object, port: u16) -> Option<&str> {
    let ports = service.at("/spec/ports")?.as_array()?;
    let found = ports
        .iter()
        .find(|entry| entry.get("port").and_then(Value::as_u64) == Some(port.into()))?;
    Some(found.get("name").and_then(Value::as_str).unwrap_or_default())
}

/// The number of a slice's port.
fn slice_port(slice: &Object, port_name: &str) -> Option<u16> {
    let port = slice
        .at("/ports")?
        .as_array()?
        .iter()
        .find(|port| port.get("name").and_then(Value::as_str).unwrap_or_default() == port_name)?;
    u16::try_from(port.get("port")?.as_u64()?).ok()
}

/// The ready endpoints of a slice.
fn ready(slice: &Object) -> impl Iterator<Item = &Value> {
    let endpoints = slice.at("/endpoints").and_then(Value::as_array);
    endpoints
        .into_iter()
        .flatten()
        .filter(|endpoint| endpoint.pointer("/conditions/ready").and_then(Value::as_bool) != Some(false))
}

/// A connection to a port of a pod.
async fn forward(pods: Api<Pod>, pod: String, port: u16) -> io::Result<Box<dyn ByteStream>> {
    let mut forwarder = pods.portforward(&pod, &[port]).await.map_err(io::Error::other)?;
    let stream = forwarder
        .take_stream(port)
        .ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
    Ok(Box::new(stream))
}

/// The loopback twin of a pod's address; other addresses are nobody's.
fn twin(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => match address.octets() {
            [10, 244, range, host] => Some(Ipv4Addr::new(127, 244, range, host).into()),
            _ => None,
        },
        IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn slice(ready: bool, address: &str) -> Object {
        json!({
            "metadata": {"namespace": "flux-system", "labels": {"kubernetes.io/service-name": "source-controller"}},
            "endpoints": [{"addresses": [address], "conditions": {"ready": ready}}],
            "ports": [{"name": "other", "port": 1}, {"name": "http", "port": 9090}],
        })
        .into()
    }

    #[test]
    fn a_pod_that_is_ready_serves_the_port_of_its_name() {
        let slice = slice(true, "10.244.3.7");
        assert_eq!(slice_port(&slice, "http"), Some(9090));
        assert_eq!(slice_port(&slice, "grpc"), None);
        let addresses: Vec<_> = ready(&slice).map(|endpoint| &endpoint["addresses"][0]).collect();
        assert_eq!(addresses, ["10.244.3.7"]);
    }

    #[test]
    fn pods_that_are_not_ready_and_addresses_of_strangers_are_not_served() {
        assert_eq!(ready(&slice(false, "10.244.3.7")).count(), 0);
        assert_eq!(twin(Ipv4Addr::new(192, 168, 0, 1).into()), None);
        assert_eq!(
            twin(Ipv4Addr::new(10, 244, 3, 7).into()),
            Some(Ipv4Addr::new(127, 244, 3, 7).into())
        );
    }

    #[test]
    fn the_port_of_a_service_is_known_to_slices_by_name() {
        let service = Object::from(json!({"spec": {"ports": [{"name": "http", "port": 80}, {"port": 81}]}}));
        assert_eq!(port_name(&service, 80), Some("http"));
        assert_eq!(port_name(&service, 81), Some(""));
        assert_eq!(port_name(&service, 82), None);
    }
}
