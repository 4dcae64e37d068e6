//! The manual in `config/man/` and the README: what is made there from other files is current, `help TOPIC` prints the page,
//! and the README's sample is what the command prints.
//!
//! The pages are written as Markdown, which the command prints; the pages for `man` are made from them here, as are
//! followsift(1), from the definition of the command line, and the keys in followsift.toml(5), from the schema of the settings.
//! `UPDATE_EXPECT=1` rewrites what is made.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own fixtures has to stop")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::golden;
use clap::error::ErrorKind;
use clap_complete::Shell;
use clap_mangen::Man;
use followsift::lookup::Way;
use followsift::mail::Fact;
use followsift::settings::Site;
use followsift::{cli, settings};
use serde_json::Value;

/// The pages that are written as Markdown.
const PAGES: [(&str, u8); 6] = [
    ("followsift", 8),
    ("followsift-hosting", 7),
    ("followsift-json", 5),
    ("followsift-networks", 5),
    ("followsift-rules", 5),
    ("followsift.toml", 5),
];

#[test]
fn the_keys_of_the_settings_are_those_of_the_schema() {
    golden::holds("config/man/followsift.toml.5.md", &settings_page());
}

/// followsift.toml(5) with the keys that the schema has.
fn settings_page() -> String {
    let text = fs::read_to_string(folder().join("followsift.toml.5.md")).unwrap();
    let schema = settings::schema();
    let keys = with_section(&text, "KEYS", &keys(schema.pointer("/properties").unwrap()));
    let keys = with_section(&keys, "KEYS OF LOOKUP", &keys_of_lookup(&schema));
    let keys = with_section(&keys, "KEYS OF HOOKS", &keys_of_hooks(&schema));
    let keys = with_section(&keys, "KEYS OF METRICS", &keys_of_metrics(&schema));
    with_section(&keys, "KEYS OF AN ACCOUNT", &keys_of_account(&schema))
}

#[test]
fn the_facts_that_are_asked_for_are_all_in_the_manual() {
    let text = fs::read_to_string(folder().join("followsift.8.md")).unwrap();
    let (_, list) = text.split_once("The networks that can be looked up:\n").unwrap();
    let (list, _) = list.split_once("\n\n`followsift lookup ").unwrap();
    let own = Site::ALL.map(|site| (format!("`{}`", site.key()), Way::Own(site)));
    let others = [("`ask = ".to_owned(), Way::ActivityPub), ("`x = ".to_owned(), Way::X)];
    for (key, way) in own.into_iter().chain(others) {
        let item = list.split("\n- ").find(|item| item.starts_with(&key)).unwrap();
        let named = |fact: &Fact| item.contains(&format!("`{}`", fact.word()));
        let named: Vec<_> = Fact::ALL.into_iter().filter(named).collect();
        assert_eq!(named, way.supplies(), "{key}");
    }
}

#[test]
fn the_pages_for_man_are_made_from_the_markdown() {
    for (name, section) in PAGES {
        let text = match name {
            "followsift.toml" => settings_page(),
            name => fs::read_to_string(folder().join(format!("{name}.{section}.md"))).unwrap(),
        };
        assert!(text.is_ascii(), "{name}({section}): mandown transliterates what is not ASCII");
        let page = mandown::convert(&text, &name.to_uppercase(), section);
        golden::holds(&format!("config/man/{name}.{section}"), &one_newline(&page));
    }
}

#[test]
fn the_page_of_the_commands_is_made_from_their_definition() {
    let definition = cli::definition();
    let man = Man::new(definition.clone());
    let mut page = Vec::new();
    man.render_title(&mut page).unwrap();
    man.render_name_section(&mut page).unwrap();
    man.render_synopsis_section(&mut page).unwrap();
    man.render_options_section(&mut page).unwrap();
    let mut page = String::from_utf8(page).unwrap();
    page.push_str(".SH COMMANDS\n");
    commands(&definition, "followsift", &mut page);
    let (_, exit, _) = followsift(&["help", "exit-codes"]);
    let more = format!(
        "{exit}\n# SEE ALSO\n\nfollowsift(8), followsift.toml(5), followsift-rules(5), followsift-networks(5), \
         followsift-json(5), followsift-hosting(7)\n"
    );
    let more = mandown::convert(&more, "", 1);
    page.push_str(more.split_once('\n').unwrap().1);
    golden::holds("config/man/followsift.1", &one_newline(&page));
}

#[test]
fn the_completions_are_made_from_the_definition_of_the_commands() {
    for (shell, name, file) in [
        (Shell::Bash, "bash", "followsift.bash"),
        (Shell::Zsh, "zsh", "_followsift"),
        (Shell::Fish, "fish", "followsift.fish"),
    ] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut cli::definition(), "followsift", &mut script);
        let script = one_newline(&String::from_utf8(script).unwrap());
        golden::holds(&format!("config/completions/{file}"), &script);
        // The program has the file as it was when it was built.
        if !golden::is_updating() {
            assert_eq!(followsift(&["completions", name]), (0, script, String::new()), "{name}");
        }
    }
}

