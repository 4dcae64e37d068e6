//! The tags that gateways and list servers put before or after a subject, and the subject without them.
//!
//! Only for comparison: what people see and what is remembered is the subject as it arrived. A tag proves nothing, and counts as no
//! mark of a network. `profile` calls it.
//!
//! The forms are those of their documentation and of their users' reports: `[EXT]`, `[EXTERNAL]`, `EXTERNAL:` (transport rules of
//! Exchange, Proofpoint, Mimecast, Xeams), `*****SPAM*****` and `****SPAM(7.9)****` (SpamAssassin's `rewrite_header`), `[spam:
//! 07.5/05.0]` (its former `subject_tag`), `***SPAM***` and `SPAM: 6.21` (Rspamd's `subject`), `[SPAM]`, before or after (Cisco
//! AsyncOS), `[BULK]` (Barracuda), `{Spam?}`, at the start or the end (MailScanner), `[SPAM?]`, `Fake:` (Red Condor), `[list]`
//! (Mailman's `subject_prefix`, Google Groups). `Re:` and `Fwd:` are no tags: such a message is of a person.

/// The longest text within a tag, in bytes.
const TAG_LIMIT: usize = 40;
/// The most tags taken from each end.
const TAGS_LIMIT: usize = 4;

/// The words of tags without brackets around them, in upper case.
const WORDS: [&str; 12] = [
    "EXTERNAL",
    "EXT",
    "SPAM",
    "SUSPECTED SPAM",
    "POSSIBLE SPAM",
    "PROBABLE SPAM",
    "PROBABLY SPAM",
    "BULK",
    "SUSPICIOUS",
    "CAUTION",
    "WARNING",
    "FAKE",
];

/// The subject as it is, then with fewer and fewer tags.
pub(super) fn variants(subject: &str) -> impl Iterator<Item = &str> {
    fewer(subject, after_tag).flat_map(|start| fewer(start, before_tag))
}

/// The tags at both ends.
pub(super) fn tags(subject: &str) -> impl Iterator<Item = &str> {
    let starts = fewer(subject, after_tag).zip(fewer(subject, after_tag).skip(1));
    let starts =
        starts.filter_map(|(more, fewer)| more.strip_suffix(fewer).or(more.split_once(fewer).map(|it| it.0)));
    let ends = fewer(subject, before_tag).zip(fewer(subject, before_tag).skip(1));
    let ends = ends.filter_map(|(more, fewer)| more.strip_prefix(fewer));
    starts.chain(ends).map(str::trim)
}

fn fewer(subject: &str, take: fn(&str) -> Option<&str>) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(subject), move |left| take(left)).take(TAGS_LIMIT + 1)
}

/// The subject after a tag at its start.
fn after_tag(subject: &str) -> Option<&str> {
    let rest = match subject.chars().next()? {
        '[' => after_bracket(subject, '[', ']', false)?,
        '{' => after_bracket(subject, '{', '}', false)?,
        '(' => after_bracket(subject, '(', ')', true)?,
        '<' => after_bracket(subject, '<', '>', true)?,
        '*' => {
            let (tag, rest) = subject.trim_start_matches('*').split_once('*')?;
            fits(tag).then(|| rest.trim_start_matches('*'))?
        }
        c if WORDS.iter().any(|word| word.starts_with(c.to_ascii_uppercase())) => after_word(subject)?,
        _ => return None,
    };
    left(rest)
}

/// The subject before a tag at its end.
fn before_tag(subject: &str) -> Option<&str> {
    let rest = match subject.chars().next_back()? {
        ']' => before_bracket(subject, '[', ']', false)?,
        '}' => before_bracket(subject, '{', '}', false)?,
        ')' => before_bracket(subject, '(', ')', true)?,
        '>' => before_bracket(subject, '<', '>', true)?,
        '*' => {
            let (rest, tag) = subject.trim_end_matches('*').rsplit_once('*')?;
            fits(tag).then(|| rest.trim_end_matches('*'))?
        }
        _ => return None,
    };
    left(rest)
}

fn left(rest: &str) -> Option<&str> {
    let rest = rest.trim();
    (!rest.is_empty()).then_some(rest)
}

/// What mail programs write before the subject of a reply or a forwarded message, which is none of the network.
const PREFIXES: [&str; 16] =
    ["re", "fw", "fwd", "aw", "wg", "tr", "sv", "vs", "vb", "antw", "rv", "enc", "odp", "pd", "ynt", "ilt"];

/// Only a known word is a tag in brackets that people write too.
fn after_bracket(subject: &str, open: char, close: char, is_known: bool) -> Option<&str> {
    let (tag, rest) = subject.strip_prefix(open)?.split_once(close)?;
    (fits(tag) && !tag.contains(open) && (!is_known || is_word(tag))).then_some(rest)
}

