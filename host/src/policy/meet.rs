//! What two values of one setting become: the stricter one. Each kind of value has its own meaning of strict.

use super::Confirm;
use super::contacts::Contacts;
use super::countries::Countries;
use super::quiet_hours::QuietHours;
use super::recipients::Numbers;
use std::collections::BTreeSet;

/// Values that meet. The operation is commutative, associative and idempotent, and never looser than either value.
pub(crate) trait Meet: Sized {
    /// The value that allows what both allow.
    fn meet(&self, other: &Self) -> Self;
}

/// A limit; nothing is no limit.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct AtMost<T>(pub(crate) Option<T>);

/// A time for which something is forbidden, or another number of which more is stricter.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct AtLeast<T>(pub(crate) T);

/// A list of what is allowed; nothing allows everything.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Allowed<L>(pub(crate) Option<L>);

impl<T: Ord + Copy> Meet for AtMost<T> {
    fn meet(&self, other: &Self) -> Self {
        Self(self.0.into_iter().chain(other.0).min())
    }
}

impl<L: Clone + Intersect> Meet for Allowed<L> {
    fn meet(&self, other: &Self) -> Self {
        match (&self.0, &other.0) {
            (Some(one), Some(two)) => Self(Some(one.both(two))),
            (one, two) => Self(one.clone().or_else(|| two.clone())),
        }
    }
}

/// What is blocked by one is blocked.
impl Meet for Numbers {
    fn meet(&self, other: &Self) -> Self {
        self.union(other)
    }
}

/// What is quiet for one is quiet.
impl Meet for QuietHours {
    fn meet(&self, other: &Self) -> Self {
        self.union(other)
    }
}

/// The stronger demand.
impl Meet for Confirm {
    fn meet(&self, other: &Self) -> Self {
        *self.max(other)
    }
}

/// A restriction that is on or off.
impl Meet for bool {
    fn meet(&self, other: &Self) -> Self {
        *self || *other
    }
}

impl<T: Ord + Copy> Meet for AtLeast<T> {
    fn meet(&self, other: &Self) -> Self {
        Self(self.0.max(other.0))
    }
}

/// Lists with an intersection.
pub(crate) trait Intersect {
    /// What is on both lists.
    fn both(&self, other: &Self) -> Self;
}

impl Intersect for Numbers {
    fn both(&self, other: &Self) -> Self {
        self.intersection(other)
    }
}

impl Intersect for Countries {
    fn both(&self, other: &Self) -> Self {
        self.intersection(other)
    }
}

impl Intersect for Contacts {
    fn both(&self, other: &Self) -> Self {
        self.intersection(other)
    }
}

impl Intersect for BTreeSet<String> {
    fn both(&self, other: &Self) -> Self {
        self & other
    }
}
