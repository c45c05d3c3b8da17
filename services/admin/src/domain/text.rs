//! Truncates text from other services to what every database can store.

const MAX_BYTES: usize = 8 * 1024;

/// The first characters, as many as fit a column.
pub fn truncate(text: &str, characters: usize) -> String {
    storable(text).chars().take(characters).collect()
}

/// Up to [`MAX_BYTES`]; truncated text is marked.
pub fn truncate_long(text: &str) -> String {
    let text = storable(text);
    if text.len() <= MAX_BYTES {
        return text;
    }
    let cut = text.floor_char_boundary(MAX_BYTES);
    format!("{} … [cut: {} bytes in all]", &text[..cut], text.len())
}

/// PostgreSQL cannot store NUL.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_truncated_at_a_character_boundary_and_marked() {
        assert_eq!(truncate("片🎬abc", 3), "片🎬a");
        assert_eq!(truncate_long("{\"a\":1}"), "{\"a\":1}");
        let text = "片".repeat(3_000);
        let cut = truncate_long(&text);
        assert!(cut.ends_with("片 … [cut: 9000 bytes in all]"), "{cut}");
        assert!(cut.len() < MAX_BYTES + 64);
        assert_eq!(truncate("a\0b", 9), "a\u{fffd}b");
    }
}
