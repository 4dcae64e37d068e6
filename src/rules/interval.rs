//! Intervals of numbers from zero up: the conditions on numbers as `bounds` parses them, with the operations by which `compile`
//! finds that two of them exclude or imply each other.

/// All numbers from `low` to `high`, the ends included unless they are open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) low_open: bool,
    pub(crate) high: f64,
    pub(crate) high_open: bool,
}

impl Interval {
    /// Every number that a fact can have: none is negative.
    pub(crate) const ALL: Self = Self { low: 0.0, low_open: false, high: f64::INFINITY, high_open: false };

    /// Both ends included.
    pub(crate) fn between(low: f64, high: f64) -> Self {
        Self { low, high, ..Self::ALL }
    }

    /// From a number up.
    pub(crate) fn from(low: f64, low_open: bool) -> Self {
        Self { low, low_open, ..Self::ALL }
    }

    /// Up to a number.
    pub(crate) fn up_to(high: f64, high_open: bool) -> Self {
        Self { high, high_open, ..Self::ALL }
    }

    /// The same for a fact that is always whole: `> 9` is `>= 10`.
    pub(crate) fn whole(self) -> Self {
        let low = if self.low_open { self.low.floor() + 1.0 } else { self.low.ceil() };
        let high = if self.high_open { self.high.ceil() - 1.0 } else { self.high.floor() };
        Self::between(low, high)
    }

    /// Is the number in it?
    pub(crate) fn contains(&self, number: f64) -> bool {
        let above = if self.low_open { number > self.low } else { number >= self.low };
        let below = if self.high_open { number < self.high } else { number <= self.high };
        above && below
    }

    /// Is no number in it?
    pub(crate) fn is_empty(&self) -> bool {
        self.low > self.high || (self.low == self.high && (self.low_open || self.high_open))
    }

    /// The intersection.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let (low, low_open) = match self.low.total_cmp(&other.low) {
            std::cmp::Ordering::Less => (other.low, other.low_open),
            std::cmp::Ordering::Greater => (self.low, self.low_open),
            std::cmp::Ordering::Equal => (self.low, self.low_open || other.low_open),
        };
        let (high, high_open) = match self.high.total_cmp(&other.high) {
            std::cmp::Ordering::Less => (self.high, self.high_open),
            std::cmp::Ordering::Greater => (other.high, other.high_open),
            std::cmp::Ordering::Equal => (self.high, self.high_open || other.high_open),
        };
        Self { low, low_open, high, high_open }
    }

    /// The intervals below and above it; in whole numbers for a fact that is always whole.
    pub(crate) fn complement(&self, whole: bool) -> Vec<Self> {
        if self.is_empty() {
            return vec![Self::ALL];
        }
        let parts = [Self::up_to(self.low, !self.low_open), Self::from(self.high, !self.high_open)];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.map(|part| if whole { part.whole() } else { part }).filter(|part| !part.is_empty()).collect()
    }

    /// Is all of it in `other`?
    pub(crate) fn within(&self, other: &Self) -> bool {
        self.is_empty() || self.and(other) == *self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_numbers_have_closed_ends() {
        assert_eq!(Interval::from(9.0, true).whole(), Interval::from(10.0, false));
        assert_eq!(Interval::up_to(1.5, false).whole(), Interval::up_to(1.0, false));
        assert!(Interval::between(1.5, 1.5).whole().is_empty());
    }

    #[test]
    fn a_number_is_in_an_interval_or_in_its_complement() {
        let intervals = [
            Interval::ALL,
            Interval::from(3.0, true),
            Interval::up_to(3.0, false),
            Interval::between(2.0, 4.0),
        ];
        for interval in intervals {
            for number in [0.0, 1.0, 2.0, 2.5, 3.0, 4.0, 5.0] {
                let outside = interval.complement(false).iter().any(|part| part.contains(number));
                assert_ne!(interval.contains(number), outside, "{number} {interval:?}");
            }
        }
    }

    #[test]
    fn the_intersection_is_within_both() {
        let (a, b) = (Interval::from(10.0, false), Interval::up_to(20.0, true));
        assert!(a.and(&b).within(&a) && a.and(&b).within(&b));
        assert!(Interval::from(20.0, false).and(&b).is_empty());
    }

    /// A few numbers, halves among them, so that ends meet often.
    fn number() -> impl Strategy<Value = f64> {
        (0_u8..24).prop_map(|halves| f64::from(halves) / 2.0)
    }

    fn interval() -> impl Strategy<Value = Interval> {
        let end = || prop_oneof![4 => number().boxed(), 1 => Just(f64::INFINITY).boxed()];
        (number(), any::<bool>(), end(), any::<bool>()).prop_map(|(low, low_open, high, high_open)| {
            Interval { low, low_open, high, high_open: high_open && high.is_finite() }
        })
    }

    proptest! {
        #[test]
        fn intervals_and_their_parts_agree_about_every_number(
            a in interval(),
            b in interval(),
            number in number(),
        ) {
            let (in_a, in_b) = (a.contains(number), b.contains(number));
            prop_assert_eq!(a.and(&b).contains(number), in_a && in_b);
            prop_assert!(!(a.is_empty() && in_a));
            prop_assert!(!a.within(&b) || !in_a || in_b);
            prop_assert!(a.and(&b).within(&a) && a.and(&b).within(&b));
            let outside = a.complement(false);
            prop_assert_ne!(in_a, outside.iter().any(|part| part.contains(number)));
            if number.fract() == 0.0 {
                prop_assert_eq!(a.whole().contains(number), in_a);
                let outside = a.complement(true);
                prop_assert_ne!(in_a, outside.iter().any(|part| part.contains(number)));
            }
        }

        #[test]
        fn an_interval_not_within_another_has_a_number_outside_it(a in interval(), b in interval()) {
            // Between two halves lies a quarter, which distinguishes open ends from closed ones.
            let has_witness = (0_u8..60).map(|quarters| f64::from(quarters) / 4.0).any(|number| {
                a.contains(number) && !b.contains(number)
            });
            prop_assert_eq!(!a.within(&b), has_witness);
        }
    }
}
