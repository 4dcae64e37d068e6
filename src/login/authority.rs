//! The provider's authorization server: where it is, how it is asked, and what its refusals mean.
//!
//! Owns the use of the oauth2 crate's client. Knows no files and no accounts. Called by `renewal` and by the flows.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use chrono::DateTime;
use oauth2::basic::{
    BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
};
use oauth2::http::header::{CONTENT_TYPE, RETRY_AFTER};
use oauth2::http::{Request, StatusCode};
use oauth2::url::Url;
use oauth2::{
    AuthType, Client, ClientId, ClientSecret, EndpointNotSet, EndpointSet, ErrorResponse, HttpRequest,
    HttpResponse, RefreshToken, RequestTokenError, StandardRevocableToken, TokenResponse as _, TokenUrl,
};
use percent_encoding::percent_decode_str;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::GrantFault;
use super::answer::Answer;
use super::grant::{Found, Grant, LONGEST_LIFE, Parties};
use crate::clock::{self, Timestamp};
use crate::settings::{OAuth2, TokenIssuer};
use crate::text;
use crate::web::Web;

/// The longest quotation of a provider.
const QUOTED: usize = 200;
/// A provider's words that repeat so many bytes of a secret in a row are not shown.
const REPEATED: usize = 8;

/// What is said of an answer that cannot be read.
pub(super) const NOT_JSON: &str = "its answer is not in the form of OAuth2; check the endpoints, and whether this network asks you to sign in first";

/// The longest time for which a provider can ask to be left alone.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// A client that knows where tokens come from.
pub(super) type TokenClient = Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The name of an authorization server.
#[derive(Debug)]
pub(super) struct Issuer {
    pub(super) name: String,
    /// Does it name itself in every answer to a browser (RFC 9207)?
    pub(super) signs: bool,
}

/// The provider's authorization server.
#[derive(Debug)]
pub(super) struct Authority<'w> {
    web: &'w Web<'w>,
    /// The page on which the user agrees.
    pub(super) authorization: Option<String>,
    /// Where the device flow begins.
    pub(super) device: Option<String>,
    token: Url,
    auth_type: AuthType,
    /// Its name, if it described itself.
    pub(super) issuer: Option<Issuer>,
    /// Did it describe itself?
    is_found: bool,
}

impl<'w> Authority<'w> {
    /// The one of these settings. Asks the issuer to describe itself where the settings name no endpoints.
    pub(super) fn find(oauth2: &OAuth2, web: &'w Web<'w>) -> Result<Self, GrantFault> {
        match &oauth2.issuer {
            TokenIssuer::Known { authorization, token, device } => Ok(Self {
                web,
                authorization: authorization.clone(),
                device: device.clone(),
                token: address(token, token)?,
                auth_type: AuthType::BasicAuth,
                issuer: None,
                is_found: false,
            }),
            TokenIssuer::Discovered(issuer) => discover(issuer, web),
        }
    }

    /// The one that described itself before, for a renewal.
    pub(super) fn known(found: &Found, web: &'w Web<'w>) -> Result<Self, GrantFault> {
        Ok(Self {
            web,
            authorization: None,
            device: None,
            token: address(&found.token_endpoint, &found.token_endpoint)?,
            auth_type: if found.secret_in_body { AuthType::RequestBody } else { AuthType::BasicAuth },
            issuer: None,
            is_found: true,
        })
    }

    /// What of its description is kept with a grant.
    pub(super) fn found(&self) -> Option<Found> {
        self.is_found.then(|| Found {
            token_endpoint: self.token.to_string(),
            secret_in_body: matches!(self.auth_type, AuthType::RequestBody),
        })
    }

    /// The server's name.
    pub(super) fn host(&self) -> String {
        self.token.host_str().unwrap_or_default().to_owned()
    }

