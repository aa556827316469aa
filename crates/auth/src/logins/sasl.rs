//! The ways to log in by SASL (RFC 4422).

use std::sync::Arc;

use bytes::Bytes;
use model::{Credentials, Secret, Time};

use super::claim::Talk;
use super::{Claim, Conversation, Decision, Granted, Logins, Reason, decided, shortened};
use crate::attempts::Admission;
use crate::identity::{Identity, Source};
use crate::plain::Plain;
use crate::scram::{Proof, Scram};

const SCRAM: &str = "SCRAM-SHA-256";

impl Logins {
    pub(super) fn begin_sasl(
        &mut self,
        now: Time,
        claim: Claim,
        mechanism: &str,
        response: Option<Secret>,
    ) -> Decision {
        let first = |talk| Decision::Challenge(Bytes::new(), Conversation(talk));
        match (mechanism, response) {
            ("ANONYMOUS", _) => decided(self.accounts.anonymous()),
            ("PLAIN", None) => first(Talk::Plain),
            ("PLAIN", Some(message)) => self.plain(now, claim, &message),
            ("EXTERNAL", None) => first(Talk::External),
            ("EXTERNAL", Some(message)) => decided(self.external(&claim, &message)),
            (SCRAM, None) => first(Talk::ScramFirst),
            (SCRAM, Some(message)) => self.begin_scram(&claim, &message),
            (other, _) => Decision::Refused(Reason::UnknownMechanism(shortened(other))),
        }
    }

    pub(super) fn continue_sasl(&mut self, now: Time, mut claim: Claim, response: Secret) -> Decision {
        match claim.conversation.take().map(|Conversation(talk)| talk) {
            None => Decision::Refused(Reason::NoChallenge),
            Some(Talk::Plain) => self.plain(now, claim, &response),
            Some(Talk::External) => decided(self.external(&claim, &response)),
            Some(Talk::ScramFirst) => self.begin_scram(&claim, &response),
            Some(Talk::Scram(scram)) => self.finish_scram(now, claim, scram, response),
        }
    }

    fn plain(&mut self, now: Time, claim: Claim, message: &Secret) -> Decision {
        match Plain::parse(message.expose()) {
            Ok(Plain { user, password }) => self.password(now, claim, user.to_owned(), Secret::from(password)),
            Err(malformed) => Decision::Refused(malformed.into()),
        }
    }

    /// SASL EXTERNAL (RFC 4422, A): the certificate says who it is, the message at most whom it wants to be.
    fn external(&self, claim: &Claim, message: &Secret) -> Result<Identity, Reason> {
        let certificate = claim.certificate.as_deref().ok_or(Reason::NoCertificate)?;
        let identity = self.accounts.of_certificate(certificate)?;
        if message.expose().is_empty() || message.expose() == identity.name.as_bytes() {
            return Ok(identity);
        }
        let wanted = shortened(&String::from_utf8_lossy(message.expose()));
        Err(Reason::OtherUser { user: identity.name, wanted })
    }

    /// Costs nothing that could be guessed with: only the proof counts.
    fn begin_scram(&mut self, claim: &Claim, message: &Secret) -> Decision {
        let users = self.accounts.users();
        let find = |name: &str| users.find(name).and_then(|user| user.scram.as_ref());
        match Scram::begin(message.expose(), claim.nonce(), self.accounts.fakes(), find) {
            Ok((scram, reply)) => Decision::Challenge(reply, Conversation(Talk::Scram(scram))),
            Err(malformed) => Decision::Refused(malformed.into()),
        }
    }

    fn finish_scram(&mut self, now: Time, mut claim: Claim, scram: Scram, message: Secret) -> Decision {
        let name = scram.user().to_owned();
        match self.admit(now, &claim, &name) {
            Admission::Now => {}
            Admission::At(time) => {
                claim.credentials = Credentials::Response(message);
                claim.conversation = Some(Conversation(Talk::Scram(scram)));
                claim.waited = true;
                return Decision::Wait(time, Box::new(claim));
            }
            Admission::Never => return Decision::Refused(Reason::TooManyFailures(name)),
        }
        let user = self.accounts.users().find(&name).map(Arc::clone);
        // A password that was changed meanwhile counts no more.
        let is_current = scram.is_current(user.as_ref().and_then(|user| user.scram.as_ref()));
        match (scram.finish(message.expose()), user) {
            (Proof::Right(last), Some(user)) if is_current => {
                self.attempts.succeeded(&name, claim.address);
                let granted = Granted::plain(user.identity(Source::File));
                Decision::Granted(Granted { last_message: Some(last), ..granted })
            }
            (Proof::Malformed(malformed), _) => Decision::Refused(malformed.into()),
            (_, None) => self.refuse(now, &name, claim.address, Reason::UnknownUser(name.clone())),
            (_, Some(_)) => self.refuse(now, &name, claim.address, Reason::WrongPassword(name.clone())),
        }
    }
}
