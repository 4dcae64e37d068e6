//! The demonstration: the main job on a real, temporary mail server, message by message. Run by `tests/demo.sh`, and among the
//! tests, since a demonstration that went wrong has failed.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "it shows what it does, and fails where it cannot"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::letters::{
    AUTHSERV_ID, ENGLISH, GERMAN, INSTANCES, JAPANESE, Letter, Person, mastodon_4_2, mastodon_card,
    mastodon_mention, ordinary, twitter_2009, twitter_2011, twitter_2015, twitter_digest, x_2024,
};
use support::{Dovecot, Options, PASSWORD, USER};

mod support;

const SPAM: &str = "Followers/Spam";

fn main() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let began = Instant::now();
    let (inbox, late) = letters();
    let subjects: BTreeMap<usize, String> = inbox
        .iter()
        .chain(&late)
        .enumerate()
        .map(|(number, letter)| (number, letter.subject.clone()))
        .collect();
    let mut client = server.client();
    for (number, letter) in inbox.iter().enumerate() {
        client.deliver("INBOX", &String::from_utf8(letter.bytes(number)).unwrap());
    }
    // One spam follower whom the recipient has starred: it is hers now, whatever the rules say.
    client.run("SELECT INBOX");
    client.run("STORE 1 +FLAGS (\\Flagged)");

    title(&format!("A mail server runs on 127.0.0.1, with {} messages in the inbox", inbox.len()));
    show(&mut client, "INBOX", &subjects);

    let home = configure(&server);
    title("The settings");
    println!("{}", std::fs::read_to_string(home.path().join("followsift.toml")).unwrap());

    title("followsift check --connect");
    print!("{}", followsift(home.path(), &["check", "--connect"]));

    title("followsift sweep --dry-run        (shows what it would do; changes nothing)");
    let before = client.snapshot();
    print!("{}", followsift(home.path(), &["sweep", "--dry-run"]));
    assert_eq!(client.snapshot(), before, "the dry run changed something");

    title("followsift run        (the service; three more messages arrive while it watches)");
    watch(home.path(), &mut client, &late, inbox.len());

    title("The inbox afterwards");
    show(&mut client, "INBOX", &subjects);
    title(&format!("{SPAM} afterwards"));
    show(&mut client, SPAM, &subjects);

    let spam = titles(&mut client, SPAM, &subjects);
    let kept = titles(&mut client, "INBOX", &subjects);
    assert_eq!(spam.len() + kept.len(), inbox.len() + late.len(), "a message is missing, or in two folders");
    for (there, subject) in
        [(&spam, "Tiffany"), (&spam, "fukugyo"), (&spam, "Bot Number Nine"), (&kept, "Starred")]
    {
        assert!(
            there.iter().any(|one| one.contains(subject)),
            "{subject} is not where it should be: {there:?}"
        );
    }
    for innocent in ["Mira", "ana_lima", "Jo", "Fwd", "Angel", "Zoe", "mentioned"] {
        assert!(!spam.iter().any(|subject| subject.contains(innocent)), "{spam:?}");
    }
    title(&format!(
        "Every message is in one folder: {} stayed, {} were filed. It took {} seconds; the mail server stops now.",
        kept.len(),
        spam.len(),
        began.elapsed().as_secs()
    ));
}

