//! Reduces a TLS error to its reason, for a person to read.
//!
//! OpenSSL's text also contains codes and places in its C source. Made by `dial`, read by `fault`.

use std::fmt;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// OpenSSL's text for an answer that is not TLS (SSL_R_WRONG_VERSION_NUMBER). native-tls does not pass the code on.
const NOT_TLS: &str = "wrong version number";
/// OpenSSL's text for a certificate of the chain that is from the future (X509_V_ERR_CERT_NOT_YET_VALID).
const NOT_YET_VALID: &str = "certificate is not yet valid";

/// An error of TLS.
#[derive(Debug)]
pub struct TlsError(native_tls::Error);

impl TlsError {
    /// Was the answer to the handshake not TLS?
    pub(super) fn is_not_tls(&self) -> bool {
        self.0.to_string().contains(NOT_TLS)
    }

    /// Is a certificate of the server's chain not valid yet, by the machine's clock?
    pub(super) fn is_not_valid_yet(&self) -> bool {
        self.0.to_string().contains(NOT_YET_VALID)
    }
}

impl From<native_tls::Error> for TlsError {
    fn from(error: native_tls::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&reasons(&self.0.to_string()))
    }
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
