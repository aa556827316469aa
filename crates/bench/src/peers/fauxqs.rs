//! fauxqs under Node, without its logger and kept to loopback.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Face, Launch, free_address, install};

/// fauxqs asks for every interface; every listener of the process gets loopback instead.
const LOOPBACK: &str = r#"const { Server } = require("node:net");
const listen = Server.prototype.listen;
Server.prototype.listen = function (first, ...rest) {
  if (first !== null && typeof first === "object") {
    return listen.call(this, { ...first, host: "127.0.0.1" }, ...rest);
  }
  return listen.call(this, { port: first, host: "127.0.0.1" }, ...rest.filter((one) => typeof one === "function"));
};
"#;

pub(super) fn launch(program: &Path, folder: &Path) -> Result<Launch> {
    let address = free_address()?;
    let modules = install::fauxqs_modules().context("fauxqs is not installed")?;
    symlink(modules, folder.join("node_modules"))?;
    let (preload, main) = (folder.join("loopback.cjs"), folder.join("main.mjs"));
    fs::write(&preload, LOOPBACK)?;
    let port = address.port();
    let text = format!(
        "import {{ startFauxqs }} from \"fauxqs\";\n\
         await startFauxqs({{ logger: false, port: {port}, host: \"127.0.0.1\" }});\n"
    );
    fs::write(&main, text)?;
    let mut command = Command::new(program);
    command.arg("--require").arg(preload).arg(main);
    Ok(Launch { command, addresses: vec![(Face::Sqs, address)], ready: None })
}
