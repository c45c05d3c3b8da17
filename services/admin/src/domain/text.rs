//! Text from elsewhere, as it is kept: not too long, and what every database
//! takes.

/// The most bytes that are kept of what changed.
const LONG: usize = 8 * 1024;

/// The first characters, as many as a column has.
pub fn short(text: &str, characters: usize) -> String {
    storable(text).chars().take(characters).collect()
}

/// All of it, up to 8 KiB; what is cut says so.
pub fn long(text: &str) -> String {
    let text = storable(text);
    if text.len() <= LONG {
        return text;
    }
    let cut = text.floor_char_boundary(LONG);
    format!("{} … [cut: {} bytes in all]", &text[..cut], text.len())
}

/// PostgreSQL has no place for the zero character.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_visibly_and_between_characters() {
        assert_eq!(short("片🎬abc", 3), "片🎬a");
        assert_eq!(long("{\"a\":1}"), "{\"a\":1}");
        let text = "片".repeat(3_000);
        let cut = long(&text);
        assert!(cut.ends_with("片 … [cut: 9000 bytes in all]"), "{cut}");
        assert!(cut.len() < LONG + 64);
        assert_eq!(short("a\0b", 9), "a\u{fffd}b");
    }
}