/// About thirty messages as an inbox has them, and three that arrive later.
fn letters() -> (Vec<Letter>, Vec<Letter>) {
    let person = Person::new;
    let inbox = vec![
        twitter_2009(&person("Starred By Kim", "starred_by_kim", [2, 2001, 1])),
        twitter_2009(&person("Tiffany Follows", "tiff_follows", [3, 2001, 1])),
        twitter_2009(&person("Mira Holloway", "mira_h", [212, 180, 1340])),
        ordinary("Jo Bloom <jo@bloom.example>", "Lunch on Friday?", "Hi Kim, shall we say one o'clock? Jo\n"),
        twitter_2011(&person("Win Big Now", "winbig_4417", [8, 1987, 0])),
        twitter_2011(&person("Ada (on a break) Quill", "adaquill", [64, 70, 1001]).bio("ex-librarian")),
        twitter_digest(&[
            person("Cheap Pills", "pills_88", [5, 1999, 0]),
            person("Grow Your Followers", "grow_fast", [1, 2400, 0]).bio("10k in one week!"),
        ]),
        twitter_digest(&[
            person("Tamsin Wylde", "tamsin_w", [941, 1312, 0]).bio("Sound engineer. Podcasts & museums."),
            person("Hot Deals", "deals_3391", [3, 2001, 0]),
        ]),
        twitter_2015(&person("Wilma Oduya", "wilma_o", [0, 0, 0]).bio("Cartographer at sea.")),
        twitter_2015(&person("Crypto Signals VIP", "crypto_vip", [0, 0, 0]).bio("100x gems daily")),
        x_2024(&person("Pia Ferrandis", "pia_f", [0, 0, 0]).bio("Beekeeper, coder").printed("1.2K", "", "")),
        ordinary("Shop <news@shop.example>", "Your order has been shipped", "It will arrive on Tuesday.\n"),
        mastodon_card(&ENGLISH, &person("Ana Lima", "ana_lima@brew.example", [348, 291, 2713])),
        mastodon_card(
            &ENGLISH,
            &person("Crypto Moon", "moon_2231@openreg.example", [0, 0, 0]).printed("3", "7.5K", "0"),
        ),
        mastodon_card(
            &GERMAN,
            &person("Tobias Reinhardt", "tobias@werkstatt.example", [0, 0, 0]).printed(
                "8,46 Tsd.",
                "512",
                "2,71 Tsd.",
            ),
        ),
        mastodon_card(
            &GERMAN,
            &person("Geld Online", "geld_7781@openreg.example", [0, 0, 0]).printed("2", "3,98 Tsd.", "0"),
        ),
        mastodon_card(&JAPANESE, &person("高橋 みのり", "minori@umibe.example", [561, 480, 12_400])),
        mastodon_card(
            &JAPANESE,
            &person("月収100万円 副業", "fukugyo_777@openreg.example", [0, 0, 0]).printed("1", "4.1K", "0"),
        ),
        mastodon_4_2(&ENGLISH, "linnea@skog.example"),
        mastodon_mention(&ENGLISH, "linnea@skog.example"),
        Letter::new(
            "\"Zoe is now following you on Twitter! (Twitter)\" <notify@twitter.com>",
            "Zoe is now following you on Twitter! (@zoe_m) mentioned you on Twitter!",
        )
        .text("Zoe is now following you on Twitter! mentioned you: thank you all\n")
        .authentic("twitter.com"),
        ordinary(
            "Jo Bloom <jo@bloom.example>",
            "Fwd: Tiffany Follows is now following you on Twitter!",
            "Do you know her?\n\n> Tiffany Follows (tiff_follows) is now following your tweets on Twitter.\n",
        ),
        ordinary(
            "Social Digest <news@digest.example>",
            "Weekly: how to get rid of \"is now following you\" mails",
            "Follows 2001, followed by 3: we have all seen them.\n",
        ),
        forged(),
        ordinary("Bank <service@bank.example>", "Your statement for October", "It is in your account.\n"),
        ordinary("Mum <mum@home.example>", "Sunday", "Are you coming? Love, Mum\n"),
        ordinary("rust-users <list@rust.example>", "[rust-users] Pinning in 2026", "What do you all use?\n"),
        ordinary("Twitter <verify@twitter.com>", "Your Twitter confirmation code is 112233", "112233\n"),
        ordinary("Calendar <cal@work.example>", "Invitation: planning, Monday 9:00", "Planning\n"),
        ordinary("Museum <tickets@museum.example>", "Your tickets", "Two adults.\n"),
    ];
    let late = vec![
        twitter_2009(&person("Bot Number Nine", "bot_9", [1, 1804, 0])),
        mastodon_card(&GERMAN, &person("Angelika Muster", "angelika@garten.example", [122, 140, 890])),
        twitter_2011(&person("Luck Every Day", "luck_2290", [2, 1640, 0])),
    ];
    (inbox, late)
}

