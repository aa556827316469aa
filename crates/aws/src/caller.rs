use model::Name;

use crate::characters::is_account;
use crate::service::HOME_ACCOUNT;

/// Who gives a connection's request, as far as the shell has vouched for it.
#[derive(Debug, Default)]
pub(crate) struct Caller {
    access_key: String,
    /// Of the signature's scope: where the request's queues are.
    pub(crate) region: String,
    account: String,
    /// Empty: nobody in particular, who owns the account.
    user: String,
}

impl Caller {
    /// A new request says that it is from this one.
    pub(crate) fn claim(&mut self, access_key: &str, region: &str) {
        access_key.clone_into(&mut self.access_key);
        region.clone_into(&mut self.region);
        HOME_ACCOUNT.clone_into(&mut self.account);
    }

    /// The shell says who that is. True if it is somebody else than before.
    ///
    /// Where nobody in particular is let in, an access key of 12 digits is an account itself; all others share one.
    pub(crate) fn vouch(&mut self, user: &Name, account: Option<&str>) -> bool {
        let own = Some(&*self.access_key).filter(|key| user.is_empty() && is_account(key));
        account.or(own).unwrap_or(HOME_ACCOUNT).clone_into(&mut self.account);
        let user = user.to_text();
        if *user == *self.user {
            return false;
        }
        self.user = user.into_owned();
        true
    }

    /// 12 digits.
    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    /// Somebody whose rights may have limits.
    pub(crate) fn is_named(&self) -> bool {
        !self.user.is_empty()
    }

    pub(crate) fn arn(&self) -> String {
        match &*self.user {
            "" => format!("arn:aws:iam::{}:root", self.account),
            user => user_arn(&self.account, user),
        }
    }

    pub(crate) fn id(&self) -> &str {
        if self.is_named() { &self.user } else { &self.account }
    }
}

pub(crate) fn user_arn(account: &str, user: &str) -> String {
    format!("arn:aws:iam::{account}:user/{user}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_what_the_shell_says_or_else_what_the_key_is() {
        let mut caller = Caller::default();
        for (key, user, account, expected) in [
            ("test", "", None, HOME_ACCOUNT),
            ("123456789012", "", None, "123456789012"),
            ("123456789012", "ann", None, HOME_ACCOUNT),
            ("AKIAEXAMPLE", "ann", Some("000000000042"), "000000000042"),
            ("123456789012", "", Some("000000000042"), "000000000042"),
        ] {
            caller.claim(key, "us-east-1");
            let before = caller.user.clone();
            assert_eq!(caller.vouch(&Name::from(user), account), before != user);
            assert_eq!(caller.account(), expected, "{key} {user:?} {account:?}");
        }
        assert_eq!((caller.arn().as_str(), caller.id()), ("arn:aws:iam::000000000042:root", "000000000042"));
        caller.vouch(&Name::from("ann"), None);
        assert_eq!((caller.arn().as_str(), caller.id()), ("arn:aws:iam::000000000000:user/ann", "ann"));
    }
}
