//! Bytes as they stand in tables: pairs of hexadecimal digits, 'text in quotes', and [what follows its size], a byte.

/// # Panics
/// If it is none of these.
pub(crate) fn bytes(table: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut open = Vec::new();
    let mut digits = String::new();
    let mut quoted = false;
    for c in table.chars() {
        match c {
            '\'' => quoted = !quoted,
            c if quoted => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            '[' => {
                open.push(bytes.len());
                bytes.push(0);
            }
            ']' => {
                let start = open.pop().expect("an opening bracket");
                bytes[start] = u8::try_from(bytes.len() - start - 1).unwrap();
            }
            c if c.is_whitespace() => {}
            c => digits.push(c),
        }
        if digits.len() == 2 {
            bytes.push(u8::from_str_radix(&digits, 16).unwrap());
            digits.clear();
        }
    }
    assert!(digits.is_empty() && open.is_empty() && !quoted, "{table}");
    bytes
}
