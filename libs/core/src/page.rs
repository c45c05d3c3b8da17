//! A page of a list, not too deep: the database counts through all that is
//! before it.

use crate::{Error, Reason, Result};

const DEFAULT_SIZE: u64 = 20;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Page {
    pub offset: u64,
    pub limit: u64,
}

impl Page {
    /// From a page number from 1 and a size that the contract has checked.
    ///
    /// # Errors
    /// `INVALID_PARAMS` on `page` when its end lies beyond `max_depth`.
    pub fn of(page: Option<i32>, size: Option<i32>, max_depth: u64) -> Result<Self> {
        let number = page.map_or(1, |p| p.max(1) as u64);
        let limit = size.map_or(DEFAULT_SIZE, |s| s.max(1) as u64);
        if number * limit > max_depth {
            let message = format!("times pageSize must be at most {max_depth}: narrow the list instead");
            return Err(Error::field(Reason::InvalidParams, "page", message));
        }
        Ok(Self { offset: (number - 1) * limit, limit })
    }

    /// How many of the first are needed to cut this page out of them.
    pub fn end(self) -> u64 {
        self.offset + self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_their_depth() {
        let of = |page, size| Page::of(page, size, 10_000);
        assert_eq!(of(None, None).unwrap(), Page { offset: 0, limit: 20 });
        assert_eq!(of(Some(3), Some(7)).unwrap(), Page { offset: 14, limit: 7 });
        assert_eq!(of(Some(100), Some(100)).unwrap(), Page { offset: 9_900, limit: 100 });
        assert_eq!(of(Some(100), Some(100)).unwrap().end(), 10_000);
        assert_eq!(of(Some(101), Some(100)).unwrap_err().reason, Reason::InvalidParams);
        assert!(of(Some(i32::MAX), Some(100)).is_err());
    }
}
