//! Cold files as bytes.

use std::sync::Arc;

use super::*;
use crate::disk::simulated::SimulatedDisk;

/// Without and with encryption.
fn vaults() -> [Vault; 2] {
    [Vault::plain(77), Vault::sealed(77)]
}

const ID: FileId = FileId { first: 3, last: 9, cold: true };

fn records() -> Vec<(Lsn, Vec<u8>)> {
    let sizes = [(10, 5), (11, 0), (900, 300), (5000, 40)];
    sizes.iter().map(|&(lsn, len)| (Lsn(lsn), vec![lsn as u8; len])).collect()
}

fn written(vault: &Vault, records: &[(Lsn, Vec<u8>)]) -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    let mut out = ColdWriter::create(&disk, vault, ID, Lsn(8), Lsn(6000)).unwrap();
    records.iter().for_each(|(lsn, record)| out.push(*lsn, record).unwrap());
    out.finish(345).unwrap();
    out.publish().unwrap();
    disk
}

/// Everything that the file says it holds, read whole and one by one.
fn read(vault: &Vault, disk: &dyn Disk) -> Result<Vec<(Lsn, Vec<u8>)>, Error> {
    let entry = read_header(disk, vault, ID)?;
    let source = Source::of_log(disk, vault, ID)?;
    let mut records = Vec::new();
    for location in read_frames(disk, vault, ID)?.iter(entry.first) {
        let table = Table::read(&source, location.offset, vault.store_id)?;
        let payload = table.read_payload(&source)?;
        for span in table.spans() {
            let record = table.find(span.lsn).expect("it is in the table");
            let alone = table.read_record(&source, record)?;
            assert_eq!(alone, span.of(&payload));
            records.push((span.lsn, alone.to_vec()));
        }
    }
    Ok(records)
}

#[test]
fn records_come_back() {
    for vault in vaults() {
        let disk = written(&vault, &records());
        assert_eq!(read(&vault, &disk).unwrap(), records());
        let entry = read_header(&disk, &vault, ID).unwrap();
        assert_eq!((entry.first, entry.end, entry.held), (Lsn(8), Lsn(6000), 345));
        assert!(read_header(&disk, &Vault::plain(78), ID).is_err());
    }
}

#[test]
fn long_records_have_frames_of_their_own() {
    let records: Vec<(Lsn, Vec<u8>)> =
        (1..=6).map(|lsn| (Lsn(7 + lsn), vec![lsn as u8; crate::MAX_RECORD / lsn as usize])).collect();
    for vault in vaults() {
        let disk = written(&vault, &records);
        assert_eq!(read(&vault, &disk).unwrap(), records);
        let frames = read_frames(&disk, &vault, ID).unwrap();
        assert_eq!(frames.iter(Lsn(8)).count(), 6);
    }
}

#[test]
fn no_bit_may_change() {
    vaults().iter().for_each(no_bit_of);
}

fn no_bit_of(vault: &Vault) {
    let disk = written(vault, &records());
    let size = disk.open(&ID.name()).unwrap().size().unwrap();
    let mut noticed = 0;
    for bit in 0..size * 8 {
        disk.flip_bit(&ID.name(), bit / 8, (bit % 8) as u8);
        match read(vault, &disk) {
            Ok(read) => assert_eq!(read, records(), "bit {bit}"),
            Err(error) => {
                assert!(matches!(error, Error::Corrupt { .. } | Error::Newer { .. }), "bit {bit}: {error}");
                noticed += 1;
            }
        }
        disk.flip_bit(&ID.name(), bit / 8, (bit % 8) as u8);
    }
    // All but the padding.
    assert!(noticed >= (84 + 44 + 4 * 9 + 345 + 24 + 8 + 4) * 8, "{noticed}");
}

/// What a sound checksum stands behind may still be nonsense.
#[test]
fn lengths_are_not_believed() {
    let vault = Vault::plain(77);
    let disk: Arc<dyn Disk> = Arc::new(written(&vault, &records()));
    let file = disk.open(&ID.name()).unwrap();
    let table_len = 4 * 9 + 2;
    let mut sound = vec![0; 44 + table_len];
    file.read_at(&mut sound, BLOCK as u64).unwrap();
    for at in (16..36).chain(44..44 + table_len) {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut frame = sound.clone();
            frame[at] = value;
            let crc = crc32c::crc32c_append(crc32c::crc32c(&frame[..40]), &frame[44..]);
            frame[40..44].copy_from_slice(&crc.to_le_bytes());
            file.write_at(&[std::io::IoSlice::new(&frame)], BLOCK as u64).unwrap();
            let source = Source::open(&*disk, ID.name()).unwrap();
            if let Ok(table) = Table::read(&source, BLOCK as u64, vault.store_id) {
                let _ = table.read_payload(&source);
                table
                    .spans()
                    .iter()
                    .for_each(|span| drop(table.find(span.lsn).map(|it| table.read_record(&source, it))));
            }
        }
    }
}

/// Somebody who knows the format, but no key, changes a frame and makes its checksums right.
#[test]
fn a_sealed_frame_that_was_changed_with_its_checksums_is_named() {
    let vault = Vault::sealed(77);
    let sealed_len = 4 * 9 + 2 + 345 + crate::crypt::TAG;
    for at in (16..36).chain(44..44 + sealed_len) {
        let disk: Arc<dyn Disk> = Arc::new(written(&vault, &records()));
        let file = disk.open(&ID.name()).unwrap();
        let mut frame = vec![0; 44 + sealed_len];
        file.read_at(&mut frame, BLOCK as u64).unwrap();
        frame[at] ^= 1;
        let payload = crc32c::crc32c(&frame[44..]).to_le_bytes();
        frame[36..40].copy_from_slice(&payload);
        let header = crc32c::crc32c(&frame[..40]).to_le_bytes();
        frame[40..44].copy_from_slice(&header);
        file.write_at(&[std::io::IoSlice::new(&frame)], BLOCK as u64).unwrap();
        assert!(matches!(read(&vault, &*disk), Err(Error::Corrupt { .. })), "byte {at}");
    }
}
