//! Class 90: transactions of a channel.

use super::methods;

methods! {
    Select "tx.select" = 90, 10; Client {}
    SelectOk "tx.select-ok" = 90, 11; Server {}
    Commit "tx.commit" = 90, 20; Client {}
    CommitOk "tx.commit-ok" = 90, 21; Server {}
    Rollback "tx.rollback" = 90, 30; Client {}
    RollbackOk "tx.rollback-ok" = 90, 31; Server {}
}
