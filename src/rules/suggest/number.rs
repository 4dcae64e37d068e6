//! Thresholds: a round number that parts some values from others.

use crate::rules::bounds::DAY;
use crate::rules::fact::{Fact, Type};

/// On which side of a number values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    AtLeast,
    AtMost,
}

impl Side {
    pub(super) fn opposite(self) -> Self {
        match self {
            Self::AtLeast => Self::AtMost,
            Self::AtMost => Self::AtLeast,
        }
    }

    pub(super) fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::AtLeast => value >= limit,
            Self::AtMost => value <= limit,
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::AtLeast => ">=",
            Self::AtMost => "<=",
        }
    }
}

/// A condition on a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Threshold {
    pub(super) fact: Fact,
    pub(super) side: Side,
    pub(super) limit: f64,
}

impl Threshold {
    /// What a rule writes: `>= 2000`, `<= 30 days`.
    pub(super) fn condition(&self) -> String {
        let sign = self.side.sign();
        match self.fact.type_of() {
            Type::Duration => format!("{sign} {} days", self.limit / DAY),
            _ => format!("{sign} {}", self.limit),
        }
    }
}

/// The roundest number that holds for the most of `wanted` and for none of `others`, no further from `wanted` than a factor of two;
/// `None` if it would hold for none of them.
pub(super) fn parting(side: Side, wanted: &[f64], others: &[f64], unit: f64) -> Option<f64> {
    // Both sides are one: a mirror turns "at most" into "at least".
    let mirror = |value: &f64| if side == Side::AtLeast { *value / unit } else { -*value / unit };
    let limit = others.iter().map(mirror).fold(f64::NEG_INFINITY, f64::max);
    let least = wanted.iter().map(mirror).filter(|value| *value > limit).fold(f64::INFINITY, f64::min);
    if !least.is_finite() {
        return None;
    }
    let near = if least < 0.0 { least * 2.0 } else { least / 2.0 };
    let limit = limit.max(near - 1e-9);
    let steps = (-1..=15).rev().map(|power| 10_f64.powi(power));
    let mut round = steps.map(|step| (least / step).floor() * step).filter(|it| *it > limit);
    let round = round.next().unwrap_or(least);
    // A tenth is not exact in binary.
    let round = (round * 10.0).round() / 10.0;
    let round = if round > limit && round <= least { round } else { least };
    let found = if side == Side::AtLeast { round * unit } else { -round * unit };
    // Never `-0` or below nothing, which every number is at least, and none at most.
    let is_empty = side == Side::AtLeast && found <= 0.0;
    (!is_empty).then_some(if found == 0.0 { 0.0 } else { found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_as_round_as_it_may_be_and_parts_all_others() {
        let at_least = |wanted: &[f64], others: &[f64]| parting(Side::AtLeast, wanted, others, 1.0);
        let at_most = |wanted: &[f64], others: &[f64]| parting(Side::AtMost, wanted, others, 1.0);
        assert_eq!(at_least(&[2_345.0, 3_000.0], &[1_990.0]), Some(2_000.0));
        assert_eq!(at_least(&[2_345.0, 3_000.0], &[2_343.0]), Some(2_345.0));
        assert_eq!(at_least(&[100.0, 3_000.0], &[1_990.0]), Some(3_000.0));
        assert_eq!(at_least(&[3.27], &[3.1]), Some(3.2));
        assert_eq!(at_least(&[5.0], &[]), Some(5.0));
        assert_eq!(at_least(&[], &[5.0]), None);
        assert_eq!(at_least(&[5.0], &[7.0]), None);
        assert_eq!(at_most(&[3.0, 17.0], &[21.0]), Some(20.0));
        assert_eq!((at_most(&[5.0], &[700.0]), at_least(&[1_234.0], &[3.0])), (Some(10.0), Some(1_000.0)));
        assert_eq!(at_most(&[0.0], &[1.0]), Some(0.0));
        assert_eq!(at_most(&[3.0], &[2.0]), None);
        assert_eq!(parting(Side::AtMost, &[9.0 * DAY], &[30.0 * DAY], DAY), Some(10.0 * DAY));
    }
}
