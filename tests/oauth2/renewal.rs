//! When a token is renewed, by whom, and what becomes of the grant if that fails.

use super::*;

/// A token that is to be renewed when it has come: a quarter of its life is the margin.
fn short_lived() -> Setup {
    Setup { says: Some(Some(0)), pending: 0, ..Setup::default() }
}

#[test]
fn a_token_that_lives_is_used_without_asking() {
    let desk = Desk::new(long_lived());
    desk.grant();
    let before = desk.authority.asked("/token");
    let token = desk.token().unwrap();
    assert_eq!(desk.token().unwrap(), token);
    assert!(desk.authority.state().access.contains_key(&token));
    assert_eq!(desk.authority.asked("/token"), before);
}

#[test]
fn a_token_is_renewed_with_the_refresh_token_that_came_last() {
    for rotates in [true, false] {
        let desk = Desk::new(Setup { rotates, ..short_lived() });
        desk.grant();
        let mut tokens = vec![desk.token().unwrap()];
        for _ in 0..3 {
            tokens.push(desk.token().unwrap());
        }
        tokens.dedup();
        assert_eq!(tokens.len(), 4, "rotates: {rotates}");
        let kept = desk.kept();
        let refresh = kept["refresh-token"].as_str().unwrap();
        assert!(desk.authority.state().refresh.contains(refresh), "{kept:?}");
    }
}

#[test]
fn a_token_whose_life_is_unknown_is_used_until_the_server_refuses_it() {
    let desk = Desk::new(Setup { says: Some(None), ..long_lived() });
    desk.grant();
    let token = desk.token().unwrap();
    assert_eq!(desk.token().unwrap(), token);
    let next = desk.token_instead_of(&token).unwrap();
    assert_ne!(next, token);
    // Another thread that had the old one refused too takes the one that is there.
    let before = desk.authority.asked("/token");
    assert_eq!(desk.token_instead_of(&token).unwrap(), next);
    assert_eq!(desk.authority.asked("/token"), before);
}

#[test]
fn many_at_once_renew_once() {
    let desk = Desk::new(Setup { says: Some(None), ..long_lived() });
    desk.grant();
    let token = desk.token().unwrap();
    let before = desk.authority.asked("/token");
    desk.authority.fails(Fault::Slow(Duration::from_millis(200)));
    let tokens: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..8).map(|_| scope.spawn(|| desk.token_instead_of(&token).unwrap())).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert!(tokens.iter().all(|it| *it == tokens[0] && *it != token), "{tokens:?}");
    assert_eq!(desk.authority.asked("/token") - before, 1);
}

#[test]
fn processes_that_run_at_once_renew_once() {
    let desk = Desk::new(Setup { says: Some(None), ..long_lived() });
    desk.grant();
    let Some((server, _conf)) = dovecot(&desk.authority) else { return };
    desk.folder.write("followsift.toml", account(&desk.authority, server.port, ""));
    // The server refuses the token that all of them have; and so slowly that all of them wait for one renewal.
    desk.authority.expire();
    desk.authority.fails(Fault::Slow(Duration::from_millis(500)));
    let before = desk.authority.asked("/token");
    let run = || {
        let mut command = desk.folder.command(&[], &["check", "--connect", "--settings", "followsift.toml"]);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command.spawn().unwrap()
    };
    let mut running: Vec<_> = (0..4).map(|_| run()).collect();
    for child in &mut running {
        let status = child.wait().unwrap();
        assert!(status.success(), "{status}: {}", server.log());
    }
    assert_eq!(desk.authority.asked("/token") - before, 1);
}

