//! Bars that compare numbers: of block characters on a terminal, and as plain SVG on a page. The numbers stand beside them.

use maud::{Markup, html};

use crate::report::{Paint, Tone};

/// Parts of a bar of `places` places, each with its character and its tone, to the scale on which `most` fills it. A part that
/// is not zero takes at least one place.
pub(super) fn blocks(parts: &[(u64, char, Tone)], most: u64, places: usize, paint: Paint) -> String {
    let mut bar = String::new();
    let mut used = 0;
    for (count, block, tone) in parts.iter().filter(|(count, ..)| *count > 0) {
        let length = share(*count, most, places as u64).max(1);
        let length = usize::try_from(length).unwrap_or(places).min(places.saturating_sub(used));
        used += length;
        bar.push_str(&paint.paint(*tone, &block.to_string().repeat(length)));
    }
    bar.push_str(&" ".repeat(places.saturating_sub(used)));
    bar
}

/// The same on a page: each part with the class that gives it its colour.
pub(super) fn svg(parts: &[(u64, &str)], most: u64) -> Markup {
    let mut from = 0;
    let parts: Vec<_> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, class)| {
            let (start, length) = (from, share(*count, most, WIDTH).max(WIDTH / 100));
            from += length;
            (start, length, *class)
        })
        .collect();
    html! {
        svg viewBox={ "0 0 " (WIDTH) " 10" } preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            @for (start, length, class) in parts {
                rect class=(class) x=(start) y="0" width=(length) height="10" {}
            }
        }
    }
}

/// The units of a bar's width on a page.
const WIDTH: u64 = 1_000;

fn share(count: u64, most: u64, whole: u64) -> u64 {
    let share = u128::from(count) * u128::from(whole) / u128::from(most.max(1));
    u64::try_from(share).unwrap_or(whole).min(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_numbers_are_large_and_never_longer_than_its_place() {
        let bar = |parts: &[(u64, char, Tone)], most| blocks(parts, most, 10, Paint::Plain);
        assert_eq!(bar(&[(5, 'a', Tone::Good), (5, 'b', Tone::Bad)], 10), "aaaaabbbbb");
        assert_eq!(bar(&[(1, 'a', Tone::Good), (0, 'b', Tone::Bad), (3, 'c', Tone::Bad)], 10), "accc      ");
        assert_eq!(bar(&[(1, 'a', Tone::Good), (999, 'b', Tone::Bad)], 1_000), "abbbbbbbbb");
        assert_eq!(bar(&[(0, 'a', Tone::Good)], 0), "          ");
        assert_eq!(bar(&[(u64::MAX, 'a', Tone::Good)], u64::MAX), "aaaaaaaaaa");
    }

    #[test]
    fn a_bar_on_a_page_is_plain_svg() {
        let shown = svg(&[(1, "real"), (3, "filed")], 8).into_string();
        assert_eq!(
            shown,
            "<svg viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\">\
             <rect class=\"real\" x=\"0\" y=\"0\" width=\"125\" height=\"10\"></rect>\
             <rect class=\"filed\" x=\"125\" y=\"0\" width=\"375\" height=\"10\"></rect></svg>"
        );
    }
}
