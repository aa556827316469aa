use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make a user; the password is asked for, or is the first line of standard input if that is no terminal
    Add(NewUser),
    /// Give a user another password, asked for as by "add"
    Passwd {
        name: String,
        /// Let SCRAM-SHA-256 work with it, too
        #[arg(long)]
        scram: bool,
    },
    /// Remove a user and the user's access keys
    Remove { name: String },
    /// Show all users
    List,
    /// Take over users with their passwords: RabbitMQ's definitions (JSON), or a password file of mosquitto
    Import { file: PathBuf },
}

#[derive(Args, Clone, Debug)]
pub(crate) struct NewUser {
    pub(super) name: String,
    /// May do everything
    #[arg(long)]
    pub(super) admin: bool,
    /// May see everything
    #[arg(long)]
    pub(super) monitor: bool,
    /// A group that the user is in; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    pub(super) groups: Vec<String>,
    /// A client certificate that is the user's, by subject ("CN=a,O=b"), common name or alternative name
    #[arg(long = "certificate", value_name = "NAME")]
    pub(super) certificates: Vec<String>,
    /// Let SCRAM-SHA-256 work with the password, too
    #[arg(long)]
    pub(super) scram: bool,
    /// No password: for users with certificates or access keys only
    #[arg(long, conflicts_with = "scram")]
    pub(super) no_password: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make an access key; its secret is shown now and never again
    Add {
        user: String,
        /// The AWS account that it works in, 12 digits
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        /// Its id, in place of a new one
        #[arg(long, value_name = "ID")]
        id: Option<String>,
    },
    /// Give an access key another secret, shown now and never again; the old one ends at once
    Rotate { id: String },
    /// Let nobody in with an access key until it is enabled
    Disable { id: String },
    /// Undo "disable"
    Enable { id: String },
    /// Remove an access key
    Remove { id: String },
    /// Show all access keys, without their secrets
    List,
}
