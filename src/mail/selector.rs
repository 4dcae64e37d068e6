//! A subset of CSS selectors: `tag`, `.class`, `#id`, `*`, combinations of them, and descendants. `profile` finds elements
//! with them.

use std::fmt;

use super::markup::{Document, Element};
use super::work::Work;

/// The work to examine an element without classes.
const ELEMENT: usize = 8;

/// A selector, such as `table.entry td.bio`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selector {
    /// From the outermost to the element itself. Never empty.
    compounds: Vec<Compound>,
}

/// A compound selector, as CSS calls it: what one element must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Compound {
    tag: String,
    id: String,
    classes: Vec<String>,
}

impl Selector {
    /// Parses a selector.
    ///
    /// # Errors
    ///
    /// A message that says what is wrong.
    pub(super) fn compile(text: &str) -> Result<Self, &'static str> {
        let compounds = text.split_whitespace().map(Compound::compile).collect::<Result<Vec<_>, _>>()?;
        if compounds.is_empty() { Err("a selector cannot be empty") } else { Ok(Self { compounds }) }
    }

    /// The selected elements within `container` (itself included), in the order of the document. None once `work` is spent.
    pub(super) fn select<'d>(
        &'d self,
        document: &'d Document,
        container: Option<usize>,
        work: &'d Work,
    ) -> impl Iterator<Item = usize> + 'd {
        let (last, outer) =
            self.compounds.split_last().map_or((None, [].as_slice()), |(last, outer)| (Some(last), outer));
        let range = document.within(container);
        let mut reached = Reached::new(outer, document, range.start, work);
        range.filter(move |place| {
            let (Some(element), Some(last)) = (document.element(*place), last) else { return false };
            reached.by(element) == outer.len() && last.means(element, work)
        })
    }
}

/// For each element, how many of a selector's outer compounds its ancestors match, from the outermost. Examines each element
/// once, however many descendants it has.
struct Reached<'d> {
    outer: &'d [Compound],
    work: &'d Work,
    /// The first element in question.
    first: usize,
    /// How many compounds the ancestors of the first match.
    around: usize,
    /// How many each element and its ancestors match, from the first on.
    within: Vec<usize>,
}

impl<'d> Reached<'d> {
    fn new(outer: &'d [Compound], document: &'d Document, first: usize, work: &'d Work) -> Self {
        let mut reached = Self { outer, work, first, around: 0, within: Vec::new() };
        if !outer.is_empty() {
            let parent = |element: &&'d Element| document.element(element.parent?);
            let inside = document.element(first).into_iter();
            let around: Vec<_> =
                inside.flat_map(|first| std::iter::successors(parent(&first), parent)).collect();
            reached.around = around.into_iter().rev().fold(0, |taken, element| reached.with(taken, element));
        }
        reached
    }

    /// How many compounds the ancestors of the next element match. Call it for every element, in the order of the document.
    fn by(&mut self, element: &Element) -> usize {
        if self.outer.is_empty() {
            return 0;
        }
        let place = element.parent.and_then(|parent| parent.checked_sub(self.first));
        let around = place.and_then(|place| self.within.get(place)).copied().unwrap_or(self.around);
        self.within.push(self.with(around, element));
        around
    }

    fn with(&self, taken: usize, element: &Element) -> usize {
        match self.outer.get(taken) {
            Some(compound) if compound.means(element, self.work) => taken + 1,
            _ => taken,
        }
    }
}

/// As profiles write it.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, Compound { tag, id, classes }) in self.compounds.iter().enumerate() {
            let blank = if place > 0 { " " } else { "" };
            let any = if tag.is_empty() && id.is_empty() && classes.is_empty() { "*" } else { "" };
            write!(f, "{blank}{any}{tag}")?;
            classes.iter().try_for_each(|class| write!(f, ".{class}"))?;
            if !id.is_empty() {
                write!(f, "#{id}")?;
            }
        }
        Ok(())
    }
}

