//! Secrets that must be read again, such as those that sign webhooks: sealed where they are stored.
//!
//! XChaCha20-Poly1305 with a random nonce; the id of the row is authenticated with it, so that a sealed secret
//! opens in its own row only. Without a key secrets are stored as text: whoever reads the database reads them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};

/// What sealed text begins with: the form, for others to come.
const PREFIX: &str = "sealed:1:";
/// Bytes of a key.
const KEY: usize = 32;
/// Bytes of a nonce; long enough to be random.
const NONCE: usize = 24;

/// Seals and opens secrets, if it has a key.
#[derive(Clone, Default)]
pub struct Vault(Option<XChaCha20Poly1305>);

/// The text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key for secrets is 64 hexadecimal digits; make one with: openssl rand -hex 32")]
pub struct NotAKey;

/// A secret cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// It is sealed, and there is no key.
    #[error("it is sealed, and the key for secrets (MUSTER_SECRETS_KEY) is not set")]
    NoKey,
    /// It was sealed with another key, for another row, or was changed.
    #[error("it does not open with the key for secrets (MUSTER_SECRETS_KEY)")]
    WrongKey,
}

impl Vault {
    /// A vault with this key, 64 hexadecimal digits.
    pub fn with_key(hexadecimal: &str) -> Result<Self, NotAKey> {
        let digits = hexadecimal.trim();
        if digits.len() != 2 * KEY || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NotAKey);
        }
        let byte = |at: usize| digits.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let key: Vec<u8> = (0..KEY).map_while(byte).collect();
        XChaCha20Poly1305::new_from_slice(&key).map(|cipher| Vault(Some(cipher))).map_err(|_| NotAKey)
    }

    /// What is stored of a secret in the row `row`: the secret itself, if there is no key.
    pub fn seal(&self, secret: &str, row: &str) -> String {
        let Some(cipher) = &self.0 else { return secret.to_owned() };
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload { msg: secret.as_bytes(), aad: row.as_bytes() };
        match cipher.encrypt(&XNonce::from(nonce), payload) {
            Ok(sealed) => format!("{PREFIX}{}", STANDARD_NO_PAD.encode([&nonce[..], &sealed].concat())),
            Err(_) => unreachable!("only texts of many gigabytes cannot be sealed"),
        }
    }

    /// The secret that was stored in the row `row`. One that was stored before there was a key opens as it is.
    pub fn open(&self, stored: &str, row: &str) -> Result<String, Unopened> {
        let Some(sealed) = stored.strip_prefix(PREFIX) else { return Ok(stored.to_owned()) };
        let cipher = self.0.as_ref().ok_or(Unopened::NoKey)?;
        let bytes = STANDARD_NO_PAD.decode(sealed).map_err(|_| Unopened::WrongKey)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(Unopened::WrongKey)?;
        let payload = Payload { msg: sealed, aad: row.as_bytes() };
        let opened = cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| Unopened::WrongKey)?;
        String::from_utf8(opened).map_err(|_| Unopened::WrongKey)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Vault(with a key)" } else { "Vault(without a key)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_TEXT: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn what_is_sealed_opens_in_its_own_row_with_its_own_key_only() {
        let vault = Vault::with_key(KEY_TEXT).unwrap();
        let stored = vault.seal("whsec_abc", "we_1");
        assert!(!stored.contains("whsec_abc"));
        assert_ne!(stored, vault.seal("whsec_abc", "we_1"), "the nonce is random");
        assert_eq!(vault.open(&stored, "we_1").as_deref(), Ok("whsec_abc"));
        assert_eq!(vault.open(&stored, "we_2"), Err(Unopened::WrongKey));
        assert_eq!(Vault::with_key(&"f".repeat(64)).unwrap().open(&stored, "we_1"), Err(Unopened::WrongKey));
        assert_eq!(Vault::default().open(&stored, "we_1"), Err(Unopened::NoKey));
        assert_eq!(vault.open("sealed:1:AAAA", "we_1"), Err(Unopened::WrongKey));
        assert_eq!(vault.open("sealed:1:!", "we_1"), Err(Unopened::WrongKey));
    }

    #[test]
    fn without_a_key_secrets_are_text_and_stay_readable_once_there_is_one() {
        let stored = Vault::default().seal("whsec_abc", "we_1");
        assert_eq!(stored, "whsec_abc");
        assert_eq!(Vault::with_key(KEY_TEXT).unwrap().open(&stored, "we_1").as_deref(), Ok("whsec_abc"));
    }

    #[test]
    fn a_key_is_sixty_four_digits() {
        for wrong in ["", "abc", &"g".repeat(64), &"a".repeat(63), &"é".repeat(32)] {
            assert!(Vault::with_key(wrong).is_err(), "{wrong}");
        }
        assert!(Vault::with_key(&format!(" {KEY_TEXT}\n")).is_ok());
        assert_eq!(format!("{:?}", Vault::with_key(KEY_TEXT).unwrap()), "Vault(with a key)");
    }
}
