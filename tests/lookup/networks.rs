//! Each network is asked in its own way, and X with a token that is shown nowhere.

use followsift::clock::now;

use super::namespace::{Does, inside};
use super::{Scene, says};
use crate::support::home::SPAM;
use crate::support::letters::{Person, x_2024};

const TOKEN: &str = "AAAAnot-a-real-token%3D";

#[test]
fn each_network_is_asked_in_its_own_way() {
    inside("lookup::networks::each_network_is_asked_in_its_own_way", || {
        let all = "misskey = \"own-server\"\npeertube = \"own-server\"\nnodebb = \"own-server\"\nforem = \"own-server\"\n\
                   ask = [\"pixel.example\"]\n";
        let scene = Scene::new(all, &[]);
        let actor = "https://pixel.example/users/ann";
        let collection =
            |count: u64| says(&format!("{{\"type\": \"OrderedCollection\", \"totalItems\": {count}}}"));
        for (path, does) in [
            (
                "/api/users/show",
                says("{\"username\": \"ann\", \"host\": null, \"followersCount\": 561, \"isBot\": true}"),
            ),
            (
                "/api/v1/accounts/ann",
                says(
                    "{\"name\": \"ann\", \"host\": \"toots.example\", \"followingCount\": 940, \"avatars\": []}",
                ),
            ),
            ("/api/user/ann-b", says("{\"userslug\": \"ann-b\", \"postcount\": 210, \"followerCount\": 94}")),
            (
                "/api/users/by_username?url=ann",
                says("{\"username\": \"ann\", \"joined_at\": \"Apr 14, 2023\", \"location\": \"Pune\"}"),
            ),
            (
                "/.well-known/webfinger?resource=acct%3Aann%40pixel%2Eexample",
                says(&format!(
                    "{{\"links\": [{{\"rel\": \"self\", \"type\": \"application/activity+json\", \"href\": \"{actor}\"}}]}}"
                )),
            ),
            (
                "/users/ann",
                says(&format!(
                    "{{\"id\": \"{actor}\", \"type\": \"Person\", \"preferredUsername\": \"ann\", \
                     \"followers\": \"{actor}/followers\", \"following\": \"{actor}/following\", \"outbox\": \"{actor}/outbox\"}}"
                )),
            ),
            ("/users/ann/followers", collection(3)),
            ("/users/ann/following", Does::Says(403, "", String::new())),
            ("/users/ann/outbox", collection(12)),
        ] {
            scene.site.answers(path, does);
        }
        for (network, handle, asks, facts, requests) in [
            (
                "misskey",
                "ann",
                "asks toots.example: POST https://toots.example/api/users/show {\"host\":null,\"username\":\"ann\"}\n",
                &["  followers        561\n", "  bot              yes\n"][..],
                1,
            ),
            (
                "peertube",
                "ann@toots.example",
                "asks toots.example: GET https://toots.example/api/v1/accounts/ann\n",
                &["  following        940\n", "  default-picture  yes\n"],
                1,
            ),
            (
                "nodebb",
                "ann-b",
                "asks toots.example: GET https://toots.example/api/user/ann-b\n",
                &["  followers        94\n", "  posts            210\n"],
                1,
            ),
            (
                "forem",
                "ann",
                "asks toots.example: GET https://toots.example/api/users/by_username?url=ann\n",
                &["  location         Pune\n", "  age              "],
                1,
            ),
            (
                "friendica",
                "ann@pixel.example",
                "asks pixel.example: GET https://pixel.example/.well-known/webfinger?resource=acct%3Aann%40pixel%2Eexample\n",
                &["  followers        3\n", "  posts            12\n"],
                5,
            ),
        ] {
            let before = scene.site.requests().len();
            // Questions to one server are a second apart.
            crate::support::pause(std::time::Duration::from_millis(2100));
            let out = scene.run(&["lookup", "--network", network, handle]).exits(0).out();
            assert!(out.starts_with(asks) && facts.iter().all(|fact| out.contains(fact)), "{network}: {out}");
            assert!(!out.contains("following  ") || network != "friendica", "{out}");
            assert_eq!(scene.site.requests().len() - before, requests, "{network}");
        }
        let posted = scene.site.requests().into_iter().find(|request| request.starts_with("POST ")).unwrap();
        assert!(posted.ends_with("\r\n\r\n{\"host\":null,\"username\":\"ann\"}"), "{posted}");
        // An account that the user's own server would fetch from another one, a server that nobody lists, and a network that is not switched on.
        let before = scene.site.connections();
        let err = scene.run(&["lookup", "--network", "friendica", "ann@elsewhere.example"]).exits(78).err();
        assert!(err.contains("only your own servers"), "{err}");
        for network in ["peertube", "nodebb", "forem"] {
            let err = scene.run(&["lookup", "--network", network, "ann@far.example"]).exits(78).err();
            assert!(err.contains("the account is on another server"), "{err}");
        }
        let err = scene.run(&["lookup", "--network", "x", "ann"]).exits(78).err();
        assert!(err.contains("look-ups for x are off; to switch them on, set `x = { token-file"), "{err}");
        let err = scene.run(&["lookup", "--network", "mastodom", "ann"]).exits(64).err();
        assert!(err.contains("no network is called `mastodom`\n  did you mean `mastodon`?"), "{err}");
        assert_eq!(scene.site.connections(), before);
    });
}

