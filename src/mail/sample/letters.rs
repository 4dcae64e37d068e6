//! Letters for letters: of the same case and script, so that a word keeps its shape.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Is it of a script that puts no blanks between words?
pub(super) fn is_joined(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7af}' | '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

/// Zero is written as another digit, and none as zero, which counts as nothing in front of a number.
const DIGITS: &str = "123456789";
/// Letters that stand for each other.
const CLASSES: [&str; 16] = [
    "aeiou",
    "bcdfghjklmnpqrstvwxyz",
    DIGITS,
    "àáâäåæèéêëìíîïòóôöøùúûü",
    "çčćďðłñńňřšśťžźżßş",
    "αεηικλμνοπρστυ",
    "абвгдежзиклмнопрстух",
    "אבגדהוזחטיכלמנסעפצקרשת",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "अआइईउकखगघचछजटडतथदधनपफबभमयरलवशसह",
    "กขคงจชซดตถทนบปพมยรลวสหอ",
    "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわ",
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワ",
    "山川田木本村上下中大小東西南北林森石井原野松竹梅花月",
    "가나다라마바사아자차카타파하김이박최정강조윤장임",
    "abcdefghijklmnopqrstuvwxyz",
];

/// Another word of the same length, case and script, with no letter in its place; always the same one for a word and a seed.
pub(super) fn other(word: &str, seed: u64) -> String {
    let mut hasher = DefaultHasher::new();
    (seed, word.to_lowercase()).hash(&mut hasher);
    let mut random = fastrand::Rng::with_seed(hasher.finish());
    // Some services write hexadecimal digits, and are known by them.
    let is_hexadecimal =
        word.bytes().all(|byte| byte.is_ascii_hexdigit()) && word.bytes().any(|byte| byte.is_ascii_digit());
    let classes = if is_hexadecimal { &["abcdef", DIGITS][..] } else { &CLASSES };
    word.chars().map(|c| other_letter(c, classes, &mut random)).collect()
}

fn other_letter(c: char, classes: &[&str], random: &mut fastrand::Rng) -> char {
    let lower = c.to_lowercase().next().unwrap_or(c);
    // The draw is the same whatever the letter's case.
    let draw = random.usize(..1_000);
    let lower = if lower == '0' { '1' } else { lower };
    let class = classes.iter().find(|class| class.contains(lower)).or_else(|| {
        let of_script =
            |class: &&&str| class.chars().next().is_some_and(|first| script(first) == script(lower));
        classes.iter().rev().filter(|_| c.is_alphanumeric()).find(of_script)
    });
    let Some(class) = class else { return c };
    let others: Vec<char> = class.chars().filter(|other| *other != lower).collect();
    let other = others.get(draw % others.len().max(1)).copied().unwrap_or('x');
    if c.is_uppercase() { other.to_uppercase().next().unwrap_or(other) } else { other }
}

/// Which block of letters it is of, roughly.
fn script(c: char) -> u32 {
    match u32::from(c) {
        0..=0x24f | 0x1e00..=0x1eff | 0xff00..=0xff5e | 0x1d400..=0x1d7ff => 0,
        0x370..=0x3ff | 0x1f00..=0x1fff => 1,
        0x400..=0x52f => 2,
        0x590..=0x5ff => 3,
        0x600..=0x77f | 0xfb50..=0xfeff => 4,
        0x900..=0xdff => 5,
        0xe00..=0xe7f => 6,
        0x3040..=0x309f => 7,
        0x30a0..=0x30ff => 8,
        0x3400..=0x9fff | 0x20000..=0x3ffff => 9,
        0xac00..=0xd7af | 0x1100..=0x11ff => 10,
        _ => 0,
    }
}

/// Is this a part of a word?
pub(super) fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_keeps_its_length_case_and_script_and_no_letter() {
        for word in [
            "Ann",
            "quickgains77",
            "Łukasz",
            "Ærøskøbing",
            "Ирина",
            "Ελένη",
            "佐藤",
            "さくら",
            "이순신",
            "محمد",
            "192d3661",
            "O'Neil",
        ] {
            let other = other(word, 7);
            assert_eq!(other.chars().count(), word.chars().count(), "{word}: {other}");
            for (old, new) in word.chars().zip(other.chars()) {
                assert_eq!(
                    (old.is_uppercase(), old.is_numeric(), old.is_alphabetic(), script(old)),
                    (new.is_uppercase(), new.is_numeric(), new.is_alphabetic(), script(new)),
                    "{word}: {other}"
                );
                assert!(old != new || !old.is_alphanumeric(), "{word}: {other}");
            }
        }
        assert_eq!(other("ANN", 7), other("ann", 7).to_uppercase());
        assert!(other("192d3661", 7).bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
