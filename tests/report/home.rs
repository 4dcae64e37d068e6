//! A user's home with a ledger in which invented people have followed them: what the tests of the report look at.

use followsift::clock::{self, Timestamp};
use followsift::diagnostic::Location;
use followsift::ledger::{HandFiled, Judged, Ledger, Settlement, Stay};
use followsift::mail::{Authenticity, Follower, Kind, Network, Notification, Shown};
use followsift::place::{AccountName, Folder, MailDigest, MailIdentity, MailRef, Marks, Uid, UidValidity};
use followsift::rules::{Action, Evidence, Reason, Verdict, VerdictName};

use crate::support::filing::filing;
use crate::support::user_folder::{Run, UserFolder};

pub(super) const DAY: i64 = 86_400;

/// The home, and the ledger that is being written.
pub(super) struct Home {
    pub folder: UserFolder,
    ledger: Ledger,
    now: Timestamp,
    number: u32,
}

/// Why a message was judged as it was.
pub(super) struct Cause(pub &'static str, pub &'static str);

/// The rule that calls people real.
pub(super) const SHARES: Cause = Cause("real", "Shares my interests");
/// The rule that files.
pub(super) const THOUSANDS: Cause = Cause("spam", "Follows thousands");
/// No rule.
pub(super) const NONE: Cause = Cause("", "");

impl Home {
    pub(super) fn new() -> Self {
        let folder = UserFolder::new();
        folder.write("rules.toml", RULES);
        folder.write("followsift.toml", SETTINGS);
        folder.write("password", "hunter2\n");
        let ledger = Ledger::open(&folder.state()).unwrap();
        Self { folder, ledger, now: clock::now(), number: 0 }
    }

    /// A message about this follower came so many days ago, and was judged by this rule.
    pub(super) fn came(
        &mut self,
        network: &str,
        days: i64,
        cause: &Cause,
        follower: Follower,
    ) -> Message<'_> {
        self.number += 1;
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&self.number.to_le_bytes());
        let Cause(class, rule) = *cause;
        let reason = Reason {
            rule: rule.into(),
            at: Location { file: "rules.toml".into(), line: 12, column: 1 },
            evidence: Evidence { seen: vec!["seen".into()], by_name_alone: false },
            points: None,
        };
        let class = VerdictName::new(class);
        let received = Timestamp(self.now.0 - days * DAY);
        let title = match network {
            "mastodon" => "Mastodon".to_owned(),
            "x" => "X".to_owned(),
            other => other.to_owned(),
        };
        let judged = Judged {
            mail: MailRef {
                account: AccountName::new("home").unwrap(),
                folder: Folder::inbox(),
                validity: UidValidity(7),
                uid: Uid(self.number),
            },
            identity: MailIdentity { digest: MailDigest(digest), size: 4000 },
            notification: Notification {
                network: Network::new(network).unwrap(),
                title: title.into(),
                kind: Kind::Follow,
                layout: "2024".into(),
                authentic: Authenticity::Pass("mx.example: dkim=pass".into()),
                instance: (network == "mastodon").then(|| "toot.example".to_owned()),
                followers: vec![follower],
                complete: true,
                received,
            },
            verdicts: vec![Verdict {
                reasons: if class.is_some() { vec![reason] } else { Vec::new() },
                class: class.clone(),
                ..Verdict::default()
            }],
            action: match class.as_ref().map(VerdictName::as_str) {
                Some("spam") => Action::File { to: target(), marks: Marks::default() },
                _ => Action::Leave,
            },
            verdict: class,
            rules: "rules-1".into(),
            judged_at: received,
        };
        Message { home: self, judged }
    }

    /// Runs the command.
    pub(super) fn run(&self, arguments: &[&str]) -> Run {
        self.folder.run(arguments)
    }

    /// What the command prints; it has to end well and complain about nothing.
    #[track_caller]
    pub(super) fn shown(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments).parts();
        assert!(code == 0 && err.is_empty(), "{code}\n{out}\n{err}");
        out
    }

    pub(super) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.shown(&[&["report", "--json"], arguments].concat())).unwrap()
    }
}

