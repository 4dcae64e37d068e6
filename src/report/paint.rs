//! Colours for people who look at a terminal. Pure: who prints says whether there is one.

use anstyle::{AnsiColor, Style};

use crate::rules::VerdictName;

/// Whether text is to be coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// For files, pipes and programs: not one byte beside the text.
    #[default]
    Plain,
    /// For a terminal, as ANSI escapes.
    Coloured,
}

/// What a piece of text means to its reader; the colour follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// What the eye should find first.
    Strong,
    /// Welcome.
    Good,
    /// Unwelcome.
    Bad,
    /// Neither, and worth a look.
    Doubt,
    /// Of little weight.
    Faint,
}

impl Paint {
    /// The text in its tone.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        let style = match (self, tone) {
            (Self::Plain, _) => return text.to_owned(),
            (Self::Coloured, Tone::Strong) => Style::new().bold(),
            (Self::Coloured, Tone::Good) => AnsiColor::Green.on_default().bold(),
            (Self::Coloured, Tone::Bad) => AnsiColor::Red.on_default().bold(),
            (Self::Coloured, Tone::Doubt) => AnsiColor::Yellow.on_default(),
            (Self::Coloured, Tone::Faint) => Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }

    /// A verdict: welcome, spam, a class of the user's own, or none.
    pub fn verdict(self, class: Option<&VerdictName>) -> String {
        match class.map(VerdictName::as_str) {
            None => self.paint(Tone::Strong, "undecided"),
            Some("real") => self.paint(Tone::Good, "real"),
            Some("spam") => self.paint(Tone::Bad, "spam"),
            Some(own) => self.paint(Tone::Doubt, own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_as_it_is() {
        assert_eq!(Paint::Plain.paint(Tone::Bad, "spam"), "spam");
    }

    #[test]
    fn a_colour_ends_where_the_text_does() {
        assert_eq!(Paint::Coloured.paint(Tone::Faint, "x"), "\u{1b}[2mx\u{1b}[0m");
        assert!(Paint::Coloured.verdict(VerdictName::new("spam").as_ref()).contains("31m"));
    }
}