impl Compound {
    fn compile(text: &str) -> Result<Self, &'static str> {
        let mut compound = Self::default();
        let mut rest = text;
        loop {
            let end = rest.find(['.', '#']).filter(|end| *end > 0);
            let next = match end {
                Some(end) => end,
                None => rest.get(1..).and_then(|tail| tail.find(['.', '#'])).map_or(rest.len(), |at| at + 1),
            };
            let (part, tail) = rest.split_at_checked(next).unwrap_or((rest, ""));
            let name = |name: &str| {
                let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
                if !name.is_empty() && name.chars().all(fits) {
                    Ok(name.to_owned())
                } else {
                    Err("expected `tag`, `.class`, `#id` and spaces between them")
                }
            };
            if let Some(class) = part.strip_prefix('.') {
                compound.classes.push(name(class)?);
            } else if let Some(id) = part.strip_prefix('#') {
                compound.id = name(id)?;
            } else if part != "*" {
                compound.tag = name(part)?.to_ascii_lowercase();
            }
            if tail.is_empty() {
                return Ok(compound);
            }
            rest = tail;
        }
    }

    fn means(&self, element: &Element, work: &Work) -> bool {
        let classes = if self.classes.is_empty() { 0 } else { element.classes.len() };
        if !work.look(ELEMENT + classes) {
            return false;
        }
        let has = |class: &String| element.classes.split_ascii_whitespace().any(|word| word == class);
        (self.tag.is_empty() || self.tag == element.tag)
            && (self.id.is_empty() || self.id == element.id)
            && self.classes.iter().all(has)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTML: &str = "<table class='a entry'><td class=bio id=x>1<i>2</i></table><div><td class=bio>3";

    fn check(selector: &str, expected: &[&str]) {
        let document = Document::parse(HTML, false);
        let selector = Selector::compile(selector).unwrap();
        let work = Work::for_size(HTML.len());
        let found: Vec<_> =
            selector.select(&document, None, &work).filter_map(|place| document.text_of(place)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn tags_classes_ids_and_descendants_select() {
        check("td", &["12", "3"]);
        check(".entry .bio", &["12"]);
        check("table.entry.a td.bio#x", &["12"]);
        check("table i", &["2"]);
        check("div *", &["3"]);
        check("i td", &[]);
    }

    #[test]
    fn ancestors_of_a_container_count() {
        let document =
            Document::parse("<table class=x><tr><td><i><b>1</b></i><b>2</b></td></tr></table><b>3", false);
        let work = Work::for_size(1_000);
        let within = |selector: &str, container| {
            let selector = Selector::compile(selector).unwrap();
            let found = selector.select(&document, container, &work);
            found.filter_map(|place| document.text_of(place)).collect::<Vec<_>>()
        };
        let cell = Selector::compile("td").unwrap().select(&document, None, &work).next();
        assert_eq!(within(".x tr b", cell), ["1", "2"]);
        assert_eq!(within(".x i b", cell), ["1"]);
        assert_eq!(within("tr .x b", cell), Vec::<String>::new());
        assert_eq!(within(".x td", cell), ["12"]);
        assert_eq!(within("td td", cell), Vec::<String>::new());
    }

    #[test]
    fn ancestors_of_many_elements_are_examined_once() {
        let cost = |size: usize| {
            let html = format!("<div class='{}'>", "x ".repeat(4_000)).repeat(20) + &"<b></b>".repeat(size);
            let document = Document::parse(&html, false);
            let work = Work::for_size(html.len());
            let found = Selector::compile(".a .b .c b").unwrap().select(&document, None, &work).count();
            assert_eq!(found, 0);
            assert!(!work.is_spent());
            work.cost().spent
        };
        let (one, two) = (cost(4_000), cost(8_000));
        assert!(two < 2 * one, "{one} then {two}");
    }

    #[test]
    fn a_wrong_selector_is_refused() {
        for wrong in ["", " ", "td..a", "a > b", "a[href]", ".", "a:first"] {
            assert!(Selector::compile(wrong).is_err(), "{wrong}");
        }
    }
}
