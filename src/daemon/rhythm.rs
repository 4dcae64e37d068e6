//! The rhythm in which a server speaks during IDLE, and the moment from which its silence is suspect.
//!
//! A connection can stall while the kernel of the far machine still acknowledges every packet: a server that hangs, a proxy that
//! has lost the other half. Neither keepalive nor TCP_USER_TIMEOUT notices that. But many servers say something at regular
//! intervals (Dovecot `* OK Still here` every two minutes), and when such a server falls silent, the wait ends early: DONE then
//! shows whether the line works. A server without a rhythm is asked when IDLE is renewed. Reads no clock. Called by `watcher`.

use std::time::{Duration, Instant};

/// So many intervals in a row have to be equal.
const PROOF: usize = 3;
/// Lines that are closer together count as one: they are answers to the same event.
const LEAST: Duration = Duration::from_secs(5);
/// A longer interval would not be worth waiting for: IDLE is renewed about as often.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// How late a line may be. With the 30 seconds that a server has to end IDLE, a stalled line is noticed within 90 seconds of
/// its rhythm.
const LATE: Duration = Duration::from_secs(50);
/// After a suspicion that was wrong, the next one comes no sooner: twelve wakes an hour at most.
const RARELY: Duration = Duration::from_secs(5 * 60);

/// What is known of one server's rhythm.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rhythm {
    /// The interval, once it is proven.
    interval: Option<Duration>,
    /// The last intervals; zero where there were not as many.
    gaps: [Duration; PROOF],
    /// When the last line was heard in this wait, other than shortly after another.
    beat: Option<Instant>,
    /// The next line is the beginning of IDLE.
    begins: bool,
    /// When the silence of this wait becomes suspect.
    suspect: Option<Instant>,
    /// When a silence was last suspected although the line worked.
    wrong: Option<Instant>,
    /// The server has spoken on this connection.
    has_spoken: bool,
}

impl Rhythm {
    /// A new connection: what the server does is known from earlier ones, what the way to it does is not.
    pub(super) fn connected(&mut self) {
        self.has_spoken = false;
    }

    /// A wait is about to begin.
    pub(super) fn begins(&mut self) {
        self.begins = true;
        self.beat = None;
        self.suspect = None;
    }

    /// IDLE has begun, the first time that this is called in a wait; later, a line was heard. Returns when the silence that
    /// follows becomes suspect, if the server has a rhythm.
    pub(super) fn heard(&mut self, at: Instant) -> Option<Instant> {
        if !std::mem::take(&mut self.begins) {
            self.has_spoken = true;
            self.note(at);
        }
        let allowed = self.wrong.map(|wrong| wrong + RARELY);
        self.suspect = self.interval.map(|interval| at + interval + LATE).max(self.interval.and(allowed));
        self.suspect
    }

    fn note(&mut self, at: Instant) {
        let gap = self.beat.map(|beat| at.saturating_duration_since(beat));
        if gap.is_some_and(|gap| gap < LEAST) {
            return;
        }
        self.beat = Some(at);
        let Some(gap) = gap else { return };
        let [_, second, third] = self.gaps;
        self.gaps = [second, third, gap];
        let shortest = self.gaps.into_iter().min().unwrap_or_default();
        let longest = self.gaps.into_iter().max().unwrap_or_default();
        // A second for the network, and an eighth for servers that speak when they happen to look.
        let is_regular = longest - shortest <= longest / 8 + Duration::from_secs(1);
        if is_regular && shortest >= LEAST && longest <= LONGEST {
            self.interval = Some(longest);
        }
    }

    /// A wait that was to last until `due` has ended by its own time, and the line works. If it ended sooner, for a silence that
    /// was suspect, then the server has no such rhythm any more.
    pub(super) fn ended(&mut self, due: Instant) {
        if let Some(suspect) = self.suspect.take().filter(|suspect| *suspect < due) {
            *self = Self { wrong: Some(suspect), has_spoken: self.has_spoken, ..Self::default() };
        }
    }

