//! Where tokens come from: an issuer that describes itself, one that has moved, and one that is not trusted.

use super::*;

#[test]
fn an_issuer_describes_itself_and_must_be_who_the_settings_say() {
    let desk = Desk::new(long_lived());
    desk.folder.write("secret", SECRET);
    desk.configure(&format!(
        "client-id = \"{CLIENT}\", client-secret-file = \"secret\", issuer = \"{}\"",
        desk.authority.url("")
    ));
    desk.grant();
    let token = desk.token().unwrap();
    assert_ne!(desk.token_instead_of(&token).unwrap(), token);
    let evil = Fault::Says(
        "/.well-known/openid-configuration",
        200,
        "{\"issuer\": \"https://evil.example\", \"token_endpoint\": \"https://evil.example/token\"}",
    );
    desk.authority.fails(evil.clone());
    let fault = desk.try_grant().unwrap_err();
    assert!(matches!(fault, LoginFault::Grant(GrantFault::NoWay { .. })), "{fault:?}");
    for body in ["{}", "[]", "not JSON"] {
        desk.authority.fails(Fault::Says("/.well-known/openid-configuration", 200, body));
        assert!(desk.try_grant().is_err(), "{body}");
    }
    desk.authority.fails(Fault::Says("/.well-known/openid-configuration", 503, "down"));
    assert!(desk.try_grant().unwrap_err().is_temporary());
}

#[test]
fn an_issuer_is_asked_at_its_second_address_whatever_fault_the_first_has() {
    const FIRST: &str = "/tenant/.well-known/openid-configuration";
    const SECOND: &str = "/.well-known/oauth-authorization-server/tenant";
    let desk = Desk::new(long_lived());
    desk.configure(&format!("client-id = \"{CLIENT}\", issuer = \"{}\"", desk.authority.url("/tenant")));
    for status in [404, 500, 302, 200] {
        desk.authority.fails(Fault::Says(FIRST, status, "no"));
        desk.grant();
    }
    let asked = desk.authority.asked(SECOND);
    desk.authority.fails(Fault::Says(FIRST, 429, "no"));
    assert!(desk.try_grant().unwrap_err().to_string().contains("status 429"));
    assert_eq!(desk.authority.asked(SECOND), asked);
    // Neither describes it: the first fault is shown.
    desk.authority.fails(None);
    desk.configure(&format!("client-id = \"{CLIENT}\", issuer = \"{}\"", desk.authority.url("/other")));
    desk.authority.fails(Fault::Says("/other/.well-known/openid-configuration", 500, "no"));
    let fault = desk.try_grant().unwrap_err();
    assert!(fault.to_string().contains("status 500") && fault.is_temporary(), "{fault}");
    assert_eq!(desk.authority.asked("/.well-known/oauth-authorization-server/other"), 1);
}

#[test]
fn a_renewal_asks_where_the_grant_came_from_and_the_issuer_only_if_it_has_moved() {
    const DESCRIPTION: &str = "/.well-known/openid-configuration";
    let desk = Desk::new(long_lived());
    desk.configure(&format!("client-id = \"{CLIENT}\", issuer = \"{}\"", desk.authority.url("")));
    desk.grant();
    let asked = desk.authority.asked(DESCRIPTION);
    let token = desk.token().unwrap();
    // A description that is down, or that lies, changes nothing.
    desk.authority.fails(Fault::Says(DESCRIPTION, 503, "down"));
    let next = desk.token_instead_of(&token).unwrap();
    assert!(next != token && desk.authority.asked(DESCRIPTION) == asked);
    let lie = format!(
        "{{\"issuer\": \"https://evil.example\", \"token_endpoint\": \"{}\"}}",
        desk.authority.url("/evil")
    );
    desk.authority.fails(Fault::Says(DESCRIPTION, 200, Box::leak(lie.into_boxed_str())));
    let token = desk.token_instead_of(&next).unwrap();
    assert!(token != next && desk.authority.asked(DESCRIPTION) == asked);
    // The endpoint is out of order, and where it was.
    desk.authority.fails(Fault::Says("/token", 404, ""));
    let before = desk.authority.asked("/token");
    assert!(desk.token_instead_of(&token).unwrap_err().is_temporary());
    assert_eq!(desk.authority.asked(DESCRIPTION), asked + 1);
    assert_eq!(desk.authority.asked("/token"), before + 1);
    desk.authority.fails(None);
    // It has moved.
    let file = desk.folder.state().join("tokens/home.json");
    let text = std::fs::read_to_string(file).unwrap();
    desk.folder.write(
        "state/tokens/home.json",
        text.replace(&desk.authority.url("/token"), &desk.authority.url("/before")),
    );
    assert_ne!(desk.token_instead_of(&token).unwrap(), token);
    assert!(
        !std::fs::read_to_string(desk.folder.state().join("tokens/home.json")).unwrap().contains("/before")
    );
    assert!(desk.authority.asked("/before") == 1 && desk.authority.asked("/evil") == 0);
}

#[test]
fn the_certificate_of_a_provider_that_is_not_trusted_is_shown_with_what_to_do() {
    // Any server with TLS will do: nothing is sent to one that is not trusted.
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let desk = Desk::new(long_lived());
    let own = format!("https://localhost:{}", server.tls_port);
    let unnamed = format!("https://127.0.0.1:{}", server.tls_port);
    let trusting = format!("ca-file = \"{}\"\n", server.ca().display());
    for (oauth2, more, shown, advice) in [
        (
            format!("issuer = \"{own}\""),
            "",
            "could not reach localhost: this machine does not trust the issuer of its certificate (for localhost, issued by ",
            "if the issuer is your own authority, name its certificate in `ca-file`; ",
        ),
        (
            format!("token-endpoint = \"{own}/token\", device-endpoint = \"{own}/device\""),
            "",
            "could not reach localhost: this machine does not trust the issuer of its certificate (for localhost, issued by ",
            "if the issuer is your own authority, name its certificate in `ca-file`; ",
        ),
        (
            format!("issuer = \"{unnamed}\""),
            &trusting,
            "could not reach 127.0.0.1: its certificate is not for 127.0.0.1 (for localhost, issued by ",
            "if it is your provider's, write its address in `oauth2` with a name that the certificate is for; ",
        ),
    ] {
        let settings = account(&desk.authority, 1, &format!("client-id = \"{CLIENT}\", {oauth2}"));
        desk.folder.write("followsift.toml", settings + more);
        let run = desk.folder.run(&["login", "home"]);
        let said = run.exits(75).err();
        assert!(said.contains(shown) && said.contains(", valid 20") && said.contains(advice), "{said}");
    }
}
