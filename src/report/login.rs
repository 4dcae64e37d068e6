//! What `followsift login` asks of the user, and what came of it. Pure. Called by `cli`.

use std::path::Path;

use crate::place::AccountName;

/// Open a page on any device and type a code.
pub fn code(user: &str, page: &str, code: &str) -> String {
    format!(
        "1. Open this page in a browser, on this or any other device:\n\n   {page}\n\n2. Type this code there: {code}\n3. Sign in as \
         {user}, and agree that the program may read and move your messages.\n\nfollowsift waits for that; Ctrl-C ends it."
    )
}

/// Open a page in a browser. `listens`: the browser finds followsift at `redirect`, if it is on this machine. `reads`: the user can
/// type its last address here.
pub fn browser(user: &str, page: &str, redirect: &str, listens: bool, reads: bool) -> String {
    let mut text = format!(
        "1. Open this page in a browser:\n\n   {page}\n\n2. Sign in as {user}, and agree that the program may read and move your messages.\n"
    );
    let paste = format!(
        "the browser then fails to open an address that begins with {redirect}\n   That is expected. Copy the whole address from the \
         browser, paste it here, and press Enter."
    );
    match (listens, reads) {
        (true, true) => text += &format!("3. If the browser is on another machine, {paste}\n"),
        (true, false) => {
            text += "3. The browser has to be on this machine; for one on another machine, run the command with `--paste`.\n";
        }
        (false, _) => text += &format!("3. If no page of yours listens there, {paste}\n"),
    }
    text + "\nfollowsift waits for that; Ctrl-C ends it."
}

/// What was typed is not the address.
pub const NOT_THE_ADDRESS: &str = "this is not the address that the provider sent the browser to; copy the whole of it, from `http` to its end, and paste it again";

/// The provider cannot be asked for now.
pub fn trouble(why: &str) -> String {
    format!("{why}; followsift tries again until the code expires, Ctrl-C ends it")
}

/// The provider gives no code: `said` is why, if its answer could be read.
pub fn no_code(said: Option<&str>) -> String {
    match said {
        Some(said) => format!(
            "the provider does not let this client log in with a code ({said}), so log in with a browser"
        ),
        None => "the provider's answer for a code could not be read, so log in with a browser".to_owned(),
    }
}

/// Access was granted.
pub fn granted(file: &Path, renews: bool) -> String {
    let and = if renews { " and renews it" } else { "" };
    format!("access granted; followsift keeps the grant in {}{and}", file.display())
}

/// The grant ends with its access token.
pub fn not_renewable(account: &AccountName) -> String {
    format!(
        "warning: the provider gave no refresh token, so followsift cannot renew the access token; when it expires, usually within an hour or \
         a day, the account pauses until you run `followsift login {account}` again\n  ask for one: many providers give it for the scope \
         `offline_access` in `scopes`, others only if their page for your client allows it"
    )
}

/// The mail server has accepted the token.
pub fn logged_in(host: &str, port: u16) -> String {
    format!("logged in to {host}:{port}")
}

/// The account logs in by other means.
pub fn not_by_oauth2(account: &AccountName) -> String {
    format!(
        "account `{account}` does not log in by OAuth2 of followsift's own, so there is nothing to grant\n  add `oauth2 = {{ client-id = \
         \"...\" }}` to its settings (`followsift help settings`)"
    )
}
