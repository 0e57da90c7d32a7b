//! Sign-in by somebody else's OpenID provider: what its ID token must say, and who it is about.

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

/// How far the clocks of the provider and of this server may differ.
const SKEW: Duration = Duration::minutes(2);
/// How old a token may be that answers a sign-in that was just made.
const OLDEST: Duration = Duration::minutes(15);

/// What a token must have been made for.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// This server, as the provider knows it.
    pub client_id: &'a str,
    /// The value that went with the sign-in.
    pub nonce: &'a str,
}

/// The address of whoever signed in at the provider, which says that it is theirs.
///
/// The checks are those of OpenID Connect Core 1.0, section 3.1.3.7, points 2 to 5 and 9 to 11.
///
/// # Errors
///
/// A sentence that says what is wrong with the token.
pub fn verified_email<'a>(
    claims: &'a Value,
    expected: Expected<'_>,
    now: DateTime<Utc>,
) -> Result<&'a str, &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let time = |name: &str| claims.get(name).and_then(Value::as_i64).and_then(|at| DateTime::from_timestamp(at, 0));
    if text("iss") != Some(expected.issuer) {
        return Err("the ID token is from another issuer");
    }
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let authorized = match claims.get("azp") {
        Some(party) => party.as_str() == Some(expected.client_id),
        None => audiences.len() == 1,
    };
    if !audiences.contains(&expected.client_id) || !authorized {
        return Err("the ID token is for another application");
    }
    if text("nonce") != Some(expected.nonce) {
        return Err("the ID token answers another sign-in");
    }
    if time("exp").is_none_or(|at| at + SKEW <= now) {
        return Err("the ID token has expired");
    }
    if time("iat").is_none_or(|at| at > now + SKEW || at < now - OLDEST) {
        return Err("the ID token was not made just now; compare the clocks of both servers");
    }
    let email = text("email").filter(|email| !email.is_empty());
    let email = email.ok_or("the provider does not tell the e-mail address; let it put `email` into the ID token")?;
    // Some providers write booleans as text.
    let verified = claims.get("email_verified").is_some_and(|value| value == true || value == "true");
    if !verified {
        return Err("the provider does not say that it has verified the e-mail address");
    }
    Ok(email)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const EXPECTED: Expected<'static> = Expected { issuer: "https://id.example", client_id: "muster", nonce: "n" };

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn claims() -> Value {
        json!({
            "iss": "https://id.example", "aud": "muster", "nonce": "n", "exp": 1_700_000_300, "iat": 1_699_999_999,
            "email": "ada@acme.example", "email_verified": true,
        })
    }

    #[test]
    fn a_token_that_is_for_this_sign_in_names_its_person() {
        assert_eq!(verified_email(&claims(), EXPECTED, now()), Ok("ada@acme.example"));
        for (name, value) in [
            ("aud", json!(["muster"])),
            ("azp", json!("muster")),
            ("email_verified", json!("true")),
            ("iat", json!(1_700_000_060)),
        ] {
            let mut good = claims();
            good[name] = value.clone();
            assert!(verified_email(&good, EXPECTED, now()).is_ok(), "{name} {value}");
        }
        let mut several = claims();
        (several["aud"], several["azp"]) = (json!(["other", "muster"]), json!("muster"));
        assert!(verified_email(&several, EXPECTED, now()).is_ok());
    }

    #[test]
    fn a_token_that_is_not_is_refused() {
        for (name, value) in [
            ("iss", json!("https://id.example/")),
            ("iss", json!(null)),
            ("aud", json!("other")),
            ("aud", json!(["muster", "other"])),
            ("aud", json!([])),
            ("azp", json!("other")),
            ("azp", json!(7)),
            ("nonce", json!("m")),
            ("nonce", json!(null)),
            ("exp", json!(1_699_999_000)),
            ("exp", json!("1700000300")),
            ("exp", json!(i64::MAX)),
            ("iat", json!(1_700_009_000)),
            ("iat", json!(1_600_000_000)),
            ("iat", json!(null)),
            ("email", json!("")),
            ("email", json!(["ada@acme.example"])),
            ("email_verified", json!(false)),
            ("email_verified", json!(null)),
            ("email_verified", json!(1)),
        ] {
            let mut bad = claims();
            bad[name] = value.clone();
            assert!(verified_email(&bad, EXPECTED, now()).is_err(), "{name} {value}");
        }
        assert!(verified_email(&Value::Null, EXPECTED, now()).is_err());
    }
}