fn target() -> Folder {
    Folder::new("Followers/Spam").unwrap()
}

/// A message that is about to be written into the ledger.
pub(super) struct Message<'h> {
    home: &'h mut Home,
    pub judged: Judged,
}

impl Message<'_> {
    /// It came from a network that this proves, or does not prove.
    pub(super) fn is(mut self, authentic: Authenticity) -> Self {
        self.judged.notification.authentic = authentic;
        self
    }

    /// It stays.
    pub(super) fn stays(self) {
        self.home.ledger.record(&[self.judged]).unwrap();
    }

    /// It was filed.
    pub(super) fn filed(self) {
        let intent = filing(&self.judged);
        let (uid, stated_at) = (intent.mail.uid, intent.stated_at);
        let ledger = &mut self.home.ledger;
        ledger.record(&[self.judged]).unwrap();
        let ids = ledger.intend(&[intent]).unwrap();
        ledger.settle(&[(ids[0], Settlement::Moved { uid: Some(uid) })], stated_at).unwrap();
    }

    /// It was filed, and a copy of it stays in the inbox.
    pub(super) fn filed_with_a_twin(self) {
        let Self { home, judged } = self;
        let (account, identity) = (judged.mail.account.clone(), judged.identity);
        Message { home: &mut *home, judged }.filed();
        home.ledger.keep(&account, &identity, Stay::Twin, home.now).unwrap();
    }

    /// It was filed; later rules would have left it.
    pub(super) fn filed_and_judged_again(self) {
        let Self { home, judged } = self;
        let again = Judged {
            verdicts: vec![Verdict::default()],
            verdict: None,
            action: Action::Leave,
            rules: "rules-2".into(),
            judged_at: Timestamp(judged.judged_at.0 + DAY / 2),
            ..judged.clone()
        };
        Message { home: &mut *home, judged }.filed();
        home.ledger.record(&[again]).unwrap();
    }

    /// It was filed, and the user put it back.
    pub(super) fn put_back(self) {
        let Self { home, judged } = self;
        let (account, identity) = (judged.mail.account.clone(), judged.identity);
        Message { home: &mut *home, judged }.filed();
        home.ledger.note_correction(&account, &identity, home.now).unwrap();
    }

    /// It stayed, and the user filed it.
    pub(super) fn by_hand(self) {
        let Self { home, judged } = self;
        let (mail, identity) = (judged.mail.clone(), judged.identity);
        home.ledger.record(&[judged]).unwrap();
        let uid = mail.uid;
        let filed = HandFiled { mail, identity, target: target(), validity: UidValidity(3), uid };
        home.ledger.note_hand_filed(&[filed], home.now).unwrap();
    }
}

/// What a message shows of a follower.
pub(super) fn person(
    handle: &str,
    name: &str,
    bio: &str,
    [followers, following, posts]: [u64; 3],
) -> Follower {
    let text = |text: &str| Shown::Value(text.to_owned());
    Follower {
        handle: text(handle),
        name: text(name),
        bio: if bio.is_empty() { Shown::Empty } else { text(bio) },
        followers: Shown::Value(followers),
        following: Shown::Value(following),
        posts: Shown::Value(posts),
        ..Follower::default()
    }
}

const SETTINGS: &str = "state = \"state\"\nrules = \"rules.toml\"\n[accounts.home]\nhost = \"mail.example\"\nuser = \"kim\"\n\
    password-file = \"password\"\ninstances = [\"toot.example\"]\n";

const RULES: &str = "interests = [\"rust\", \"gardening\", \"sourdough\"]\n\
    [verdict.spam]\nmove-to = \"Followers/Spam\"\n\
    [[rule]]\nname = \"Shares my interests\"\nwhen.shared-interests = \">= 2\"\nverdict = \"real\"\n\
    [[rule]]\nname = \"Follows thousands\"\nwhen.following = \">= 2000\"\nverdict = \"spam\"\n";