#[test]
fn a_provider_that_is_out_of_order_changes_nothing() {
    for fault in [
        Fault::Says("/token", 503, "down"),
        Fault::Says("/token", 500, "{\"error\": \"server_error\"}"),
        Fault::Says("/token", 429, "{\"error\": \"slow_down\"}"),
        Fault::Says("/token", 429, "{\"error\": \"invalid_request\"}"),
        Fault::Says("/token", 503, "{\"error\": \"invalid_grant\"}"),
        Fault::Says("/token", 400, "{\"error\": \"temporarily_unavailable\"}"),
        Fault::Says("/token", 400, "<html>"),
        Fault::Says("/token", 200, ""),
        Fault::Says("/token", 200, "{}"),
        Fault::Says("/token", 200, "{\"access_token\": 1, \"token_type\": \"bearer\"}"),
        Fault::Says("/token", 404, ""),
        Fault::Endless,
        Fault::Redirects,
    ] {
        let desk = Desk::new(long_lived());
        desk.grant();
        let kept = desk.kept();
        let token = desk.token().unwrap();
        desk.authority.fails(fault.clone());
        let refused = desk.token_instead_of(&token).unwrap_err();
        assert!(refused.is_temporary(), "{fault:?}: {refused:?}");
        assert!(!all_of(&refused).contains(kept["refresh-token"].as_str().unwrap()), "{refused:?}");
        assert_eq!(desk.kept(), kept, "{fault:?}");
        desk.authority.fails(None);
        assert_ne!(desk.token_instead_of(&token).unwrap(), token, "{fault:?}");
    }
}

#[test]
fn while_the_provider_is_out_of_order_a_token_that_lives_is_used() {
    // To be renewed at once, and good for a minute more.
    let desk = Desk::new(long_lived());
    desk.grant();
    let file = desk.folder.state().join("tokens/home.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let received = desk.kept()["received"].as_i64().unwrap();
    let aged = |age: i64| {
        let text =
            text.replace(&format!("\"received\":{received}"), &format!("\"received\":{}", received - age));
        desk.folder.write("state/tokens/home.json", text);
    };
    desk.authority.fails(Fault::Says("/token", 503, "down"));
    aged(3_540);
    let token = desk.token().unwrap();
    assert_eq!(desk.kept()["access-token"].as_str(), Some(token.as_str()));
    aged(3_600);
    assert!(desk.token().unwrap_err().is_temporary());
    desk.authority.fails(None);
    assert_ne!(desk.token().unwrap(), token);
}

#[test]
fn a_clock_that_was_set_back_renews_instead_of_trusting_a_life_in_the_future() {
    let desk = Desk::new(long_lived());
    desk.grant();
    let text = std::fs::read_to_string(desk.folder.state().join("tokens/home.json")).unwrap();
    let kept = desk.kept();
    let received = kept["received"].as_i64().unwrap();
    desk.folder.write(
        "state/tokens/home.json",
        text.replace(&format!("\"received\":{received}"), &format!("\"received\":{}", received + 86_400)),
    );
    assert_ne!(desk.token().unwrap(), kept["access-token"].as_str().unwrap());
}

#[test]
fn a_revoked_grant_names_the_command_that_mends_it_and_is_not_temporary() {
    for (status, body) in [
        (400, ""),
        (400, "{\"error\": \"invalid_grant\"}"),
        (400, "{\"error\": \"interaction_required\"}"),
        (400, "{\"error\": \"invalid_grant\", \"error_description\": [\"x\"], \"error_uri\": 7}"),
        (200, "{\"error\": \"invalid_grant\"}"),
    ] {
        let desk = Desk::new(long_lived());
        desk.grant();
        let token = desk.token().unwrap();
        match body {
            "" => desk.authority.revoke(),
            body => desk.authority.fails(Fault::Says("/token", status, body)),
        }
        let fault = desk.token_instead_of(&token).unwrap_err();
        assert!(!fault.is_temporary() && fault.to_string().contains("`followsift login home`"), "{fault}");
        assert!(matches!(fault, LoginFault::Grant(GrantFault::Revoked { .. })), "{fault:?}");
        assert!(!fault.to_string().contains('\u{1b}'), "{fault}");
        desk.authority.fails(None);
        desk.grant();
        assert!(desk.token().is_ok());
    }
}

#[test]
fn a_refusal_of_the_client_says_what_to_check_and_shows_no_secret() {
    let desk = Desk::new(long_lived());
    desk.grant();
    let token = desk.token().unwrap();
    let refresh = desk.kept()["refresh-token"].as_str().unwrap().to_owned();
    let body: &'static str = Box::leak(
        format!("{{\"error\": \"invalid_client\", \"error_description\": \"you sent {refresh}\"}}")
            .into_boxed_str(),
    );
    desk.authority.fails(Fault::Says("/token", 401, body));
    let fault = desk.token_instead_of(&token).unwrap_err();
    assert!(!fault.is_temporary() && fault.to_string().contains("check `client-id`"), "{fault}");
    assert!(!all_of(&fault).contains("refresh-"), "{fault:?}");
}

