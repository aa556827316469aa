use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::authority::Authority;
use crate::unpacked::Unpacked;
use crate::until;

/// A directory server with the users of `users.ldif`, killed on drop.
pub(crate) struct Slapd {
    unpacked: &'static Unpacked,
    folder: TempDir,
    child: Option<Child>,
    pub(crate) plain: u16,
    pub(crate) tls: u16,
}

impl Slapd {
    /// With a certificate for `localhost`. `security` is the value of slapd's setting of that name.
    pub(crate) fn start(unpacked: &'static Unpacked, authority: &Authority, security: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut slapd = Self { unpacked, folder, child: None, plain: 0, tls: 0 };
        let (certificate, key) = authority.issue("localhost");
        fs::write(slapd.path("server.pem"), certificate).unwrap();
        fs::write(slapd.path("server.key"), key).unwrap();
        fs::write(slapd.path("ca.pem"), authority.pem()).unwrap();
        fs::create_dir(slapd.path("database")).unwrap();
        fs::write(slapd.path("slapd.conf"), slapd.settings(security)).unwrap();
        fs::write(slapd.path("users.ldif"), include_str!("users.ldif")).unwrap();
        let mut add = unpacked.slapd();
        add.args(["-T", "add", "-f"]).arg(slapd.path("slapd.conf")).arg("-l").arg(slapd.path("users.ldif"));
        let output = add.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // Somebody else may take a port between the choice and the start.
        until("a server that starts", || {
            (slapd.plain, slapd.tls) = (free_port(), free_port());
            slapd.run().then_some(())
        });
        slapd
    }

    /// Starts the program again, on the same ports; false if it ends at once.
    pub(crate) fn run(&mut self) -> bool {
        let mut command = self.unpacked.slapd();
        let urls = format!("ldap://127.0.0.1:{} ldaps://127.0.0.1:{}", self.plain, self.tls);
        command.arg("-f").arg(self.path("slapd.conf")).args(["-h", &urls, "-d", "0"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let running = until("a server that listens or ends", || {
            if child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            let open = |port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
            (open(self.plain) && open(self.tls)).then_some(true)
        });
        self.child = Some(child);
        running
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// `STOP` lets it keep its sockets and say nothing, `CONT` lets it go on.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        let status = Command::new("sh").args(["-c", "kill -$0 $1", name, &pid]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn ca_file(&self) -> String {
        self.path("ca.pem").display().to_string()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn settings(&self, security: &str) -> String {
        let include = |name: &str| format!("include {}\n", self.unpacked.schema(name).display());
        let line = |name: &str, path: &Path| format!("{name} {}\n", path.display());
        [
            ["core.schema", "cosine.schema", "inetorgperson.schema"].map(include).concat(),
            line("modulepath", &self.unpacked.modules()),
            "moduleload back_mdb\n".to_owned(),
            line("TLSCACertificateFile", &self.path("ca.pem")),
            line("TLSCertificateFile", &self.path("server.pem")),
            line("TLSCertificateKeyFile", &self.path("server.key")),
            // As lax as servers are: a name without a password is let in, as nobody.
            "allow bind_anon_cred bind_anon_dn\n".to_owned(),
            format!("security {security}\n"),
            "database mdb\nmaxsize 16777216\nsuffix dc=example,dc=com\n".to_owned(),
            line("directory", &self.path("database")),
            // Only the service account sees anything.
            "access to * by dn.exact=cn=broker,ou=services,dc=example,dc=com read by anonymous auth by * none\n"
                .to_owned(),
        ]
        .concat()
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
