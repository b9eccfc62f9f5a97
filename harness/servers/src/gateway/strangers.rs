//! Names outside, and the addresses that stand for them in the cluster.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

/// Set aside for measurements by RFC 2544: nobody's anywhere. Connections to it come to the gateway as all others do.
const FIRST: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// As many as that network has, but for its first address and its last.
const MOST: usize = (1 << 17) - 2;

/// Each name that was ever asked for has one address as long as the gateway runs.
#[derive(Default)]
pub(super) struct Strangers(Mutex<Known>);

#[derive(Default)]
struct Known {
    addresses: HashMap<Arc<str>, Ipv4Addr>,
    /// In the order of their addresses.
    names: Vec<Arc<str>>,
}

impl Strangers {
    /// The address that stands for `name`; none when all are taken.
    pub(super) fn address_of(&self, name: &str) -> Option<Ipv4Addr> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = known.addresses.get(name) {
            return Some(*address);
        }
        let next = known.names.len();
        if next >= MOST {
            return None;
        }
        let address = Ipv4Addr::from_bits(FIRST.to_bits() + u32::try_from(next).ok()?);
        let name: Arc<str> = name.into();
        known.addresses.insert(name.clone(), address);
        known.names.push(name);
        Some(address)
    }

    /// The name that `address` stands for.
    pub(super) fn name_of(&self, address: Ipv4Addr) -> Option<Arc<str>> {
        let place = address.to_bits().checked_sub(FIRST.to_bits())?;
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.names.get(usize::try_from(place).ok()?).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_address_and_an_address_tells_its_name() {
        let strangers = Strangers::default();
        let addresses = ["a.example", "b.example", "a.example"].map(|name| strangers.address_of(name));
        let expected = [[198, 18, 0, 1], [198, 18, 0, 2], [198, 18, 0, 1]];
        assert_eq!(addresses, expected.map(|bytes| Some(Ipv4Addr::from(bytes))));
        assert_eq!(
            strangers.name_of([198, 18, 0, 2].into()).as_deref(),
            Some("b.example")
        );
        for nobody in [[198, 18, 0, 0], [198, 18, 0, 3], [192, 0, 2, 1], [255; 4]] {
            assert_eq!(strangers.name_of(nobody.into()), None, "{nobody:?}");
        }
    }

    #[test]
    fn no_address_beyond_the_network_is_given_away() {
        let strangers = Strangers::default();
        let last = (0..MOST)
            .map(|number| strangers.address_of(&number.to_string()))
            .last();
        assert_eq!(last, Some(Some(Ipv4Addr::new(198, 19, 255, 254))));
        assert_eq!(strangers.address_of("one.more"), None);
        assert_eq!(strangers.address_of("0"), Some(FIRST));
    }
}
