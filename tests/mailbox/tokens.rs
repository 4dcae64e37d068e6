//! Logging in with an access token: what is sent, and what is said where a server refuses it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use super::*;

const TOKEN: &str = "ya29.a0AfB_byC-example~token";

fn token_login() -> Login {
    Login::Token { user: support::USER.to_owned(), token: SecretString::from(TOKEN), renewal: None }
}

fn payload_of(mechanism: &str) -> String {
    let user = support::USER;
    STANDARD.encode(match mechanism {
        "XOAUTH2" => format!("user={user}\x01auth=Bearer {TOKEN}\x01\x01"),
        _ => format!("n,a={user},\x01auth=Bearer {TOKEN}\x01\x01"),
    })
}

fn greeting(capabilities: &str) -> String {
    format!("* OK [CAPABILITY IMAP4rev1 {capabilities}] hi\r\n")
}

#[test]
fn a_token_is_sent_by_what_the_server_advertises() {
    for (capabilities, mechanism, in_one_line) in [
        ("AUTH=PLAIN AUTH=XOAUTH2 SASL-IR", "XOAUTH2", true),
        ("AUTH=XOAUTH2", "XOAUTH2", false),
        ("AUTH=XOAUTH2 AUTH=OAUTHBEARER SASL-IR LOGINDISABLED", "OAUTHBEARER", true),
        ("AUTH=OAUTHBEARER", "OAUTHBEARER", false),
    ] {
        let payload = payload_of(mechanism);
        let (whole, command) =
            (format!("AUTHENTICATE {mechanism} {payload}"), format!("AUTHENTICATE {mechanism}"));
        let welcome = "a1 OK [CAPABILITY IMAP4rev1] in\r\n";
        let script = [(whole.as_str(), welcome), (command.as_str(), "+ \r\n"), (payload.as_str(), welcome)];
        let fake = Fake::start(&greeting(capabilities), &script);
        drop(connect(&fake.account(), &token_login()).unwrap());
        let sent = if in_one_line { vec![whole] } else { vec![command, payload] };
        assert_eq!(fake.commands(), sent, "{capabilities}");
    }
}

#[test]
fn the_challenge_that_refuses_a_token_is_answered_and_said_in_words() {
    let google = r#"{"status":"401","schemes":"bearer","scope":"https://mail.example/"}"#;
    let standard = r#"{"status":"invalid_token","scope":"imap","openid-configuration":"https://a.example"}"#;
    for (mechanism, json, answer, words) in [
        ("XOAUTH2", google, "", "[AUTHENTICATIONFAILED] no (status 401, scope https://mail.example/)"),
        ("OAUTHBEARER", standard, "AQ==", "[AUTHENTICATIONFAILED] no (status invalid_token, scope imap)"),
    ] {
        for in_one_line in [true, false] {
            let challenge = format!("+ {}\r\n", STANDARD.encode(json));
            let command = format!("AUTHENTICATE {mechanism}");
            let payload = payload_of(mechanism);
            let refusal = (answer, "a1 NO [AUTHENTICATIONFAILED] no\r\n");
            let (capabilities, script, count) = if in_one_line {
                ("SASL-IR", vec![(command.as_str(), challenge.as_str()), refusal], 2)
            } else {
                ("", vec![(command.as_str(), "+ \r\n"), (payload.as_str(), challenge.as_str()), refusal], 3)
            };
            let fake = Fake::start(&greeting(&format!("AUTH={mechanism} {capabilities}")), &script);
            let fault = connect(&fake.account(), &token_login()).unwrap_err();
            let said = fault.source().unwrap().to_string();
            assert_eq!(said, format!("the server refused: {words}"));
            assert_eq!((fault.code(), fault.fate()), (Some(Code::AuthenticationFailed), Fate::Park));
            let sent = fake.commands();
            assert_eq!((sent.len(), sent.last().map(String::as_str)), (count, Some(answer)), "{sent:?}");
        }
    }
}

#[test]
fn a_server_that_repeats_the_token_is_withheld_in_every_form() {
    let repeats = |json: String| {
        let challenge = format!("+ {}\r\n", STANDARD.encode(json));
        let script = [("AUTHENTICATE", challenge.as_str()), ("", "a1 NO no\r\n")];
        let fake = Fake::start(&greeting("AUTH=XOAUTH2 SASL-IR"), &script);
        let fault = connect(&fake.account(), &token_login()).unwrap_err();
        format!("{fault:?} {}", fault.source().unwrap())
    };
    for form in [TOKEN.to_owned(), STANDARD.encode(TOKEN), payload_of("XOAUTH2"), payload_of("OAUTHBEARER")] {
        for json in [
            format!(r#"{{"status":"401","error_description":"{form} is wrong"}}"#),
            format!(r#"{{"status":"{form}"}}"#),
        ] {
            let shown = repeats(json);
            assert!(!shown.contains(form.get(..16).unwrap()), "{shown}");
            assert!(shown.contains("repeats the password or the token"), "{shown}");
        }
    }
    let shown = repeats(r#"{"status":"\u001b[2J\u202e\r\n401"}"#.to_owned());
    assert!(shown.contains("status [2J 401"), "{shown}");
}

#[test]
fn a_server_without_a_way_to_send_a_token_gets_none() {
    for capabilities in ["AUTH=PLAIN SASL-IR", "", "LOGINDISABLED"] {
        let fake = Fake::start(&greeting(capabilities), &[]);
        let fault = connect(&fake.account(), &token_login()).unwrap_err();
        assert!(matches!(fault.cause, Cause::NoTokenLogin), "{fault:?}");
        assert_eq!(fault.fate(), Fate::Park);
        assert_eq!(fake.commands(), Vec::<String>::new());
    }
}

#[test]
fn a_challenge_that_is_none_or_many_ends_the_login() {
    for challenge in ["+ !!!\r\n", "+ \r\n", "+ e30=\r\n"] {
        let endless: Vec<_> = [("", challenge); 40].into();
        let mut script = vec![("AUTHENTICATE", challenge)];
        script.extend(endless);
        script.push(("", ""));
        let fake = Fake::start(&greeting("AUTH=XOAUTH2 SASL-IR"), &script);
        let fault = connect(&fake.account(), &token_login()).unwrap_err();
        assert!(matches!(fault.cause, Cause::Garbled(_) | Cause::Lost | Cause::Io(_)), "{fault:?}");
    }
}

#[test]
fn the_old_way_with_two_questions_is_used_where_there_is_no_other() {
    let greeting = greeting("AUTH=LOGIN LOGINDISABLED");
    let (user, password) = (STANDARD.encode(support::USER), STANDARD.encode("hünter 2"));
    let script = [
        ("AUTHENTICATE LOGIN", "+ VXNlcm5hbWU6\r\n"),
        (user.as_str(), "+ UGFzc3dvcmQ6\r\n"),
        (password.as_str(), "a1 OK [CAPABILITY IMAP4rev1] in\r\n"),
    ];
    let fake = Fake::start(&greeting, &script);
    drop(connect(&fake.account(), &login_with("hünter 2")).unwrap());
    assert_eq!(fake.commands(), ["AUTHENTICATE LOGIN".to_owned(), user, password]);
}
