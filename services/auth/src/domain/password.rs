//! The rules for new passwords.

use std::{collections::HashSet, sync::LazyLock};

use fenz_core::{Error, Reason, Result};

/// Passwords that several lists of leaked ones contain, lower-case, 8 characters
/// or more.
static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().filter(|l| !l.starts_with('#')).collect());

/// Checks a new password; `field` names it in errors. The contract checks its
/// length.
///
/// # Errors
/// `PASSWORD_TOO_WEAK`.
pub fn check(field: &str, password: &str, username: &str) -> Result<()> {
    let lower = password.to_lowercase();
    if lower == username.to_lowercase() {
        return Err(Error::field(Reason::PasswordTooWeak, field, "must not be the username"));
    }
    if COMMON.contains(lower.as_str()) {
        return Err(Error::field(Reason::PasswordTooWeak, field, "is among the most common passwords"));
    }
    let first = lower.chars().next();
    if lower.chars().all(|c| Some(c) == first) {
        return Err(Error::field(Reason::PasswordTooWeak, field, "must not be one character repeated"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused() {
        for weak in
            ["password1", "PassWord1", "12345678", "qwertyuiop", "ann_with_a_name", "Ann_With_A_Name", "zzzzzzzzz"]
        {
            let error = check("password", weak, "ann_with_a_name").unwrap_err();
            assert_eq!(error.reason, Reason::PasswordTooWeak, "{weak}");
        }
    }

    #[test]
    fn others_are_accepted_even_if_they_contain_the_username() {
        for good in
            ["ann_with_a_name2", "correct horse battery", "пароль-подлиннее", "\u{1f600}\u{1f601}\u{1f602}\u{1f603}"]
        {
            assert!(check("password", good, "ann_with_a_name").is_ok(), "{good}");
        }
    }

    #[test]
    fn the_list_has_only_passwords_of_valid_length() {
        assert!(COMMON.len() >= 100);
        assert!(COMMON.iter().all(|p| p.chars().count() >= 8 && *p == p.to_lowercase()));
    }
}
