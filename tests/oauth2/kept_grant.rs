//! What is kept of a grant: its file, its lock, and what a provider sends for it.

use super::*;

#[test]
fn killed_while_the_provider_thinks_the_grant_is_kept() {
    let desk = Desk::new(Setup { says: Some(None), ..long_lived() });
    desk.grant();
    let Some((server, _conf)) = dovecot(&desk.authority) else { return };
    desk.folder.write("followsift.toml", account(&desk.authority, server.port, ""));
    let kept = desk.kept();
    for _ in 0..3 {
        desk.authority.expire();
        // Its answer comes too late; what it does, it does before that only for the last one.
        let before = desk.authority.asked("/token");
        desk.authority.fails(Fault::Says("/token", 503, "down"));
        let mut command = desk.folder.command(&[], &["check", "--connect", "--settings", "followsift.toml"]);
        let mut child =
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while desk.authority.asked("/token") == before && begun.elapsed() < Duration::from_secs(20) {
            pause(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(desk.kept(), kept);
    }
    desk.authority.fails(None);
    let run = desk.folder.run(&["check", "--connect"]);
    run.exits(0);
    assert_ne!(desk.kept(), kept);
}

#[test]
fn a_state_folder_that_takes_nothing_is_found_out_before_the_provider_is_asked() {
    let desk = Desk::new(long_lived());
    desk.grant();
    let token = desk.token().unwrap();
    let before = desk.authority.asked("/token");
    // Where the next grant goes, there is a folder.
    std::fs::create_dir(desk.folder.state().join("tokens/home.new")).unwrap();
    let fault = desk.token_instead_of(&token).unwrap_err();
    assert!(
        matches!(fault, LoginFault::Grant(GrantFault::Store { .. })) && fault.is_temporary(),
        "{fault:?}"
    );
    assert_eq!(desk.authority.asked("/token"), before);
    assert_eq!(desk.token().unwrap(), token, "what is there goes on being used");
}

#[test]
fn a_token_that_lives_goes_on_being_used_while_its_lock_cannot_be_had() {
    let desk = Desk::new(long_lived());
    desk.grant();
    let token = desk.token().unwrap();
    let lock = desk.folder.state().join("tokens/home.lock");
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    let text = std::fs::read_to_string(desk.folder.state().join("tokens/home.json")).unwrap();
    let received = desk.kept()["received"].as_i64().unwrap();
    let aged = |age: i64| {
        let aged = format!("\"received\":{}", received - age);
        desk.folder.write("state/tokens/home.json", text.replace(&format!("\"received\":{received}"), &aged));
    };
    let is_of_store = |fault: LoginFault| matches!(fault, LoginFault::Grant(GrantFault::Store { .. }));
    aged(3_540);
    assert_eq!(desk.token().unwrap(), token);
    assert!(is_of_store(desk.token_instead_of(&token).unwrap_err()), "the server has refused it");
    aged(3_600);
    assert!(is_of_store(desk.token().unwrap_err()), "it has ended");
}

#[test]
fn a_refresh_token_is_kept_whatever_comes_with_it() {
    const JSON: &str = "application/json";
    let odd = [
        (Fault::Writes("text/html", "", ""), true),
        (Fault::Writes(JSON, "\"expires_in\": 3600", "\"expires_in\": \"3600\""), true),
        (Fault::Writes(JSON, "\"expires_in\": 3600", "\"expires_in\": 3600.5"), true),
        (Fault::Writes(JSON, "\"expires_in\": 3600", "\"expires_in\": -1"), true),
        (Fault::Writes(JSON, "\"token_type\": \"Bearer\"", "\"scope\": []"), true),
        // No access token.
        (Fault::Writes(JSON, "\"access_token\": \"", "\"access_token\": \"\", \"x\": \""), false),
        (Fault::Writes(JSON, "\"access_token\": \"", "\"x\": \""), false),
        (Fault::Writes(JSON, "\"access_token\": \"", too_long()), false),
        // Characters that no mail server can be sent.
        (Fault::Writes(JSON, "\"access_token\": \"", "\"access_token\": \"\\r\\n"), false),
        (Fault::Writes(JSON, "\"access_token\": \"", "\"access_token\": \"\u{e9}"), false),
    ];
    for (fault, is_good) in odd {
        let desk = Desk::new(long_lived());
        desk.grant();
        let token = desk.token().unwrap();
        desk.authority.fails(fault.clone());
        let renewed = desk.token_instead_of(&token);
        match &renewed {
            Ok(next) => assert!(is_good && *next != token, "{fault:?}"),
            Err(fault) => assert!(!is_good && fault.is_temporary(), "{fault:?}"),
        }
        let refresh = desk.kept()["refresh-token"].as_str().unwrap().to_owned();
        assert!(desk.authority.state().refresh.contains(&refresh), "{renewed:?}");
        desk.authority.fails(None);
        assert_ne!(desk.token_instead_of(&token).unwrap(), token);
    }
}

/// The beginning of an access token that is longer than what is kept of a grant.
fn too_long() -> &'static str {
    Box::leak(format!("\"access_token\": \"{}", "x".repeat(70_000)).into_boxed_str())
}

#[test]
fn tokens_that_are_too_long_to_keep_are_refused_before_they_are_saved() {
    let desk = Desk::new(long_lived());
    desk.authority.fails(Fault::Writes("application/json", "\"access_token\": \"", too_long()));
    let fault = desk.try_grant().unwrap_err();
    assert!(fault.to_string().contains("its tokens are longer than 64 KiB"), "{fault}");
    assert!(!desk.folder.state().join("tokens/home.json").exists());
    desk.authority.fails(None);
    desk.grant();
    let (kept, token) = (desk.kept(), desk.token().unwrap());
    let long = too_long().replace("access_token", "refresh_token");
    desk.authority.fails(Fault::Writes(
        "application/json",
        "\"refresh_token\": \"",
        Box::leak(long.into_boxed_str()),
    ));
    let fault = desk.token_instead_of(&token).unwrap_err();
    assert!(fault.to_string().contains("its tokens are longer than 64 KiB"), "{fault}");
    assert_eq!(desk.kept(), kept);
    assert_eq!(desk.token().unwrap(), token);
}