    /// The user's client there.
    pub(super) fn client(&self, oauth2: &OAuth2, secret: Option<&SecretString>) -> TokenClient {
        let client = Client::new(ClientId::new(oauth2.client_id.clone()))
            .set_token_uri(TokenUrl::from_url(self.token.clone()))
            .set_auth_type(self.auth_type.clone());
        match secret {
            None => client,
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned())),
        }
    }

    /// Sends a request of the oauth2 crate, which would not look at an answer that is called something else than JSON.
    pub(super) fn ask(&self, request: HttpRequest) -> Result<HttpResponse, GrantFault> {
        let mut answer = send(self.web, request)?;
        answer.headers_mut().remove(CONTENT_TYPE);
        if answer.status().is_success() {
            *answer.status_mut() = StatusCode::OK;
        }
        if let Some(refusal) = plain_refusal(answer.body()) {
            *answer.status_mut() = StatusCode::BAD_REQUEST;
            *answer.body_mut() = refusal;
        }
        Ok(answer)
    }

    /// The next grant in place of `grant`, which may have a flaw. A provider that rotates no refresh tokens sends none: then the old one
    /// stays.
    pub(super) fn refresh(
        &self,
        client: &TokenClient,
        grant: &Grant,
        refresh: &SecretString,
        client_secret: Option<&SecretString>,
    ) -> Result<Grant, Failure> {
        let token = RefreshToken::new(refresh.expose_secret().to_owned());
        let answer =
            client.exchange_refresh_token(&token).request(&|request| self.ask(request)).map_err(|error| {
                let secrets: Vec<_> = [refresh].into_iter().chain(client_secret).collect();
                self.failure(error, &secrets)
            })?;
        let next = self.received(&answer, grant.parties.clone());
        Ok(Grant { refresh: next.refresh.clone().or_else(|| Some(refresh.clone())), ..next })
    }

    /// The grant in an answer, which came now.
    pub(super) fn received(&self, answer: &Answer, parties: Parties) -> Grant {
        Grant {
            parties,
            found: self.found(),
            access: SecretString::from(answer.access_token().secret().clone()),
            refresh: answer.refresh_token().map(|token| SecretString::from(token.secret().clone())),
            received: clock::now(),
            lives: answer.expires_in().map(|lives| lives.min(LONGEST_LIFE)),
        }
    }

    /// Why a grant that came cannot be used, if it cannot.
    pub(super) fn flaw(&self, grant: &Grant) -> Option<GrantFault> {
        if grant.access.expose_secret().is_empty() {
            Some(self.unwell("it sent no access token"))
        } else if !grant.access.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
            // RFC 6750, section 2.1; a mail server would not be sent it.
            Some(self.unwell("its access token has a character that no token has"))
        } else if !grant.fits() {
            Some(self.unwell("its tokens are longer than 64 KiB, which followsift does not keep"))
        } else {
            None
        }
    }

    /// What a failed request means. What the provider says is dropped where it repeats one of `secrets`.
    pub(super) fn failure(
        &self,
        error: RequestTokenError<GrantFault, BasicErrorResponse>,
        secrets: &[&SecretString],
    ) -> Failure {
        match error {
            RequestTokenError::ServerResponse(refusal) => {
                let said = quotation(&refusal, secrets);
                match refusal.error() {
                    BasicErrorResponseType::InvalidGrant => Failure::GrantEnded(said),
                    BasicErrorResponseType::Extension(word) if NEEDS_THE_USER.contains(&word.as_str()) => {
                        Failure::GrantEnded(said)
                    }
                    BasicErrorResponseType::Extension(word) if word == "access_denied" => {
                        Failure::Other(GrantFault::Denied { said })
                    }
                    BasicErrorResponseType::Extension(word) if word == "expired_token" => {
                        Failure::Other(GrantFault::TooLate)
                    }
                    BasicErrorResponseType::Extension(_) => Failure::Other(self.unwell(&said)),
                    BasicErrorResponseType::InvalidClient
                    | BasicErrorResponseType::InvalidRequest
                    | BasicErrorResponseType::InvalidScope
                    | BasicErrorResponseType::UnauthorizedClient
                    | BasicErrorResponseType::UnsupportedGrantType => {
                        Failure::Other(GrantFault::Refused { host: self.host(), said })
                    }
                }
            }
            RequestTokenError::Request(fault) => Failure::Other(fault),
            // Neither the answer nor the error that cites it is shown.
            RequestTokenError::Parse(..) => Failure::Other(self.unwell(NOT_JSON)),
            RequestTokenError::Other(_) => Failure::Other(self.unwell("its answer is empty")),
        }
    }

    fn unwell(&self, why: &str) -> GrantFault {
        GrantFault::Unwell { host: self.host(), why: why.to_owned(), again: None }
    }
}