#[test]
fn bash_completes_commands_and_options() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/completions/followsift.bash");
    let complete = |words: &[&str]| {
        let last = words.last().unwrap();
        let ask = "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _followsift followsift \"${!#}\"; \
                   echo \"${COMPREPLY[*]}\"";
        let output =
            Command::new("bash").args(["-c", ask, "bash"]).arg(&script).args(words).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{last}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(complete(&["followsift", "chec"]), "check");
    assert_eq!(complete(&["followsift", "check", "--con"]), "--connect");
    assert_eq!(complete(&["followsift", "completions", "fi"]), "fish");
    assert_eq!(complete(&["followsift", "known", "confi"]), "confirm");
}

/// Every command below this one, each with its arguments.
fn commands(above: &clap::Command, called: &str, page: &mut String) {
    // `help` below another command is the same as here.
    let is_shown = |command: &&clap::Command| command.get_name() != "help" || called == "followsift";
    for command in above.get_subcommands().filter(is_shown) {
        let called = format!("{called} {}", command.get_name());
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").replace('-', "\\-");
        let about = command.get_about().unwrap().to_string().replace('-', "\\-");
        writeln!(page, ".SS {called}\n\\fB{usage}\\fR\n.PP\n{about}.").unwrap();
        // The settings file is explained above, and `--help` speaks for itself.
        let command = command
            .clone()
            .mut_args(|argument| if is_general(&argument) { argument.hide(true) } else { argument });
        let mut options = Vec::new();
        Man::new(command.clone()).render_options_section(&mut options).unwrap();
        let options = String::from_utf8(options).unwrap();
        page.push_str(options.split_once(".SH OPTIONS\n").map_or("", |(_, options)| options));
        commands(&command, &called, page);
    }
}

fn is_general(argument: &clap::Arg) -> bool {
    ["settings", "help"].contains(&argument.get_id().as_str())
}

/// Keys as a list of definitions, in the order of their names.
fn keys(properties: &Value) -> String {
    let mut list = String::new();
    for (key, about) in properties.as_object().unwrap() {
        let text = about["description"].as_str().unwrap_or_else(|| panic!("{key} has no description"));
        let text = textwrap(text);
        write!(list, "`{key}`\n:   {text}\n\n").unwrap();
    }
    list
}

fn keys_of_account(schema: &Value) -> String {
    let introduction = "One table for each account, `[accounts.NAME]`. `provider` or `host`, `user`, and one of\n`password-file`, `password-command`, `password-credential`, `token-command` and\n`oauth2` are needed.";
    format!("{introduction}\n\n{}", keys(schema.pointer("/definitions/account/properties").unwrap()))
}

fn keys_of_lookup(schema: &Value) -> String {
    let introduction = "One table, `[lookup]`. `followsift help operation` says what is asked, and of whom.";
    format!("{introduction}\n\n{}", keys(schema.pointer("/definitions/lookup/properties").unwrap()))
}

fn keys_of_hooks(schema: &Value) -> String {
    let introduction = "One table, `[hooks]`. Each program runs without a shell; a name without a slash is\nsearched in PATH. `followsift help operation` says what it gets (HOOKS).";
    format!("{introduction}\n\n{}", keys(schema.pointer("/definitions/hooks/properties").unwrap()))
}

fn keys_of_metrics(schema: &Value) -> String {
    let introduction = "One table, `[metrics]`. `followsift help operation` lists the metrics (METRICS).";
    format!("{introduction}\n\n{}", keys(schema.pointer("/definitions/metrics/properties").unwrap()))
}

/// Lines of a definition.
fn textwrap(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        if lines.last().unwrap().len() + word.len() > 75 {
            lines.push(String::new());
        }
        let line = lines.last_mut().unwrap();
        *line = format!("{line} {word}").trim_start().to_owned();
    }
    lines.join("\n    ")
}

/// The page with that section generated again.
fn with_section(page: &str, heading: &str, text: &str) -> String {
    let heading = format!("# {heading}\n");
    let (before, after) = page.split_once(&heading).unwrap();
    let rest = after.split_once("\n# ").unwrap().1;
    format!("{before}{heading}\n{}\n\n# {rest}", text.trim())
}

#[test]
fn help_prints_the_page_or_the_section_of_a_topic() {
    for (topic, name) in [
        ("rules", "followsift-rules.5.md"),
        ("operation", "followsift.8.md"),
        ("json", "followsift-json.5.md"),
    ] {
        let page = fs::read_to_string(folder().join(name)).unwrap();
        assert_eq!(followsift(&["help", topic]), (0, page, String::new()), "{topic}");
    }
    for (topic, first) in
        [("guarantees", "# GUARANTEES\n"), ("servers", "# SERVERS\n"), ("exit-codes", "# EXIT STATUS\n")]
    {
        let (code, out, _) = followsift(&["help", topic]);
        assert!(code == 0 && out.starts_with(first) && out.matches("\n# ").count() == 0, "{topic}: {out}");
    }
}

