//! Compares lines whose link a bulk mailer replaced by one that does not show where it leads: a mark stands for the link in both
//! the line and the template. Pure; `profile` calls it.

use super::{Piece, Template};
use crate::mail::bindings::Hole;
use crate::mail::fact::Fact;
use crate::mail::link::Link;
use crate::mail::wrapper;

/// Stands for the link, and in no line of its own.
const MARK: &str = "\u{fffc}";

/// What a link cannot contain, so that it is after the link.
const ENDS: [char; 4] = [')', ']', '>', ' '];

/// The line with the mark in place of each wrapper; `None` if it has none.
pub(in crate::mail) fn marked(line: &str) -> Option<String> {
    if line.contains(MARK) {
        return None;
    }
    let (mut marked, mut end) = (String::new(), None);
    for (range, _) in Link::find_all(line).filter(|(_, link)| wrapper::is_wrapper(link)) {
        marked.push_str(line.get(end.unwrap_or(0)..range.start)?);
        marked.push_str(MARK);
        end = Some(range.end);
    }
    marked.push_str(line.get(end?..)?);
    Some(marked)
}

impl Template {
    /// The template of the same line with the mark in place of its link; `None` if it expects no link.
    pub(in crate::mail) fn marked(&self) -> Option<Self> {
        let is_link = |piece: &Piece| match piece {
            Piece::Hole(hole) => *hole == Hole::Fact(Fact::Url),
            Piece::Literal(text) => text.contains("//"),
        };
        let start = self.pieces.iter().position(is_link)?;
        let (before, link) = self.pieces.split_at_checked(start)?;
        let mut pieces = before.to_vec();
        let mut push = |text: &str| {
            if !text.is_empty() {
                pieces.push(Piece::Literal(text.to_owned()));
            }
        };
        if let Some(Piece::Literal(text)) = link.first() {
            let (scheme, _) = text.split_once("//")?;
            push(scheme.trim_end_matches(['h', 't', 'p', 's', ':']));
        }
        push(MARK);
        let after = link.get(1..)?;
        let end = |piece: &Piece| match piece {
            Piece::Literal(text) => text.find(ENDS).or_else(|| text.ends_with('.').then(|| text.len() - 1)),
            Piece::Hole(_) => None,
        };
        if let Some((place, end)) =
            after.iter().enumerate().find_map(|(place, piece)| Some((place, end(piece)?)))
            && let Some((Piece::Literal(text), rest)) = after.get(place..)?.split_first()
        {
            push(text.get(end..).unwrap_or_default());
            pieces.extend_from_slice(rest);
        }
        // A hole for anything before the mark need not be two.
        pieces.dedup_by(|next, piece| *next == Piece::Hole(Hole::Any) && next == piece);
        Some(Self { pieces, form: self.form })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::template::Form;

    #[test]
    fn a_mark_takes_the_place_of_a_link() {
        let check = |template: &str, expected: &str| {
            let marked = Template::compile(template, Form::Line).unwrap().marked();
            assert_eq!(marked.map(|it| it.to_string().replace(MARK, "*")).unwrap_or_default(), expected);
        };
        check("{name} follows you.", "");
        check("{url}", "*");
        check("{}{url}", "{}*");
        check("{name}: {url}?read=1", "{name}: *");
        check("{url} awaits approval{}", "* awaits approval{}");
        check("New: {url}.", "New: *.");
        check("{}//{host}/web/{}", "{}*");
        check("{}://{host}{path}/u/{}", "{}*");
        check("View: https://{host}/settings/preferences", "View: *");
        check("{} {name} (https://{host}/p/{id}/).", "{} {name} (*).");
        check("{} [{}]: {name} [{url}].", "{} [{}]: {name} [*].");
    }

    #[test]
    fn wrappers_alone_are_marked() {
        let check = |line: &str, expected: &str| {
            assert_eq!(marked(line).map(|it| it.replace(MARK, "*")).unwrap_or_default(), expected);
        };
        check("View: https://toot.example/@ann", "");
        check("View: http://url1.toot.example/ls/click?upn=x.", "View: *.");
        check("\u{fffc} http://url1.toot.example/ls/click?upn=x.", "");
        check(
            "Ann (http://url1.toot.example/ls/click?upn=x) https://toot.example",
            "Ann (*) https://toot.example",
        );
    }
}
