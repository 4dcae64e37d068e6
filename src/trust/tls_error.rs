//! Reduces a TLS error to its reason, for a person to read.
//!
//! OpenSSL's text also contains codes and places in its C source. Made and shown by `mailbox` and `web`.

use std::fmt;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::certificate::DistrustReason;

/// OpenSSL's text for an answer that is not TLS (SSL_R_WRONG_VERSION_NUMBER). native-tls does not pass the code on.
const NOT_TLS: &str = "wrong version number";
/// OpenSSL's text for a chain that it does not trust (SSL_R_CERTIFICATE_VERIFY_FAILED), which native-tls follows by why not.
const NOT_TRUSTED: &str = "certificate verify failed";
/// OpenSSL's texts for why not (X509_verify_cert_error_string(3)), those of version 1.1 too.
const REASONS: [(&str, DistrustReason); 9] = [
    ("hostname mismatch", DistrustReason::OtherName),
    ("IP address mismatch", DistrustReason::OtherName),
    ("unable to get local issuer certificate", DistrustReason::UnknownIssuer),
    ("unable to verify the first certificate", DistrustReason::UnknownIssuer),
    ("self-signed certificate in certificate chain", DistrustReason::UnknownIssuer),
    ("self-signed certificate", DistrustReason::SelfSigned),
    ("self signed certificate", DistrustReason::SelfSigned),
    ("certificate has expired", DistrustReason::Expired),
    ("certificate is not yet valid", DistrustReason::NotValidYet),
];

/// An error of TLS.
#[derive(Debug)]
pub struct TlsError(native_tls::Error);

impl TlsError {
    /// Was the answer to the handshake not TLS?
    pub(crate) fn is_not_tls(&self) -> bool {
        self.0.to_string().contains(NOT_TLS)
    }

    /// Why the server's certificate is not trusted, if that is the error.
    pub(crate) fn distrust(&self) -> Option<DistrustReason> {
        distrust(&self.to_string())
    }
}

impl From<native_tls::Error> for TlsError {
    fn from(error: native_tls::Error) -> Self {
        Self(error)
    }
}

impl std::error::Error for TlsError {}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&reasons(&self.0.to_string()))
    }
}

/// The reason in the words that [`reasons`] leaves.
fn distrust(text: &str) -> Option<DistrustReason> {
    let words = text.strip_prefix(NOT_TRUSTED)?.trim_matches([' ', '(', ')']);
    let known = REASONS.iter().find(|(reason, _)| *reason == words);
    Some(known.map_or_else(|| DistrustReason::Other(words.to_owned()), |(_, reason)| reason.clone()))
}

/// An error as OpenSSL writes it: `error:CODE:library:function:reason:file:line:data`.
static OPENSSL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"error:[0-9A-F]{8}:[^:]*:[^:]*:(?<reason>[^:]*):[^:]*:[0-9]+:(?<data>[^ ,]?)").ok()
});

/// The reasons in OpenSSL's text, which may contain several errors. All other text stays the same.
fn reasons(text: &str) -> String {
    let Some(pattern) = OPENSSL.as_ref() else { return text.to_owned() };
    let shown = pattern.replace_all(text, |error: &Captures<'_>| {
        let part = |name| error.name(name).map_or("", |part| part.as_str());
        let apart = if part("data").is_empty() { "" } else { ": " };
        format!("{}{apart}{}", part("reason"), part("data"))
    });
    shown.trim_end_matches([' ', ',']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_not_to_trust_a_certificate_is_told_apart() {
        use DistrustReason::{Expired, NotValidYet, OtherName, SelfSigned, UnknownIssuer};
        for (words, reason) in [
            ("hostname mismatch", OtherName),
            ("IP address mismatch", OtherName),
            ("unable to get local issuer certificate", UnknownIssuer),
            ("self-signed certificate in certificate chain", UnknownIssuer),
            ("self-signed certificate", SelfSigned),
            ("certificate has expired", Expired),
            ("certificate is not yet valid", NotValidYet),
            ("invalid CA certificate", DistrustReason::Other("invalid CA certificate".to_owned())),
        ] {
            assert_eq!(distrust(&format!("certificate verify failed ({words})")), Some(reason));
        }
        assert_eq!(distrust("wrong version number"), None);
    }

    #[test]
    fn the_reason_is_shown_without_the_place_in_openssls_source() {
        for (text, shown) in [
            (
                "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify \
                 failed:../ssl/statem/statem_clnt.c:1889: (self-signed certificate)",
                "certificate verify failed (self-signed certificate)",
            ),
            (
                "error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/ssl3_record.c:354:",
                "wrong version number",
            ),
            (
                "error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake \
                 failure:../ssl/record/rec_layer_s3.c:1600:SSL alert number 40",
                "sslv3 alert handshake failure: SSL alert number 40",
            ),
            (
                "error:0688010A:asn1 encoding routines:asn1_d2i_ex_primitive:nested asn1 \
                 error:../crypto/asn1/tasn_dec.c:713:, error:0688010A:asn1 encoding routines:f:too \
                 long:../crypto/x.c:1:Field=x, Type=Y",
                "nested asn1 error, too long: Field=x, Type=Y",
            ),
            ("unexpected EOF", "unexpected EOF"),
            ("an error: of another kind", "an error: of another kind"),
            ("", ""),
        ] {
            assert_eq!(reasons(text), shown);
        }
    }
}
