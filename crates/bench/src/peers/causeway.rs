//! Causeway itself, with the faces that are measured.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Face, Launch, READY, free_address};

/// Of every encrypted store here; it protects nothing.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

pub(super) fn launch_aes(program: &Path, folder: &Path) -> Result<Launch> {
    launch_encrypted(program, folder, "aes-256-gcm")
}

pub(super) fn launch_chacha(program: &Path, folder: &Path) -> Result<Launch> {
    launch_encrypted(program, folder, "chacha20-poly1305")
}

fn launch_encrypted(program: &Path, folder: &Path, encryption: &str) -> Result<Launch> {
    let mut launch = launch(program, folder)?;
    launch.command.env("CAUSEWAY_ENCRYPTION", encryption).env("CAUSEWAY_ENCRYPTION_KEY", KEY);
    Ok(launch)
}

pub(super) fn launch(program: &Path, folder: &Path) -> Result<Launch> {
    let faces = [
        (&[Face::Mqtt][..], "mqtt", free_address()?),
        (&[Face::Amqp091, Face::Amqp10], "amqp", free_address()?),
        (&[Face::Stomp], "stomp", free_address()?),
        (&[Face::Sqs], "aws", free_address()?),
    ];
    let listener = |(_, face, address): &(&[Face], &str, SocketAddr)| {
        format!("[[listener]]\nface = \"{face}\"\naddress = \"{}\"\nport = {}\n\n", address.ip(), address.port())
    };
    let config = folder.join("causeway.toml");
    let console = "[[listener]]\nface = \"console\"\nenabled = false\n";
    fs::write(&config, faces.iter().map(listener).collect::<String>() + console)?;
    let mut command = Command::new(program);
    command.arg("--data").arg(folder.join("data")).arg("--config").arg(config);
    let all = faces.iter().flat_map(|(faces, _, address)| faces.iter().map(|face| (*face, *address)));
    Ok(Launch { ready: Some(READY), ..Launch::new(command, all.collect()) })
}
