//! Who may change whose account.

use fenz_core::{Error, Reason, Result, Role, User, UserId};

fn denied(message: &str) -> Error {
    Error::new(Reason::PermissionDenied, message)
}

/// Checks that an account may be hidden, banned or restored: not one's own, and
/// by moderators only accounts of the role user.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub fn check_moderation(actor: &User, target: UserId, role: Role) -> Result<()> {
    if actor.id == target {
        return Err(denied("nobody moderates their own account"));
    }
    if actor.role < Role::Admin && role != Role::User {
        return Err(denied("moderators moderate accounts whose role is user"));
    }
    Ok(())
}

/// Checks that nobody demotes themselves.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub fn check_role_change(actor: UserId, target: UserId, from: Role, to: Role) -> Result<()> {
    if actor == target && to < from {
        return Err(denied("nobody demotes themselves; let another administrator do it"));
    }
    Ok(())
}

/// Checks that administrators do not change their own address here: the route for the
/// own account asks for the password.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub fn check_email_change(actor: UserId, target: UserId) -> Result<()> {
    if actor == target {
        return Err(denied("the own address is changed with the password, at user/email"));
    }
    Ok(())
}

/// Checks that administrators do not reset their own password, which they change with
/// the old one: a session alone must not take over the account.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub fn check_password_reset(actor: UserId, target: UserId) -> Result<()> {
    if actor == target {
        return Err(denied("the own password is changed with the old one, at user/password"));
    }
    Ok(())
}

/// Checks that administrators do not delete their own account, for which there is
/// another route.
///
/// # Errors
/// `CANNOT_DELETE_SELF`.
pub fn check_deletion(actor: UserId, target: UserId) -> Result<()> {
    if actor == target {
        return Err(Error::new(Reason::CannotDeleteSelf, "administrators cannot remove their own account here"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moderators_moderate_users_and_administrators_everyone_except_themselves() {
        let allowed = |actor: Role, target: i64, role: Role| {
            let actor = User { id: UserId(1), role: actor, session: String::new(), token_expires: 0 };
            check_moderation(&actor, UserId(target), role).is_ok()
        };
        let roles = [Role::User, Role::Moderator, Role::Admin];
        assert_eq!(roles.map(|role| allowed(Role::Moderator, 2, role)), [true, false, false]);
        assert_eq!(roles.map(|role| allowed(Role::Admin, 2, role)), [true, true, true]);
        assert!(!allowed(Role::Admin, 1, Role::Admin));
    }

    #[test]
    fn others_can_be_demoted_and_deleted_but_not_oneself() {
        let (one, other) = (UserId(1), UserId(2));
        assert!(check_role_change(one, one, Role::Admin, Role::Admin).is_ok());
        assert!(check_role_change(one, one, Role::Admin, Role::Moderator).is_err());
        assert!(check_role_change(one, other, Role::Admin, Role::User).is_ok());
        assert!(check_email_change(one, other).is_ok());
        assert!(check_email_change(one, one).is_err());
        assert!(check_deletion(one, other).is_ok());
        assert_eq!(check_deletion(one, one).unwrap_err().reason, Reason::CannotDeleteSelf);
    }
}
