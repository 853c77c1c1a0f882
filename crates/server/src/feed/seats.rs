//! How many streams and long polls there may be: in all, and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Who is seated.
pub(crate) struct Seats {
    most: usize,
    most_per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// One of them; dropping it frees it.
pub(crate) struct Seat {
    seats: Arc<Seats>,
    address: IpAddr,
}

impl Seats {
    pub(crate) fn new(most: usize, most_per_address: usize) -> Arc<Self> {
        Arc::new(Self { most, most_per_address, taken: Mutex::default() })
    }

    /// A seat for that address. `None`: there is none left.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let address = subscriber(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of = taken.of.get(&address).copied().unwrap_or_default();
        if taken.all >= self.most || of >= self.most_per_address {
            return None;
        }
        taken.all += 1;
        taken.of.insert(address, of + 1);
        tracing::debug!(open = taken.all, "feed reader comes");
        Some(Seat { seats: Arc::clone(self), address })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(of) = taken.of.get_mut(&self.address) {
            *of = of.saturating_sub(1);
            if *of == 0 {
                taken.of.remove(&self.address);
            }
        }
        tracing::debug!(open = taken.all, "feed reader goes");
    }
}

/// What one subscriber is given: an IPv4 address, or the /64 around an IPv6 address.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn seats_end_and_come_back() {
        let seats = Seats::new(3, 2);
        let first = seats.take(ip("192.0.2.1")).unwrap();
        let second = seats.take(ip("::ffff:192.0.2.1")).unwrap();
        assert!(seats.take(ip("192.0.2.1")).is_none(), "two of one address");
        let other = seats.take(ip("192.0.2.2")).unwrap();
        assert!(seats.take(ip("192.0.2.3")).is_none(), "three in all");
        drop(first);
        let third = seats.take(ip("192.0.2.1")).unwrap();
        drop((second, other, third));
        let taken = seats.taken.lock().unwrap();
        assert_eq!((taken.all, taken.of.len()), (0, 0), "nothing is kept of those who left");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let seats = Seats::new(10, 1);
        let _one = seats.take(ip("2001:db8:1:2::1")).unwrap();
        assert!(seats.take(ip("2001:db8:1:2:ffff::2")).is_none());
        assert!(seats.take(ip("2001:db8:1:3::1")).is_some());
    }
}
