//! The time windows of popularity.

/// A window of `ListPopular`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    Day,
    Week,
    Month,
}

impl Window {
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// Parses a value that the contract has validated; the default is a week.
    pub fn parse(text: Option<&str>) -> Self {
        Self::ALL.into_iter().find(|w| Some(w.as_str()) == text).unwrap_or(Self::Week)
    }

    pub fn hours(self) -> i32 {
        match self {
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30 * 24,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_a_week() {
        assert_eq!(Window::parse(None), Window::Week);
        assert!(Window::ALL.into_iter().all(|w| Window::parse(Some(w.as_str())) == w));
    }
}
