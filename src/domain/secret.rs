//! Bearer secrets: 256 random bits behind a prefix that secret scanners know. Only digests are stored.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// A secret that was just made. It is shown once, in the answer that creates it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A new secret that begins with `prefix`.
    pub fn mint(prefix: &str) -> Self {
        let bits: [u8; 32] = rand::random();
        Secret(format!("{prefix}{}", hexadecimal(&bits)))
    }

    /// The text, for the one answer that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Its first characters, enough to recognise it in a list and too few to guess the rest.
    pub fn hint(&self) -> String {
        hint(&self.0)
    }

    /// Its last four characters, by which events name it.
    pub fn suffix(&self) -> String {
        self.0.chars().skip(self.0.chars().count().saturating_sub(4)).collect()
    }

    /// What is stored.
    pub fn digest(&self) -> String {
        digest(&self.0)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The digest under which a presented secret is looked up. Since the look-up is by digest, its timing
/// tells nothing of the secret.
pub fn digest(presented: &str) -> String {
    digest_of(presented.as_bytes())
}

/// The digest of anything.
pub fn digest_of(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The first twelve characters, for lists.
pub fn hint(secret: &str) -> String {
    secret.chars().take(12).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_do_not_show_in_debug_output() {
        let (one, other) = (Secret::mint("scim_"), Secret::mint("scim_"));
        assert_ne!(one.reveal(), other.reveal());
        assert_eq!(one.reveal().len(), "scim_".len() + 64);
        assert!(!format!("{one:?}").contains(one.reveal()));
        assert_eq!(digest(one.reveal()), one.digest());
    }
}
