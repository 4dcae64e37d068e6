//! `help`: the help of a command, and the manual pages, which the binary carries. Reads nothing, needs no settings.
//!
//! The pages are the Markdown files of `config/man/`, printed as they are; `tests/manual.rs` makes the pages for `man` from
//! the same files.

use std::iter;

use super::output::Output;
use super::{Ending, Help, definition};

/// What stands below the list of commands.
pub(super) const AFTER: &str = "`followsift help TOPIC` prints the manual: rules, networks, settings, operation, guarantees, servers, oauth2, \
                               hosting, json, exit-codes";

/// What stands below the options of `init`.
pub(super) const INIT: &str = "On a terminal, `followsift init` asks. In a script:\n\n  \
                              pass show mail/home | followsift init ann@example.org --password-stdin --observe --yes\n  \
                              followsift init ann@example.org --password-command 'pass show mail/home' --yes";

/// What stands below the options of `filter`.
pub(super) const FILTER: &str = "Whatever fails, the message goes on without a verdict, and the exit code is 0. With --exit-code: 0 no verdict or no \
                                notification, 10 `real`, 11 `spam`, 12 another verdict of the rules. Only if the message cannot be read or written \
                                is it 75, a temporary failure.";

/// The topics, each with its page and, where it is not the whole page, its section.
const TOPICS: [(&str, &str, Option<&str>); 10] = [
    ("rules", include_str!("../../config/man/followsift-rules.5.md"), None),
    ("networks", NETWORKS, None),
    ("settings", include_str!("../../config/man/followsift.toml.5.md"), None),
    ("operation", OPERATION, None),
    ("guarantees", OPERATION, Some("GUARANTEES")),
    ("servers", OPERATION, Some("SERVERS")),
    ("oauth2", OPERATION, Some("OAUTH2")),
    ("hosting", include_str!("../../config/man/followsift-hosting.7.md"), None),
    ("json", include_str!("../../config/man/followsift-json.5.md"), None),
    ("exit-codes", OPERATION, Some("EXIT STATUS")),
];
const NETWORKS: &str = include_str!("../../config/man/followsift-networks.5.md");
const OPERATION: &str = include_str!("../../config/man/followsift.8.md");

/// `below` is the command that help is a part of; empty where it is one itself.
pub(super) fn help(below: &str, options: &Help, output: &mut Output) -> Ending {
    let below = Some(below.to_owned()).filter(|command| !command.is_empty());
    let words: Vec<String> = below.into_iter().chain(options.words.clone()).collect();
    // `networks` is a command and a topic: both are printed.
    let (command, page) = (of_command(&words), of_topic(&words));
    if command.is_none() && page.is_none() {
        let topics = TOPICS.map(|(topic, ..)| topic).join(", ");
        let asked = words.join(" ");
        output.error(&format!(
            "error: no command or topic `{asked}` (topics: {topics}; `followsift help` lists the commands)"
        ));
        return Ending::Usage;
    }
    let parts: Vec<_> = command.into_iter().chain(page).collect();
    output.text(&format!("{}\n", parts.join("\n\n").trim_end()));
    Ending::Well
}

/// What the command that these words name prints for `--help`; without any, the list of commands.
fn of_command(words: &[String]) -> Option<String> {
    let definition = definition();
    words.iter().try_fold(&definition, |command, word| command.find_subcommand(word))?;
    let asked = iter::once("followsift").chain(words.iter().map(String::as_str)).chain(["--help"]);
    let help = definition.clone().try_get_matches_from(asked).err()?;
    Some(help.render().to_string().trim_end().to_owned())
}

fn of_topic(words: &[String]) -> Option<String> {
    let [word] = words else { return None };
    let (_, page, part) = TOPICS.iter().find(|(topic, ..)| topic == word)?;
    Some(part.map_or_else(|| (*page).to_owned(), |heading| section(page, heading)))
}

/// Where the networks switch their messages on, and which send none: a section of the manual.
pub(super) fn where_networks_send() -> String {
    section(NETWORKS, "IF NO MESSAGES COME")
}

/// A section of a page, with its heading.
fn section(page: &str, heading: &str) -> String {
    let heading = format!("# {heading}");
    let mut lines = page.lines().skip_while(|line| *line != heading);
    let first = lines.next();
    let rest = lines.take_while(|line| !line.starts_with("# "));
    first.into_iter().chain(rest).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::{AFTER, TOPICS, section};

    #[test]
    fn a_section_ends_where_the_next_one_begins() {
        assert_eq!(section("# A\n\none\n\n# B\n\ntwo\n\n# C\n", "B"), "# B\n\ntwo\n\n");
    }

    #[test]
    fn the_list_of_topics_names_each_and_each_has_a_text() {
        let topics = TOPICS.map(|(topic, ..)| topic).join(", ");
        assert_eq!(AFTER, format!("`followsift help TOPIC` prints the manual: {topics}"));
        for (topic, page, part) in TOPICS {
            assert!(part.is_none_or(|part| section(page, part).len() > 200), "{topic} is empty");
        }
    }
}
