//! The device flow (RFC 8628): the user types a code on a page of the provider, on any device. Called by `authorization`.

use std::os::fd::BorrowedFd;

use oauth2::basic::{BasicErrorResponse, BasicErrorResponseType};
use oauth2::{
    DeviceAuthorizationUrl, DeviceCodeErrorResponse, DeviceCodeErrorResponseType, RequestTokenError, Scope,
    StandardDeviceAuthorizationResponse,
};

use super::GrantFault;
use super::answer::Answer;
use super::authority::{TO_AGREE, address, quotation};
use super::flow::{Ended, Flow, Request};
use super::wait::wait;
use crate::text;
use crate::web::require_allowed;

/// The longest code that is shown.
const LONGEST_CODE: usize = 100;

/// Asks for a code, shows it, and waits until the user has agreed.
pub(super) fn run(
    flow: &Flow<'_>,
    endpoint: &str,
    stop: BorrowedFd<'_>,
    tell: &mut dyn FnMut(Request<'_>),
) -> Result<Answer, Ended> {
    let url = address(endpoint, endpoint).map_err(Ended::Fault)?;
    let client = flow.client.clone().set_device_authorization_url(DeviceAuthorizationUrl::from_url(url));
    let http = |request| flow.authority.ask(request);
    let details: StandardDeviceAuthorizationResponse = client
        .exchange_device_code()
        .add_scopes(flow.oauth2.scopes.iter().cloned().map(Scope::new))
        .request(&http)
        .map_err(|error| refused(flow, error))?;
    let page = details.verification_uri().url().as_str();
    require_allowed(page).map_err(|fault| Ended::Fault(fault.into()))?;
    tell(Request::Code { page, code: &text::ascii(details.user_code().secret(), LONGEST_CODE) });
    let lives = details.expires_in().min(TO_AGREE * 4);
    client
        .exchange_device_access_token(&details)
        .request(
            &http,
            |time| {
                let _ = wait(stop, time);
            },
            Some(lives),
        )
        .map_err(|error| Ended::Fault(ended(flow, error)))
}

/// The provider gives no code. Google refuses the scope of mail here, and others the client: the browser may still do.
fn refused(flow: &Flow<'_>, error: RequestTokenError<GrantFault, BasicErrorResponse>) -> Ended {
    let another_way = match &error {
        RequestTokenError::ServerResponse(refusal) => {
            !matches!(refusal.error(), BasicErrorResponseType::InvalidClient)
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => true,
        RequestTokenError::Request(_) => false,
    };
    let fault = flow.fault(flow.authority.failure(error, &flow.secrets()));
    if another_way { Ended::NotThisWay(fault) } else { Ended::Fault(fault) }
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
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => GrantFault::Unwell {
            host: flow.authority.host(),
            why: "not JSON as OAuth2 has it".to_owned(),
            again: None,
        },
    }
}
