//! fauxqs under Node, without its logger and kept to loopback.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Face, Launch, free_address, install};

/// Loaded before fauxqs, which asks for every interface: every listener of the process gets loopback instead.
/// Its store, imported but unused in memory-only operation, needs a module that older Nodes lack: an empty one does.
const PRELOAD: &str = r#"const { Server } = require("node:net");
const { isBuiltin, register } = require("node:module");

const listen = Server.prototype.listen;
Server.prototype.listen = function (first, ...rest) {
  const callbacks = rest.filter((one) => typeof one === "function");
  const options = first !== null && typeof first === "object" ? first : { port: first };
  return listen.call(this, { ...options, host: "127.0.0.1" }, ...callbacks);
};

if (!isBuiltin("node:sqlite")) {
  const stub = "data:text/javascript,export class DatabaseSync {}";
  const hooks = `export const resolve = (specifier, context, next) =>
    specifier === "node:sqlite" ? { url: "${stub}", shortCircuit: true } : next(specifier, context);`;
  register("data:text/javascript," + encodeURIComponent(hooks));
}
"#;

pub(super) fn launch(program: &Path, folder: &Path) -> Result<Launch> {
    let address = free_address()?;
    let modules = install::fauxqs_modules().context("fauxqs is not installed")?;
    symlink(modules, folder.join("node_modules"))?;
    let (preload, main) = (folder.join("preload.cjs"), folder.join("main.mjs"));
    fs::write(&preload, PRELOAD)?;
    let port = address.port();
    let text = format!(
        "import {{ startFauxqs }} from \"fauxqs\";\n\
         await startFauxqs({{ logger: false, port: {port}, host: \"127.0.0.1\" }});\n"
    );
    fs::write(&main, text)?;
    let mut command = Command::new(program);
    command.arg("--require").arg(preload).arg(main);
    Ok(Launch::new(command, vec![(Face::Sqs, address)]))
}
