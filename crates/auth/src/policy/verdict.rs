/// Whether somebody may do something, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub allowed: bool,
    pub because: Because,
}

/// What decided. Numbers are places of entries in the file, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// An administrator may do everything.
    Administrator,
    /// Who watches the broker may see everything.
    Monitor,
    /// There is no permissions file: who has logged in may use everything.
    Open,
    /// This entry gives it.
    Given(usize),
    /// This entry takes it.
    Taken(usize),
    /// This [[permission]] would give it, but the [[topic_permission]]s of the exchange do not.
    Narrowed(usize),
    /// By this entry something may be read or written, so temporary queues may be had: no [[temporary]] says otherwise.
    Temporary(usize),
    /// A scope of the token gives it.
    Scope,
    /// No entry gives it, and no scope of a token.
    Nothing,
    /// It is for administrators only.
    AdministratorsOnly,
    /// It is for administrators and those who watch only.
    MonitorsOnly,
    /// There is no permissions file, and nobody has logged in.
    Anonymous,
}

impl Verdict {
    pub(super) const fn allowed(because: Because) -> Self {
        Self { allowed: true, because }
    }

    pub(super) const fn refused(because: Because) -> Self {
        Self { allowed: false, because }
    }
}