#[test]
fn an_account_of_another_server_is_asked_for_by_the_id_that_ones_own_misskey_has_for_it() {
    inside(
        "lookup::networks::an_account_of_another_server_is_asked_for_by_the_id_that_ones_own_misskey_has_for_it",
        || {
            let scene = Scene::new("misskey = \"own-server\"\n", &[]);
            let user = |id: &str, name: &str, more: &str| {
                format!("{{\"id\": \"{id}\", \"username\": \"{name}\", \"host\": \"far.example\"{more}}}")
            };
            let found = format!("[{}, {}]", user("8", "ann2", ""), user("7", "ann", ""));
            scene.site.answers("/api/users/search-by-username-and-host", says(&found));
            let shown = format!("[{}]", user("7", "ann", ", \"followersCount\": 561"));
            scene.site.answers("/api/users/show", says(&shown));
            let out = scene.run(&["lookup", "--network", "misskey", "ann@far.example"]).exits(0).out();
            assert!(out.contains("  followers        561\n"), "{out}");
            let requests = scene.site.requests();
            // Never by its name, with which the server would go and ask the other one.
            assert!(
                requests.len() == 2 && requests[1].ends_with("\r\n\r\n{\"userIds\":[\"7\"]}"),
                "{requests:?}"
            );
        },
    );
}

#[test]
fn a_server_that_fails_at_a_collection_has_not_answered() {
    inside("lookup::networks::a_server_that_fails_at_a_collection_has_not_answered", || {
        let scene = Scene::new("ask = [\"pixel.example\"]\n", &[]);
        let actor = "https://pixel.example/users/ann";
        for (path, body) in [
            (
                "/.well-known/webfinger?resource=acct%3Aann%40pixel%2Eexample",
                format!(
                    "{{\"links\": [{{\"rel\": \"self\", \"type\": \"application/activity+json\", \"href\": \"{actor}\"}}]}}"
                ),
            ),
            (
                "/users/ann",
                format!(
                    "{{\"id\": \"{actor}\", \"type\": \"Person\", \"preferredUsername\": \"ann\", \
                     \"followers\": \"{actor}/followers\"}}"
                ),
            ),
        ] {
            scene.site.answers(path, says(&body));
        }
        for (status, words) in [(429, "fewer requests (429)"), (503, "status 503")] {
            let _ = std::fs::remove_dir_all(scene.home.state());
            let does = Does::Says(status, "Retry-After: 600\r\n", String::new());
            scene.site.answers("/users/ann/followers", does);
            let err = scene.run(&["lookup", "--network", "friendica", "ann@pixel.example"]).exits(75).err();
            assert!(err.contains(words), "{err}");
        }
    });
}

