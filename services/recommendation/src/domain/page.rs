//! A page of a list, not too deep.

use fenz_chassis::{Error, Reason, Result};

const DEFAULT_SIZE: u64 = 20;
/// What counts and lists go up to: 1,000 means "1,000 or more".
pub const CAP: u64 = 1_000;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub offset: u64,
    pub limit: u64,
}

impl Page {
    /// From a page number from 1 and a size that the contract has checked.
    ///
    /// # Errors
    /// `INVALID_PARAMS` on `page` when its end lies beyond [`CAP`].
    pub fn of(page: Option<i32>, size: Option<i32>) -> Result<Self> {
        let number = page.map_or(1, |p| p.max(1) as u64);
        let limit = size.map_or(DEFAULT_SIZE, |s| s.max(1) as u64);
        if number * limit > CAP {
            return Err(Error::field(Reason::InvalidParams, "page", format!("times pageSize must be at most {CAP}")));
        }
        Ok(Self { offset: (number - 1) * limit, limit })
    }

    /// How many of the newest are needed to cut this page out of them.
    pub fn end(self) -> u64 {
        self.offset + self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_their_depth() {
        assert_eq!(Page::of(None, None).unwrap(), Page { offset: 0, limit: 20 });
        assert_eq!(Page::of(Some(3), Some(7)).unwrap(), Page { offset: 14, limit: 7 });
        assert_eq!(Page::of(Some(10), Some(100)).unwrap().end(), CAP);
        assert_eq!(Page::of(Some(11), Some(100)).unwrap_err().reason, Reason::InvalidParams);
        assert!(Page::of(Some(i32::MAX), Some(100)).is_err());
    }
}
