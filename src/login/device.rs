//! The device flow (RFC 8628): the user types a code on a page of the provider, on any device. Called by `authorization`.

use std::cell::{Cell, RefCell};
use std::error::Error as _;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use oauth2::basic::{BasicErrorResponse, BasicErrorResponseType};
use oauth2::http::StatusCode;
use oauth2::{
    DeviceAuthorizationUrl, DeviceCodeErrorResponse, DeviceCodeErrorResponseType, HttpResponse,
    RequestTokenError, Scope, StandardDeviceAuthorizationResponse,
};

use super::GrantFault;
use super::answer::{Answer, with_plain_times};
use super::authority::{NOT_JSON, TO_AGREE, address, quotation};
use super::flow::{Ended, Flow, Request};
use super::wait::wait;
use crate::text;
use crate::web::require_allowed;

/// The longest code that is shown.
const LONGEST_CODE: usize = 100;

/// The longest time between two questions, if the provider does not want a longer one.
const LONGEST_INTERVAL: Duration = Duration::from_secs(10);

/// The longest life of a code.
const LONGEST_LIFE: Duration = Duration::from_secs(60 * 60);

/// Asks for a code, shows it, and waits until the user has agreed.
pub(super) fn run(
    flow: &Flow<'_>,
    endpoint: &str,
    stop: BorrowedFd<'_>,
    tell: &mut dyn FnMut(Request<'_>),
) -> Result<Answer, Ended> {
    let url = address(endpoint, endpoint).map_err(Ended::Fault)?;
    let client = flow.client.clone().set_device_authorization_url(DeviceAuthorizationUrl::from_url(url));
    let http = |request| {
        let answer = flow.authority.ask(request)?;
        Ok(answer.map(|body| with_plain_times(body, TO_AGREE, LONGEST_LIFE)))
    };
    let details: StandardDeviceAuthorizationResponse = client
        .exchange_device_code()
        .add_scopes(flow.oauth2.scopes.iter().cloned().map(Scope::new))
        .request(&http)
        .map_err(|error| refused(flow, error))?;
    let page = details.verification_uri().url().as_str();
    require_allowed(page).map_err(|fault| Ended::Fault(fault.into()))?;
    tell(Request::Code { page, code: &text::ascii(details.user_code().secret(), LONGEST_CODE) });
    let lives = details.expires_in();
    // The crate asks again after every failure, and its wait has no end but that of the code; only an answer ends it.
    let (given_up, failures) = (Cell::new(None), Cell::new(0));
    let tell = RefCell::new(tell);
    let ask = |request| {
        let fault = match flow.authority.ask(request) {
            Ok(answer) => {
                failures.set(0);
                return Ok(answer);
            }
            Err(fault) => fault,
        };
        if !fault.is_temporary() || fault.is_stop() {
            given_up.set(Some(fault));
            return Ok(no_more());
        }
        failures.set(failures.get() + 1);
        // One failure can be a provider that wants to be asked less often.
        if failures.get() == 2 {
            (tell.borrow_mut())(Request::Trouble { why: &in_words(&fault) });
        }
        Err(fault)
    };
    let answer = client
        .exchange_device_access_token(&details)
        .set_max_backoff_interval(details.interval().max(LONGEST_INTERVAL))
        .request(
            &ask,
            |time| {
                let _ = wait(stop, time);
            },
            Some(lives),
        );
    match given_up.take() {
        Some(fault) => Err(Ended::Fault(fault)),
        None => answer.map_err(|error| Ended::Fault(ended(flow, error))),
    }
}

/// An answer that ends the wait.
fn no_more() -> HttpResponse {
    let mut answer = HttpResponse::new(b"{\"error\": \"expired_token\"}".to_vec());
    *answer.status_mut() = StatusCode::BAD_REQUEST;
    answer
}

/// A fault with its causes.
fn in_words(fault: &GrantFault) -> String {
    let mut words = fault.to_string();
    let mut cause = fault.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

/// The provider gives no code. Google refuses the scope of mail here, and others the client: the browser may still do.
fn refused(flow: &Flow<'_>, error: RequestTokenError<GrantFault, BasicErrorResponse>) -> Ended {
    // What the provider says; nothing, where its answer could not be read.
    let another_way = match &error {
        RequestTokenError::ServerResponse(refusal) => {
            let is_of_client = matches!(refusal.error(), BasicErrorResponseType::InvalidClient);
            (!is_of_client).then(|| Some(quotation(refusal, &flow.secrets())))
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => Some(None),
        RequestTokenError::Request(_) => None,
    };
    let fault = flow.fault(flow.authority.failure(error, &flow.secrets()));
    match another_way {
        Some(said) => Ended::NotThisWay { fault, said },
        None => Ended::Fault(fault),
    }
}

/// The user did not agree, or not in time.
fn ended(flow: &Flow<'_>, error: RequestTokenError<GrantFault, DeviceCodeErrorResponse>) -> GrantFault {
    match error {
        RequestTokenError::ServerResponse(refusal) => match refusal.error() {
            DeviceCodeErrorResponseType::ExpiredToken => GrantFault::TooLate,
            DeviceCodeErrorResponseType::AccessDenied => {
                GrantFault::Denied { said: quotation(&refusal, &flow.secrets()) }
            }
            DeviceCodeErrorResponseType::Basic(_)
            | DeviceCodeErrorResponseType::AuthorizationPending
            | DeviceCodeErrorResponseType::SlowDown => GrantFault::Refused {
                host: flow.authority.host(),
                said: quotation(&refusal, &flow.secrets()),
            },
        },
        RequestTokenError::Request(fault) => fault,
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            GrantFault::Unwell { host: flow.authority.host(), why: NOT_JSON.to_owned(), again: None }
        }
    }
}