#[test]
fn a_grant_for_another_client_user_or_provider_is_not_used() {
    let desk = Desk::new(long_lived());
    assert!(matches!(desk.token().unwrap_err(), LoginFault::Grant(GrantFault::Missing { .. })));
    desk.grant();
    desk.token().unwrap();
    desk.configure(&format!(
        "client-id = \"another\", token-endpoint = \"{}\", device-endpoint = \"{}\"",
        desk.authority.url("/token"),
        desk.authority.url("/device")
    ));
    let fault = desk.token().unwrap_err();
    assert!(matches!(fault, LoginFault::Grant(GrantFault::Missing { .. })), "{fault:?}");
    assert!(fault.to_string().contains("run `followsift login home`"), "{fault}");
    desk.configure("");
    desk.token().unwrap();
}

#[test]
fn a_provider_is_left_alone_for_as_long_as_it_asks() {
    let desk = Desk::new(long_lived());
    desk.grant();
    let token = desk.token().unwrap();
    for (status, seconds) in [(429, 1200), (503, 7)] {
        desk.authority.fails(Fault::Busy(status, seconds));
        let fault = desk.token_instead_of(&token).unwrap_err();
        assert!(fault.is_temporary(), "{fault:?}");
        assert_eq!(fault.retry_after(), Some(Duration::from_secs(seconds)), "{fault:?}");
    }
}

#[test]
fn without_a_refresh_token_a_token_is_used_to_its_end_and_what_the_mail_server_says_is_shown() {
    let desk = Desk::new(long_lived());
    let Some((server, _conf)) = dovecot(&desk.authority) else { return };
    desk.authority.fails(Fault::Writes("application/json", "\"refresh_token\"", "\"x\""));
    desk.grant();
    desk.authority.fails(None);
    desk.folder.write("followsift.toml", account(&desk.authority, server.port, ""));
    let text = std::fs::read_to_string(desk.folder.state().join("tokens/home.json")).unwrap();
    let received = desk.kept()["received"].as_i64().unwrap();
    let aged = |age: i64| {
        let aged = format!("\"received\":{}", received - age);
        desk.folder.write("state/tokens/home.json", text.replace(&format!("\"received\":{received}"), &aged));
    };
    // It is time to renew it, which cannot be done, and it is good for a minute.
    aged(3_540);
    assert!(desk.token().is_ok());
    desk.authority.expire();
    let refused = desk.folder.run(&["check", "--connect"]);
    assert!(refused.exits(75).out().contains("status invalid_token"), "{}", refused.out());
    assert!(
        !refused.out().contains("expired") && refused.out().contains("`followsift login home`"),
        "{}",
        refused.out()
    );
    aged(3_600);
    let expired = desk.token().unwrap_err();
    assert!(!expired.is_temporary(), "{expired:?}");
    assert_eq!(
        expired.to_string(),
        "could not log in: the access token has expired, and the provider gave no refresh token to get another one with; run \
         `followsift login home`"
    );
}