    /// Does the server itself keep this connection from being silent for long? Then it has not died of silence.
    pub(super) fn keeps_alive(&self) -> bool {
        self.interval.is_some() && self.has_spoken
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// One wait from `start`, in which lines come at these seconds after it: after how many seconds the silence that follows each
    /// is suspect, and first of all the one that follows the beginning.
    fn wait(rhythm: &mut Rhythm, start: Instant, lines: &[u64]) -> Vec<Option<u64>> {
        rhythm.begins();
        let mut hear = |at: u64| {
            rhythm.heard(start + seconds(at)).map(|due| due.duration_since(start + seconds(at)).as_secs())
        };
        std::iter::once(0).chain(lines.iter().copied()).map(&mut hear).collect()
    }

    #[test]
    fn a_silence_is_suspect_once_three_intervals_were_equal() {
        let start = Instant::now();
        let mut rhythm = Rhythm::default();
        let suspects = wait(&mut rhythm, start, &[37, 157, 278, 397, 517]);
        assert_eq!(suspects, [None, None, None, None, Some(171), Some(171)]);
        // From then on from the beginning of a wait, and on the next connection too.
        rhythm.connected();
        assert_eq!(wait(&mut rhythm, start + seconds(540), &[90, 210]), [Some(171), Some(171), Some(170)]);
    }

    #[test]
    fn a_stalled_line_is_noticed_within_ninety_seconds_of_the_rhythm() {
        let mut rhythm = Rhythm::default();
        wait(&mut rhythm, Instant::now(), &[120, 240, 360, 480]);
        let idle_ends = seconds(30);
        let start = Instant::now();
        rhythm.begins();
        assert!(rhythm.heard(start).unwrap() + idle_ends < start + seconds(120 + 90));
    }

    #[test]
    fn what_a_server_says_now_and_then_is_not_a_rhythm() {
        for lines in [
            // Intervals that differ, that are too long, and lines that belong together.
            &[10, 70, 200, 230, 400, 410, 520][..],
            &[400, 800, 1_200, 1_600],
            &[1, 2, 3, 4],
            &[1, 1, 1, 1, 1],
            &[120, 240, 360],
        ] {
            let suspects = wait(&mut Rhythm::default(), Instant::now(), lines);
            assert!(suspects.iter().all(Option::is_none), "{lines:?}");
        }
    }

    #[test]
    fn lines_between_the_beats_only_put_the_suspicion_off() {
        let mut rhythm = Rhythm::default();
        let suspects = wait(&mut rhythm, Instant::now(), &[120, 240, 241, 360, 480, 481, 530, 600]);
        assert_eq!(suspects[5..], [Some(170); 4]);
    }

    #[test]
    fn a_server_that_turns_out_to_be_alive_has_to_show_its_rhythm_again() {
        let start = Instant::now();
        let mut rhythm = Rhythm::default();
        wait(&mut rhythm, start, &[60, 120, 180, 240]);
        assert!(rhythm.keeps_alive());
        // A wait that ended by its own time, or was ended by a message, has suspected nothing.
        rhythm.ended(start + seconds(300));
        assert!(rhythm.keeps_alive());
        wait(&mut rhythm, start + seconds(300), &[]);
        rhythm.ended(start + seconds(900));
        assert!(!rhythm.keeps_alive());
        let again = start + seconds(410);
        let suspects = wait(&mut rhythm, again, &[60, 120, 180, 240]);
        // No sooner than five minutes after the wrong one, which was 110 seconds after that wait began.
        assert_eq!(suspects, [None, None, None, None, Some(110)]);
        let suspects = wait(&mut Rhythm { wrong: Some(again), ..rhythm }, again, &[60]);
        assert_eq!(suspects, [Some(300), Some(240)]);
    }

    #[test]
    fn only_a_server_that_has_spoken_on_this_connection_keeps_it_alive() {
        let mut rhythm = Rhythm::default();
        wait(&mut rhythm, Instant::now(), &[60, 120, 180, 240]);
        rhythm.connected();
        wait(&mut rhythm, Instant::now(), &[]);
        assert!(!rhythm.keeps_alive());
        wait(&mut rhythm, Instant::now(), &[60]);
        assert!(rhythm.keeps_alive());
    }

    proptest! {
        /// A server that works is woken for nothing at most twelve times in any hour, whatever it says and when.
        #[test]
        fn wrong_suspicions_cost_at_most_twelve_wakes_an_hour(
            phases in prop::collection::vec((1..400_u64, 1..20_usize, 0..900_u64), 1..60),
            renewal in 60..1_740_u64,
        ) {
            let start = Instant::now();
            let mut now = 0;
            // Some lines at equal intervals, then a silence, again and again.
            let mut lines = Vec::new();
            for (interval, count, silence) in phases {
                for _ in 0..count {
                    now += interval;
                    lines.push(now);
                }
                now += silence;
            }
            let end = now;
            let mut lines = lines.into_iter().peekable();
            let mut rhythm = Rhythm::default();
            let mut wakes: Vec<u64> = Vec::new();
            now = 0;
            while now < end {
                let until = now + renewal;
                rhythm.begins();
                let in_seconds = |due: Option<Instant>| {
                    due.map_or(until, |due| due.duration_since(start).as_secs().min(until))
                };
                let mut due = in_seconds(rhythm.heard(start + seconds(now)));
                while let Some(line) = lines.next_if(|line| *line < due) {
                    due = in_seconds(rhythm.heard(start + seconds(line.max(now))));
                }
                rhythm.ended(start + seconds(until));
                if due < until {
                    wakes.push(due);
                }
                now = due;
            }
            for (at, first) in wakes.iter().enumerate() {
                let in_an_hour = wakes.iter().skip(at).filter(|wake| **wake < first + 3_600).count();
                prop_assert!(in_an_hour <= 12, "{wakes:?}");
            }
        }
    }
}
