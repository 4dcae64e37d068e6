//! Counts how often rules are right about labelled rows of a table. `judge` prints the scores.

use std::collections::BTreeMap;

use super::table::Row;

/// How often rules were right about labelled rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Genuine people.
    pub genuine: u64,
    /// Genuine people whose message would be filed.
    pub flagged: u64,
    /// Unwanted followers.
    pub unwanted: u64,
    /// Unwanted followers whose message would be filed.
    pub caught: u64,
}

impl Score {
    /// Adds a row.
    pub fn count(&mut self, genuine: bool, filed: bool) {
        let (all, hit) = if genuine {
            (&mut self.genuine, &mut self.flagged)
        } else {
            (&mut self.unwanted, &mut self.caught)
        };
        *all += 1;
        *hit += u64::from(filed);
    }

    /// The share of filed rows that are unwanted; `None` if none were filed.
    pub fn precision(&self) -> Option<f64> {
        share(self.caught, self.caught + self.flagged)
    }

    /// The share of unwanted rows that are filed; `None` if there are none.
    pub fn recall(&self) -> Option<f64> {
        share(self.caught, self.unwanted)
    }

    /// The share of genuine rows that are filed; `None` if there are none.
    pub fn share_flagged(&self) -> Option<f64> {
        share(self.flagged, self.genuine)
    }

    /// Matthews correlation coefficient: 1 is always right, 0 is no better than chance; `None` if one of its four divisors is 0.
    pub fn mcc(&self) -> Option<f64> {
        let [tp, fp] = [self.caught, self.flagged].map(|count| count as f64);
        let [negatives, positives] =
            [self.unwanted - self.caught, self.genuine - self.flagged].map(|n| n as f64);
        let below = (tp + fp) * (tp + negatives) * (positives + fp) * (positives + negatives);
        (below > 0.0).then(|| (tp * positives - fp * negatives) / below.sqrt())
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The scores of labelled rows, per source and per network. Each row comes with whether it is filed.
pub fn scores<'a>(rows: impl IntoIterator<Item = (&'a Row, bool)>) -> BTreeMap<String, Score> {
    let mut scores = BTreeMap::<String, Score>::new();
    for (row, filed) in rows {
        let Some(genuine) = row.genuine() else { continue };
        scores.entry(row.source.clone()).or_default().count(genuine, filed);
        if row.source != row.network.as_str() {
            scores.entry(row.network.to_string()).or_default().count(genuine, filed);
        }
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_match_the_textbook() {
        let mut score = Score::default();
        for (genuine, filed, times) in
            [(false, true, 90), (false, false, 10), (true, true, 5), (true, false, 95)]
        {
            for _ in 0..times {
                score.count(genuine, filed);
            }
        }
        assert_eq!(score.recall(), Some(0.9));
        assert_eq!(score.share_flagged(), Some(0.05));
        assert!((score.precision().unwrap() - 90.0 / 95.0).abs() < 1e-12);
        assert!((score.mcc().unwrap() - 0.851_06).abs() < 1e-4);
        assert_eq!(Score::default().mcc(), None);
    }
}
