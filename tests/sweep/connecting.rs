//! What the command says and how it exits where it cannot connect. What a fault is and what follows from it is tested in
//! `mailbox/connecting.rs`, that the service stops trying in `daemon/login.rs`.

use super::*;

fn fails(home: &Home, code: i32, words: &str) {
    let output = home.run(&["sweep"]);
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(words), "{said}");
    assert!(!said.contains(PASSWORD) && !said.contains("hunter2"), "{said}");
}

#[test]
fn a_wrong_password_a_wrong_certificate_and_no_server_are_reported_and_change_nothing() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    fill(&mut scene.client);
    let before = live(&mut scene.client);
    scene.home.write("password", "hunter2");
    fails(&scene.home, 75, "could not log in");
    scene.home.write("password", PASSWORD);

    let port = scene.server.tls_port;
    let settings = |more: &str| {
        let text = std::fs::read_to_string(scene.home.path().join("followsift.toml")).unwrap();
        let text =
            text.replace("tls = \"off\"", more).replace("host = \"127.0.0.1\"", "host = \"localhost\"");
        text.replace(&format!("port = {}", scene.server.port), &format!("port = {port}"))
    };
    let clear = std::fs::read_to_string(scene.home.path().join("followsift.toml")).unwrap();
    scene.home.write("followsift.toml", &settings("tls = \"implicit\""));
    fails(&scene.home, 75, "could not connect to localhost");
    let after = live(&mut scene.client);
    assert_eq!(shown(&after), shown(&before));
    assert!(after == before);
    scene.home.write("followsift.toml", &clear);
    let trusted = format!("tls = \"implicit\"\nca-file = \"{}\"", scene.server.ca().display());
    scene.home.write("followsift.toml", &settings(&trusted));
    scene.sweep();
    assert_eq!(scene.count(SPAM), 6);
    scene.server.kill();
    fails(&scene.home, 75, "could not connect to localhost");
}
