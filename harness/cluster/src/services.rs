//! Where the services of the embedded cluster are served: from its Services and EndpointSlices to a loopback address.
//!
//! A pod shows an address of `10.244.0.0/16`, for EndpointSlices refuse loopback addresses; its process listens on the
//! twin in `127.244.0.0/16`.

use crate::{
    kubernetes::{KindReference, Object},
    watch::{Store, WaitError, Watches},
};
use plumbline_servers::{ServiceDirectory, ServicePlace};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Resolves services by the shared watches.
#[derive(Clone, Debug)]
pub struct ClusterServices {
    services: Store,
    slices: Store,
    api_server: Option<SocketAddr>,
}

impl ClusterServices {
    /// Follows all Services and EndpointSlices. `api_server` is what `kubernetes.default` means.
    ///
    /// # Errors
    /// When the cluster cannot be asked.
    pub async fn follow(watches: &Watches, api_server: Option<SocketAddr>) -> Result<Self, WaitError> {
        let services = KindReference::new("", "v1", "Service");
        let slices = KindReference::new("discovery.k8s.io", "v1", "EndpointSlice");
        let (services, slices) = tokio::try_join!(watches.store(&services), watches.store(&slices))?;
        Ok(Self {
            services,
            slices,
            api_server,
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
        self.slices
            .all()
            .iter()
            .filter(|slice| slice.namespace() == Some(namespace))
            .filter(|slice| slice.label("kubernetes.io/service-name") == Some(service))
            .find_map(|slice| endpoint(slice, port_name))
            .map(ServicePlace::At)
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

/// The first ready endpoint of a slice for a port.
fn endpoint(slice: &Object, port_name: &str) -> Option<SocketAddr> {
    let port = slice
        .at("/ports")?
        .as_array()?
        .iter()
        .find(|port| port.get("name").and_then(Value::as_str).unwrap_or_default() == port_name)?;
    let port = u16::try_from(port.get("port")?.as_u64()?).ok()?;
    slice
        .at("/endpoints")?
        .as_array()?
        .iter()
        .filter(|endpoint| endpoint.pointer("/conditions/ready").and_then(Value::as_bool) != Some(false))
        .filter_map(|endpoint| endpoint.pointer("/addresses/0")?.as_str()?.parse().ok())
        .find_map(twin)
        .map(|address| SocketAddr::new(address, port))
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
    fn a_ready_pod_is_served_at_its_loopback_twin() {
        let expected: SocketAddr = "127.244.3.7:9090".parse().unwrap();
        assert_eq!(endpoint(&slice(true, "10.244.3.7"), "http"), Some(expected));
    }

    #[test]
    fn pods_that_are_not_ready_and_addresses_of_strangers_are_not_served() {
        assert_eq!(endpoint(&slice(false, "10.244.3.7"), "http"), None);
        assert_eq!(endpoint(&slice(true, "192.168.0.1"), "http"), None);
        assert_eq!(endpoint(&slice(true, "10.244.3.7"), "grpc"), None);
    }

    #[test]
    fn the_port_of_a_service_is_known_to_slices_by_name() {
        let service = Object::from(json!({"spec": {"ports": [{"name": "http", "port": 80}, {"port": 81}]}}));
        assert_eq!(port_name(&service, 80), Some("http"));
        assert_eq!(port_name(&service, 81), Some(""));
        assert_eq!(port_name(&service, 82), None);
    }
}
