//! The map in CONTRIBUTING.md: every question is answered by one file, and the file is there.

use std::path::Path;

#[test]
fn every_question_of_the_map_is_answered_by_a_file_that_there_is() {
    let map =
        include_str!("../CONTRIBUTING.md").split("\n## ").find(|section| section.starts_with("The map\n"));
    let rows = map.unwrap_or_default().lines().filter(|line| line.starts_with('|')).skip(2);
    let mut questions = 0;
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [question, file] = cells.as_slice() else { panic!("two cells, please: {row}") };
        assert!(question.ends_with('?'), "not a question: {question}");
        let path = file.strip_prefix('`').and_then(|file| file.strip_suffix('`'));
        let path = path.unwrap_or_else(|| panic!("the answer is one file in backticks: {row}"));
        let is_there = Path::new(env!("CARGO_MANIFEST_DIR")).join(path).is_file();
        assert!(path.starts_with("src/") && is_there, "{path} is not there: {question}");
        questions += 1;
    }
    assert!(questions >= 20, "{questions} questions");
}
