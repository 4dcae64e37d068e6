//! The JSON Schemas that editors use: they know the keys that the files' readers know, take what ships, and refuse what
//! `check` refuses for its shape.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its own fixtures has to stop")]

use std::collections::BTreeSet;
use std::path::Path;

use boon::{Compiler, SchemaIndex, Schemas};
use followsift::diagnostic::document::Findings;
use followsift::diagnostic::{Diagnostic, Source};
use followsift::mail::Profiles;
use followsift::rules::{self, Vocabulary};
use followsift::settings::{self, Environment};
use serde_json::Value;

fn vocabulary() -> Vocabulary {
    let profiles = Profiles::compile(&Profiles::shipped_sources(), &Findings::default());
    let networks = profiles.networks().into_iter();
    Vocabulary::new(networks.map(|it| (it.network, it.facts.into_iter().collect())))
}

/// A schema, compiled.
struct Schema(Schemas, SchemaIndex);

impl Schema {
    fn of(schema: Value) -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("file:///followsift.json", schema).unwrap();
        let index = compiler.compile("file:///followsift.json", &mut schemas).unwrap();
        Self(schemas, index)
    }

    /// What is wrong with a TOML file; nothing if nothing is.
    fn complaint(&self, text: &str) -> String {
        let file: Value = serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap();
        self.0.validate(&file, self.1).err().map_or_else(String::new, |wrong| format!("{wrong:#}"))
    }

    #[track_caller]
    fn takes(&self, text: &str) {
        assert_eq!(self.complaint(text), "", "{text}");
    }

    #[track_caller]
    fn refuses(&self, text: &str) {
        assert_ne!(self.complaint(text), "", "{text}");
    }
}

fn rules_schema() -> Schema {
    Schema::of(rules::schema(&vocabulary()))
}