/// A refusal (RFC 6749, section 5.2) as the oauth2 crate reads it, if this answer is one, whatever status it came with: its error counts,
/// though what stands beside it is not as it should be.
fn plain_refusal(body: &[u8]) -> Option<Vec<u8>> {
    let mut fields: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let gives = |name: &&str| fields.contains_key(*name);
    if !fields.get("error")?.is_string() || ["access_token", "refresh_token", "device_code"].iter().any(gives)
    {
        return None;
    }
    fields.retain(|name, value| {
        value.is_string() || !matches!(name.as_str(), "error_description" | "error_uri")
    });
    serde_json::to_vec(&fields).ok()
}

/// Sends a request. A provider that is out of order, or asked too often, is asked again later, whatever words it finds for that.
fn send(web: &Web<'_>, request: HttpRequest) -> Result<HttpResponse, GrantFault> {
    let host = request.uri().host().unwrap_or_default().to_owned();
    in_order(web.send(request)?, host)
}

/// An answer of a provider that is not out of order, and not asked too often.
fn in_order(answer: HttpResponse, host: String) -> Result<HttpResponse, GrantFault> {
    let status = answer.status();
    if !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS {
        return Ok(answer);
    }
    let again = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let again = again.and_then(|value| retry_after(value, clock::now()));
    Err(GrantFault::Unwell { host, why: format!("status {}", status.as_u16()), again })
}

/// What a `Retry-After` says (RFC 9110, section 10.2.3): seconds, or a date.
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let seconds = match value.trim().parse() {
        Ok(seconds) => seconds,
        Err(_) => Timestamp(DateTime::parse_from_rfc2822(value.trim()).ok()?.timestamp()).since(now),
    };
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

/// The errors of OpenID Connect (section 3.1.2.6 of its Core) that only the user can end, which some providers give to a refresh.
const NEEDS_THE_USER: [&str; 4] =
    ["interaction_required", "login_required", "consent_required", "account_selection_required"];

/// Why a request for tokens failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The grant has ended; what the provider says.
    GrantEnded(String),
    /// Anything else.
    Other(GrantFault),
}

/// A provider's error code and words (RFC 6749, section 5.2), harmless and without a secret.
pub(super) fn quotation(refusal: &impl ErrorResponse, secrets: &[&SecretString]) -> String {
    let said = refusal.to_string();
    // What was encoded is not shown either: a client's secret is sent in base64 (RFC 6749, section 2.3.1).
    let decoded: Vec<_> = said
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=')))
        .flat_map(|word| {
            [
                STANDARD_NO_PAD.decode(word.trim_end_matches('=')),
                URL_SAFE_NO_PAD.decode(word.trim_end_matches('=')),
            ]
        })
        .flatten()
        .chain([percent_decode_str(&said).collect(), said.clone().into_bytes()])
        .map(Zeroizing::new)
        .collect();
    let repeats = |secret: &&SecretString| {
        let secret = secret.expose_secret().as_bytes();
        let mut parts = secret.windows(REPEATED.min(secret.len()).max(1));
        parts.any(|part| {
            let is_it = |window: &[u8]| window.eq_ignore_ascii_case(part);
            decoded.iter().any(|form| form.windows(part.len()).any(is_it))
        })
    };
    if secrets.iter().any(repeats) {
        return "its words are not shown, since they repeat a secret".to_owned();
    }
    text::ascii(&said, QUOTED)
}