/// A perfect copy, from a sender whom the receiving server has found out.
fn forged() -> Letter {
    twitter_2015(&Person::new("Angel Investor", "angel_inv", [0, 0, 0])).header(
        "Authentication-Results",
        &format!("{AUTHSERV_ID}; dkim=fail header.d=twitter.com; dmarc=fail header.from=twitter.com"),
    )
}

/// The user's side: settings, a password that only she can read, and the rules that ship.
fn configure(server: &Dovecot) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let settings = format!(
        "rules = \"rules.toml\"\nstate = \"state\"\n\n[accounts.home]\nhost = \"localhost\"\nport = {}\nuser = \
         \"{USER}\"\npassword-file = \"password\"\nca-file = \"{}\"\nauthserv-id = \"{AUTHSERV_ID}\"\ninstances = {INSTANCES}\nbacklog = \
         \"all\"    # look at what is there already, too\npoll = \"2s\"\n",
        server.tls_port,
        server.ca().display()
    );
    std::fs::write(home.path().join("followsift.toml"), settings).unwrap();
    std::fs::copy("config/rules.toml", home.path().join("rules.toml")).unwrap();
    let password = home.path().join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    std::fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    home
}

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_followsift"))
}

/// What a command prints. It has to end well.
fn followsift(home: &Path, arguments: &[&str]) -> String {
    let output =
        Command::new(program()).args(arguments).arg("-s").arg("followsift.toml").current_dir(home).output();
    let output = output.unwrap();
    let printed =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "followsift {arguments:?} failed:\n{printed}");
    printed
}

/// Runs the service until it has dealt with the inbox and with the late messages, and shows its log.
fn watch(home: &Path, client: &mut support::client::Client, late: &[Letter], number: usize) {
    let mut service = Command::new(program())
        .args(["run", "-s", "followsift.toml"])
        .env("FOLLOWSIFT_LOG", "followsift=debug")
        .current_dir(home)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(service.stderr.take().unwrap()).lines().map_while(Result::ok);
    let pid = rustix::process::Pid::from_child(&service);
    let deadline = Instant::now() + Duration::from_secs(40);
    let (mut delivered, mut dealt_with) = (false, 0);
    for line in log {
        if [" message ", "connected", "stopping"].iter().any(|word| line.contains(word)) {
            println!("{line}");
        }
        if line.contains("swept") && !delivered {
            delivered = true;
            for (late_number, letter) in late.iter().enumerate() {
                println!("  (coming in: {})", letter.subject);
                client.deliver("INBOX", &String::from_utf8(letter.bytes(number + late_number)).unwrap());
            }
        } else if delivered && line.contains(" message ") {
            dealt_with += 1;
        }
        if dealt_with == late.len() || Instant::now() > deadline {
            // More than once does no harm; the log ends when the service does.
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        }
    }
    assert_eq!(dealt_with, late.len(), "the service did not deal with the late messages in time");
    assert!(service.wait().unwrap().success(), "the service did not end well");
}

/// The subjects in a folder, in their order.
fn titles(
    client: &mut support::client::Client,
    folder: &str,
    subjects: &BTreeMap<usize, String>,
) -> Vec<String> {
    let number = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (_, after) = text.split_once("Message-ID: <")?;
        after.split('.').next()?.parse::<usize>().ok()
    };
    let mails = client.messages(folder);
    mails.iter().filter_map(|mail| subjects.get(&number(&mail.bytes)?).cloned()).collect()
}

fn show(client: &mut support::client::Client, folder: &str, subjects: &BTreeMap<usize, String>) {
    for subject in titles(client, folder, subjects) {
        println!("  {subject}");
    }
}

fn title(words: &str) {
    let (bold, plain) = if std::io::stdout().is_terminal() { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
    println!("\n{bold}{words}{plain}\n");
}
