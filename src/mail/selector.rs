//! A small part of CSS: `tag`, `.class`, `#id`, `*`, several of them together, and descendants.

use std::fmt;

use super::markup::{Document, Element};

/// Which elements are meant: `table.entry td.bio`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selector {
    /// From the outermost to the element itself. Never empty.
    steps: Vec<Step>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Step {
    tag: String,
    id: String,
    classes: Vec<String>,
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub(super) fn compile(text: &str) -> Result<Self, &'static str> {
        let steps = text.split_whitespace().map(Step::compile).collect::<Result<Vec<_>, _>>()?;
        if steps.is_empty() { Err("a selector cannot be empty") } else { Ok(Self { steps }) }
    }

    /// The elements meant, in the order of the document, within `container` (itself included).
    pub(super) fn select<'d>(
        &'d self,
        document: &'d Document,
        container: Option<usize>,
    ) -> impl Iterator<Item = usize> + 'd {
        document.within(container).filter(|place| self.means(document, *place))
    }

    fn means(&self, document: &Document, place: usize) -> bool {
        let mut steps = self.steps.iter().rev();
        let Some(element) = document.element(place) else { return false };
        if !steps.next().is_some_and(|step| step.means(element)) {
            return false;
        }
        let mut around = element.parent;
        for step in steps {
            loop {
                let Some(outer) = around.and_then(|place| document.element(place)) else { return false };
                around = outer.parent;
                if step.means(outer) {
                    break;
                }
            }
        }
        true
    }
}

/// As a profile writes it.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, Step { tag, id, classes }) in self.steps.iter().enumerate() {
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

impl Step {
    fn compile(text: &str) -> Result<Self, &'static str> {
        let mut step = Self::default();
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
                step.classes.push(name(class)?);
            } else if let Some(id) = part.strip_prefix('#') {
                step.id = name(id)?;
            } else if part != "*" {
                step.tag = name(part)?.to_ascii_lowercase();
            }
            if tail.is_empty() {
                return Ok(step);
            }
            rest = tail;
        }
    }

    fn means(&self, element: &Element) -> bool {
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
        let found: Vec<_> =
            selector.select(&document, None).filter_map(|place| document.text_of(place)).collect();
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
    fn a_wrong_selector_is_refused() {
        for wrong in ["", " ", "td..a", "a > b", "a[href]", ".", "a:first"] {
            assert!(Selector::compile(wrong).is_err(), "{wrong}");
        }
    }
}