#[test]
fn x_is_asked_with_the_users_token_which_is_shown_nowhere() {
    inside("lookup::networks::x_is_asked_with_the_users_token_which_is_shown_nowhere", || {
        let x = "x = { token-file = \"x-token\" }\nnewest = \"36500d\"\n";
        let moon = x_2024(&Person::new("Moon", "blue_moon", [3, 2001, 0])).bytes(1);
        let unproven =
            String::from_utf8(x_2024(&Person::new("Sun", "red_sun", [3, 2001, 0])).bytes(2)).unwrap();
        let unproven = unproven.replace("mx.post.example;", "mx.evil.example;");
        let scene = Scene::new(x, &[moon, unproven.into_bytes()]);
        scene.home.write("x-token", &format!("{TOKEN}\n"));
        let rules = "[verdict.spam]\nmove-to = \"Followers/Spam\"\n[[rule]]\nname = \"On no list\"\nwhen.following = \">= 2000\"\n\
                     when.followers = \"<= 3\"\nwhen.lists = 0\nverdict = \"spam\"\n";
        scene.home.write("rules.toml", rules);
        let metrics =
            "{\"followers_count\": 9, \"following_count\": 2001, \"tweet_count\": 1, \"listed_count\": 0}";
        let fields = "created_at,description,entities,location,most_recent_tweet_id,name,profile_image_url,protected,\
                      public_metrics,url,username,verified";
        let path = |name: &str| format!("/2/users/by/username/{name}?user.fields={fields}");
        let user = format!(
            "{{\"data\": {{\"id\": \"7\", \"username\": \"Blue_Moon\", \"public_metrics\": {metrics}}}}}"
        );
        scene.site.answers(&path("blue_moon"), says(&user));
        let run = scene.run(&["sweep"]);
        let (out, err) = (run.out(), run.err());
        run.exits(0);
        // The message shows the followers, and so nine do not count.
        let origin = format!("(looked up {} at api.x.com)", now().date());
        let evidence = format!("following 2001 >= 2000 {origin}, followers 3 <= 3, lists 0 {origin}");
        assert!(out.contains(&evidence) && scene.count(SPAM) == 1, "{out}{err}");
        let requests = scene.site.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        let asked = requests[0].to_lowercase();
        assert!(asked.contains(&format!("authorization: bearer {}\r\n", TOKEN.to_lowercase())), "{asked}");
        assert!(asked.contains("host: api.x.com\r\n"), "{asked}");

        // Refused, with credit used up, and with a token that others can read.
        let mut said = format!("{out}{err}");
        for (name, does, words) in [
            ("refused", Does::Says(401, "", "{\"title\": \"Unauthorized\"}".to_owned()), "without a login"),
            ("poor", Does::Says(402, "", "{}".to_owned()), "asks for payment (402); for X, add credit"),
            (
                "often",
                Does::Says(429, "x-rate-limit-reset: 4000000000\r\n", "{}".to_owned()),
                "fewer requests (429)",
            ),
            ("exposed", says(&user), "could not use the access token in "),
            ("odd", says(&user), "not the profile"),
        ] {
            let _ = std::fs::remove_dir_all(scene.home.state());
            let before = scene.site.requests().len();
            scene.site.answers(&path(name), does);
            if name == "exposed" {
                let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
                std::fs::set_permissions(scene.home.path().join("x-token"), open).unwrap();
            }
            let run = scene.run(&["lookup", "--network", "x", name]);
            said.push_str(&format!("{}{}", run.out(), run.err()));
            assert!(run.exits(75).err().contains(words), "{name}: {said}");
            assert_eq!(scene.site.requests().len() - before, usize::from(name != "exposed"), "{name}");
            if ["refused", "exposed"].contains(&name) {
                // Not again with the same token for a quarter of an hour, and at once with a corrected one.
                let before = scene.site.requests().len();
                let again = || scene.run(&["lookup", "--network", "x", name]).exits(75).err();
                let ledger = followsift::ledger::Ledger::open(&scene.home.state()).unwrap();
                let server = followsift::host::HostName::parse("api.x.com").unwrap();
                let now = followsift::clock::now();
                assert!(again().contains("api.x.com is left alone") && scene.site.requests().len() == before);
                scene.home.write("x-token", &format!("{TOKEN}\n"));
                assert_eq!(ledger.rests_until(&server, Some("changed"), now).unwrap(), None);
                let err = again();
                assert_eq!(scene.site.requests().len(), before + 1, "{name}: {err}");
            }
            scene.home.write("x-token", &format!("{TOKEN}\n"));
        }
        assert!(!said.contains("AAAA"), "{said}");
        for file in std::fs::read_dir(scene.home.state()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap_or_default();
            assert!(!bytes.windows(8).any(|window| window == &TOKEN.as_bytes()[..8]));
        }
    });
}
