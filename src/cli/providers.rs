//! `providers`: the mail providers that `provider = "NAME"` in the settings can name. Reads no settings.

use super::output::Output;
use super::{Ending, Providers};
use crate::report;
use crate::settings::Provider;

pub(super) fn providers(options: &Providers, output: &mut Output) -> Ending {
    let Some(name) = &options.name else {
        match options.json {
            true => {
                Provider::all().iter().for_each(|provider| output.line(&report::providers::json(provider)))
            }
            false => output.text(&report::providers::list(Provider::all())),
        }
        return Ending::Well;
    };
    // A server may be written with its port.
    let is_port = |port: &str| port.parse::<u16>().is_ok();
    let word =
        name.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(name.as_str(), |(host, _)| host);
    match Provider::of(word) {
        Some(provider) if options.json => output.line(&report::providers::json(provider)),
        Some(provider) => {
            let address = Some(word).filter(|word| word.contains('@'));
            let is_it = |host: &&String| host.eq_ignore_ascii_case(word);
            let server = provider.other_hosts.iter().find(is_it).map(String::as_str);
            output.text(&report::providers::one(provider, address, server));
        }
        None => {
            let message = report::usage::no_provider(name, Provider::meant_by(name));
            output.error(&format!("error: {message}"));
            return Ending::Usage;
        }
    }
    Ending::Well
}