/// A shipped file with its examples switched on.
pub(crate) fn enabled(text: &str, mark: &str) -> String {
    let is_code = |line: &str| {
        let key = line.split(" = ").next().unwrap_or_default();
        line.starts_with('[') || (key != line && !key.contains(' ') && !key.is_empty())
    };
    text.lines()
        .map(|line| line.strip_prefix(mark).filter(|rest| is_code(rest)).unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect()
}

#[test]
fn what_ships_is_taken() {
    let rules = include_str!("../config/rules.toml");
    rules_schema().takes(rules);
    rules_schema().takes(&enabled(rules, "# "));
    let settings = include_str!("../config/followsift.toml");
    Schema::of(settings::schema()).takes(settings);
    Schema::of(settings::schema()).takes(&enabled(settings, "#"));
    let profile = Schema::of(Profiles::schema());
    for source in Profiles::shipped_sources() {
        let complaint = profile.complaint(source.text());
        assert_eq!(complaint, "", "{}", source.name());
    }
}

#[test]
fn every_way_to_write_a_condition_is_taken() {
    let schema = rules_schema();
    for condition in [
        "followers = 3",
        "followers = \">= 2000\"",
        "followers = \"2k\"",
        "followers = \"< 1.5k\"",
        "followers = \"10..20\"",
        "followers = \"..10\"",
        "followers = \"10..\"",
        "followers = { shown = false }",
        "ratio = 2.5",
        "ratio = { empty = true }",
        "age = \"< 30 days\"",
        "age = \"1 week..4 weeks\"",
        "last-followed = \">= 12h\"",
        "bio = \"x\"",
        "bio = [\"x\", \"y\"]",
        "bio = { has = \"x\", word = [\"y\"], matches = 'z' }",
        "bio.empty = true",
        "name.in = \"friends\"",
        "who = { in = \"friends\" }",
        "who.in = [\"friends\", \"family\"]",
        "verified = true",
        "network = \"twitter\"",
        "network = [\"twitter\", \"x\"]",
        "network.is = \"twitter\"",
        "kind = \"follow-request\"",
        "not = { verified = true }",
        "any = [{ posts = 0 }, { all = [{ followers = 0 }, { bio.empty = true }] }]",
    ] {
        schema.takes(&format!("[[rule]]\nname = \"x\"\nverdict = \"real\"\nwhen.{condition}\n"));
    }
    schema.takes("[[rule]]\nname = \"x\"\npoints = -1.5\n");
}

#[test]
fn what_check_refuses_for_its_shape_is_refused() {
    let schema = rules_schema();
    for condition in [
        "folowers = 3",
        "followers = true",
        "followers = \"=> 3\"",
        "followers = \"1,000\"",
        "followers = { has = \"x\" }",
        "followers = -1",
        "age = 30",
        "age = \"30\"",
        "bio = 3",
        "bio = []",
        "bio = { contains = \"x\" }",
        "who = \"friends\"",
        "who = { empty = true }",
        "verified = \"yes\"",
        "network = \"twiter\"",
        "kind = \"folow\"",
        "any = []",
        "any = [{}]",
        "not = {}",
    ] {
        schema.refuses(&format!("[[rule]]\nname = \"x\"\nverdict = \"real\"\nwhen.{condition}\n"));
    }
    for file in [
        "[[rule]]\nverdict = \"real\"\n",
        "[[rule]]\nname = \"x\"\n",
        "[[rule]]\nname = \"x\"\nverdict = \"real\"\npoints = 1\n",
        "[[rule]]\nname = \"x\"\npoints = 0\n",
        "[verdict.Spam]\nmove-to = \"x\"\n",
        "[verdict.spam]\nmoveto = \"x\"\n",
        "[list.friends]\n",
        "[[test]]\nexpect = \"spam\"\n",
        "[[test]]\nfollower = { ratio = 3 }\nexpect = \"spam\"\n",
        "[rules]\n",
    ] {
        schema.refuses(file);
    }
    let schema = Schema::of(settings::schema());
    for account in
        ["tsl = \"off\"", "tls = \"of\"", "port = 0", "password = \"x\"", "poll = \"soon\"", "act = \"no\""]
    {
        schema.refuses(&format!("[accounts.home]\nhost = \"imap.example.org\"\nuser = \"ann\"\n{account}\n"));
    }
    schema.refuses("[accounts.home]\npassword-file = \"x\"\npassword-command = [\"x\"]\n");
    schema.refuses("[accounts.home]\npassword-file = \"x\"\noauth2 = { client-id = \"x\" }\n");
    schema.refuses("[accounts.home]\noauth2 = { client-secret = \"x\", client-id = \"x\" }\n");
    let schema = Schema::of(Profiles::schema());
    let profile = |layout: &str| {
        format!(
            "network = \"n\"\ntitle = \"N\"\nlocale.en.follow = \"{{name}} follows\"\n[[layout]]\nname = \"a\"\n{layout}"
        )
    };
    schema.takes(&profile("kind = \"follow\"\nneeds = \"name\"\n"));
    schema.refuses(&profile("kind = \"folow\"\nneeds = \"name\"\n"));
    schema.refuses(&profile("kind = \"follow\"\nneeds = \"nmae\"\n"));
    schema.refuses(&profile("kind = \"follow\"\nneeds = \"name\"\nread = [{ is = \"x\" }]\n"));
}

/// The keys that a reader expects where it finds one that it does not know.
fn expected_keys(findings: &[Diagnostic]) -> BTreeSet<String> {
    let is_unknown = |finding: &&Diagnostic| {
        ["unknown key", "unknown operator"].iter().any(|words| finding.message.contains(words))
    };
    let unknown = findings.iter().find(is_unknown).unwrap();
    let words = format!("{} {}", unknown.label, unknown.help.as_deref().unwrap_or_default());
    words.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn keys(schema: &Value, path: &str) -> BTreeSet<String> {
    schema.pointer(path).unwrap().as_object().unwrap().keys().cloned().collect()
}

const ODD: &str = "qqqqqqqqqqqqqqqq = 1\n";

#[test]
fn the_schemas_know_the_keys_that_the_readers_know() {
    let schema = rules::schema(&vocabulary());
    let rule = "[[rule]]\nname = \"x\"\nverdict = \"real\"\n";
    let when = |fact: &str| format!("{rule}[rule.when.{fact}]\n{ODD}");
    for (text, path) in [
        (ODD.to_owned(), "/properties"),
        (format!("{rule}{ODD}"), "/definitions/rule/properties"),
        (format!("[verdict.spam]\n{ODD}"), "/definitions/verdict/properties"),
        (format!("[list.a]\npeople = \"x\"\n{ODD}"), "/definitions/list/properties"),
        (format!("[[test]]\nfollower = {{}}\nexpect = \"real\"\n{ODD}"), "/definitions/test/properties"),
        (when("bio"), "/definitions/text-condition/anyOf/1/properties"),
        (when("followers"), "/definitions/count-condition/anyOf/2/properties"),
        (when("ratio"), "/definitions/quantity-condition/anyOf/2/properties"),
        (when("age"), "/definitions/duration-condition/anyOf/1/properties"),
        (when("verified"), "/definitions/answer-condition/anyOf/1/properties"),
        (when("who"), "/definitions/people-condition/properties"),
    ] {
        let findings = Findings::default();
        let _ = rules::compile(&Source::new("rules.toml", text), &vocabulary(), &findings);
        assert_eq!(expected_keys(&findings.into_sorted()), keys(&schema, path), "{path}");
    }
    let schema = Profiles::schema();
    let layout = "network = \"n\"\ntitle = \"N\"\nlocale.en.follow = \"x\"\n[[layout]]\nname = \"a\"\nkind = \"follow\"\nneeds = \"name\"\n";
    for (text, path) in [
        (ODD.to_owned(), "/properties"),
        (format!("{layout}{ODD}"), "/definitions/layout/properties"),
        (format!("{layout}[[layout.mark]]\nphrase = \"x\"\n{ODD}"), "/definitions/mark/properties"),
        (
            format!("{layout}[layout.picture]\nhtml = \"a\"\ndefault = \"x\"\n{ODD}"),
            "/definitions/layout/properties/picture/properties",
        ),
        (format!("[locale.en.number]\n{ODD}"), "/definitions/locale/properties/number/properties"),
        (
            format!("[[redirect]]\nlink = \"a.b/c\"\nparameter = \"x\"\n{ODD}"),
            "/properties/redirect/items/properties",
        ),
    ] {
        let findings = Findings::default();
        let _ = Profiles::compile(&[Source::new("n.toml", text)], &findings);
        let expected = expected_keys(&findings.into_sorted());
        let known = keys(&schema, path);
        // A probe tells of the keys that go with the place it looks in.
        let fits = if path.contains("mark") { expected.is_subset(&known) } else { expected == known };
        assert!(fits, "{path}: {expected:?} {known:?}");
    }
}

#[test]
fn the_schema_of_the_settings_knows_the_keys_that_their_reader_knows() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("followsift.toml");
    let read = |text: &str| {
        std::fs::write(&file, text).unwrap();
        settings::load(Some(Path::new(&file)), &Environment::of([("HOME", "/home/ann")])).1
    };
    let schema = settings::schema();
    let top = expected_keys(&read(ODD));
    assert_eq!(top, keys(&schema, "/properties"));
    assert_eq!(
        expected_keys(&read(&format!("[lookup]\n{ODD}"))),
        keys(&schema, "/definitions/lookup/properties")
    );
    let account = read(&format!("[accounts.home]\nhost = \"a\"\nuser = \"b\"\npassword-file = \"c\"\n{ODD}"));
    assert_eq!(expected_keys(&account), keys(&schema, "/definitions/account/properties"));
    let odd = "qqqqqqqqqqqqqqqq = 1";
    let client = format!("oauth2 = {{ client-id = \"x\", issuer = \"https://a.example\", {odd} }}\n");
    let account = read(&format!("[accounts.home]\nhost = \"a\"\nuser = \"b\"\n{client}"));
    let path = "/definitions/account/properties/oauth2/properties";
    assert_eq!(expected_keys(&account), keys(&schema, path));
}