#[test]
fn help_of_a_command_is_what_the_command_says_itself() {
    for words in [&[][..], &["sweep"], &["known"], &["known", "add"], &["help"]] {
        let (_, of_command, _) = followsift(&[words, &["--help"]].concat());
        assert_eq!(followsift(&[&["help"], words].concat()), (0, of_command, String::new()), "{words:?}");
    }
    let (_, of_command, _) = followsift(&["known", "add", "--help"]);
    assert_eq!(followsift(&["known", "help", "add"]).1, of_command);
    for (both, page) in [("networks", "followsift-networks.5.md"), ("settings", "followsift.toml.5.md")] {
        let (_, of_command, _) = followsift(&[both, "--help"]);
        let page = fs::read_to_string(folder().join(page)).unwrap();
        assert_eq!(followsift(&["help", both]).1, format!("{of_command}\n{page}"));
    }
}

#[test]
fn help_of_what_there_is_not_names_the_topics() {
    let (code, out, err) = followsift(&["help", "rulez"]);
    assert_eq!((code, out.as_str()), (64, ""));
    assert!(err.contains("no command or topic `rulez` (topics: rules, networks, settings"), "{err}");
}

#[test]
fn the_readme_is_short_and_its_sample_is_what_the_command_prints() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    assert!(readme.lines().count() <= 120, "a newcomer needs 120 lines; the rest belongs into config/man/");
    let sample = readme.split("```console\n$ followsift ").nth(1).unwrap().split("```").next().unwrap();
    let (command, printed) = sample.split_once('\n').unwrap();
    let arguments: Vec<_> = command.split(' ').collect();
    assert_eq!(followsift(&arguments), (0, printed.to_owned(), String::new()), "{command}");
}

#[test]
fn every_command_that_the_documents_name_can_be_typed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = PAGES.map(|(name, section)| format!("config/man/{name}.{section}.md"));
    let others =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "config/rules.toml", "config/followsift.toml"];
    let others = others.into_iter().chain(["config/generic.toml", "config/example.toml"]).map(str::to_owned);
    let (mut typed, mut wrong) = (0, Vec::new());
    for file in pages.into_iter().chain(others) {
        // Comments and wrapped lines may break a command.
        let text = fs::read_to_string(root.join(&file)).unwrap().replace("\n#", "\n").replace("\n    ", "\n");
        let inline = text.split('`').skip(1).step_by(2).map(|code| code.replace('\n', " "));
        let shown = text.lines().filter_map(|line| line.trim_start().strip_prefix("$ ").map(str::to_owned));
        for command in inline.chain(shown) {
            let words = command.split_whitespace().take_while(|word| !["#", ">", "|"].contains(word));
            let words: Vec<_> = words.map(|word| word.trim_matches(['[', ']', '.'])).collect();
            if words.first() != Some(&"followsift") || words.len() < 2 {
                continue;
            }
            typed += 1;
            // A command may be named without its file.
            match cli::definition().try_get_matches_from(&words) {
                Err(error) if error.kind() != ErrorKind::MissingRequiredArgument => {
                    wrong.push(format!("{file}: {command}: {error}"));
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty() && typed > 60, "{typed} commands\n{}", wrong.join("\n"));
}

#[test]
fn the_examples_of_rules_and_of_a_network_work() {
    let home = tempfile::tempdir().unwrap();
    let networks = fs::read_to_string(folder().join("followsift-networks.5.md")).unwrap();
    let rules = fs::read_to_string(folder().join("followsift-rules.5.md")).unwrap();
    let write = |name: &str, text: &str| fs::write(home.path().join(name), text).unwrap();
    fs::create_dir(home.path().join("networks")).unwrap();
    write("followsift.toml", "state = \"state\"\n");
    write("rules.toml", &example(&rules, "[verdict.spam]"));
    write("networks/potters.toml", &example(&networks, "network = "));
    write("message.eml", &example(&networks, "From: "));
    let path = |name: &str| home.path().join(name).display().to_string();
    let explain = ["explain", "--settings", &path("followsift.toml"), "--brief", &path("message.eml")];
    let expected = "\
Potters' Corner · follow · not proven authentic
  Ann Lima (@annlima) · followers 12 · following 1204 · bio \"Works in clay, mostly bowls\"
  undecided: no rule fired";
    let (code, out, err) = followsift(&explain);
    assert!(code == 0 && err.is_empty() && out.starts_with(expected), "{out}{err}");
}

/// The indented example of a page that begins so.
fn example(page: &str, beginning: &str) -> String {
    let lines = page.lines().skip_while(|line| !line.starts_with(&format!("    {beginning}")));
    lines
        .take_while(|line| line.is_empty() || line.starts_with("    "))
        .flat_map(|line| [line.strip_prefix("    ").unwrap_or(line), "\n"])
        .collect()
}

fn followsift(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_followsift")).args(arguments).env_clear().output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/man")
}

fn one_newline(text: &str) -> String {
    format!("{}\n", text.trim_end())
}
