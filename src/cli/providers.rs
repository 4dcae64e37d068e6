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
    match Provider::of(name) {
        Some(provider) if options.json => output.line(&report::providers::json(provider)),
        Some(provider) => output
            .text(&report::providers::one(provider, Some(name.as_str()).filter(|name| name.contains('@')))),
        None => {
            let message = report::usage::no_provider(name, Provider::meant_by(name));
            output.error(&format!("error: {message}"));
            return Ending::Usage;
        }
    }
    Ending::Well
}
