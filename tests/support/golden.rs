//! What is printed, compared with a file that holds it; `UPDATE_EXPECT=1` rewrites the file. The one place that knows that
//! variable's meaning for plain text.

use std::path::{Path, PathBuf};

/// Are the files to be rewritten?
pub fn is_updating() -> bool {
    #[expect(clippy::disallowed_methods, reason = "it is the test's setting, not the program's")]
    std::env::var_os("UPDATE_EXPECT").is_some()
}

/// Fails where `file`, a path below the repository, does not hold exactly this text.
#[track_caller]
pub fn holds(file: &str, shown: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if is_updating() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, shown).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(expected, shown, "{}; UPDATE_EXPECT=1 rewrites it", file.display());
}

/// Tries every folder below `tests/NAME`: its `expected.txt` holds exactly what `of` says of the folder, which is something.
#[track_caller]
pub fn each_case(name: &str, of: impl Fn(&Path) -> String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty(), "{name} has no cases");
    let mut wrong = Vec::new();
    for case in cases {
        let shown = of(&case);
        let expected = case.join("expected.txt");
        if is_updating() {
            std::fs::write(&expected, &shown).unwrap();
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != shown || shown.is_empty() {
            wrong.push(format!("{}:\n{shown}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "UPDATE_EXPECT=1 rewrites these:\n{}", wrong.join("\n"));
}
