//! The names of the files in the log's folder.

pub(crate) const LOG: &str = "log";

/// A file with records: one segment, or the live ones of some neighbouring segments.
///
/// Of two files that share a segment the one with more segments was made from the other.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    /// Numbers of the first and the last segment in it.
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) cold: bool,
}

impl FileId {
    pub(crate) fn hot(number: u64) -> Self {
        Self { first: number, last: number, cold: false }
    }

    pub(crate) fn name(self) -> String {
        match self.cold {
            false => segment(self.first),
            true => format!("{LOG}/cold-{:010}-{:010}.cold", self.first, self.last),
        }
    }

    /// Whether all segments of `other` are in this file.
    pub(crate) fn covers(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

pub(crate) fn segment(number: u64) -> String {
    format!("{LOG}/{number:010}.seg")
}

/// Where the frames of a full segment lie.
pub(crate) fn sidecar(number: u64) -> String {
    format!("{LOG}/{number:010}.idx")
}

pub(crate) fn spare(serial: u64) -> String {
    format!("{LOG}/{serial:010}.spare")
}

/// What a name in the log's folder means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Name {
    File(FileId),
    Sidecar(u64),
    Spare(u64),
    /// Being written when the process ended.
    New,
    Foreign,
}

impl Name {
    pub(crate) fn parse(name: &str) -> Self {
        let Some((stem, kind)) = name.split_once('.') else { return Self::Foreign };
        match (kind, number(stem)) {
            ("seg", Some(number)) => Self::File(FileId::hot(number)),
            ("idx", Some(number)) => Self::Sidecar(number),
            ("spare", Some(serial)) => Self::Spare(serial),
            ("new" | "idx.new", Some(_)) => Self::New,
            ("cold", None) => range(stem).map_or(Self::Foreign, Self::File),
            ("cold.new", None) => range(stem).map_or(Self::Foreign, |_| Self::New),
            _ => Self::Foreign,
        }
    }
}

fn range(stem: &str) -> Option<FileId> {
    let (first, last) = stem.strip_prefix("cold-")?.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some(FileId { first, last, cold: true })
}

fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let cold = FileId { first: 3, last: 70, cold: true };
        for file in [FileId::hot(7), FileId::hot(12_345_678_901), cold] {
            let name = file.name();
            assert_eq!(Name::parse(name.strip_prefix("log/").unwrap()), Name::File(file));
        }
        assert_eq!(Name::parse("0000000007.idx"), Name::Sidecar(7));
        assert_eq!(Name::parse("cold-0000000003-0000000070.cold.new"), Name::New);
        for foreign in ["x", "1.x", "+1.seg", ".seg", "cold-4-3.cold", "cold-1.cold", "cold-1-2.seg"] {
            assert_eq!(Name::parse(foreign), Name::Foreign, "{foreign}");
        }
        assert!(cold.covers(FileId::hot(70)) && !cold.covers(FileId::hot(71)));
    }
}
