//! How often rules are right about labelled rows of a table.

use std::collections::BTreeMap;

use super::table::Row;

/// How often rules were right about labelled rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// People.
    pub genuine: u64,
    /// People whose mail would be filed away.
    pub flagged: u64,
    /// Others.
    pub unwanted: u64,
    /// Others whose mail would be filed away.
    pub caught: u64,
}

impl Score {
    /// Counts a row in.
    pub fn count(&mut self, genuine: bool, filed: bool) {
        let (all, hit) = if genuine {
            (&mut self.genuine, &mut self.flagged)
        } else {
            (&mut self.unwanted, &mut self.caught)
        };
        *all += 1;
        *hit += u64::from(filed);
    }

    /// Of those filed away, the share that belongs there; `None` where nobody was.
    pub fn precision(&self) -> Option<f64> {
        share(self.caught, self.caught + self.flagged)
    }

    /// Of the unwanted, the share that is filed away; `None` where there are none.
    pub fn recall(&self) -> Option<f64> {
        share(self.caught, self.unwanted)
    }

    /// Of the people, the share that is filed away; `None` where there are none.
    pub fn share_flagged(&self) -> Option<f64> {
        share(self.flagged, self.genuine)
    }

    /// Matthews' correlation: 1 is always right, 0 is no better than chance; `None` where one of the four
    /// groups that it divides by is missing.
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

/// The scores of labelled rows, per source and for each network as a whole. `filed` tells for each row, in
/// their order, whether it is filed away.
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
    fn scores_are_those_of_the_textbook() {
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