fn before_bracket(subject: &str, open: char, close: char, is_known: bool) -> Option<&str> {
    let (rest, tag) = subject.strip_suffix(close)?.rsplit_once(open)?;
    (fits(tag) && !tag.contains(close) && (!is_known || is_word(tag))).then_some(rest)
}

fn fits(tag: &str) -> bool {
    let is_prefix = PREFIXES.iter().any(|prefix| prefix.eq_ignore_ascii_case(tag.trim()));
    tag.len() <= TAG_LIMIT && tag.chars().any(char::is_alphabetic) && !is_prefix
}

fn is_word(tag: &str) -> bool {
    let tag = tag.trim().trim_end_matches('?');
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(tag))
}

/// After `EXTERNAL:`, `SPAM: 6.21` or the bare word `SPAM`, in capitals.
fn after_word(subject: &str) -> Option<&str> {
    if let Some((tag, rest)) = subject.split_once(':')
        && is_word(tag)
    {
        let is_score = |c: char| c.is_ascii_digit() || matches!(c, '.' | '/');
        let score = rest.trim_start().split(' ').next().unwrap_or_default();
        let is_score = score.contains('.') && score.chars().all(is_score);
        return if is_score { rest.trim_start().strip_prefix(score) } else { Some(rest) };
    }
    let (tag, rest) = subject.split_once(' ')?;
    matches!(tag, "SPAM" | "EXTERNAL" | "EXT").then_some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn last(subject: &str) -> Vec<&str> {
        variants(subject).skip(1).collect()
    }

    #[test]
    fn the_tags_of_gateways_and_lists_are_taken_off() {
        let plain = "Kim Sample follows you";
        for tag in [
            "[EXT]",
            "[EXTERNAL]",
            "[External Email]",
            "EXTERNAL:",
            "External:",
            "(EXTERNAL)",
            "<External>",
            "EXT:",
            "*****SPAM*****",
            "****SPAM(7.9)****",
            "***SPAM***",
            "** SPAM **",
            "*** EXTERNAL ***",
            "[spam: 07.5/05.0]",
            "[SPAM?]",
            "[SPAM]",
            "SPAM:",
            "SPAM: 6.21",
            "SPAM",
            "[BULK]",
            "[Suspected Spam]",
            "SUSPECTED SPAM:",
            "{Spam?}",
            "{Disarmed}",
            "Fake:",
            "[friends]",
        ] {
            assert!(last(&format!("{tag} {plain}")).contains(&plain), "{tag}");
        }
        for tag in ["[EXT]", "(External)", "<EXTERNAL>", "***SPAM***", "{Spam?}", "[SPAM]"] {
            assert!(last(&format!("{plain} {tag}")).contains(&plain), "{tag}");
            assert!(last(&format!("[EXT] {plain} {tag}")).contains(&plain), "{tag} at the end");
        }
        assert!(last("[EXT]Kim Sample follows you").contains(&plain));
        assert!(last("[EXT] ***SPAM*** Kim Sample follows you").contains(&plain));
    }

    #[test]
    fn what_a_person_writes_before_a_subject_is_no_tag() {
        for subject in [
            "Kim follows you",
            "Re: Kim follows you",
            "Fwd: Kim follows you",
            "FW: Kim follows you",
            "[Fwd] Kim follows you",
            "{AW} Kim follows you",
            "Kim follows you [re]",
            "WG: Kim follows you",
            "Kim (she/her) follows you",
            "(a) Kim follows you",
            "Kim: follows you",
            "Spam follows you",
            "[]",
            "[EXT]",
            "***",
            "",
            "[1] Kim follows you",
        ] {
            assert_eq!(last(subject), Vec::<&str>::new(), "{subject}");
        }
    }

    #[test]
    fn each_tag_is_named() {
        let all = |subject| tags(subject).collect::<Vec<_>>();
        assert_eq!(all("[EXT] ***SPAM*** Kim follows you (External)"), ["[EXT]", "***SPAM***", "(External)"]);
        assert_eq!(all("Kim follows you"), Vec::<&str>::new());
    }

    #[test]
    fn the_subject_as_it_is_comes_first() {
        assert_eq!(
            variants("[Bot] Kim follows you").collect::<Vec<_>>(),
            ["[Bot] Kim follows you", "Kim follows you"]
        );
    }

    proptest! {
        #[test]
        fn any_subject_is_read_without_a_panic_and_in_few_variants(subject in "[\\[\\]{}()<>* A-Zä:.1]{0,40}") {
            let all: Vec<_> = variants(&subject).collect();
            prop_assert!(all.len() <= (TAGS_LIMIT + 1) * (TAGS_LIMIT + 1));
            prop_assert!(all.iter().all(|variant| subject.contains(variant)));
        }
    }
}