#[test]
fn what_the_mail_server_said_is_shown_where_no_other_token_can_be_got() {
    let desk = Desk::new(long_lived());
    let Some((server, _conf)) = dovecot(&desk.authority) else { return };
    desk.grant();
    desk.folder.write("followsift.toml", account(&desk.authority, server.port, ""));
    desk.authority.revoke();
    let run = desk.folder.run(&["check", "--connect"]);
    let said = run.exits(75).out();
    assert!(said.contains("ended or was revoked") && said.contains("`followsift login home`"), "{said}");
    assert!(
        said.contains("the mail server had refused the access token before (")
            && said.contains("invalid_token"),
        "{said}"
    );
}

#[test]
fn a_client_secret_that_cannot_be_read_is_called_so_and_a_token_that_lives_goes_on_being_used() {
    let desk = Desk::new(long_lived());
    desk.grant();
    let secret_by = |key: &str| {
        desk.configure(&format!(
            "client-id = \"{CLIENT}\", {key}, token-endpoint = \"{}\", device-endpoint = \"{}\"",
            desk.authority.url("/token"),
            desk.authority.url("/device")
        ));
    };
    let text = std::fs::read_to_string(desk.folder.state().join("tokens/home.json")).unwrap();
    let received = desk.kept()["received"].as_i64().unwrap();
    let aged = |age: i64| {
        let aged = format!("\"received\":{}", received - age);
        desk.folder.write("state/tokens/home.json", text.replace(&format!("\"received\":{received}"), &aged));
    };
    for (key, is_temporary, said) in [
        ("client-secret-command = [\"false\"]", true, "could not get the client secret from false"),
        ("client-secret-file = \"missing\"", false, "could not read the client secret in "),
        (
            "client-secret-credential = \"client\"",
            false,
            "`systemd-run --pty -p LoadCredential=client:/path/to/file followsift",
        ),
    ] {
        secret_by(key);
        aged(3_540);
        assert!(desk.token().is_ok(), "{key}");
        aged(3_600);
        let fault = desk.token().unwrap_err();
        assert_eq!(fault.is_temporary(), is_temporary, "{fault:?}");
        assert!(fault.to_string().contains(said) && !fault.to_string().contains("password"), "{fault}");
    }
    // The service looks at the file.
    secret_by("client-secret-file = \"missing\"");
    let files = desk.with(|account, settings, _| login::files(account, settings));
    assert!(files.iter().any(|file| file.ends_with("missing")), "{files:?}");
}

#[test]
fn a_credential_with_the_secret_of_the_client_takes_a_restart_as_that_with_a_password_does() {
    let desk = Desk::new(long_lived());
    let endpoints = format!(
        "token-endpoint = \"{}\", device-endpoint = \"{}\"",
        desk.authority.url("/token"),
        desk.authority.url("/device")
    );
    desk.configure(&format!("client-id = \"{CLIENT}\", {endpoints}"));
    desk.grant();
    let token = desk.token().unwrap();
    let advice = |secret: &str| {
        desk.configure(&format!("client-id = \"{CLIENT}\", {secret}{endpoints}"));
        desk.with(|account, settings, stop| {
            let settings = Settings { credentials: Some(desk.folder.path().to_owned()), ..settings.clone() };
            let refused = Login::Token { user: USER.to_owned(), token: token.clone().into(), renewal: None };
            let fault = login::renew(account, &settings, &refused, stop.as_fd()).unwrap_err();
            report::advice(&AccountFault::Login(fault), account, clock::now())
        })
    };
    let credential = "client-secret-credential = \"client\", ";
    desk.folder.write("client", SECRET);
    // The provider refuses it.
    desk.authority.fails(Fault::Says("/token", 401, "{\"error\": \"invalid_client\"}"));
    assert!(advice(credential).unwrap().contains("restart the service"));
    assert_eq!(advice(""), None);
    // It is about something else.
    desk.authority.fails(Fault::Says("/token", 503, "down"));
    assert_eq!(advice(credential), None);
    // It is missing.
    std::fs::remove_file(desk.folder.path().join("client")).unwrap();
    assert!(advice(credential).unwrap().contains("restart the service"));
}