/// Asks an issuer to describe itself: OpenID Connect Discovery first, which more have, then RFC 8414.
fn discover<'w>(issuer: &str, web: &'w Web<'w>) -> Result<Authority<'w>, GrantFault> {
    let url = address(issuer, issuer)?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let path = url.path().trim_end_matches('/');
    let origin = url.origin().ascii_serialization();
    let places = [
        format!("{origin}{path}/.well-known/openid-configuration"),
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
    ];
    let unwell = |why: &str| GrantFault::Unwell { host: host.clone(), why: why.to_owned(), again: None };
    let (mut described, mut first) = (None, None);
    for place in places {
        let request = Request::get(place).header("Accept", "application/json").body(Vec::new());
        let request = request.map_err(|_| unwell("its address cannot be asked"))?;
        let answer = web.send(request).map_err(GrantFault::from);
        let is_too_often =
            answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS);
        match answer.and_then(|answer| in_order(answer, host.clone())) {
            Ok(answer) if answer.status() == StatusCode::OK => {
                described = serde_json::from_slice::<Value>(answer.body()).ok();
            }
            Ok(_) => {}
            Err(fault) if fault.is_stop() || is_too_often => return Err(fault),
            Err(fault) => first = first.or(Some(fault)),
        }
        if described.is_some() {
            break;
        }
    }
    let nowhere = || GrantFault::NoWay {
        host: host.clone(),
        why: "it does not describe itself there; check `issuer`, or write the endpoints".to_owned(),
    };
    let described = described.ok_or_else(|| first.unwrap_or_else(nowhere))?;
    let of = |key: &str| described.get(key).and_then(Value::as_str).map(str::to_owned);
    // RFC 8414, section 3.3: else one provider could pass for another.
    let named = of("issuer").unwrap_or_default();
    if named.trim_end_matches('/') != issuer.trim_end_matches('/') {
        let why = match text::ascii(&named, QUOTED) {
            named if named.is_empty() => {
                "its description names no issuer; write the endpoints instead of `issuer`".to_owned()
            }
            named => format!(
                "its description is of the issuer `{named}`, and the settings name `{issuer}`; if that is your provider too, set `issuer` to \
                 it"
            ),
        };
        return Err(GrantFault::NoWay { host, why });
    }
    let token = of("token_endpoint").ok_or_else(|| unwell("no token endpoint"))?;
    let methods = described.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
    let takes = |method: &str| {
        methods.is_some_and(|methods| methods.iter().any(|known| known.as_str() == Some(method)))
    };
    let signs = described.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true));
    Ok(Authority {
        web,
        authorization: of("authorization_endpoint"),
        device: of("device_authorization_endpoint"),
        token: address(&token, issuer)?,
        auth_type: match takes("client_secret_post") && !takes("client_secret_basic") {
            true => AuthType::RequestBody,
            false => AuthType::BasicAuth,
        },
        issuer: of("issuer").map(|name| Issuer { name, signs }),
        is_found: true,
    })
}

/// An address that was written in the settings or by the issuer.
pub(super) fn address(text: &str, issuer: &str) -> Result<Url, GrantFault> {
    let host =
        || Url::parse(issuer).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    Url::parse(text).map_err(|_| GrantFault::NoWay {
        host: host(),
        why: "one of its endpoints is not an address".to_owned(),
    })
}

/// How long a user has to agree, where the provider does not say it.
pub(super) const TO_AGREE: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_come_back_is_seconds_or_a_date() {
        let now = Timestamp(784_111_777);
        for (value, seconds) in [
            ("120", Some(120)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("99999999999", Some(3600)),
            ("-1", None),
            ("soon", None),
        ] {
            assert_eq!(retry_after(value, now).map(|time| time.as_secs()), seconds, "{value}");
        }
    }

    #[test]
    fn words_that_repeat_a_secret_in_any_form_it_is_sent_in_are_not_shown() {
        let secret = SecretString::from("SECRETclient+XYZ99");
        for (said, is_shown) in [
            ("the token has ended", true),
            ("bad SECRETclient+XYZ99", false),
            ("bad Basic Y2lkOlNFQ1JFVGNsaWVudCtYWVo5OQ==", false),
            ("bad SECRETclient%2BXYZ99", false),
        ] {
            let refusal =
                BasicErrorResponse::new(BasicErrorResponseType::InvalidClient, Some(said.to_owned()), None);
            assert_eq!(quotation(&refusal, &[&secret]).contains(said), is_shown, "{said}");
        }
    }
}
